"""Everything HTTP, put together: pages, ingestion, links of messages, health, files."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import APIRouter, Depends, FastAPI
from fastapi.routing import APIRoute
from fastapi.staticfiles import StaticFiles

from designer.doors import WELCOME, Doors
from designer.problems import answer_faults
from designer.routes.appearance import appearance_router
from designer.routes.canvas import canvas_router
from designer.routes.doors import doors_router
from designer.routes.experiments import experiments_router
from designer.routes.flows import flows_router
from designer.routes.health import health_router
from designer.routes.ingest import ingest_router
from designer.routes.messages import messages_router
from designer.routes.pages import pages_router
from designer.routes.segments import segments_router
from designer.routes.settings import account_router, settings_router
from designer.routes.sheets import sheets_router
from designer.routes.simulation import simulation_router
from designer.routes.tracking import tracking_router
from designer.views import Pages
from engine.api import signing
from engine.api.acting import NOBODY
from engine.api.documents import Shipped
from engine.api.ingest import open_ingest
from engine.clock import Clock, RealClock
from engine.wiring import Wiring

FILES = Path(__file__).resolve().parent.parent / "static"
"""Where the browser's files lie, beside this package."""

NOTHING_SHIPPED = Shipped({}, {}, {})

GUEST = ("demo@dripline.test", "Demo")
"""The user as whom visitors of a demo act who come from this machine."""


def create_app(
    wiring: Wiring,
    *,
    begin: Callable[[], None] = lambda: None,
    end: Callable[[], None] = lambda: None,
    hurry: Callable[[], None] = lambda: None,
    shipped: Shipped = NOTHING_SHIPPED,
    is_demo: bool = False,
    clock: Clock | None = None,
) -> FastAPI:
    """Make the web application of an engine; ``begin`` and ``end`` are called when it starts and stops to serve.

    ``hurry`` is called when events came in, so that contacts who wait for them need not wait for the next tick.

    ``shipped`` fills the gallery. ``clock`` is that of people who sign in: the real one, also where the engine's is a
    demo's.
    """

    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        ingest.intake.start()
        begin()
        try:
            yield
        finally:
            await asyncio.to_thread(ingest.close)
            await asyncio.to_thread(end)

    ingest = open_ingest(wiring.store, wiring.clock, told=lambda _: hurry(), start=False)
    clock = clock or RealClock()
    doors = Doors(wiring, clock, guest=signing.guest(wiring, clock, *GUEST) if is_demo else None)
    app = FastAPI(title="Dripline", docs_url=None, redoc_url=None, openapi_url=None, lifespan=life)
    app.state.way_in = f"{WELCOME}?word={doors.setup_word}" if signing.needs_owner(wiring) else ""
    pages = Pages(wiring.acting(NOBODY), clock)
    answer_faults(app, pages)
    outside = (health_router(wiring), ingest_router(ingest), tracking_router(wiring.tracker))
    for router in (*outside, sheets_router(FILES), appearance_router(doors), doors_router(pages, doors)):
        app.include_router(router)
    for router in page_routers(pages, shipped):
        app.include_router(router, dependencies=[Depends(doors.guard)])
        pages.places.update(route.path for route in router.routes if isinstance(route, APIRoute))
    app.mount("/static", StaticFiles(directory=FILES), name="static")
    return app


def page_routers(pages: Pages, shipped: Shipped = NOTHING_SHIPPED) -> tuple[APIRouter, ...]:
    """Make the routers of all pages that need a signed-in visitor; add new ones here."""
    forms = (segments_router(pages), messages_router(pages), experiments_router(pages))
    canvas = (canvas_router(pages), simulation_router(pages, shipped))
    around = (flows_router(pages, shipped), pages_router(pages), settings_router(pages), account_router(pages))
    return (*around, *canvas, *forms)
