"""Render claimed messages; what cannot be rendered is suppressed with its reason and never sent half."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from engine.channels.base import MessageContent, MessageKey, Outgoing
from engine.channels.compose import Recipient, compose, pieces_of
from engine.channels.links import Links
from engine.channels.outbox import Claimed, Result
from engine.channels.render import Renderer
from engine.errors import MissingVariable, RenderError
from engine.terms import Json, Micros, length_micros

ContentOf = Callable[[int, int], MessageContent]
"""Find what a send node says, by flow version and the node's place in its order."""

MISSING, BROKEN, LATE = "missing_variable", "render_error", "late"


class Ready(NamedTuple):
    """A claimed message that can be handed over."""

    claimed: Claimed
    outgoing: Outgoing
    workspace_id: int


class Claim(NamedTuple):
    """A claimed message, what its node says and whom it is for."""

    claimed: Claimed
    content: MessageContent
    recipient: Recipient


def prepare(renderer: Renderer, links: Links, claims: Sequence[Claim], now: Micros) -> tuple[list[Ready], list[Result]]:
    """Render messages; give those that are ready, and the results of those that will not be sent.

    Cost: one call of the renderer.
    """
    late = [each for each in claims if _is_late(each, now)]
    results = [Result(each.claimed, suppressed=LATE) for each in late]
    claims = [each for each in claims if not _is_late(each, now)]
    wanted = [pieces_of(each.content, each.recipient.locale) for each in claims]
    contexts = [each.recipient.context for each in claims]
    jobs = [(list(pieces.values()), context) for pieces, context in zip(wanted, contexts, strict=True)]
    ready: list[Ready] = []
    for each, pieces, rendered in zip(claims, wanted, renderer.render_many(jobs) if jobs else [], strict=True):
        made = _compose(each, list(pieces), rendered, links, now)
        if isinstance(made, Ready):
            ready.append(made)
        else:
            results.append(Result(each.claimed, suppressed=made))
    return ready, results


def _is_late(claim: Claim, now: Micros) -> bool:
    late = claim.content.late
    return late is not None and now - claim.claimed.awaited > length_micros(late)


def _compose(
    claim: Claim, names: Sequence[str], rendered: list[Json] | RenderError, links: Links, now: Micros
) -> Ready | str:
    if isinstance(rendered, RenderError):
        return MISSING if isinstance(rendered, MissingVariable) else BROKEN
    texts: Mapping[str, Json] = dict(zip(names, rendered, strict=True))
    key: MessageKey = claim.claimed.key
    try:
        outgoing = compose(key, claim.content, claim.recipient, texts, links, now)
    except RenderError:
        return BROKEN
    return Ready(claim.claimed, outgoing, claim.recipient.workspace_id)
