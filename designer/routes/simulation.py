"""The simulation of a flow: a tab beside its canvas."""

from collections.abc import Callable, Mapping
from concurrent.futures import wait
from datetime import UTC, datetime, time
from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from starlette.concurrency import run_in_threadpool

from designer.canvas.assumptions import sliders_of
from designer.canvas.fragments import write_scene
from designer.canvas.rehearsal_view import view_of
from designer.canvas.rehearsing import Simulation, Simulations
from designer.canvas.scene import make_scene
from designer.faults import say_fault
from designer.views import HEADERS, Pages, zone_of
from engine.api import drawing
from engine.api.documents import Shipped
from engine.api.trial_runs import Asked, Tried, manner_of, try_out
from engine.api.workspaces import read_workspace
from engine.errors import FlowError, NotFound

HELD: Final = 0.4
"""Seconds for which a look is answered only when the result is there; then it says how far it is."""

SHARES: Final = ("open", "click", "unsubscribe", "activity", "purchase")


def simulation_router(pages: Pages, shipped: Shipped) -> APIRouter:
    """Make the router of simulations."""
    router, simulations = APIRouter(include_in_schema=False), Simulations()

    @router.get("/flows/{key}/simulation")
    def tab(request: Request, key: str) -> HTMLResponse:
        sheet = drawing.open_sheet(pages.wiring, key)
        scene = make_scene(sheet.document, sheet.findings, sheet.revision, pages.language(request))
        write_scene(pages, request, scene)
        sliders = sliders_of(manner_of(pages.wiring, shipped, key), pages.language(request))
        return pages.show(
            request, "canvas/simulation.html", is_placed=True, sheet=sheet, scene=scene, asked=Asked(), sliders=sliders
        )

    @router.post("/flows/{key}/simulation")
    async def begin(request: Request, key: str) -> HTMLResponse:
        form = {name: value for name, value in (await request.form()).items() if isinstance(value, str)}
        return await run_in_threadpool(_begin, pages, shipped, simulations, request, key, form)

    @router.get("/flows/{key}/simulation/{number}")
    def look(request: Request, key: str, number: int) -> HTMLResponse:
        simulation = simulations.find(number)
        if simulation is None:
            raise NotFound("this simulation is over; begin it again")
        wait([simulation.done], HELD)
        return _shown(pages, request, key, simulation)

    return router


def _begin(
    pages: Pages, shipped: Shipped, simulations: Simulations, request: Request, key: str, form: Mapping[str, str]
) -> HTMLResponse:
    sheet = drawing.open_sheet(pages.wiring, key)
    try:
        asked = _read(form, read_workspace(pages.wiring).timezone)
    except ValueError as fault:
        return _refused(pages, request, str(fault))
    compares = "compare" in form and sheet.flow.number is not None

    def run(tell: Callable[[float], None]) -> tuple[Tried, Tried | None]:
        half = 0.5 if compares else 1.0
        draft = try_out(pages.wiring, shipped, key, asked, progress=lambda share: tell(share * half))
        if not compares:
            return draft, None
        return draft, try_out(
            pages.wiring, shipped, key, asked, live=True, progress=lambda share: tell(half + share * half)
        )

    return _shown(pages, request, key, simulations.start(run))


def _shown(pages: Pages, request: Request, key: str, simulation: Simulation) -> HTMLResponse:
    if not simulation.done.done():
        facts: dict[str, Any] = {"key": key, "simulation": simulation}
        return HTMLResponse(pages.write(request, "canvas/simulating.html", **facts), headers=HEADERS)
    try:
        draft, live = simulation.done.result()
    except FlowError as fault:
        return _refused(pages, request, fault.message, fault.findings)
    sheet = drawing.open_sheet(pages.wiring, key)
    workspace = read_workspace(pages.wiring)
    cap = workspace.settings.get("frequency_cap")
    view = view_of(draft, live, sheet, pages.language(request), zone_of(workspace.timezone), cap)
    return HTMLResponse(pages.write(request, "canvas/simulated.html", view=view, key=key), headers=HEADERS)


def _refused(pages: Pages, request: Request, words: str, findings: Any = ()) -> HTMLResponse:
    language = pages.language(request)
    html = pages.write(
        request,
        "canvas/not_simulated.html",
        words=words,
        findings=findings,
        say=lambda text: say_fault(text, language),
    )
    return HTMLResponse(html, headers=HEADERS)


def _read(form: Mapping[str, str], zone: str | None) -> Asked:
    """Read what was asked for.

    Errors: ``ValueError``.
    """
    day = form.get("start") or ""
    start = datetime.combine(datetime.fromisoformat(day).date(), time(0), zone_of(zone)) if day else None
    share = {name: float(form[name]) / 100 for name in SHARES if form.get(name)}
    return Asked(
        contacts=int(form.get("contacts") or 2_000),
        days=int(form.get("days") or 30),
        start=None if start is None else start.astimezone(UTC),
        seed=int(form.get("seed") or 1),
        **share,
    )
