"""The addresses that links in messages lead to. No session, no cookie: what they may do is inside of a signed token.

Opening the page of unsubscribing changes nothing, for mail scanners follow links; only its button, or a mail program's
one-click (RFC 8058), unsubscribes.
"""

import base64
from html import escape
from typing import Annotated, Protocol

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from engine.terms import Text, text_in

PIXEL = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
"""A transparent picture of one dot."""

_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex",
}

_WORDS: dict[str, Text] = {
    "title": {"en": "Unsubscribe", "zh-CN": "退订"},
    "ask": {"en": "Do you want no more messages about “{topic}”?", "zh-CN": "不再接收“{topic}”的消息?"},
    "stop": {"en": "Unsubscribe from “{topic}”", "zh-CN": "退订“{topic}”"},
    "stop_all": {"en": "Unsubscribe from everything", "zh-CN": "退订全部消息"},
    "done": {
        "en": "You will get no more messages about “{topic}”.",
        "zh-CN": "您将不再收到“{topic}”的消息。",
    },
    "undo": {"en": "That was a mistake: subscribe again", "zh-CN": "点错了, 重新订阅"},
    "unknown": {"en": "This link is not valid.", "zh-CN": "此链接无效。"},
}


class Standing(Protocol):
    """What a contact would unsubscribe from, and whether that is done already."""

    @property
    def name(self) -> Text:
        """The topic, for people."""

    @property
    def locale(self) -> str | None:
        """The contact's language."""

    @property
    def withdrawn(self) -> bool:
        """Whether there will be no more messages about the topic."""


class Tracker(Protocol):
    """What carries the links' wishes out; it says ``None`` or no to a token that is not ours."""

    def opened(self, token: str) -> bool:
        """Note that a message was opened."""

    def clicked(self, token: str) -> str | None:
        """Note a click and give the address it leads to."""

    def standing(self, token: str) -> Standing | None:
        """Tell what a contact would unsubscribe from; change nothing."""

    def unsubscribe(self, token: str, *, everything: bool = False) -> Standing | None:
        """Withdraw consent."""

    def subscribe(self, token: str, *, everything: bool = False) -> Standing | None:
        """Take a withdrawal back."""


def tracking_router(tracker: Tracker) -> APIRouter:
    """Make the router for the links that ``engine.channels.links`` writes."""
    router = APIRouter(prefix="/t", include_in_schema=False)

    @router.get("/o/{token}.gif")
    def pixel(token: str) -> Response:
        tracker.opened(token)
        # A picture in any case: a reader's mail program cannot do anything with a fault.
        return Response(PIXEL, media_type="image/gif", headers=_HEADERS)

    @router.get("/c/{token}")
    def click(token: str, request: Request) -> Response:
        target = tracker.clicked(token)
        if target is None:
            return _unknown(request)
        return RedirectResponse(target, status_code=302, headers={"Cache-Control": "no-store", **_REFERRER})

    @router.get("/u/{token}")
    def page(token: str, request: Request) -> Response:
        standing = tracker.standing(token)
        return _unknown(request) if standing is None else _page(standing, request)

    @router.post("/u/{token}")
    def unsubscribe(
        token: str, request: Request, scope: Annotated[str, Form()] = "", again: Annotated[str, Form()] = ""
    ) -> Response:
        change = tracker.subscribe if again else tracker.unsubscribe
        standing = change(token, everything=scope == "all")
        return _unknown(request) if standing is None else _page(standing, request)

    return router


_REFERRER = {"Referrer-Policy": "no-referrer"}


def _page(standing: Standing, request: Request) -> HTMLResponse:
    language = standing.locale or _accepted(request)
    topic = text_in(standing.name, language)
    say = {name: escape(text_in(words, language).replace("{topic}", topic)) for name, words in _WORDS.items()}
    if standing.withdrawn:
        body = f"<p>{say['done']}</p>{_button('again', '1', say['undo'])}"
    else:
        stop = _button("scope", "topic", say["stop"])
        body = f"<p>{say['ask']}</p>{stop}{_button('scope', 'all', say['stop_all'])}"
    return _document(language, say["title"], body)


def _button(name: str, value: str, words: str) -> str:
    return f'<form method="post"><button name="{name}" value="{value}">{words}</button></form>'


def _unknown(request: Request) -> HTMLResponse:
    language = _accepted(request)
    words = escape(text_in(_WORDS["unknown"], language))
    return _document(language, words, f"<p>{words}</p>", status=400)


def _document(language: str, title: str, body: str, status: int = 200) -> HTMLResponse:
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{title}</title>'
    page = f'<!doctype html><html lang="{escape(language)}"><head>{head}</head><body><main>{body}</main></body></html>'
    return HTMLResponse(page, status_code=status, headers=_HEADERS)


def _accepted(request: Request) -> str:
    """Choose the language that a browser asks for first."""
    return request.headers.get("accept-language", "en").split(",")[0].split(";")[0].strip()[:20] or "en"
