"""What a fault of the engine is in HTTP, in one table."""

from collections.abc import Mapping
from typing import Final

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from designer.views import Pages
from engine.errors import (
    AccessError,
    ChannelError,
    EngineError,
    ExperimentError,
    FlowError,
    NodeError,
    NotFound,
    PeopleError,
    RevisionConflict,
    RuleError,
    RunError,
    StoreError,
)

STATUS: Final[Mapping[type[EngineError], int]] = {
    NotFound: 404,
    AccessError: 403,
    RevisionConflict: 409,
    FlowError: 422,
    RuleError: 422,
    PeopleError: 422,
    ExperimentError: 409,
    ChannelError: 502,
    NodeError: 500,
    RunError: 500,
    StoreError: 503,
    EngineError: 500,
}


def status_of(fault: EngineError) -> int:
    """Give the HTTP status of a fault: that of its class, or of the nearest one above."""
    return next(STATUS[kind] for kind in type(fault).__mro__ if kind in STATUS)


def answer_faults(app: FastAPI, pages: Pages) -> None:
    """Answer faults with a page, or with JSON to programs."""

    @app.exception_handler(EngineError)
    def of_the_engine(request: Request, fault: EngineError) -> Response:
        return _answer(pages, request, status_of(fault), fault.message, fault.code)

    @app.exception_handler(HTTPException)
    def of_the_web(request: Request, fault: HTTPException) -> Response:
        answer = _answer(pages, request, fault.status_code, str(fault.detail), "http")
        answer.headers.update(fault.headers or {})
        return answer


def _answer(pages: Pages, request: Request, status: int, message: str, code: str) -> Response:
    if "text/html" not in request.headers.get("accept", ""):
        return JSONResponse({"error": {"code": code, "message": message}}, status_code=status)
    return pages.show(request, "problem.html", status=status, message=message)
