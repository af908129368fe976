"""A whole engine on a test's store, on a clock that stands until the test moves it."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from designer.rendering.renderer import JinjaRenderer
from engine.api import flows
from engine.clock import FixedClock
from engine.people.contacts import ContactRow, find
from engine.people.upserting import upsert
from engine.run.context import TickReport
from engine.schedule.work import Done, tick_once, until_quiet
from engine.settings import Settings
from engine.store import sequences
from engine.store.session import Store
from engine.store.tables import Event, Journal, Message
from engine.terms import parse_duration, parse_instant
from engine.wiring import Wiring, connect

START = "2026-03-02T09:00:00Z"  # a Monday

EVENT: sa.Table = Event.__table__  # type: ignore[attr-defined]
MESSAGE: sa.Table = Message.__table__  # type: ignore[attr-defined]
JOURNAL: sa.Table = Journal.__table__  # type: ignore[attr-defined]

WELCOME: dict[str, Any] = {
    "dripline": 1,
    "key": "welcome",
    "name": {"en": "Welcome", "zh-CN": "欢迎"},
    "settings": {"goal": {"event": "bought"}},
    "nodes": [
        {"id": "start", "type": "trigger.event", "config": {"event": "signed_up"}},
        {"id": "hand", "type": "trigger.manual"},
        {"id": "hello", "type": "send.email", "config": {"subject": "Hello", "html": "<p>Hello</p>"}},
        {"id": "day", "type": "wait.delay", "config": {"duration": "1d"}},
        {
            "id": "used",
            "type": "branch.rule",
            "config": {"cases": [{"port": "yes", "when": {"event": "used"}}]},
        },
        {"id": "thanks", "type": "send.email", "config": {"subject": "Thanks", "text": "Thanks", "late": "6h"}},
        {"id": "nudge", "type": "send.email", "config": {"subject": "Stuck?", "text": "Stuck?"}},
    ],
    "edges": [
        {"from": "start", "to": "hello"},
        {"from": "hand", "to": "hello"},
        {"from": "hello", "to": "day"},
        {"from": "day", "to": "used"},
        {"from": "used", "port": "yes", "to": "thanks"},
        {"from": "used", "port": "else", "to": "nudge"},
    ],
}
"""A flow with a bit of everything."""


def engine_on(store: Store, now: str = START) -> Wiring:
    """Connect an engine whose clock stands at an instant."""
    return connect(Settings(), JinjaRenderer(), clock=FixedClock.of(parse_instant(now)), store=store)


def pass_time(wiring: Wiring, length: str) -> None:
    """Move the clock on."""
    assert isinstance(wiring.clock, FixedClock)
    wiring.clock.at += parse_duration(length) // timedelta(microseconds=1)


def add_contacts(wiring: Wiring, *keys: str, **facts: Any) -> None:
    """Make contacts with a mail address each."""
    rows = [ContactRow(key, **{"email": f"{key}@example.com", **facts}) for key in keys]
    with wiring.store.write() as connection:
        upsert(connection, wiring.store.parts, wiring.workspace_id, rows, wiring.clock.micros())


def go_live(wiring: Wiring, document: Mapping[str, Any] = WELCOME) -> None:
    """Import and publish a flow."""
    flows.import_flow(wiring, document)
    flows.publish(wiring, document["key"])


def happen(wiring: Wiring, contact: str, name: str, **properties: Any) -> None:
    """Let an event of a contact arrive now."""
    now = wiring.clock.micros()
    with wiring.store.write() as connection:
        facts = find(connection, wiring.store.parts, contact, wiring.workspace_id)
        assert facts is not None
        number = sequences.take(connection, facts.part, "event", 1)
        row: dict[str, Any] = {
            "part": facts.part,
            "id": number,
            "workspace_id": wiring.workspace_id,
            "contact_id": facts.id,
        }
        row |= {"name": name, "at": now, "received_at": now, "source": "test", "message_id": f"{contact}/{number}"}
        connection.execute(EVENT.insert().values(**row, properties=properties))


def signed_up(store: Store, *contacts: str, into: Mapping[str, Any] = WELCOME, **facts: Any) -> Wiring:
    """Give an engine with a live flow, for which these contacts have just signed up; nothing has been carried yet."""
    wiring = engine_on(store)
    go_live(wiring, into)
    add_contacts(wiring, *contacts, **facts)
    for contact in contacts:
        happen(wiring, contact, "signed_up")
    return wiring


def tick(wiring: Wiring) -> TickReport:
    """Carry what is due."""
    return tick_once(wiring)


def settle(wiring: Wiring) -> Done:
    """Carry what is due and hand over what is owed."""
    return until_quiet(wiring)


def run_days(wiring: Wiring, days: int, step: str = "6h") -> None:
    """Let days pass, with a look now and then."""
    assert isinstance(wiring.clock, FixedClock)
    end = wiring.clock.at + days * 86_400_000_000
    while wiring.clock.at < end:
        settle(wiring)
        pass_time(wiring, step)
    settle(wiring)
