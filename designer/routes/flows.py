"""Flows from outside: the list, the gallery, a new one, import and export."""

import json
from collections import Counter
from typing import Annotated, Any, Final
from urllib.parse import quote

from fastapi import APIRouter, File, Form, Request, UploadFile
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from designer.thumbnails import Thumbnails, spark, thumbnail
from designer.views import Pages
from engine.api import approvals, archiving, bringing, counts, flows, overview
from engine.api.counts import FlowCounts
from engine.api.documents import Shipped
from engine.errors import FlowError
from engine.terms import text_in

LARGEST: Final = 10 * 1024 * 1024
STATES: Final = ("live", "draft", "paused", "archived")
ORDERS: Final = ("changed", "name", "active")


def flows_router(pages: Pages, shipped: Shipped) -> APIRouter:
    """Make the router of flows."""
    router = APIRouter(include_in_schema=False)
    _list(router, pages, shipped)
    _new(router, pages, shipped)
    _import(router, pages)
    _export(router, pages)
    _archive(router, pages)
    return router


def _list(router: APIRouter, pages: Pages, shipped: Shipped) -> None:
    thumbnails = Thumbnails(lambda key: overview.drawing_of(pages.wiring, key))
    patterns = bringing.gallery(pages.wiring, shipped)

    @router.get("/")
    def first_page(
        request: Request, state: str = "", q: str = "", order: str = "changed", put_away: str = ""
    ) -> HTMLResponse:
        found = counts.list_flows(pages.wiring)
        drafts, busy = overview.list_drafts(pages.wiring), overview.busy_days(pages.wiring)
        shown = [each for each in found if _is_of(each, state) and _says(each, q)]
        tag = pages.language(request).tag
        places = {
            "changed": lambda each: -_changed(each, drafts),
            "name": lambda each: text_in(each.flow.name, tag).casefold(),
            "active": lambda each: -each.active,
        }
        shown.sort(key=places.get(order, places["changed"]))
        return pages.show(
            request,
            "flows/list.html",
            flows=shown,
            states=Counter(each.flow.state for each in found),
            all_flows=found,
            put_away=next(
                (each.flow for each in found if each.flow.key == put_away and _is_of(each, "archived")), None
            ),
            drafts=drafts,
            asked=approvals.list_asked(pages.wiring),
            busy=busy,
            state=state,
            q=q,
            order=order if order in places else "changed",
            patterns=patterns[:4],
            total=len(patterns),
            thumbnail=lambda key: thumbnails.draw(key, drafts[key].revision if key in drafts else 0),
            draw=thumbnail,
            spark=spark,
        )


def _new(router: APIRouter, pages: Pages, shipped: Shipped) -> None:
    patterns = bringing.gallery(pages.wiring, shipped)

    @router.get("/gallery")
    def gallery(request: Request) -> HTMLResponse:
        return pages.show(request, "flows/gallery.html", patterns=patterns, draw=thumbnail)

    @router.post("/gallery/{key}")
    def use(request: Request, key: str) -> RedirectResponse:
        return _to(bringing.use(pages.acting(request), shipped, key))

    @router.get("/flows")
    def all_flows() -> RedirectResponse:
        return RedirectResponse("/", status_code=308)

    @router.post("/flows")
    def begin(request: Request, name: Annotated[str, Form()] = "") -> RedirectResponse:
        return _to(bringing.begin(pages.acting(request), name))


def _import(router: APIRouter, pages: Pages) -> None:
    def report(request: Request, text: str, status: int = 200, fault: FlowError | None = None) -> HTMLResponse:
        brought = None
        try:
            brought = bringing.look_at(pages.wiring, text) if text.strip() else None
        except FlowError as found:
            fault = found
        facts: dict[str, Any] = {"text_given": text, "brought": brought, "fault": fault, "draw": thumbnail}
        free = bringing.free_key(pages.wiring, brought.key) if brought and brought.is_taken else ""
        return pages.show(request, "flows/import.html", status=status, free=free, **facts)

    @router.get("/import")
    def ask(request: Request) -> HTMLResponse:
        return report(request, "")

    @router.post("/import")
    async def look(
        request: Request, document: Annotated[str, Form()] = "", file: Annotated[UploadFile | None, File()] = None
    ) -> HTMLResponse:
        given = await file.read(LARGEST + 1) if file is not None and file.size else b""
        return report(request, given.decode("utf-8", "replace") if given else document)

    @router.post("/import/keep")
    def keep(request: Request, document: Annotated[str, Form()] = "", key: Annotated[str, Form()] = "") -> Response:
        try:
            kept = bringing.keep(pages.acting(request), document, key.strip() or None)
        except FlowError as fault:
            return report(request, document, 422, fault)
        return _to(kept)


def _export(router: APIRouter, pages: Pages) -> None:
    @router.get("/flows/{key}/export")
    def export(key: str, live: bool = False) -> Response:
        document = flows.export_flow(pages.wiring, key, live=live)
        text = json.dumps(document, ensure_ascii=False, indent=2) + "\n"
        name = "".join(sign if (sign.isalnum() and sign.isascii()) or sign in "-_" else "-" for sign in key)
        headers = {
            "Content-Disposition": f'attachment; filename="{name}.flow.json"',
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "no-store",
        }
        return Response(text, media_type="application/json", headers=headers)


def _archive(router: APIRouter, pages: Pages) -> None:
    @router.post("/flows/{key}/archive")
    def archive(request: Request, key: str) -> RedirectResponse:
        archiving.archive(pages.acting(request), key)
        return RedirectResponse(f"/?put_away={quote(key)}", status_code=303)

    @router.post("/flows/{key}/restore")
    def restore(request: Request, key: str) -> RedirectResponse:
        archiving.bring_back(pages.acting(request), key)
        return RedirectResponse("/", status_code=303)


def _to(key: str) -> RedirectResponse:
    return RedirectResponse(f"/flows/{key}/canvas", status_code=303)


def _is_of(each: FlowCounts, state: str) -> bool:
    """Tell whether a flow is listed: what is archived is so only where it is asked for."""
    return each.flow.state == state if state else each.flow.state != "archived"


def _says(each: FlowCounts, words: str) -> bool:
    names = each.flow.name if isinstance(each.flow.name, dict) else {"": each.flow.name}
    return all(
        any(word in text.casefold() for text in (each.flow.key, *names.values())) for word in words.casefold().split()
    )


def _changed(each: FlowCounts, drafts: dict[str, overview.DraftLine]) -> float:
    return drafts[each.flow.key].changed_at.timestamp() if each.flow.key in drafts else 0.0
