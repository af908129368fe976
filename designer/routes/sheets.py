"""Style sheets, several of them in one answer and without their comments: fewer requests, and fewer bytes."""

import hashlib
import re
from pathlib import Path
from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import Response
from rcssmin import cssmin

from designer.signs import sign_sheet
from engine.errors import NotFound

ICONS: Final = "icons"
"""The sheet that set-up makes; the others lie in ``static/css``."""

SIGNS: Final = "signs"
"""The sheet that is made of the icons and the colours."""

_NAMES: Final = re.compile(r"[a-z]{1,20}(?:\+[a-z]{1,20}){0,19}")


def sheets_router(files: Path) -> APIRouter:
    """Make the router of joined style sheets, ``/static/joined/tokens+base.css``; they lie in the browser's ``files``.

    Errors: ``NotFound`` for a sheet that is not there.
    """
    router = APIRouter(prefix="/static/joined", include_in_schema=False)

    @router.get("/{names}.css")
    def joined(request: Request, names: str) -> Response:
        if not _NAMES.fullmatch(names):
            raise NotFound("there is no such style sheet")
        body = str(cssmin("\n".join(_read(files, name) for name in names.split("+")))).encode()
        tag = f'"{hashlib.sha256(body).hexdigest()[:24]}"'
        headers = {"ETag": tag, "Cache-Control": "no-cache"}
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers=headers)
        return Response(body, media_type="text/css", headers=headers)

    return router


def _read(files: Path, name: str) -> str:
    if name == SIGNS:
        return sign_sheet(_read(files, ICONS), _read(files, "tokens"))
    file = files / ("vendor" if name == ICONS else "css") / f"{name}.css"
    try:
        return file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise NotFound(f"there is no style sheet {name!r}") from None
