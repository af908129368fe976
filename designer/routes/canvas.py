"""The canvas of a flow: the page, the gestures on it, and the stream of what others do."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response, StreamingResponse
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData

from designer.canvas.desk import Desk
from designer.routes.people import people_routes
from designer.routes.review import review_routes
from designer.views import HEADERS, Pages
from engine.api import drawing
from engine.errors import FlowError, NotFound

LOOK: float = 1.0
"""Seconds after which a stream looks for changes that another process made."""

STREAM = {**HEADERS, "Content-Type": "text/event-stream", "X-Accel-Buffering": "no"}


def canvas_router(pages: Pages) -> APIRouter:
    """Make the router of the canvas."""
    router, desk = APIRouter(include_in_schema=False), Desk(pages)
    _page(router, pages, desk)
    _gestures(router, desk)
    _panels(router, desk)
    people_routes(router, desk)
    _stream(router, desk)
    review_routes(router, desk)
    return router


def _page(router: APIRouter, pages: Pages, desk: Desk) -> None:
    @router.get("/flows/{key}/canvas")
    def canvas(request: Request, key: str) -> HTMLResponse:
        return pages.show(request, "canvas/page.html", is_placed=True, **desk.facts(request, key))


def _gestures(router: APIRouter, desk: Desk) -> None:
    @router.post("/flows/{key}/gestures")
    async def gesture(request: Request, key: str) -> Response:
        form = await request.form(max_fields=20_000)
        return await run_in_threadpool(_answer, desk, request, key, form)


def _answer(desk: Desk, request: Request, key: str, form: FormData) -> Response:
    said = desk.read(request, key, form)
    try:
        changed = drawing.act(desk.pages.acting(request), key, said.kind, said.args, said.hand, said.base)
    except NotFound:
        raise
    except FlowError as fault:
        return desk.refuse(request, key, said, fault)
    if changed is not None:
        desk.hub.make(key, changed.revision, said.load)
    try:
        return desk.answer(request, key, said, changed)
    finally:
        desk.hub.tell(key)  # streams find read and checked what the answer has read and checked


def _panels(router: APIRouter, desk: Desk) -> None:
    @router.get("/flows/{key}/inspector")
    def inspector(request: Request, key: str, id: str = "") -> HTMLResponse:  # noqa: A002 - its name in the address
        return HTMLResponse(desk.inspector(request, key, id), headers=HEADERS)

    @router.get("/flows/{key}/planner")
    def planner(
        request: Request, key: str, node: str, base: float = 5.0, lift: float = 10.0, a_day: float = 0.0
    ) -> HTMLResponse:
        return HTMLResponse(desk.plan(request, key, node, base, lift, a_day), headers=HEADERS)

    @router.get("/flows/{key}/log")
    def log(request: Request, key: str) -> HTMLResponse:
        return HTMLResponse(desk.log(request, key), headers=HEADERS)

    @router.get("/flows/{key}/outline")
    def outline(request: Request, key: str) -> HTMLResponse:
        return HTMLResponse(desk.outline(request, key), headers=HEADERS)

    @router.get("/flows/{key}/piece")
    def piece(key: str, ids: str = "") -> JSONResponse:
        return JSONResponse(drawing.piece(desk.wiring, key, set(ids.split(","))), headers=HEADERS)

    @router.post("/flows/{key}/presence")
    def presence(
        request: Request, key: str, hand: Annotated[str, Form()], selected: Annotated[str, Form()] = ""
    ) -> Response:
        names = tuple(name for name in selected.split(" ")[:50] if name)
        desk.hub.come(key, hand[:64], desk.name(request), names)
        return Response(status_code=204)


def _stream(router: APIRouter, desk: Desk) -> None:
    @router.get("/flows/{key}/stream")
    async def stream(request: Request, key: str, hand: str = "", load: str = "", base: int = 0) -> StreamingResponse:
        last = request.headers.get("last-event-id", "")
        seen = int(last) if last.isdecimal() else base
        await run_in_threadpool(drawing.revision_of, desk.wiring, key)
        return StreamingResponse(_events(desk, request, key, hand[:64], load, seen), headers=STREAM)


async def _events(desk: Desk, request: Request, key: str, tab: str, load: str, seen: int) -> AsyncIterator[str]:
    present: list[dict[str, object]] = []
    desk.hub.come(key, tab, desk.name(request))
    desk.hub.tell(key)
    yield ": here\n\n"
    try:
        while not await request.is_disconnected():
            seen, html = await run_in_threadpool(desk.since, request, key, seen, load)
            if html:
                yield _event(html, number=seen)
            desk.hub.come(key, tab, desk.name(request))
            now = [each.as_json() for each in desk.hub.who(key)]
            if now != present:
                present = now
                yield _event(json.dumps(now), name="presence")
            await desk.hub.wait(key, LOOK)
    except (NotFound, asyncio.CancelledError):
        return
    finally:
        desk.hub.leave(key, tab)


def _event(data: str, *, name: str = "", number: int | None = None) -> str:
    lines = [f"data: {line}" for line in data.splitlines() if line.strip()]
    head = ([f"event: {name}"] if name else []) + ([] if number is None else [f"id: {number}"])
    return "\n".join([*head, *lines]) + "\n\n"
