"""How pages look to this browser: theme and language, kept in cookies."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse

from designer.language import LANGUAGES
from designer.views import LANGUAGE_COOKIE, THEME_COOKIE, THEMES, YEAR


def appearance_router() -> APIRouter:
    """Make the router of ``/appearance``."""
    router = APIRouter(include_in_schema=False)

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
        return answer

    return router


def own_path(place: str) -> str:
    """Give a path of this server to go to, or the first page when that is not one."""
    is_own = place.startswith("/") and not place.startswith(("//", "/\\")) and place.isprintable()
    return place if is_own else "/"
