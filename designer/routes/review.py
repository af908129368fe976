"""Review, publish, pause and resume a flow from its canvas."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse

from designer.canvas import crossing
from designer.canvas.desk import Desk
from designer.canvas.reviewing import Told, told
from designer.canvas.saying import RUNS
from designer.faults import say_fault
from designer.language import Language
from designer.views import HEADERS
from engine.api import approvals, changeover, counts, drawing, flows, pausing, standing
from engine.api.acting import Right
from engine.api.drawing import Sheet
from engine.api.standing import NodeFigures
from engine.contract.findings import Level
from engine.errors import FlowError
from engine.graph.document import read_document
from engine.terms import parse_duration
from engine.wiring import Wiring


def review_routes(router: APIRouter, desk: Desk) -> None:
    """Add the routes of the review."""

    @router.get("/flows/{key}/review")
    def review(request: Request, key: str, way: str = "stay", chosen: str = "") -> HTMLResponse:
        return _sheet(desk, request, key, way=way, chosen=crossing.read_chosen(chosen))

    @router.post("/flows/{key}/publish")
    def publish(
        request: Request, key: str, way: Annotated[str, Form()] = "stay", chosen: Annotated[str, Form()] = ""
    ) -> HTMLResponse:
        def act(wiring: Wiring) -> object:
            done = flows.publish(wiring, key)
            return changeover.change_over(wiring, key, crossing.read_chosen(chosen)) if way == "move" else done

        return _do(desk, request, key, "publish", act)

    _approvals(router, desk)

    @router.post("/flows/{key}/move")
    def move(request: Request, key: str, chosen: Annotated[str, Form()] = "") -> HTMLResponse:
        def act(wiring: Wiring) -> object:
            return changeover.change_over(wiring, key, crossing.read_chosen(chosen))

        return _do(desk, request, key, "move", act)

    @router.post("/flows/{key}/move/undo")
    def move_back(request: Request, key: str) -> HTMLResponse:
        return _do(desk, request, key, "move_back", lambda wiring: changeover.undo(wiring, key))

    @router.post("/flows/{key}/pause")
    def pause(request: Request, key: str) -> HTMLResponse:
        return _do(desk, request, key, "pause", lambda wiring: pausing.pause(wiring, key))

    @router.post("/flows/{key}/resume")
    def resume(
        request: Request, key: str, how: Annotated[str, Form()] = "send", over: Annotated[str, Form()] = ""
    ) -> HTMLResponse:
        length = parse_duration(over) if over else None
        return _do(desk, request, key, "resume", lambda wiring: pausing.resume(wiring, key, pausing.How(how), length))


def _approvals(router: APIRouter, desk: Desk) -> None:
    @router.post("/flows/{key}/ask")
    def ask(request: Request, key: str, note: Annotated[str, Form()] = "") -> HTMLResponse:
        return _do(desk, request, key, "ask", lambda wiring: approvals.ask(wiring, key, note))

    @router.post("/flows/{key}/approve")
    def approve(request: Request, key: str, revision: Annotated[int, Form()]) -> HTMLResponse:
        return _do(desk, request, key, "approve", lambda wiring: approvals.approve(wiring, key, revision))

    @router.post("/flows/{key}/send_back")
    def send_back(
        request: Request, key: str, revision: Annotated[int, Form()], words: Annotated[str, Form()] = ""
    ) -> HTMLResponse:
        return _do(desk, request, key, "send_back", lambda wiring: approvals.send_back(wiring, key, revision, words))

    @router.post("/flows/{key}/withdraw")
    def withdraw(request: Request, key: str) -> HTMLResponse:
        return _do(desk, request, key, "withdraw", lambda wiring: approvals.withdraw(wiring, key))


def _do(desk: Desk, request: Request, key: str, what: str, act: Callable[[Wiring], object]) -> HTMLResponse:
    fault, done = "", ""
    language = desk.pages.language(request)
    try:
        done = _said(act(desk.pages.acting(request)), what, language)
    except (FlowError, ValueError) as refused:
        fault = str(refused)
    desk.hub.tell(key)
    return _sheet(desk, request, key, fault=fault, done=done)


def _said(done: object, what: str, language: Language) -> str:
    """Say what was done, and to how many."""
    words = [language.say(RUNS[what])] if what in RUNS else []
    if isinstance(done, changeover.Moved):
        words.append(crossing.moved_words(done, language))
    elif isinstance(done, changeover.TakenBack):
        words.append(crossing.back_words(done, language))
    return " ".join(words)


def _sheet(
    desk: Desk,
    request: Request,
    key: str,
    *,
    fault: str = "",
    done: str = "",
    way: str = "stay",
    chosen: Mapping[str, str] | None = None,
) -> HTMLResponse:
    wiring, language = desk.wiring, desk.pages.language(request)
    sheet = drawing.open_sheet(wiring, key)
    figures = standing.figures(wiring, key)
    changes = told(drawing.unpublished(wiring, sheet), sheet, figures, wiring.registry, language)
    mine = next(each for each in counts.list_flows(wiring) if each.flow.key == key)
    errors = sum(each.level is Level.ERROR for each in sheet.findings)
    draft = bool(changes) and not errors
    behind, move, refused = False, None, ""
    if sheet.flow.number:
        behind, move, refused = _move(desk, request, key, chosen or {}, draft=draft, way=way)
    backlog = pausing.backlog(wiring, key) if sheet.flow.state == "paused" else None
    html = desk.pages.write(
        request,
        "canvas/review.html",
        sheet=sheet,
        changes=changes,
        asked=approvals.find(wiring, key),
        asked_changes=_asked_changes(wiring, sheet, figures, language),
        active=mine.active,
        ages=[] if backlog is None else [age for age in backlog.ages if age.tokens or age.messages],
        errors=errors,
        behind=behind,
        move=move,
        way=way,
        draft=draft,
        last=changeover.last(wiring, key),
        warnings=sum(each.level is Level.WARNING for each in sheet.findings),
        fault=fault or refused,
        done=done,
        say=lambda text: say_fault(text, language),
    )
    html += desk.status(request, sheet)
    return HTMLResponse(html, headers=HEADERS)


def _asked_changes(wiring: Wiring, sheet: Sheet, figures: Mapping[str, NodeFigures], language: Language) -> list[Told]:
    """Tell what would change if what is asked for were published."""
    given = approvals.document_of(wiring, sheet.flow.key)
    if given is None:
        return []
    wanted = replace(sheet, raw=given, document=read_document(given, wiring.registry)[0])
    return told(drawing.unpublished(wiring, wanted), wanted, figures, wiring.registry, language)


def _move(
    desk: Desk, request: Request, key: str, chosen: Mapping[str, str], *, draft: bool, way: str
) -> tuple[bool, crossing.Move | None, str]:
    """Tell whether somebody is on an older version, how a move would be if that is chosen, and why it cannot be.

    The move is to the draft, or to what is live; only who may do it sees it tried out on contacts.
    """
    wiring, language = desk.pages.acting(request), desk.pages.language(request)
    try:
        if way != "move":
            return changeover.is_anybody_behind(wiring, key, draft=draft), None, ""
        move = crossing.look(wiring, key, chosen, language, draft=draft, samples=wiring.actor.may(Right.RUN))
    except FlowError as refused:
        return False, None, str(refused)
    return move is not None, move, ""
