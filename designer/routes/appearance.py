"""How pages look: theme and language, kept in cookies; the language also with the user."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse

from designer.doors import Doors, visitor_of
from designer.language import LANGUAGES
from designer.views import LANGUAGE_COOKIE, THEME_COOKIE, THEMES, YEAR
from engine.api import signing


def appearance_router(doors: Doors) -> APIRouter:
    """Make the router of ``/appearance``; visitors who did not sign in may choose too."""
    router = APIRouter(include_in_schema=False, dependencies=[Depends(doors.watch)])

    @router.post("/appearance")
    def choose(
        request: Request,
        back: Annotated[str, Form()] = "/",
        theme: Annotated[str, Form()] = "",
        language: Annotated[str, Form()] = "",
    ) -> RedirectResponse:
        answer = RedirectResponse(own_path(back), status_code=303)
        secure = request.url.scheme == "https"
        if theme in THEMES:
            answer.set_cookie(THEME_COOKIE, theme, max_age=YEAR, httponly=True, samesite="lax", secure=secure)
        elif theme:
            answer.delete_cookie(THEME_COOKIE, httponly=True, samesite="lax")
        if language in LANGUAGES:
            answer.set_cookie(LANGUAGE_COOKIE, language, max_age=YEAR, httponly=True, samesite="lax", secure=secure)
            visitor = visitor_of(request)
            if visitor is not None:
                signing.speak(doors.wiring, visitor.signed_in.user.id, language)
        return answer

    return router


def own_path(place: str) -> str:
    """Give a path of this server to go to, or the first page when that is not one."""
    is_own = place.startswith("/") and not place.startswith(("//", "/\\")) and place.isprintable()
    return place if is_own else "/"
