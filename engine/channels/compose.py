"""From what a send node says and what is known of a contact to a message that can be handed over."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from engine.channels.base import EMAIL, WEBHOOK, MessageContent, MessageKey, Outgoing, Request
from engine.channels.content import leaves, replant
from engine.channels.letters import finish_html, finish_text, with_preheader
from engine.channels.links import Links
from engine.channels.render import Piece
from engine.errors import RenderError
from engine.terms import Json, Micros, Text, format_instant, text_in

_MODES = {"subject": "line", "preheader": "line", "sender": "line", "html": "mail", "text": "text"}
_HEADER, _BODY, _URL = "header ", "body ", "url"
_EXPRESSION = re.compile(r"\{\{.*?\}\}|\{#.*?#\}", re.DOTALL)


@dataclass(frozen=True)
class Recipient:
    """Whom a message is for: an address, a language, and the variables that templates may read."""

    address: str
    locale: str
    zone: str | None
    workspace_id: int
    context: Mapping[str, Json]


def pieces_of(content: MessageContent, locale: str) -> dict[str, Piece]:
    """List the templates of a message in a contact's language, by what they are for."""
    if content.request is not None:
        return _pieces_of_request(content.request)
    wanted = ("subject", "preheader", "html", "text", "sender") if content.channel == EMAIL else ("text",)
    texts: dict[str, Text | None] = {name: getattr(content, name) for name in wanted}
    pieces = {name: (_MODES[name], text_in(text, locale)) for name, text in texts.items() if text}
    if "html" in pieces and _says_something(pieces.get("text", ("", ""))[1]):
        pieces["html"] = ("sheet", pieces["html"][1])
    return pieces


@lru_cache(maxsize=1024)
def _says_something(source: str) -> bool:
    """Tell whether a template says something to everybody, so that nobody needs the text of the HTML in its place."""
    return "{%" not in source and bool(_EXPRESSION.sub("", source).strip())


def _pieces_of_request(request: Request) -> dict[str, Piece]:
    pieces: dict[str, Piece] = {_URL: ("line", request.url)}
    pieces |= {_HEADER + name: ("line", value) for name, value in request.headers.items()}
    return pieces | {f"{_BODY}{place}": ("value", leaf) for place, leaf in enumerate(leaves(request.body))}


def compose(
    key: MessageKey,
    content: MessageContent,
    recipient: Recipient,
    rendered: Mapping[str, Json],
    links: Links,
    now: Micros,
) -> Outgoing:
    """Put a message together from its rendered pieces.

    Errors: ``RenderError`` when there is nothing to say.
    """
    unsubscribe_url = str(recipient.context["unsubscribe_url"])
    if content.channel == WEBHOOK and content.request is not None:
        request = _request(content, content.request, recipient, rendered, now)
        return Outgoing(key, content.channel, recipient.address, now, request=request)
    mail: Any = rendered.get("html") or {"parts": [], "text": ""}
    html, text = "", str(rendered.get("text") or "")
    if not (text.strip() or mail["parts"]):
        raise RenderError("the message has neither HTML nor text; write one of them")
    if content.channel == EMAIL:
        text = finish_text(text if text.strip() else mail["text"], unsubscribe_url, recipient.locale)
        parts = with_preheader(mail["parts"], str(rendered.get("preheader") or ""))
        html = finish_html(parts, key, links, unsubscribe_url, recipient.locale) if parts else ""
    return Outgoing(
        key,
        content.channel,
        recipient.address,
        now,
        recipient.locale,
        sender=str(rendered.get("sender", "")),
        subject=str(rendered.get("subject", "")),
        html=html,
        text=text,
        unsubscribe_url=unsubscribe_url,
    )


def _request(
    content: MessageContent, request: Request, recipient: Recipient, rendered: Mapping[str, Json], now: Micros
) -> Request:
    headers = {name: str(rendered[_HEADER + name]) for name in request.headers}
    if request.body is None:
        body: Json = _standard_body(content, recipient, now)
    else:
        values = [value for name, value in rendered.items() if name.startswith(_BODY)]
        body = replant(request.body, values)
    return Request(str(rendered[_URL]), request.method, headers, body)


def _standard_body(content: MessageContent, recipient: Recipient, now: Micros) -> dict[str, Any]:
    told = {name: recipient.context.get(name) for name in ("contact", "account", "event", "flow")}
    return {"type": "flow.step", "timestamp": format_instant(now), "data": {**told, "node": content.node}}
