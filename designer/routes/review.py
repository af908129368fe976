"""Review, publish, pause and resume a flow from its canvas."""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse

from designer.canvas.desk import Desk
from designer.canvas.reviewing import told
from designer.canvas.saying import RUNS
from designer.faults import say_fault
from designer.views import HEADERS
from engine.api import counts, drawing, flows, pausing, standing
from engine.contract.findings import Level
from engine.errors import FlowError
from engine.terms import parse_duration
from engine.wiring import Wiring


def review_routes(router: APIRouter, desk: Desk) -> None:
    """Add the routes of the review."""

    @router.get("/flows/{key}/review")
    def review(request: Request, key: str) -> HTMLResponse:
        return _sheet(desk, request, key)

    @router.post("/flows/{key}/publish")
    def publish(request: Request, key: str) -> HTMLResponse:
        return _do(desk, request, key, "publish", lambda wiring: flows.publish(wiring, key))

    @router.post("/flows/{key}/pause")
    def pause(request: Request, key: str) -> HTMLResponse:
        return _do(desk, request, key, "pause", lambda wiring: pausing.pause(wiring, key))

    @router.post("/flows/{key}/resume")
    def resume(
        request: Request, key: str, how: Annotated[str, Form()] = "send", over: Annotated[str, Form()] = ""
    ) -> HTMLResponse:
        length = parse_duration(over) if over else None
        return _do(desk, request, key, "resume", lambda wiring: pausing.resume(wiring, key, pausing.How(how), length))


def _do(desk: Desk, request: Request, key: str, what: str, act: Callable[[Wiring], object]) -> HTMLResponse:
    fault = ""
    try:
        act(desk.pages.acting(request))
    except (FlowError, ValueError) as refused:
        fault = str(refused)
    desk.hub.tell(key)
    done = "" if fault else desk.pages.language(request).say(RUNS[what])
    return _sheet(desk, request, key, fault=fault, done=done)


def _sheet(desk: Desk, request: Request, key: str, *, fault: str = "", done: str = "") -> HTMLResponse:
    wiring, language = desk.wiring, desk.pages.language(request)
    sheet = drawing.open_sheet(wiring, key)
    figures = standing.figures(wiring, key)
    changes = told(drawing.unpublished(wiring, sheet), sheet, figures, wiring.registry, language)
    mine = next(each for each in counts.list_flows(wiring) if each.flow.key == key)
    backlog = pausing.backlog(wiring, key) if sheet.flow.state == "paused" else None
    html = desk.pages.write(
        request,
        "canvas/review.html",
        sheet=sheet,
        changes=changes,
        active=mine.active,
        ages=[] if backlog is None else [age for age in backlog.ages if age.tokens or age.messages],
        errors=sum(each.level is Level.ERROR for each in sheet.findings),
        warnings=sum(each.level is Level.WARNING for each in sheet.findings),
        fault=fault,
        done=done,
        say=lambda text: say_fault(text, language),
    )
    html += desk.status(request, sheet)
    return HTMLResponse(html, headers=HEADERS)
