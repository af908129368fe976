"""Message templates: the library, the editor with its live preview, tests to oneself."""

import re
from typing import Any, Final
from urllib.parse import quote

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from designer.faults import say_fault
from designer.forms.inputs import Inputs
from designer.forms.render import facts
from designer.language import mark
from designer.messages.bricks import KINDS
from designer.messages.checklist import Point, check
from designer.messages.frames import Frames, in_the_dark, with_gaps
from designer.messages.meter import segments_of
from designer.messages.texts import BLOCKS, content_of, draw_all_bricks, draw_texts, read_texts, written_as
from designer.routes.pages import MAIL_HEAD, MAIL_HEADERS
from designer.views import Pages
from engine.api import contacts, discarding, messages
from engine.api.vocabulary import read_vocabulary
from engine.errors import ChannelError, FlowError, NotFound
from engine.terms import Text

KEY: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
CHANNELS: Final = ("email", "sms", "wecom")
FIRST: Final = ({"block": "heading"}, {"block": "text"}, {"block": "button"})
"""What a new email begins with."""
OFFERED: Final = 20
"""So many contacts are offered for the preview."""


def messages_router(pages: Pages) -> APIRouter:
    """Make the router of message templates."""
    router = APIRouter(include_in_schema=False)
    _library(router, pages)
    _editor(router, pages)
    _preview(router, pages, Frames())
    return router


def _library(router: APIRouter, pages: Pages) -> None:
    @router.get("/templates")
    def all_templates(request: Request, channel: str = "") -> HTMLResponse:
        lines = [each for each in messages.list_templates(pages.wiring) if channel in ("", each.channel)]
        return pages.show(request, "messages/library.html", lines=lines, channel=channel)

    @router.get("/templates/new")
    def new_template(request: Request, channel: str = "email", like: str = "") -> HTMLResponse:
        channel = channel if channel in CHANNELS else "email"
        fresh: dict[str, Any] = {"key": "", "channel": channel, **({"blocks": [*FIRST]} if channel == "email" else {})}
        if like:
            found = messages.find_template(pages.wiring, like)
            fresh = {"key": "", "channel": found.channel, "name": found.name, **found.content}
        return _page(pages, request, fresh, is_new=True)

    @router.get("/templates/{key}/delete")
    def ask(request: Request, key: str) -> HTMLResponse:
        return _ask(pages, request, key)

    @router.post("/templates/{key}/delete")
    def delete(request: Request, key: str) -> Response:
        try:
            discarding.delete_template(pages.acting(request), key)
        except FlowError:  # somebody began to use it meanwhile
            return _ask(pages, request, key, 409)
        return RedirectResponse("/templates", status_code=303)

    @router.get("/templates/{key}")
    def one_template(request: Request, key: str) -> HTMLResponse:
        found = messages.find_template(pages.wiring, key)
        document = {"key": found.key, "channel": found.channel, "name": found.name, **found.content}
        return _page(pages, request, document, is_new=False)


def _ask(pages: Pages, request: Request, key: str, status: int = 200) -> HTMLResponse:
    """Ask before a template is deleted, or tell what uses it."""
    language, found = pages.language(request), messages.find_template(pages.wiring, key)
    facts: dict[str, Any] = {"name": language.text(found.name), "back": f"/templates/{quote(key)}"}
    users = discarding.users_of(pages.wiring, "template", key)
    return pages.show(request, "delete.html", status=status, whole=language.say(mark("Messages")), users=users, **facts)


def _editor(router: APIRouter, pages: Pages) -> None:
    @router.post("/templates/draw")
    async def draw_again(request: Request) -> HTMLResponse:
        inputs = await _inputs(request)
        return await run_in_threadpool(_form, pages, request, inputs)

    @router.post("/templates/save")
    async def save(request: Request) -> Response:
        inputs = await _inputs(request)
        fault = await run_in_threadpool(_save, pages, request, inputs)
        if fault:
            return await run_in_threadpool(_form, pages, request, inputs, fault)
        return Response(status_code=204, headers={"HX-Redirect": "/templates"})


def _preview(router: APIRouter, pages: Pages, frames: Frames) -> None:
    @router.post("/templates/preview")
    async def preview(request: Request) -> HTMLResponse:
        """Render what stands in the form for the contact that is chosen."""
        inputs = await _inputs(request)
        return await run_in_threadpool(_seen, pages, request, inputs, frames)

    @router.get("/templates/preview/{name}")
    def frame(name: str, dark: bool = False) -> HTMLResponse:
        html = frames.find(name)
        if html is None:
            raise NotFound("this preview is gone; load the page again")
        return HTMLResponse(f"{MAIL_HEAD}{in_the_dark(html) if dark else html}", headers=MAIL_HEADERS)

    @router.get("/flows/{key}/message")
    def of_node(request: Request, key: str, node: str, contact: str = "") -> Response:
        """Show what a node of a draft says to a contact; to the first one unless another is chosen."""
        try:
            channel, content = messages.texts_of_node(pages.wiring, key, node)
        except NotFound:  # it was taken away while its settings were being opened
            return Response(status_code=204)
        found = contacts.find_contacts(pages.wiring, limit=OFFERED).contacts
        chosen = contact or (found[0].key if found else "")
        shown = _shown(pages, request, channel, content, frames, contact=chosen)
        return pages.show(request, "messages/of_node.html", flow=key, node=node, contacts=found, **shown)

    @router.post("/templates/test")
    async def test(request: Request) -> HTMLResponse:
        """Send what stands in the form to an address of one's own."""
        inputs = await _inputs(request)
        tone, told = await run_in_threadpool(_test, pages, request, inputs)
        return pages.show(request, "messages/told.html", tone=tone, told=told)


async def _inputs(request: Request) -> Inputs:
    return Inputs.of((await request.form(max_fields=5_000)).multi_items())


def _page(pages: Pages, request: Request, document: dict[str, Any], *, is_new: bool) -> HTMLResponse:
    return pages.show(request, "messages/editor.html", **_facts(pages, request, document, is_new=is_new, fault=""))


def _form(pages: Pages, request: Request, inputs: Inputs, fault: str = "") -> HTMLResponse:
    document, is_new = read_texts(inputs), not inputs.typed("was")
    shown = _facts(pages, request, document, is_new=is_new, fault=fault)
    return pages.show(request, "messages/form.html", **shown)


def _facts(pages: Pages, request: Request, document: dict[str, Any], *, is_new: bool, fault: str) -> dict[str, Any]:
    content = content_of(document)
    return {
        "document": {"name": "", **document},
        "controls": draw_texts(document["channel"], content, document.get("name") or ""),
        "manner": written_as(document),
        "blocks": draw_all_bricks(content),
        "BLOCKS": BLOCKS,
        "KINDS": KINDS,
        "is_new": is_new,
        "fault": fault,
        "contacts": contacts.find_contacts(pages.wiring, limit=OFFERED).contacts,
        **facts(read_vocabulary(pages.wiring), pages.language(request)),
    }


def _save(pages: Pages, request: Request, inputs: Inputs) -> str:
    """Keep what was posted; say why not, if it cannot be."""
    document = read_texts(inputs)
    was = inputs.typed("was")
    if not was and not KEY.fullmatch(document["key"]):
        return mark("a key is made of a-z, 0-9, - and _")
    if not was and any(each.key == document["key"] for each in messages.list_templates(pages.wiring)):
        return mark("a template of that key is there already")
    document["key"] = was or document["key"]
    try:
        messages.keep_template(pages.acting(request), document)
    except FlowError as fault:
        return fault.message
    return ""


def _seen(pages: Pages, request: Request, inputs: Inputs, frames: Frames) -> HTMLResponse:
    document = read_texts(inputs)
    shown = _shown(
        pages,
        request,
        document["channel"],
        content_of(document),
        frames,
        contact=inputs.typed("contact").strip(),
        locale=inputs.typed("locale") or None,
        is_dark=inputs.typed("shown") == "dark",
    )
    return pages.show(request, "messages/preview.html", **shown)


def _shown(
    pages: Pages,
    request: Request,
    channel: str,
    content: dict[str, Text],
    frames: Frames,
    *,
    contact: str,
    locale: str | None = None,
    is_dark: bool = False,
) -> dict[str, Any]:
    """Render a message and say what is to be shown of it; for nobody when there is no such contact."""
    try:
        seen = messages.preview(pages.wiring, channel, content, contact or None, locale)
    except NotFound:
        contact, seen = "", messages.preview(pages.wiring, channel, content, locale=locale)
    language = pages.language(request)

    def spoken(point: Point) -> str:
        facts = {
            name: say_fault(str(fact), language) if name == "fault" else fact for name, fact in point.facts.items()
        }
        return language.say(point.words, **facts)

    return {
        "channel": channel,
        "contact": contact,
        "spoken": spoken,
        "seen": seen,
        "is_dark": is_dark,
        "frame": frames.keep(with_gaps(seen.html)) if seen.html else "",
        "points": check(channel, seen),
        "weight": segments_of(seen.text),
    }


def _test(pages: Pages, request: Request, inputs: Inputs) -> tuple[str, str]:
    document, address = read_texts(inputs), inputs.typed("address").strip()
    if not address:
        return "err", mark("give an address")
    contact = inputs.typed("contact").strip() or None
    try:
        messages.send_test(pages.acting(request), document["channel"], content_of(document), address, contact)
    except (ChannelError, NotFound) as fault:
        return "err", fault.message
    return "ok", ""
