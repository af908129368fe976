"""The numbers over a canvas, and the contacts behind each."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, JSONResponse

from designer.canvas.desk import Desk
from designer.canvas.figures import told_figures
from designer.views import HEADERS
from engine.api import counts, passing, standing
from engine.api.periods import Period

MOST = 50
"""So many contacts are listed at a time."""

Key = Annotated[str, Query(max_length=200)]


def people_routes(router: APIRouter, desk: Desk) -> None:
    """Add the routes of live numbers."""

    @router.get("/flows/{key}/counts")
    def figures(request: Request, key: str, period: Period = Period.EVER) -> JSONResponse:
        found = standing.figures(desk.wiring, key, period)
        return JSONResponse(told_figures(found, desk.pages.language(request)), headers=HEADERS)

    @router.get("/flows/{key}/resting")
    def resting(request: Request, key: str, node: Key, period: Period = Period.EVER) -> HTMLResponse:
        """List who rests at a node; beside it the ways out, with how many left by them in the period."""
        found = standing.resting_at(desk.wiring, key, node, MOST)
        nodes = counts.flow_nodes(desk.wiring, key)
        passed = counts.passed_since(desk.wiring, key, period)
        here = next((each for each in nodes if each.id == node), None)
        ways = [] if here is None else [(port, passed.get((node, port.port), 0)) for port in here.ports]
        facts = {"found": found, "here": here, "ways": ways, "most": MOST, "key": key}
        return HTMLResponse(desk.pages.write(request, "canvas/resting.html", **facts), headers=HEADERS)

    @router.get("/flows/{key}/passed")
    def passed(
        request: Request, key: str, node: Key, port: Key, period: Period = Period.EVER, after: Key = ""
    ) -> HTMLResponse:
        """List who left a node by a port in a period."""
        page = passing.passed_through(desk.wiring, key, node, port, period, after=after, most=MOST)
        here = next((each for each in counts.flow_nodes(desk.wiring, key) if each.id == node), None)
        facts = {"page": page, "here": here, "node": node, "port": port, "period": period, "after": after, "key": key}
        return HTMLResponse(desk.pages.write(request, "canvas/passed.html", **facts), headers=HEADERS)
