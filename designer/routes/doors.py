"""Signing in and out, the first user, invitations: the pages outside of the doors."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.exceptions import HTTPException

from designer.doors import SIGN_IN, WELCOME, Doors, forget_session, is_near, keep_session, place_of, visitor_of
from designer.routes.appearance import own_path
from designer.views import Pages
from engine.api import signing
from engine.errors import AccessError

Word = Annotated[str, Form()]


def doors_router(pages: Pages, doors: Doors) -> APIRouter:
    """Make the router of the doors."""
    router = APIRouter(include_in_schema=False, dependencies=[Depends(doors.watch)])
    _sign_in_pages(router, pages, doors)
    _welcome_pages(router, pages, doors)
    _invitation_pages(router, pages, doors)
    return router


def _sign_in_pages(router: APIRouter, pages: Pages, doors: Doors) -> None:
    @router.get(SIGN_IN)
    def ask(request: Request, back: str = "/") -> Response:
        if signing.needs_owner(doors.wiring):
            return RedirectResponse(WELCOME, status_code=303)
        if visitor_of(request) is not None:
            return RedirectResponse(own_path(back), status_code=303)
        return pages.show(request, "doors/sign_in.html", back=back, email="", fault=None)

    @router.post(SIGN_IN)
    def enter(request: Request, email: Word = "", password: Word = "", back: Word = "/") -> Response:
        try:
            session = signing.sign_in(doors.wiring, doors.clock, email, password, place_of(request))
        except AccessError as fault:
            status = 429 if fault.facts.get("fault") == "wait" else 403
            return pages.show(request, "doors/sign_in.html", status=status, back=back, email=email, fault=fault)
        return _inside(request, session, back)

    @router.post("/sign-out")
    def leave(request: Request) -> Response:
        visitor = visitor_of(request)
        if visitor is not None and visitor.session:
            signing.sign_out(doors.wiring, visitor.session)
        answer = RedirectResponse(SIGN_IN, status_code=303)
        forget_session(request, answer)
        return answer


def _welcome_pages(router: APIRouter, pages: Pages, doors: Doors) -> None:
    def may_begin(request: Request, word: str) -> bool:
        return is_near(request) or word == doors.setup_word

    @router.get(WELCOME)
    def begin(request: Request, word: str = "") -> Response:
        if not signing.needs_owner(doors.wiring):
            return RedirectResponse(SIGN_IN, status_code=303)
        if not may_begin(request, word):
            raise HTTPException(403, "open the address that dripline serve printed when it started")
        return pages.show(request, "doors/welcome.html", word=word, email="", name="", fault=None)

    @router.post(WELCOME)
    def make_owner(
        request: Request, email: Word = "", name: Word = "", password: Word = "", word: Word = ""
    ) -> Response:
        if not may_begin(request, word):
            raise HTTPException(403, "open the address that dripline serve printed when it started")
        try:
            session = signing.make_owner(doors.wiring, doors.clock, email, name, password, place_of(request))
        except AccessError as fault:
            facts: dict[str, Any] = {"word": word, "email": email, "name": name, "fault": fault}
            return pages.show(request, "doors/welcome.html", status=422, **facts)
        return _inside(request, session, "/")


def _invitation_pages(router: APIRouter, pages: Pages, doors: Doors) -> None:
    def invitation(request: Request, word: str, status: int = 200, fault: AccessError | None = None) -> HTMLResponse:
        user = signing.invited(doors.wiring, doors.clock, word)
        return pages.show(
            request, "doors/invitation.html", status=status if user else 404, user_invited=user, word=word, fault=fault
        )

    @router.get("/invitation/{word}")
    def ask(request: Request, word: str) -> HTMLResponse:
        return invitation(request, word)

    @router.post("/invitation/{word}")
    def accept(request: Request, word: str, password: Word = "") -> Response:
        try:
            session = signing.accept(doors.wiring, doors.clock, word, password, place_of(request))
        except AccessError as fault:
            return invitation(request, word, 422, fault)
        return _inside(request, session, "/")


def _inside(request: Request, session: str, back: str) -> Response:
    answer = RedirectResponse(own_path(back), status_code=303)
    keep_session(request, answer, session)
    return answer
