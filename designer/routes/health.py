"""Whether this process does its work: for load balancers and monitors."""

from dataclasses import asdict
from typing import Any, Final

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from engine.api.health import look_at_health
from engine.wiring import Wiring

HEADERS: Final = {"Cache-Control": "no-store"}


def health_router(wiring: Wiring) -> APIRouter:
    """Make the router of ``/health``: 200 while the database answers and every loop beats, else 503."""
    router = APIRouter()

    @router.get("/health")
    def health() -> JSONResponse:
        found = look_at_health(wiring)
        body: dict[str, Any] = asdict(found)
        return JSONResponse(body, status_code=200 if found.ok else 503, headers=HEADERS)

    return router
