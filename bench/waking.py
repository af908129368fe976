"""How soon an event wakes the contact that waits for it, while other events come at half of what can be taken.

A server's own parts do it: the intake with its thread, and the metronome. Or the process that takes the events runs no
flows, and a worker is told by a hint: that is timed while little else happens, for the rest is as above. Who looks is
another connection, every few milliseconds. Units: milliseconds from the call to the journal's row, committed.
"""

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from itertools import count
from typing import Any, Final

import orjson
import sqlalchemy as sa

from bench import ingest
from bench.databases import Databases, version_of
from bench.results import Result
from bench.samples import quantile
from bench.world import fill, go_live
from designer.rendering.renderer import JinjaRenderer
from engine.api.enroll import enroll_all
from engine.clock import RealClock
from engine.people.intake import Intake, IntakeFull, Submission
from engine.people.segment_api import Envelope, read_batch
from engine.schedule.metronome import Metronome
from engine.schedule.work import tick_once
from engine.settings import Settings
from engine.store.hints import Hints
from engine.store.session import Store, open_store
from engine.store.tables import Contact, Journal
from engine.wiring import Wiring, connect
from tests.law.sources import ROOT

CONTACT: sa.Table = Contact.__table__  # type: ignore[attr-defined]
JOURNAL: sa.Table = Journal.__table__  # type: ignore[attr-defined]

MEDIAN_MS: Final = 250
SECONDS: Final = 15.0
EVERY: Final = 0.05
"""So often one of those who wait is called for."""

PATIENCE: Final = 60.0
"""Seconds after the last call until everybody must have been woken."""

FEW: Final = 20.0
"""Other events a second while little happens."""

LOOKS: Final = 0.005
BATCH: Final = 100
"""Other events come in requests of so many."""

FLOW: Final[dict[str, Any]] = {
    "dripline": 1,
    "key": "waits",
    "name": "Waits",
    "nodes": [
        {"id": "hand", "type": "trigger.manual"},
        {"id": "called", "type": "wait.event", "config": {"event": "called", "timeout": "30d"}},
    ],
    "edges": [{"from": "hand", "to": "called"}],
}


def prepare(store: Store, contacts: int) -> None:
    """Fill a database in which everybody waits for an event."""
    fill(store, contacts)
    wiring = connect(Settings(), JinjaRenderer(), clock=RealClock(), store=store)
    go_live(wiring, FLOW)
    enroll_all(wiring, FLOW["key"])
    tick_once(wiring)


def wake_latency(databases: Databases, contacts: int) -> Result:
    """Take as many events as can be taken, then half as many a second, and time those who are woken meanwhile."""
    contacts = min(contacts, 100_000)
    events = max(contacts, 10_000)
    databases.template(f"ingest_{events}", lambda store: ingest.prepare(store, events))
    url = databases.copy(f"ingest_{events}")
    full = ingest.take(url, events).rate
    databases.drop(url)
    times, taken = _wake(databases, contacts, full / 2, _engine_here)
    found = _result(databases, times, taken, "the contact who waits for it")
    found["floor_text"] = f"{full:,.0f} events/s when nothing else is done"
    found["must_text"] += " at half of that"
    found["passed"] &= taken > 0.4 * full
    return found


def wake_latency_apart(databases: Databases, contacts: int) -> Result | None:
    """Time those who are woken by a worker, when another process, which runs no flows, takes the events."""
    if databases.kind == "sqlite":
        return None
    times, taken = _wake(databases, min(contacts, 100_000), FEW, _engine_apart)
    return _result(databases, times, taken, "the contact who waits for it, in a worker of another process")


def _result(databases: Databases, times: list[float], taken: float, whom: str) -> Result:
    median, late = times[len(times) // 2], quantile(times, 0.95)
    return {
        "says": f"from an event to the step of {whom}, at {taken:,.0f} other events/s",
        "version": version_of(databases),
        "unit": "ms",
        "ours": {"median_ms": median, "p95_ms": late, "max_ms": times[-1], "woken": len(times), "rate": taken},
        "ours_text": f"median {median:.0f}, p95 {late:.0f}, max {times[-1]:.0f} ms",
        "floor_text": "",
        "ratio_text": f"{median:.0f} ms",
        "must_text": f"median < {MEDIAN_MS} ms",
        "passed": median < MEDIAN_MS,
    }


Told = Callable[[], None]
"""Tells whoever runs the flows that something came."""

Run = Callable[[Wiring], AbstractContextManager[Told]]


@contextmanager
def _engine_here(wiring: Wiring) -> Iterator[Told]:
    metronome = Metronome(wiring)
    metronome.start()
    try:
        yield metronome.hurry
    finally:
        metronome.stop()


@contextmanager
def _engine_apart(wiring: Wiring) -> Iterator[Told]:
    url = wiring.store.engine.url.render_as_string(hide_password=False)
    command = [sys.executable, "-c", "import app; app.main()", "--db", url, "worker"]
    hints = Hints(wiring.store)
    hints.start()
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=ROOT) as worker:
        try:
            assert worker.stderr is not None
            # It says so when it works.
            worker.stderr.readline()
            yield hints.tell
        finally:
            hints.stop()
            worker.terminate()


def _wake(databases: Databases, contacts: int, rate: float, run: Run) -> tuple[list[float], float]:
    databases.template(f"waking_{contacts}", lambda store: prepare(store, contacts))
    url = databases.copy(f"waking_{contacts}")
    store = open_store(url)
    try:
        return _measure(store, contacts, rate, run)
    finally:
        store.close()
        databases.drop(url)


def _measure(store: Store, contacts: int, rate: float, run: Run) -> tuple[list[float], float]:
    wiring = connect(Settings(), JinjaRenderer(), clock=RealClock(), store=store)
    called: dict[tuple[int, int], float] = {}
    times: list[float] = []
    over = threading.Event()
    with run(wiring) as tell:
        intake = Intake(store, told=lambda recorded: tell()).start()
        others = _Others(wiring, intake, contacts, rate, over)
        looking = threading.Thread(target=_look, args=(store, called, times, over))
        threads = [threading.Thread(target=others.run), looking]
        try:
            for thread in threads:
                thread.start()
            _call(wiring, intake, contacts, called)
            until = time.perf_counter() + PATIENCE
            while called and time.perf_counter() < until:
                time.sleep(LOOKS)
        finally:
            over.set()
            for thread in threads:
                thread.join()
            intake.close()
    if called:
        raise AssertionError(f"{len(called)} contacts were not woken")
    return sorted(times), others.rate


def _call(wiring: Wiring, intake: Intake, contacts: int, called: dict[tuple[int, int], float]) -> None:
    with wiring.store.read() as connection:
        some = sa.select(CONTACT.c.part, CONTACT.c.id, CONTACT.c.key).order_by(CONTACT.c.hash)
        rows = connection.execute(some.limit(min(contacts, int(SECONDS / EVERY)))).all()
    until = time.perf_counter() + SECONDS
    for part, number, key in rows:
        if time.perf_counter() > until:
            return
        body = orjson.dumps({"batch": [{"type": "track", "userId": key, "event": "called", "messageId": f"w{key}"}]})
        called[part, number] = time.perf_counter()
        _submit(wiring, intake, body)
        time.sleep(EVERY)


def _submit(wiring: Wiring, intake: Intake, body: bytes) -> int:
    now = wiring.clock.micros()
    accepted, refused = read_batch(body, orjson.loads(body)["batch"], Envelope("bench", now))
    intake.submit(Submission("bench", now, accepted, refused)).result()
    return len(accepted)


class _Others:
    """Events that nobody waits for, at an even rate."""

    def __init__(self, wiring: Wiring, intake: Intake, contacts: int, rate: float, over: threading.Event) -> None:
        self._wiring, self._intake, self._over = wiring, intake, over
        self._rate, self._contacts = rate, contacts
        self.rate = 0.0

    def run(self) -> None:
        since, sent = time.perf_counter(), 0
        for body in self._bodies():
            if self._over.is_set():
                break
            now = self._wiring.clock.micros()
            accepted, refused = read_batch(body, orjson.loads(body)["batch"], Envelope("bench", now))
            try:
                self._intake.submit(Submission("bench", now, accepted, refused))
                sent += len(accepted)
            except IntakeFull:
                time.sleep(0.1)
            self._over.wait(max(0.0, since + sent / self._rate - time.perf_counter()))
        self.rate = sent / (time.perf_counter() - since)

    def _bodies(self) -> Iterator[bytes]:
        for first in count(step=BATCH):
            calls: Sequence[dict[str, Any]] = [
                {
                    "type": "track",
                    "messageId": f"o{number}",
                    "userId": f"c{number * 7919 % self._contacts:07d}",
                    "event": ingest.NAMES[number % len(ingest.NAMES)],
                    "properties": {"plan": "small"},
                }
                for number in range(first, first + BATCH)
            ]
            yield orjson.dumps({"batch": calls})


def _look(store: Store, called: dict[tuple[int, int], float], times: list[float], over: threading.Event) -> None:
    """See whose second row is there: the first one told of the way to the wait."""
    while not over.wait(LOOKS):
        waiting = list(called)
        if not waiting:
            continue
        asked = sa.tuple_(JOURNAL.c.part, JOURNAL.c.contact_id).in_(waiting)
        with store.read() as connection:
            found = connection.execute(sa.select(JOURNAL.c.part, JOURNAL.c.contact_id).where(asked, JOURNAL.c.seq == 2))
            seen = time.perf_counter()
            times.extend(1_000 * (seen - called.pop((place.part, place.contact_id))) for place in found)
