"""Render messages; what cannot be rendered is suppressed with its reason and never sent half."""

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
    """A message that can be handed over once it is claimed."""

    claimed: Claimed
    outgoing: Outgoing
    workspace_id: int


class Claim(NamedTuple):
    """A message as it will be when it is claimed, what its node says and whom it is for."""

    claimed: Claimed
    content: MessageContent
    recipient: Recipient


def prepare(renderer: Renderer, links: Links, claims: Sequence[Claim], now: Micros) -> list[Ready | Result]:
    """Render messages: each is ready then, or the result is known of not sending it; in the order given.

    Cost: one call of the renderer.
    """
    punctual = [each for each in claims if not _is_late(each, now)]
    wanted = [pieces_of(each.content, each.recipient.locale) for each in punctual]
    jobs = [(list(pieces.values()), each.recipient.context) for each, pieces in zip(punctual, wanted, strict=True)]
    made = {
        each.claimed.key: _compose(each, list(pieces), rendered, links, now)
        for each, pieces, rendered in zip(punctual, wanted, renderer.render_many(jobs) if jobs else [], strict=True)
    }
    late = {each.claimed.key: Result(each.claimed, suppressed=LATE) for each in claims if each.claimed.key not in made}
    return [made.get(each.claimed.key) or late[each.claimed.key] for each in claims]


def _is_late(claim: Claim, now: Micros) -> bool:
    late = claim.content.late
    return late is not None and now - claim.claimed.awaited > length_micros(late)


def _compose(
    claim: Claim, names: Sequence[str], rendered: list[Json] | RenderError, links: Links, now: Micros
) -> Ready | Result:
    if isinstance(rendered, RenderError):
        return Result(claim.claimed, suppressed=MISSING if isinstance(rendered, MissingVariable) else BROKEN)
    texts: Mapping[str, Json] = dict(zip(names, rendered, strict=True))
    key: MessageKey = claim.claimed.key
    try:
        outgoing = compose(key, claim.content, claim.recipient, texts, links, now)
    except RenderError:
        return Result(claim.claimed, suppressed=BROKEN)
    return Ready(claim.claimed, outgoing, claim.recipient.workspace_id)
