"""Show pages: templates with words in the visitor's language and times in a zone that says something to them."""

from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from designer.words import DEFAULT, LANGUAGES, choose_language, say
from engine.api import failures, workspaces
from engine.terms import Text, text_in
from engine.wiring import Wiring

COOKIE: Final = "dripline_lang"
YEAR: Final = 365 * 86_400
HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


class Pages:
    """Make pages from the templates of this package."""

    def __init__(self, wiring: Wiring) -> None:
        self.wiring = wiring
        self._templates = Environment(
            loader=PackageLoader("designer"),
            autoescape=select_autoescape(),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.filters["count"] = count
        self._templates.filters["iso"] = iso

    def show(self, request: Request, name: str, *, status: int = 200, **facts: Any) -> HTMLResponse:
        """Show a template as a page, or as a part of one when that is what was asked for."""
        asked = request.query_params.get("lang")
        language = choose_language(asked, request.cookies.get(COOKIE), request.headers.get("accept-language", ""))
        html = self._templates.get_template(name).render(**self._around(request, language), **facts)
        response = HTMLResponse(html, status_code=status, headers={**HEADERS, "Content-Language": language})
        if asked in LANGUAGES:
            response.set_cookie(COOKIE, language, max_age=YEAR, httponly=True, samesite="lax")
        return response

    def _around(self, request: Request, language: str) -> dict[str, Any]:
        """Give what every template may use."""
        is_part = request.headers.get("hx-request") == "true"

        def words(key: str, **facts: object) -> str:
            return say(key, language, **facts)

        def text(value: Text | None) -> str:
            return text_in(value, language, DEFAULT)

        return {
            "language": language,
            "languages": LANGUAGES,
            "t": words,
            "text": text,
            "is_part": is_part,
            "path": request.url.path,
            "clock": clock(self.wiring),
            "zone": zone_of(workspaces.read_workspace(self.wiring).timezone),
            "at": moment,
            "failing": failures.count_failures(self.wiring),
        }


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


def moment(instant: datetime, zone: ZoneInfo) -> str:
    """Write an instant for people."""
    return instant.astimezone(zone).strftime("%Y-%m-%d %H:%M")


def iso(instant: datetime) -> str:
    """Write an instant for programs."""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def count(number: int) -> str:
    """Write a number with its thousands apart."""
    return f"{number:,}"
