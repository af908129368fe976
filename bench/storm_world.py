"""What the storm rages over: three flows with a bit of everything, contacts, and events of the days to come."""

import random
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Final

import orjson
import sqlalchemy as sa

from bench.world import DAY, START, engine_on, fill, go_live
from engine.store.session import Store
from engine.store.tables import Contact, Delivery, Event, Journal
from engine.terms import format_instant, to_micros

CONTACT: sa.Table = Contact.__table__  # type: ignore[attr-defined]
DELIVERY: sa.Table = Delivery.__table__  # type: ignore[attr-defined]
EVENT: sa.Table = Event.__table__  # type: ignore[attr-defined]
JOURNAL: sa.Table = Journal.__table__  # type: ignore[attr-defined]
ZONES: Final = ("Asia/Shanghai", "Europe/Berlin", "America/New_York", "Nowhere/Land")
HOURS: Final = 6
DAYS: Final = 5
INSTANTS: Final = tuple(format_instant(START + timedelta(hours=hours)) for hours in range(0, DAYS * 24 + 1, HOURS))
"""When somebody looks."""

FLOW: Final[dict[str, Any]] = {
    "dripline": 1,
    "key": "storm",
    "name": "Storm",
    "settings": {"goal": {"event": "bought"}, "quiet_hours": {"from": "22:00", "to": "07:00"}},
    "nodes": [
        {"id": "start", "type": "trigger.event", "config": {"event": "signed_up"}},
        {"id": "hello", "type": "send.email", "config": {"subject": "Hello", "text": "Hello"}},
        {"id": "mark", "type": "contact.tag", "config": {"add": ["welcomed"]}},
        {"id": "day", "type": "wait.delay", "config": {"duration": "1d"}},
        {"id": "use", "type": "wait.event", "config": {"event": "used", "timeout": "2d"}},
        {"id": "active", "type": "contact.tag", "config": {"add": ["active"], "remove": ["welcomed"]}},
        {"id": "points", "type": "contact.score", "config": {"add": 5}},
        {"id": "both", "type": "path.join"},
        {
            "id": "which",
            "type": "branch.rule",
            "config": {"cases": [{"port": "yes", "when": {"tag": "active"}}]},
        },
        {"id": "half", "type": "split.random", "config": {"weights": {"a": 1, "b": 1}}},
        {"id": "morning", "type": "wait.until", "config": {"at": "09:00"}},
        {"id": "thanks", "type": "send.email", "config": {"subject": "Thanks", "text": "Thanks"}},
        {"id": "nudge", "type": "send.email", "config": {"subject": "Stuck?", "text": "Stuck?"}},
        {"id": "stage", "type": "contact.stage", "config": {"to": "customer"}},
    ],
    "edges": [
        {"from": "start", "to": "hello"},
        {"from": "start", "to": "mark"},
        {"from": "hello", "to": "day"},
        {"from": "day", "to": "both"},
        {"from": "mark", "to": "use"},
        {"from": "use", "port": "happened", "to": "active"},
        {"from": "use", "port": "timeout", "to": "both"},
        {"from": "active", "to": "points"},
        {"from": "points", "to": "both"},
        {"from": "both", "to": "which"},
        {"from": "which", "port": "yes", "to": "half"},
        {"from": "which", "port": "else", "to": "nudge"},
        {"from": "half", "port": "a", "to": "thanks"},
        {"from": "half", "port": "b", "to": "morning"},
        {"from": "morning", "to": "thanks"},
        {"from": "thanks", "to": "stage"},
    ],
}
"""Two parallel paths and their join, waits for time, event and hour, messages, changed facts, a goal."""

CARE: Final[dict[str, Any]] = {
    "dripline": 1,
    "key": "care",
    "name": "Care",
    "nodes": [
        {"id": "start", "type": "trigger.segment", "config": {"when": {"tag": "active"}}},
        {"id": "while", "type": "wait.rule", "config": {"when": {"stage": "customer"}, "timeout": "1d"}},
        {"id": "letter", "type": "send.email", "config": {"subject": "Care", "text": "Care"}},
    ],
    "edges": [
        {"from": "start", "to": "while"},
        {"from": "while", "port": "matched", "to": "letter"},
    ],
}
"""Let in by what the other flow changes."""

DRIP: Final[dict[str, Any]] = {
    "dripline": 1,
    "key": "drip",
    "name": "Drip",
    "nodes": [
        {"id": "start", "type": "trigger.event", "config": {"event": "signed_up"}},
        {"id": "half", "type": "split.random", "config": {"weights": {"a": 1, "b": 1}}},
        {"id": "first", "type": "send.email", "config": {"subject": "First", "text": "First"}},
        {"id": "day", "type": "wait.delay", "config": {"duration": "1d"}},
        {"id": "again", "type": "wait.delay", "config": {"duration": "12h"}},
        {"id": "second", "type": "send.email", "config": {"subject": "Second", "text": "Second"}},
        {"id": "end", "type": "wait.delay", "config": {"duration": "1d"}},
    ],
    "edges": [
        {"from": "start", "to": "half"},
        {"from": "half", "port": "a", "to": "first"},
        {"from": "half", "port": "b", "to": "day"},
        {"from": "first", "to": "day"},
        {"from": "day", "to": "again"},
        {"from": "again", "to": "second"},
        {"from": "second", "to": "end"},
    ],
}
"""All its ways are known beforehand; after two of its waits nothing is done."""


def prepare(store: Store, contacts: int, seed: int = 1) -> None:
    """Fill a database: contacts, live flows, and the events that are going to happen."""
    wiring = engine_on(store)
    go_live(wiring, FLOW)
    go_live(wiring, CARE)
    go_live(wiring, DRIP)
    fill(store, contacts)
    with store.write() as connection:
        zone = sa.case(dict(enumerate(ZONES)), value=CONTACT.c.hash % len(ZONES))
        connection.execute(CONTACT.update().values(timezone=zone))
        places = connection.execute(
            sa.select(CONTACT.c.part, CONTACT.c.id).order_by(CONTACT.c.part, CONTACT.c.id)
        ).all()
        rows = sorted(_events(places, seed), key=lambda row: (row["part"], row["at"], row["message_id"]))
        following: dict[int, int] = {}
        for row in rows:
            row["id"] = following[row["part"]] = following.get(row["part"], 0) + 1
        connection.execute(EVENT.insert(), rows)
        numbers = [{"part": part, "next": last + 1} for part, last in following.items()]
        connection.execute(sa.text("INSERT INTO sequence (part, name, next) VALUES (:part, 'event', :next)"), numbers)


def _events(places: Any, seed: int) -> Iterator[dict[str, Any]]:
    dice = random.Random(seed)
    begin = to_micros(START)
    for number, (part, contact) in enumerate(places):
        told = [("signed_up", dice.randrange(0, 2 * DAY))] if dice.random() < 0.95 else []
        told += [("used", dice.randrange(0, 4 * DAY)) for _ in range(dice.choice((0, 1, 1, 2)))]
        told += [("bought", dice.randrange(DAY // 2, 5 * DAY))] if dice.random() < 0.2 else []
        for place, (name, after) in enumerate(told):
            row = {"part": part, "workspace_id": 1, "contact_id": contact, "name": name, "at": begin + after}
            row |= {"received_at": begin, "source": "storm", "message_id": f"{number}/{place}"}
            yield {**row, "properties": {"plan": dice.choice(("small", "big"))}}


def contents(store: Store) -> dict[str, list[tuple[Any, ...]]]:
    """Read all tables in an order of their own, without what tells processes, attempts and sizes of waves apart.

    Of attempts to hand a message over, those that went well are read, each message once: one whose worker fell silent
    in the midst of the first is handed over again, and its inbox takes it once (``repeated`` counts those).
    """
    with store.read() as connection:
        return {
            table.name: sorted((tuple(map(_plain, row)) for row in connection.execute(_reading(table))), key=repr)
            for table in CONTACT.metadata.sorted_tables
            if table.name not in PASSING
        }


def repeated(store: Store) -> int:
    """Count attempts to hand a message over beyond the first of each."""
    of_message = [DELIVERY.c[name] for name in ("part", "contact_id", "enrollment_id", "node", "passing")]
    messages = sa.select(*of_message).distinct().subquery()
    with store.read() as connection:
        attempts, handed = (
            connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0 for table in (DELIVERY, messages)
        )
    return attempts - handed


def _reading(table: sa.Table) -> sa.Select[Any]:
    reading = sa.select(*_kept(table))
    return reading.where(DELIVERY.c.outcome == "sent").distinct() if table is DELIVERY else reading


def _in_turn() -> sa.ColumnElement[int]:
    """Count each contact's waves: on SQLite a wave is as large as time allows, and a part's numbers follow from it."""
    waves = JOURNAL.c.wave
    return sa.func.dense_rank().over(partition_by=(JOURNAL.c.part, JOURNAL.c.contact_id), order_by=waves).label("wave")


UNEQUAL: Final = {"message": ("worker", "attempt"), "delivery": ("attempt",)}
"""Who handed a message over, and at which attempt, is no part of what was done."""


PASSING: Final = ("lease",)
"""Who is alive is no part of it either."""


def _kept(table: sa.Table) -> list[sa.ColumnElement[Any]]:
    kept: list[sa.ColumnElement[Any]] = [each for each in table.columns if each.name not in UNEQUAL.get(table.name, ())]
    return [_in_turn() if each is JOURNAL.c.wave else each for each in kept]


def _plain(value: object) -> object:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode() if isinstance(value, (dict, list)) else value
