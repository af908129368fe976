"""The first pages: flows and where their contacts are, contacts with their time line, the inbox, what needs a hand."""

import re
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from designer.views import Pages, zone_of
from engine.api import contacts, counts, failures, inbox

MAIL_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'self'; sandbox allow-popups allow-popups-to-escape-sandbox"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
"""A mail is a stranger's page: no scripts, no pictures from elsewhere, an origin of its own."""

PIXEL = re.compile(r"<img\b[^>]*/t/o/[^>]*>")
"""The picture that tells that a mail was opened: looking at it here is not that."""

MAIL_HEAD = """<!doctype html><base target="_blank">
<style>body{margin:20px 24px;font:15px/1.6 system-ui,sans-serif}</style>
"""
"""What mail programs do by themselves: a plain letter, and links that open elsewhere."""


def pages_router(pages: Pages) -> APIRouter:
    """Make the router of the pages."""
    router = APIRouter(include_in_schema=False)
    _flow_pages(router, pages)
    _contact_pages(router, pages)
    _inbox_pages(router, pages)
    _failure_pages(router, pages)
    return router


def _flow_pages(router: APIRouter, pages: Pages) -> None:
    @router.get("/clock")
    def the_clock(request: Request) -> HTMLResponse:
        return pages.show(request, "clock.html")

    @router.get("/flows/{key}")
    def one_flow(request: Request, key: str) -> HTMLResponse:
        nodes = counts.flow_nodes(pages.wiring, key)
        flow = next(each for each in counts.list_flows(pages.wiring) if each.flow.key == key)
        names = {node.id: node.name or node.title for node in nodes}
        return pages.show(request, "flow.html", flow=flow, nodes=nodes, names=names)


def _contact_pages(router: APIRouter, pages: Pages) -> None:
    @router.get("/contacts")
    def all_contacts(request: Request, q: str = "", after: str = "") -> HTMLResponse:
        page = contacts.find_contacts(pages.wiring, q[:200], after or None)
        return pages.show(request, "contacts.html", page=page, q=q, after=after)

    @router.get("/contacts/{key:path}")
    def one_contact(request: Request, key: str) -> HTMLResponse:
        contact = contacts.contact_detail(pages.wiring, key)
        moments = contacts.time_line(pages.wiring, key)
        own = {"zone": zone_of(contact.timezone)} if contact.timezone else {}
        return pages.show(request, "contact.html", contact=contact, moments=moments, own=own.get("zone"))


def _inbox_pages(router: APIRouter, pages: Pages) -> None:
    @router.get("/inbox")
    def all_mail(request: Request, before: str = "", contact: str = "") -> HTMLResponse:
        page = inbox.list_inbox(pages.wiring, before or None, contact or None)
        return pages.show(request, "inbox.html", page=page, before=before, contact=contact)

    @router.get("/inbox/{key}")
    def one_mail(request: Request, key: str, shown: str = "desktop") -> HTMLResponse:
        shown = shown if shown in ("desktop", "phone", "text") else "desktop"
        return pages.show(request, "mail.html", mail=inbox.read_mail(pages.wiring, key), shown=shown)

    @router.get("/inbox/{key}/body")
    def mail_body(key: str) -> HTMLResponse:
        mail = inbox.read_mail(pages.wiring, key)
        return HTMLResponse(f"{MAIL_HEAD}{PIXEL.sub('', mail.html)}", headers=MAIL_HEADERS)


def _failure_pages(router: APIRouter, pages: Pages) -> None:
    @router.get("/failures")
    def all_failures(request: Request) -> HTMLResponse:
        wiring = pages.wiring
        return pages.show(
            request, "failures.html", failed=failures.list_failures(wiring), unclear=failures.list_unclear(wiring)
        )

    @router.post("/failures/retry")
    def retry(request: Request, contact: Annotated[str, Form()], token: Annotated[int, Form()]) -> Response:
        failures.retry(pages.acting(request), contact, token)
        return RedirectResponse("/failures", status_code=303)

    @router.post("/failures/retry-flow")
    def retry_flow(request: Request, flow: Annotated[str, Form()]) -> Response:
        failures.retry_flow(pages.acting(request), flow)
        return RedirectResponse("/failures", status_code=303)
