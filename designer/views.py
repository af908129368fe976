"""Show pages: templates in the reader's language, with times in a zone that says something to them."""

import json
from datetime import UTC, datetime
from functools import cache, partial
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemBytecodeCache, PackageLoader, StrictUndefined, select_autoescape

from designer import named
from designer.doors import actor_of, visitor_of
from designer.faults import say_fault
from designer.icons import icon, sign
from designer.language import LANGUAGES, Language, choose_language, speak
from designer.menu import MENU
from designer.why import part_words, seen_words
from engine.api import failures, workspaces
from engine.api.acting import Right
from engine.clock import Clock, RealClock
from engine.terms import from_micros
from engine.wiring import Wiring

LANGUAGE_COOKIE: Final = "dripline_lang"
THEME_COOKIE: Final = "dripline_theme"
THEMES: Final = ("light", "dark")
YEAR: Final = 365 * 86_400

_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'{styles}; img-src 'self' data:; connect-src 'self'; "
    "frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS: Final = {
    "Content-Security-Policy": _POLICY.format(styles=""),
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
PLACED: Final = {"Content-Security-Policy": _POLICY.format(styles="; style-src-attr 'unsafe-inline'")}
"""For pages whose elements say in a ``style`` attribute where they stand, such as the canvas."""


class Pages:
    """Make pages from the templates of this package; ``places`` are the paths that there are.

    ``clock`` is that of people who sign in.
    """

    def __init__(self, wiring: Wiring, clock: Clock | None = None) -> None:
        self.wiring = wiring
        self.clock = clock or RealClock()
        self.places: set[str] = set()
        self._templates = {tag: _environment(speak(tag)) for tag in LANGUAGES}

    def show(
        self, request: Request, template: str, /, *, status: int = 200, is_placed: bool = False, **facts: Any
    ) -> HTMLResponse:
        """Show a template as a page, or as a part of one when that is what was asked for."""
        language = self.language(request)
        html = self.write(request, template, **facts)
        placed = PLACED if is_placed else {}
        response = HTMLResponse(html, status, headers={**HEADERS, **placed, "Content-Language": language.tag})
        if request.query_params.get("lang") in LANGUAGES:
            response.set_cookie(LANGUAGE_COOKIE, language.tag, max_age=YEAR, httponly=True, samesite="lax")
        return response

    def write(self, request: Request, template: str, /, **facts: Any) -> str:
        """Write a template as HTML."""
        if not hasattr(request.state, "around"):  # an answer of several parts says the same of the request in all
            request.state.around = self._around(request)
        return self._templates[self.language(request).tag].get_template(template).render(request.state.around, **facts)

    def macros(self, request: Request, template: str) -> Any:
        """Give the macros of a template, which are to know nothing of the request but its language."""
        return self._templates[self.language(request).tag].get_template(template).module

    def language(self, request: Request) -> Language:
        """Tell in which language to answer: the one asked for, the one kept, or the browser's."""
        visitor = visitor_of(request)
        kept = (visitor.signed_in.user.language if visitor else None) or request.cookies.get(LANGUAGE_COOKIE)
        accepted = request.headers.get("accept-language", "")
        return speak(choose_language(request.query_params.get("lang"), kept, accepted))

    def acting(self, request: Request) -> Wiring:
        """Give the engine as the visitor of this request may use it: hand this to whatever changes something."""
        return self.wiring.acting(actor_of(request))

    def _around(self, request: Request) -> dict[str, Any]:
        """Give what every template may use about this request."""
        theme = request.cookies.get(THEME_COOKIE)
        workspace = workspaces.read_workspace(self.wiring)
        return {
            "is_part": request.headers.get("hx-request") == "true",
            "path": request.url.path,
            "theme": theme if theme in THEMES else None,
            "workspace": workspace.name,
            "zone": zone_of(workspace.timezone),
            "clock": clock(self.wiring),
            "menu": [entry for entry in MENU if entry.path in self.places and actor_of(request).may(entry.right)],
            "failing": cache(partial(failures.count_failures, self.wiring)),
            **_visitor(request),
        }


@cache
def _compiled() -> FileSystemBytecodeCache | None:
    """Keep what templates were compiled to in a temporary folder of the user: the first page comes sooner."""
    try:
        return FileSystemBytecodeCache()
    except (OSError, RuntimeError):
        return None  # no folder can be had; templates are compiled anew with every start


def _environment(language: Language) -> Environment:
    templates = Environment(
        loader=PackageLoader("designer"),
        autoescape=select_autoescape(),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
        bytecode_cache=_compiled(),
    )
    templates.install_gettext_translations(language.texts, newstyle=True)  # type: ignore[attr-defined]
    templates.filters.update(count=language.count, percent=language.percent, iso=iso, json_attribute=json_attribute)
    templates.globals.update(
        language=language.tag,
        languages=LANGUAGES,
        text=language.text,
        at=language.at,
        hour=language.hour,
        day=language.day,
        weekday=language.weekday,
        ago=language.ago,
        length=language.length,
        part_words=lambda part: part_words(part, language),
        seen_words=lambda part: seen_words(part, language),
        say_fault=lambda fault: say_fault(str(fault), language),
        icon=icon,
        sign=sign,
        STATES=named.STATES,
        TONES=named.TONES,
        CHANNELS=named.CHANNELS,
        MOMENTS=named.MOMENTS,
        ROLES=named.ROLES,
        DUTIES=named.DUTIES,
        ACTIONS=named.ACTIONS,
        instant_of=from_micros,
    )
    return templates


def _visitor(request: Request) -> dict[str, Any]:
    """Tell templates who is looking, what they may do, and the word that their changes bring along."""
    visitor = visitor_of(request)
    rights = {right.value: actor_of(request).may(right) for right in Right}
    if visitor is None:
        return {"user": None, "csrf": "", "may": rights}
    user = visitor.signed_in.user
    facts = {"id": user.id, "name": user.name, "email": user.email, "role": user.role.value}
    return {"user": {**facts, "is_guest": visitor.is_guest}, "csrf": visitor.csrf, "may": rights}


def clock(wiring: Wiring) -> dict[str, Any]:
    """Tell the engine's time, and how many seconds a day takes when it is a demo's."""
    speed = getattr(wiring.clock, "speed", None)
    return {"now": wiring.clock.now(), "seconds": None if speed is None else f"{86_400 / speed:g}"}


def zone_of(name: str | None) -> ZoneInfo:
    """Find a zone by its name; UTC when there is none of that name."""
    try:
        return ZoneInfo(name or "UTC")
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")


def iso(instant: datetime) -> str:
    """Write an instant for programs."""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def json_attribute(value: Any) -> str:
    """Write a value as JSON for an attribute; the template escapes it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
