"""Everything HTTP, put together: pages, ingestion, links of messages, health, files."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI
from fastapi.routing import APIRoute
from fastapi.staticfiles import StaticFiles

from designer.problems import answer_faults
from designer.routes.appearance import appearance_router
from designer.routes.health import health_router
from designer.routes.ingest import ingest_router
from designer.routes.pages import pages_router
from designer.routes.tracking import tracking_router
from designer.views import Pages
from engine.api.ingest import open_ingest
from engine.wiring import Wiring

FILES = Path(__file__).resolve().parent.parent / "static"
"""Where the browser's files lie, beside this package."""


def create_app(
    wiring: Wiring, *, begin: Callable[[], None] = lambda: None, end: Callable[[], None] = lambda: None
) -> FastAPI:
    """Make the web application of an engine; ``begin`` and ``end`` are called when it starts and stops to serve."""

    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        ingest.intake.start()
        begin()
        try:
            yield
        finally:
            await asyncio.to_thread(ingest.close)
            await asyncio.to_thread(end)

    ingest = open_ingest(wiring.store, wiring.clock, start=False)
    app = FastAPI(title="Dripline", docs_url=None, redoc_url=None, openapi_url=None, lifespan=life)
    pages = Pages(wiring)
    answer_faults(app, pages)
    for router in (
        health_router(wiring),
        ingest_router(ingest),
        tracking_router(wiring.tracker),
        appearance_router(),
        pages_router(pages),
    ):
        app.include_router(router)
        pages.places.update(route.path for route in router.routes if isinstance(route, APIRoute))
    app.mount("/static", StaticFiles(directory=FILES), name="static")
    return app
