"""The doors: who is at the browser, and whether a change comes from our own pages. Every page depends on it."""

import hmac
import ipaddress
import secrets
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, urlsplit

from fastapi import Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from engine.api import signing
from engine.api.acting import NOBODY, Actor, csrf_token
from engine.api.signing import SignedIn
from engine.clock import Clock
from engine.wiring import Wiring

COOKIE: Final = "dripline_session"
CSRF_HEADER: Final = "x-csrf-token"
CSRF_FIELD: Final = "csrf"
SAFE: Final = ("GET", "HEAD", "OPTIONS")
SIGN_IN: Final = "/sign-in"
WELCOME: Final = "/welcome"


@dataclass(frozen=True)
class Visitor:
    """Whoever asks for a page: the user, the session's word, and the word that changes must bring along."""

    signed_in: SignedIn
    session: str
    csrf: str
    is_guest: bool = False

    @property
    def actor(self) -> Actor:
        """What they may do."""
        return self.signed_in.actor


class Doors:
    """Recognise visitors. With a ``guest``, a demo's user, visitors from this machine need not sign in."""

    def __init__(self, wiring: Wiring, clock: Clock, *, guest: SignedIn | None = None) -> None:
        self.wiring = wiring
        self.clock = clock
        self.setup_word = secrets.token_urlsafe(16)
        self._guest = guest
        self._guests_session = secrets.token_urlsafe(32)

    def recognise(self, request: Request) -> Visitor | None:
        """Tell who this is by their cookie; nothing for a stranger."""
        session = request.cookies.get(cookie_name(request), "")
        found = signing.recognise(self.wiring, self.clock, session) if session else None
        if found is not None:
            return Visitor(found, session, csrf_token(session))
        if self._guest is not None and is_near(request):
            return Visitor(self._guest, "", csrf_token(self._guests_session), is_guest=True)
        return None

    async def watch(self, request: Request) -> None:
        """Note who this is, if anybody; refuse changes that another site asks for."""
        request.state.visitor = await run_in_threadpool(self.recognise, request)
        if request.method not in SAFE:
            refuse_strangers(request)

    async def guard(self, request: Request) -> None:
        """Let only signed-in visitors through, and only changes that one of our own pages asks for.

        Errors: ``HTTPException`` 303 to the door, 401 or 403.
        """
        await self.watch(request)
        visitor: Visitor | None = request.state.visitor
        if visitor is None:
            raise await run_in_threadpool(self._to_the_door, request)
        if request.method not in SAFE:
            given = request.headers.get(CSRF_HEADER) or await _given_in_form(request)
            if not hmac.compare_digest(given.encode(), visitor.csrf.encode()):
                raise HTTPException(403, "this page is out of date; load it again and repeat the change")

    def _to_the_door(self, request: Request) -> HTTPException:
        place = WELCOME if signing.needs_owner(self.wiring) else SIGN_IN
        is_page = request.method == "GET" and "text/html" in request.headers.get("accept", "")
        if request.headers.get("hx-request") == "true":
            return HTTPException(401, "sign in first", headers={"HX-Redirect": place})
        if not is_page:
            return HTTPException(401, "sign in first")
        back = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return HTTPException(303, "sign in first", headers={"Location": f"{place}?back={quote(back)}"})


def visitor_of(request: Request) -> Visitor | None:
    """Tell who asked for this page, once a door has looked; nothing for a stranger."""
    found: Visitor | None = getattr(request.state, "visitor", None)
    return found


def actor_of(request: Request) -> Actor:
    """Tell who acts in this request; somebody without rights when nobody signed in."""
    visitor = visitor_of(request)
    return NOBODY if visitor is None else visitor.actor


def keep_session(request: Request, response: Response, session: str) -> None:
    """Put a session into the browser's cookie."""
    secure = request.url.scheme == "https"
    response.set_cookie(cookie_name(request), session, httponly=True, samesite="lax", secure=secure, path="/")


def forget_session(request: Request, response: Response) -> None:
    """Take the session's cookie away."""
    secure = request.url.scheme == "https"
    response.delete_cookie(cookie_name(request), httponly=True, samesite="lax", secure=secure, path="/")


def cookie_name(request: Request) -> str:
    """Name the session's cookie; over TLS it can be set by this host only."""
    return f"__Host-{COOKIE}" if request.url.scheme == "https" else COOKIE


def place_of(request: Request) -> str:
    """Name the address that a request came from."""
    return request.client.host if request.client else ""


def is_near(request: Request) -> bool:
    """Tell whether a request comes from this machine and asks for it by a name of its own."""
    return _is_loopback(place_of(request)) and _is_loopback(request.url.hostname or "")


def refuse_strangers(request: Request) -> None:
    """Refuse a change that another site's page asks for.

    Errors: ``HTTPException`` 403.
    """
    origin = request.headers.get("origin")
    is_own = origin is None or urlsplit(origin).netloc == request.headers.get("host")
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none") or not is_own:
        raise HTTPException(403, "this request came from another site")


async def _given_in_form(request: Request) -> str:
    kind = request.headers.get("content-type", "")
    if not kind.startswith(("application/x-www-form-urlencoded", "multipart/form-data")):
        return ""
    given = (await request.form()).get(CSRF_FIELD)
    return given if isinstance(given, str) else ""


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
