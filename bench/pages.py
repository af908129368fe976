"""How long pages take with a million contacts and five million journal rows: every page, from request to answer."""

import json
import re
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, suppress
from typing import Final, NamedTuple
from urllib.parse import urlencode

import sqlalchemy as sa
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient
from sqlalchemy.exc import OperationalError

from bench.beside import beside
from bench.databases import Databases, version_of
from bench.pages_world import NOW, WAITS, prepare
from bench.results import Result
from bench.samples import quantile
from bench.timings import Timings, standstills_told, timed
from bench.world import engine_on
from designer.app import create_app, page_routers
from designer.views import Pages
from engine.api import inbox
from engine.api.contacts import find_contacts
from engine.api.documents import read_shipped
from engine.api.tending import SECONDS, tend_pages
from engine.store.migrate import upgrade
from engine.store.session import Store, open_store
from engine.store.tables import Contact, Journal
from engine.wiring import Wiring
from tests.law.sources import ROOT

TIMES: Final = 40
PAGE_MS: Final = 300
SLOWEST: Final = 3
"""So many statements are told of a page that takes too long."""

UNASKED: Final = {
    "/flows",  # leads on to the list
    "/flows/{key}/stream",  # never ends
    "/flows/{key}/simulation/{number}",  # of a simulation that was begun
    "/experiments/_letters/{name}",  # of a preview that was drawn
    "/templates/preview/{name}",
}
"""Addresses that lead on, or show what another request has made."""

RULES: Final = {
    "attribute": {"attr": "plan", "op": "is", "value": "trial"},
    "number": {"attr": "seats", "op": "gte", "value": 100},
    "tag": {"tag": "vip"},
    "segment": {"segment": "large"},
    "events": {"event": "event0", "count": {"op": "gte", "value": 2}, "within": "30d"},
    "nobody": {"attr": "plan", "op": "is", "value": "none"},
}
LAST_DAY: Final = f"day{WAITS}"


class Asked(NamedTuple):
    """A page: its address, and the form that is posted to it, if one is."""

    path: str
    form: Mapping[str, str] | None = None


def pages_of(wiring: Wiring, contacts: int) -> dict[str, Asked]:
    """Name the pages: those that read what grows with contacts, and those that do not."""
    one = f"c{contacts // 2:07d}"
    return {name: Asked(path) for name, path in _paths(wiring, one, contacts)} | {
        f"rule: {name}": Asked("/rules/matching", form) for name, form in _rules()
    }


def _paths(wiring: Wiring, one: str, contacts: int) -> Iterator[tuple[str, str]]:
    yield from {
        "flows": "/",
        "flows live": "/?state=live&order=active",
        "gallery": "/gallery",
        "import": "/import",
        "clock": "/clock",
        "contact": f"/contacts/{one}",
        "segments": "/segments",
        "segment": "/segments/large",
        "segment new": "/segments/new",
        "segment delete": "/segments/large/delete",
        "templates": "/templates",
        "template": "/templates/hello",
        "template new": "/templates/new",
        "template delete": "/templates/hello/delete",
        "failures": "/failures",
        "experiments": "/experiments",
        "experiment": "/experiments/many/half",
        "experiment json": "/experiments/many/half/report.json",
        "experiment plan": "/experiments/many/half/plan",
        "account": "/account",
        "settings": "/settings",
        **{f"settings {name}": f"/settings/{name}" for name in ("topics", "channels", "keys", "users", "audit")},
        "settings audit, further": "/settings/audit?before=50000",
        "health": "/health",
    }.items()
    yield from _of_flows()
    yield from _of_contacts(wiring, one, contacts)
    yield from _of_mail(wiring, one)


def _of_flows() -> Iterator[tuple[str, str]]:
    yield "flow paused", "/flows/held"
    yield "canvas paused", "/flows/held/canvas"
    yield "review paused", "/flows/held/review"
    yield "flow", "/flows/many"
    for name in ("canvas", "log", "outline", "review", "export", "simulation"):
        yield name, f"/flows/many/{name}"
    asked = {
        "review of a move": "review?way=move",
        "inspector": "inspector?id=trial",
        "inspector of a test": "inspector?id=half",
        "message": "message?node=welcome",
        "planner": "planner?node=half",
        "piece": "piece?ids=day1",
        "resting": f"resting?node={LAST_DAY}",
        "resting nobody": "resting?node=day1",
        "passed": "passed?node=trial&port=yes",
        # By the counts somebody passed today; by the journal all were earlier.
        "passed long ago": "passed?node=trial&port=yes&period=today",
    }
    yield from ((name, f"/flows/many/{path}") for name, path in asked.items())
    yield from ((f"counts {period}", f"/flows/many/counts?period={period}") for period in ("all", "today", "7d", "30d"))


def _of_contacts(wiring: Wiring, one: str, contacts: int) -> Iterator[tuple[str, str]]:
    """Name the list and searches, each up to its last page."""
    last = find_contacts(wiring, after=_before_the_last(wiring)).contacts[0].key
    yield "contacts", "/contacts"
    yield "contacts, last page", f"/contacts?{urlencode({'after': _before_the_last(wiring)})}"
    for name, text in {
        "by key": one,
        "by address": f"{last}@",
        "by name": "Contact 4999",
        "by a letter": "c",
        "by a frequent word": "contact",
        "not there": "nobody of this name",
    }.items():
        yield f"contacts {name}", f"/contacts?{urlencode({'q': text})}"
        place = f"name~{_before_the_last(wiring, 100).replace('-', '~')}"
        yield f"contacts {name}, last page", f"/contacts?{urlencode({'q': text, 'after': place})}"
    middle = find_contacts(wiring, "c", f"key~{wiring.store.parts // 2}~1~c{contacts // 2:07d}").after
    yield "contacts by a letter, further", f"/contacts?{urlencode({'q': 'c', 'after': middle or ''})}"


def _before_the_last(wiring: Wiring, count: int = 10) -> str:
    contact: sa.Table = Contact.__table__  # type: ignore[attr-defined]
    order = (contact.c.part.desc(), contact.c.id.desc())
    with wiring.store.read() as connection:
        row = connection.execute(sa.select(contact.c.part, contact.c.id).order_by(*order).offset(count)).first()
    assert row is not None
    return f"{row.part}-{row.id}"


def _of_mail(wiring: Wiring, one: str) -> Iterator[tuple[str, str]]:
    mail = inbox.list_inbox(wiring)
    key = mail.messages[0].key
    yield "inbox", "/inbox"
    yield "inbox of a contact", f"/inbox?contact={one}"
    yield "inbox, further", f"/inbox?{urlencode({'before': f'{NOW - 15 * 86_400_000_000}~0~'})}"
    yield "inbox, last page", f"/inbox?{urlencode({'before': f'{NOW - 33 * 86_400_000_000}~0~'})}"
    yield "mail", f"/inbox/{key}"
    yield "mail body", f"/inbox/{key}/body"


def _rules() -> Iterator[tuple[str, dict[str, str]]]:
    """Name the forms of rules whose matches are counted while they are written."""
    for name, rule in RULES.items():
        yield name, {"rule_at": "v", "v.form": "json", "v.json": json.dumps(rule)}


def pages_latency(databases: Databases, contacts: int) -> Result:
    """Ask for every page some times, by turns, and give the slowest page's 95th percentile. Units: milliseconds."""
    name = f"pages_{contacts}"
    databases.template(name, lambda store: prepare(store, contacts))
    url = databases.copy(name)
    store = open_store(url)
    try:
        upgrade(store)  # a kept one may be older than the program
        rows = _rows(store)
        found = _measure(store, contacts)
    finally:
        store.close()
        databases.drop(url)
    worst = sorted(found, key=lambda page: -found[page]["p95_ms"])
    for page in worst:
        told = ", ".join(f"{name} {found[page][f'{name}_ms']:5.0f}" for name in ("p50", "p95", "max", "busy", "first"))
        print(f"  pages {databases.kind} {page:36} {told} ms")
    slowest = found[worst[0]]["p95_ms"]
    return {
        "says": f"every page with {contacts:,} contacts and {rows:,} journal rows: the slowest three",
        "version": version_of(databases),
        "ours": found,
        "rows": rows,
        "ours_text": ", ".join(f"{page} {found[page]['p95_ms']:.0f} ms" for page in worst[:3]),
        "floor_text": "",
        "ratio_text": f"{slowest:.0f} ms",
        "must_text": f"p95 < {PAGE_MS} ms",
        "passed": slowest < PAGE_MS,
    }


def _rows(store: Store) -> int:
    journal: sa.Table = Journal.__table__  # type: ignore[attr-defined]
    with store.read() as connection:
        return int(connection.scalar(sa.select(sa.func.count()).select_from(journal)) or 0)


def _measure(store: Store, contacts: int) -> dict[str, dict[str, float]]:
    """Ask by turns; tell apart the first round, in which also is made what every process makes once."""
    wiring = engine_on(store)
    wiring.clock.at = NOW  # type: ignore[attr-defined]
    app = create_app(wiring, shipped=read_shipped(ROOT / "flows"), is_demo=True)
    began = time.perf_counter()
    tend_pages(wiring)
    print(f"  pages {store.name}: what is kept was counted in {time.perf_counter() - began:.1f} s")
    pages = pages_of(wiring, contacts)
    _ask_all(wiring, pages)
    times: dict[str, list[tuple[float, float]]] = {page: [] for page in pages}
    slow: dict[str, Timings] = {}
    browser = TestClient(app, base_url="http://127.0.0.1", client=("127.0.0.1", 5))
    with standstills_told(), _tended(wiring), browser as client:
        client.headers["x-csrf-token"] = _token(client)
        for _ in range(TIMES + 1):
            for page, asked in pages.items():
                with timed(store.engine) as timings:
                    since, busy = time.perf_counter(), time.process_time()
                    answer = client.get(asked.path) if asked.form is None else client.post(asked.path, data=asked.form)
                    took = 1_000 * (time.perf_counter() - since), 1_000 * (time.process_time() - busy)
                if answer.status_code != 200:
                    raise AssertionError(f"{asked.path} answers {answer.status_code}: {answer.text[:2_000]}")
                times[page].append(took)
                if took[0] > PAGE_MS:
                    slow[page] = timings
    for page, timings in slow.items():
        print(f"  pages {page}", *timings.table(250)[:SLOWEST], sep="\n    ")
    return {page: _quantiles(each) for page, each in times.items()}


def _tended(wiring: Wiring) -> AbstractContextManager[None]:
    """Count beside the pages, as a server does."""

    def tend(over: threading.Event) -> None:
        while not over.wait(SECONDS):
            with suppress(OperationalError):  # a server that came to a stand lost patience; the next round counts
                tend_pages(wiring)

    return beside(tend)


def _token(client: TestClient) -> str:
    found = re.search(r"x-csrf-token[^0-9a-f]+([0-9a-f]+)", client.get("/contacts").text, re.IGNORECASE)
    assert found is not None
    return found[1]


def _ask_all(wiring: Wiring, pages: Mapping[str, Asked]) -> None:
    """See that every address that can be opened is asked for."""
    routes = [route for router in page_routers(Pages(wiring)) for route in router.routes if isinstance(route, APIRoute)]
    asked = [page.path.partition("?")[0] for page in pages.values()]
    # The first that fits answers.
    answering = {next((route.path for route in routes if route.path_regex.match(path)), "") for path in asked}
    left = {route.path for route in routes if "GET" in (route.methods or ())} - answering - UNASKED
    if left:
        raise AssertionError(f"nobody asks for {', '.join(sorted(left))}")


def _quantiles(times: list[tuple[float, float]]) -> dict[str, float]:
    walls, busy = (sorted(each[place] for each in times[1:]) for place in (0, 1))
    return {
        "p50_ms": walls[len(walls) // 2],
        "p95_ms": quantile(walls, 0.95),
        "max_ms": walls[-1],
        "busy_ms": busy[len(busy) // 2],
        "first_ms": times[0][0],
    }
