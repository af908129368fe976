from typing import Any

import pytest
import sqlalchemy as sa

from engine.run import tick as ticking
from engine.store.session import Store
from engine.store.tables import ContactTag
from tests.support.engines import happen, pass_time, settle, signed_up, tick

TAG: sa.Table = ContactTag.__table__  # type: ignore[attr-defined]

AWAITED: dict[str, Any] = {
    "dripline": 1,
    "key": "awaited",
    "name": "Awaited",
    "nodes": [
        {"id": "start", "type": "trigger.event", "config": {"event": "signed_up"}},
        {"id": "use", "type": "wait.event", "config": {"event": "used", "timeout": "6h"}},
        {"id": "active", "type": "contact.tag", "config": {"add": ["active"]}},
        {"id": "idle", "type": "contact.tag", "config": {"add": ["idle"]}},
    ],
    "edges": [
        {"from": "start", "to": "use"},
        {"from": "use", "port": "happened", "to": "active"},
        {"from": "use", "port": "timeout", "to": "idle"},
    ],
}


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
