from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import sqlalchemy as sa

from engine.api.contacts import contact_detail
from engine.api.failures import list_failures
from engine.run import arrivals
from engine.run import tick as ticking
from engine.run.transactions import transaction
from engine.schedule.work import tick_once
from engine.store.session import Store
from engine.store.tables import ContactTag
from tests.graph import documents
from tests.support.engines import add_contacts, happen, pass_time, settle, signed_up, tick

TAG: sa.Table = ContactTag.__table__  # type: ignore[attr-defined]

AWAITED = documents.flow(
    documents.node("use", "wait.event", event="used", timeout="6h"),
    documents.node("active", "contact.tag", add=["active"]),
    documents.node("idle", "contact.tag", add=["idle"]),
    edges="start>use use:happened>active use:timeout>idle",
)


def test_what_comes_in_time_during_a_long_tick_is_heard_before_the_timer(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    wiring = signed_up(store, "ann", into=AWAITED)
    settle(wiring)
    happen(wiring, "ann", "seen")
    timers = ticking._timers

    def slow(*given: Any) -> None:
        # Events have acted. Until the timers have their turn hours go by, and what is awaited comes in time.
        pass_time(wiring, "5h")
        happen(wiring, "ann", "used")
        pass_time(wiring, "2h")
        timers(*given)

    with monkeypatch.context() as patched:
        # The timers have their turn although none is due yet.
        patched.setattr(ticking, "busy_parts", lambda _connection, parts, *_, **__: list(parts))
        patched.setattr(ticking, "_timers", slow)
        tick(wiring)
    settle(wiring)
    with store.read() as connection:
        assert connection.scalars(sa.select(TAG.c.tag)).all() == ["active"]


def test_events_that_never_end_keep_nobody_from_moving(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    wiring = signed_up(store, "ann", into=AWAITED)
    settle(wiring)
    happen(wiring, "ann", "used")
    # Would the tick wait for the end of them, this would be over before.
    flood = iter(range(40))

    @contextmanager
    def flooded(*given: Any, **options: Any) -> Iterator[Any]:
        with transaction(*given, **options) as connection:
            yield connection
        for _ in range(3):
            happen(wiring, "ann", f"seen{next(flood)}")

    with monkeypatch.context() as patched:
        patched.setattr(arrivals, "BATCH", 2)
        patched.setattr(ticking, "transaction", flooded)
        tick(wiring)
        tick(wiring)
    with store.read() as connection:
        assert connection.scalars(sa.select(TAG.c.tag)).all() == ["active"]


def test_of_those_whom_an_event_wakes_only_the_one_at_fault_stays_behind(store: Store) -> None:
    poisoned = documents.flow(
        documents.node("use", "wait.event", event="used", timeout="6h"),
        documents.node("double", "contact.set", attributes={"n": "{{ contact.n * 2 + 0 }}"}),
        edges="start>use use:happened>double",
    )
    wiring = signed_up(store, "ann", "cam", into=poisoned, attributes={"n": 2})
    add_contacts(wiring, "bad", attributes={"n": [1]})
    happen(wiring, "bad", "signed_up")
    settle(wiring)
    for contact in ("ann", "bad", "cam"):
        happen(wiring, contact, "used")
    done = settle(wiring)
    assert (done.ticks.events, done.ticks.failed) == (3, 1)
    assert [failure.contact for failure in list_failures(wiring)] == ["bad"]
    assert [contact_detail(wiring, contact).attributes["n"] for contact in ("ann", "cam")] == [4, 4]


def test_in_a_hurry_events_that_nobody_hears_are_left_for_later(store: Store) -> None:
    wiring = signed_up(store, "ann", into=AWAITED)
    settle(wiring)
    happen(wiring, "ann", "seen")
    assert tick_once(wiring, hurried=True).events == 0
    happen(wiring, "ann", "used")
    # With one that is heard those before it are passed, too.
    assert tick_once(wiring, hurried=True).events == 2
    happen(wiring, "ann", "seen")
    assert tick_once(wiring).events == 1
