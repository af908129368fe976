"""Segments at size: a rule over attributes, tags and events is answered, and its members are kept as events come.

There are fifty events of a contact, strewn over ninety days and over the table as they come in life: a contact's events
lie far apart. What it costs to keep the members is measured for a few and for many new events, beside few and many
old ones: it must follow the new ones and not the old ones.
"""

import time
from typing import Any, Final

import sqlalchemy as sa

from bench.databases import Databases, version_of
from bench.results import Result
from bench.world import DAY, START, engine_on, fill
from engine.api import matching, segments
from engine.schedule.work import tick_once
from engine.store.session import Store, open_store
from engine.terms import to_micros
from engine.wiring import Wiring

EACH: Final = 50
LOAD: Final = 1_000_000
SHARE: Final = 1_000_000_007
"""Of 2**32: five names, the first of a fourth of all events."""
RULE: Final[dict[str, Any]] = {
    "all": [
        {"attr": "plan", "op": "is", "value": "trial"},
        {"any": [{"attr": "seats", "op": "gte", "value": 50}, {"tag": "vip"}]},
        {"event": "event0", "count": {"op": "gte", "value": 3}, "within": "30d"},
    ]
}
SECONDS: Final = 5.0
"""An answer within so many seconds is one in seconds."""

FLAT: Final = 2.0
"""Beside ten times as many old events new ones may cost at most so many times as much."""

FEW: Final = 1_000
MANY: Final = 10_000

# The n-th event is of contact n * 7919 mod contacts: neighbours are strangers. What it is and when, by other primes.
EVENTS: Final = """
INSERT INTO event (part, id, workspace_id, contact_id, name, at, received_at, source, message_id, properties)
SELECT {part}, n, 1, 1 + n * 7919 % {people}, 'event' || (n * 2654435761 % 4294967296 / {share}), {at}, {at}, 'bench',
  'm' || n, '{{}}'
FROM ({numbers}) numbers
"""
SQLITE_NUMBERS: Final = (
    "WITH RECURSIVE upto (n) AS (SELECT {first} UNION ALL SELECT n + 1 FROM upto WHERE n < {last}) SELECT n FROM upto"
)
TAGS: Final = "INSERT INTO contact_tag (part, contact_id, tag) SELECT part, id, 'vip' FROM contact WHERE hash % 10 = 0"
NEXT: Final = "SELECT next FROM sequence WHERE part = :part AND name = 'event'"
AT: Final = "{start} - (n * 104729 % 7776000) * 1000000"
"""Within ninety days, to the second."""


def prepare(store: Store, contacts: int, each: int) -> None:
    """Fill a database with contacts, tags and so many events of each."""
    fill(store, contacts)
    strew(store, contacts, contacts * each)
    if store.name == "postgresql":
        with store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("VACUUM ANALYZE")


def strew(store: Store, contacts: int, events: int) -> None:
    """Give contacts tags and events that have been looked at."""
    width = -(-contacts // store.parts)
    with store.write() as connection:
        connection.execute(sa.text(TAGS))
    for part in range(store.parts):
        for first in range(1, events // store.parts + 1, LOAD):
            last = min(first + LOAD - 1, events // store.parts)
            _insert(store, part, first, last, width)
    with store.write() as connection:
        for part in range(store.parts):
            given = {"part": part, "next": events // store.parts + 1}
            connection.execute(sa.text("INSERT INTO sequence (part, name, next) VALUES (:part, 'event', :next)"), given)
            given = {"part": part, "at": events // store.parts}
            connection.execute(
                sa.text("INSERT INTO cursor (part, name, position) VALUES (:part, 'events', :at)"), given
            )


def _insert(store: Store, part: int, first: int, last: int, width: int) -> None:
    series = f"SELECT generate_series(CAST({first} AS bigint), {last}) AS n"
    numbers = SQLITE_NUMBERS.format(first=first, last=last) if store.name == "sqlite" else series
    at = AT.format(start=to_micros(START))
    text = EVENTS.format(part=part, people=width, share=SHARE, at=at, numbers=numbers)
    with store.write() as connection:
        if store.name == "postgresql":
            # Contacts are numbered within their part, not without a gap: what has no contact is left out.
            text = f"{text} WHERE EXISTS (SELECT FROM contact WHERE part = {part} AND id = 1 + n * 7919 % {width})"
        connection.execute(sa.text(text))


def segments_at_size(databases: Databases, contacts: int) -> Result:
    """Answer the rule, look at everybody once, and keep the members while events come."""
    few, many = (_measure(databases, contacts, each) for each in (EACH // 10, EACH))
    growth = many["many_seconds"] / few["many_seconds"]
    follows = many["many_seconds"] / many["few_seconds"]
    return {
        "says": f"a rule of attributes, tag and 3 events in 30 days: {contacts:,} contacts, {many['events']:,} events",
        "version": version_of(databases),
        "ours": {"few": few, "many": many, "new_events": [FEW, MANY]},
        "ours_text": (
            f"exact {many['answer_seconds']:.1f} s, on the page {many['page_seconds']:.1f} s, first look "
            f"{many['first_seconds']:.0f} s, {FEW:,} new events {many['few_seconds']:.2f} s, "
            f"{MANY:,} {many['many_seconds']:.2f} s"
        ),
        "floor_text": "",
        "ratio_text": f"{growth:.2f} with 10 times the old events, {follows:.1f} with {MANY // FEW} times the new",
        "must_text": f"≤ {SECONDS:.0f} s, ≤ {FLAT:.0f} beside 10 times the old",
        "passed": many["answer_seconds"] <= SECONDS and growth <= FLAT,
    }  # fmt: skip


def _measure(databases: Databases, contacts: int, each: int) -> dict[str, float]:
    name = f"segments_{contacts}_{each}"
    databases.template(name, lambda store: prepare(store, contacts, each))
    url = databases.copy(name)
    store = open_store(url)
    try:
        wiring = engine_on(store)
        with store.read() as connection:
            events = int(connection.scalar(sa.text("SELECT count(*) FROM event")) or 0)
        found: dict[str, float] = {"events": events}
        found["page_seconds"] = _timed(lambda: matching.match_rule(wiring, RULE))
        found["answer_seconds"] = _timed(lambda: matching.match_rule(wiring, RULE, most=2 * contacts))
        segments.save_segment(wiring, "eager", RULE)
        found["first_seconds"] = _timed(lambda: tick_once(wiring))
        found["members"] = segments.count_members(wiring, "eager")
        for word, count in (("few", FEW), ("many", MANY)):
            _happen(wiring, contacts, count)
            found[f"{word}_seconds"] = _timed(lambda: tick_once(wiring))
    finally:
        store.close()
        databases.drop(url)
    told = ", ".join(f"{name} {value:,.2f}" for name, value in found.items())
    print(f"  segments {databases.kind} {each} events each: {told}", flush=True)
    return found


def _timed(work: Any) -> float:
    since = time.perf_counter()
    work()
    return time.perf_counter() - since


def _happen(wiring: Wiring, contacts: int, count: int) -> None:
    """Let events come now, of contacts all over the table."""
    store, now = wiring.store, to_micros(START) + DAY // 1000
    width = -(-contacts // store.parts)
    for part in range(store.parts):
        share = -(-count // store.parts)
        with store.write() as connection:
            first = int(connection.scalar(sa.text(NEXT), {"part": part}) or 1)
            rows = [
                {
                    "part": part,
                    "id": first + n,
                    "contact": 1 + (first + n) * 104_729 % width,
                    "at": now,
                    "message": f"n{first + n}",
                }
                for n in range(share)
            ]
            connection.execute(
                sa.text(
                    "INSERT INTO event (part, id, workspace_id, contact_id, name, at, received_at, source, message_id, "
                    "properties) SELECT :part, :id, 1, :contact, 'event0', :at, :at, 'bench', :message, '{}' "
                    "WHERE EXISTS (SELECT 1 FROM contact WHERE part = :part AND id = :contact)"
                ),
                rows,
            )
            connection.execute(
                sa.text("UPDATE sequence SET next = :next WHERE part = :part AND name = 'event'"),
                {"part": part, "next": first + share},
            )
    wiring.clock.at = now  # type: ignore[attr-defined]
