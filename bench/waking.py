"""How soon an event wakes the contact that waits for it, while other events come at half of what can be taken.

A server's own parts do it: the intake with its thread, and the metronome. Who looks is another connection, every few
milliseconds. Units: milliseconds from the call to the journal's row, committed.
"""

import threading
import time
from collections.abc import Iterator, Sequence
from itertools import count
from typing import Any, Final

import orjson
import sqlalchemy as sa

from bench import ingest
from bench.databases import Databases, version_of
from bench.results import Result
from bench.world import fill, go_live
from designer.rendering.renderer import JinjaRenderer
from engine.api.enroll import enroll_all
from engine.clock import RealClock
from engine.people.intake import Intake, IntakeFull, Submission
from engine.people.segment_api import Envelope, read_batch
from engine.schedule.metronome import Metronome
from engine.schedule.work import tick_once
from engine.settings import Settings
from engine.store.session import Store, open_store
from engine.store.tables import Contact, Journal
from engine.wiring import Wiring, connect

CONTACT: sa.Table = Contact.__table__  # type: ignore[attr-defined]
JOURNAL: sa.Table = Journal.__table__  # type: ignore[attr-defined]

MEDIAN_MS: Final = 250
SECONDS: Final = 15.0
EVERY: Final = 0.05
"""So often one of those who wait is called for."""

PATIENCE: Final = 60.0
"""Seconds after the last call until everybody must have been woken."""

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
    databases.template(f"waking_{contacts}", lambda store: prepare(store, contacts))
    url = databases.copy(f"waking_{contacts}")
    store = open_store(url)
    try:
        times, taken = _measure(store, contacts, full / 2)
    finally:
        store.close()
        databases.drop(url)
    median, late = times[len(times) // 2], times[int(len(times) * 0.95)]
    return {
        "says": f"from an event to the step of the contact who waits for it, at {taken:,.0f} other events/s",
        "version": version_of(databases),
        "unit": "ms",
        "ours": {"median_ms": median, "p95_ms": late, "max_ms": times[-1], "woken": len(times), "rate": taken},
        "ours_text": f"median {median:.0f}, p95 {late:.0f}, max {times[-1]:.0f} ms",
        "floor_text": f"{full:,.0f} events/s when nothing else is done",
        "ratio_text": f"{median:.0f} ms",
        "must_text": f"median < {MEDIAN_MS} ms at half of that",
        "passed": median < MEDIAN_MS and taken > 0.4 * full,
    }  # fmt: skip


def _measure(store: Store, contacts: int, rate: float) -> tuple[list[float], float]:
    wiring = connect(Settings(), JinjaRenderer(), clock=RealClock(), store=store)
    metronome = Metronome(wiring)
    intake = Intake(store, told=lambda recorded: metronome.hurry()).start()
    called: dict[tuple[int, int], float] = {}
    times: list[float] = []
    over = threading.Event()
    others = _Others(wiring, intake, contacts, rate, over)
    threads = [threading.Thread(target=others.run), threading.Thread(target=_look, args=(store, called, times, over))]
    metronome.start()
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
        metronome.stop()
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
