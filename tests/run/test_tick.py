from typing import Any

import pytest
import sqlalchemy as sa

from engine.run import tick as ticking
from engine.store.session import Store
from engine.store.tables import ContactTag
from tests.graph import documents
from tests.support.engines import happen, pass_time, settle, signed_up, tick

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
        patched.setattr(ticking, "_timers", slow)
        tick(wiring)
    settle(wiring)
    with store.read() as connection:
        assert connection.scalars(sa.select(TAG.c.tag)).all() == ["active"]
