"""Experiments: the list, the report of one, what a hand may do, and the planner."""

from datetime import date
from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from designer.experiments import words
from designer.experiments.chart import lift_chart, rates_chart
from designer.experiments.planner import plan_of
from designer.messages.frames import Frames, with_gaps
from designer.routes.pages import MAIL_HEAD, MAIL_HEADERS
from designer.views import Pages, zone_of
from engine.api import experiments
from engine.api.workspaces import read_workspace
from engine.errors import NotFound

HANDS: Final = ("freeze", "thaw", "undo")


def experiments_router(pages: Pages) -> APIRouter:
    """Make the router of experiments."""
    router, frames = APIRouter(include_in_schema=False), Frames()

    @router.get("/experiments")
    def all_experiments(request: Request) -> HTMLResponse:
        found = experiments.running(pages.wiring)
        return pages.show(request, "experiments/list.html", found=found, states=words.STATES, tones=words.TONES)

    @router.get("/experiments/_letters/{name}")
    def letter(name: str) -> HTMLResponse:
        html = frames.find(name)
        if html is None:
            raise NotFound("this preview is gone; load the page again")
        return HTMLResponse(f"{MAIL_HEAD}{html}", headers=MAIL_HEADERS)

    @router.get("/experiments/{flow}/{node}")
    def one_experiment(request: Request, flow: str, node: str) -> HTMLResponse:
        return _report(pages, frames, request, flow, node)

    @router.get("/experiments/{flow}/{node}/report.json")
    def as_json(flow: str, node: str) -> JSONResponse:
        return JSONResponse(experiments.reports(pages.wiring, flow, node)[0])

    @router.get("/experiments/{flow}/{node}/plan")
    def plan(request: Request, flow: str, node: str, base: float = 5.0, lift: float = 10.0) -> HTMLResponse:
        (report,) = experiments.reports(pages.wiring, flow, node)
        return pages.show(request, "experiments/planned.html", plan=_plan(pages, report, base, lift))

    @router.post("/experiments/{flow}/{node}")
    async def act(request: Request, flow: str, node: str) -> Response:
        hand = (await request.form()).get("hand")
        if hand not in HANDS:
            raise NotFound("there is no such act")
        await run_in_threadpool(experiments.act, pages.acting(request), flow, node, hand)  # type: ignore[arg-type]
        return RedirectResponse(f"/experiments/{flow}/{node}", status_code=303)

    return router


def _report(pages: Pages, frames: Frames, request: Request, flow: str, node: str) -> HTMLResponse:
    (report,) = experiments.reports(pages.wiring, flow, node)
    language, zone = pages.language(request), zone_of(read_workspace(pages.wiring).timezone)
    days: Any = report.get("days") or []
    ways = [str(row["key"]) for row in report.get("variants") or []]  # type: ignore[union-attr, index, call-overload]
    facts: dict[str, Any] = {"report": report, "states": words.STATES, "tones": words.TONES}
    if report["state"] != "waiting":
        base, lift = 5.0, float(str(report["mde"])) * 100
        _, rate = experiments.traffic(pages.wiring, report)
        facts |= {
            "sentence": words.sentence(report, language, zone),
            "missing": words.missing(report, language),
            "decided": words.decided(report, language, zone),
            "checks": words.checks(report, language),
            "is_uneven": words.is_uneven(report["split"]),  # type: ignore[arg-type]
            "rates": rates_chart(days, ways),
            "lift": lift_chart(days),
            "written_day": lambda day: language.day(date.fromisoformat(day)),
            "plan": _plan(pages, report, base if rate is None else round(rate * 100, 2), lift),
        }
    letters = experiments.letters(pages.wiring, flow, node, language.tag)
    shown = {way: (seen, frames.keep(with_gaps(seen.html)) if seen.html else "") for way, seen in letters.items()}
    return pages.show(request, "experiments/report.html", letters=shown, **facts)


def _plan(pages: Pages, report: Any, base: float, lift: float) -> dict[str, Any]:
    """Plan a test from rates in percent and the flow's own traffic."""
    a_day, _ = experiments.traffic(pages.wiring, report)
    variants = len(report.get("variants") or ())
    return plan_of(base, lift, a_day, alpha=report["alpha"], mde=report["mde"], variants=variants)
