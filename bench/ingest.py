"""Event ingest, from the bodies of requests; and its floor: the same bodies parsed and put into the table in batches.

The floor trusts the bodies and knows the table, but it too finds each event's contact and passes over known messages.
"""

import random
import sqlite3
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any, Final

import orjson
import psycopg
from sqlalchemy import make_url

from bench.floor_sqlite import BATCH, PRAGMAS
from bench.samples import Sample, measured
from bench.timings import timed
from bench.world import START, fill
from engine.people.intake import Intake, Submission
from engine.people.segment_api import Envelope, read_batch
from engine.store.session import Store, open_store
from engine.terms import contact_hash, part_of, to_micros

CALLS: Final = 1_000
"""Calls of one request."""

EVENTS_EACH: Final = 10
"""Events of one contact."""

NAMES: Final = ("opened_app", "used_feature", "viewed_plan", "invited")
COLUMNS: Final = "part, id, workspace_id, contact_id, name, at, received_at, source, message_id, properties"


def prepare(store: Store, events: int) -> None:
    """Fill a database with the contacts of so many events."""
    fill(store, max(events // EVENTS_EACH, 1))


@cache
def bodies(events: int) -> Sequence[bytes]:
    """Make the bodies of batch requests."""
    dice = random.Random(3)
    people = max(events // EVENTS_EACH, 1)
    calls = [
        {
            "type": "track",
            "messageId": f"m{number:09d}",
            "userId": f"c{dice.randrange(people):07d}",
            "event": dice.choice(NAMES),
            "timestamp": "2026-03-02T08:59:00.000Z",
            "properties": {"plan": dice.choice(("small", "big")), "seats": dice.randrange(200)},
        }
        for number in range(events)
    ]
    return [orjson.dumps({"batch": calls[start : start + CALLS]}) for start in range(0, events, CALLS)]


def take(url: str, events: int) -> Sample:
    """Read, queue and write the calls with the engine."""
    store = open_store(url)
    given = bodies(events)
    intake = Intake(store)
    envelope = Envelope("bench", to_micros(START))
    try:
        with timed(store.engine) as timings, measured() as sample:
            waiting = []
            for number, body in enumerate(given, start=1):
                accepted, refused = read_batch(body, orjson.loads(body)["batch"], envelope)
                waiting.append(intake.submit(Submission("bench", envelope.received_at, accepted, refused)))
                sample.work += len(accepted)
                if number % 5 == 0 or number == len(given):
                    intake.drain()
            for future in waiting:
                future.result(timeout=0)
        sample.timings = timings
    finally:
        store.close()
    if sample.work != events:
        raise AssertionError(f"{sample.work} of {events} events were accepted")
    return sample


def take_raw(url: str, events: int, parts: int) -> Sample:
    """Put the calls straight into the table."""
    write = _into_sqlite if url.startswith("sqlite") else _into_postgresql
    return write(url, bodies(events), parts)


def _into_sqlite(url: str, given: Sequence[bytes], parts: int) -> Sample:
    connection = sqlite3.connect(str(make_url(url).database), isolation_level=None)
    for pragma in PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")
    insert = (
        f"INSERT INTO event ({COLUMNS}) SELECT ?, ?, 1, id, ?, ?, ?, 'bench', ?, ? FROM contact "  # noqa: S608
        "WHERE part = ? AND workspace_id = 1 AND key = ? ON CONFLICT DO NOTHING"
    )
    with measured() as sample:
        for rows in _batches(given, parts):
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(insert, [(part, *row, part, key) for part, key, *row in rows])
            connection.execute("COMMIT")
            sample.work += len(rows)
    connection.close()
    return sample


def _into_postgresql(url: str, given: Sequence[bytes], parts: int) -> Sample:
    plain = make_url(url).set(drivername="postgresql").render_as_string(False)
    insert = (
        f"INSERT INTO event ({COLUMNS}) SELECT c.part, r.number, 1, c.id, r.name, r.at, r.received_at, 'bench', "  # noqa: S608
        "r.message_id, r.properties FROM incoming r JOIN contact c ON c.part = r.part AND c.workspace_id = 1 "
        "AND c.key = r.key ON CONFLICT DO NOTHING"
    )
    with psycopg.connect(plain) as connection:
        connection.execute(
            "CREATE TEMPORARY TABLE incoming (part bigint, key text, number bigint, name text, at bigint, "
            "received_at bigint, message_id text, properties jsonb)"
        )
        connection.commit()
        with measured() as sample:
            for rows in _batches(given, parts):
                with connection.cursor() as cursor:
                    cursor.execute("TRUNCATE incoming")
                    with cursor.copy("COPY incoming FROM STDIN") as copy:
                        for row in rows:
                            copy.write_row(row)
                    cursor.execute(insert)
                connection.commit()
                sample.work += len(rows)
    return sample


def _batches(given: Sequence[bytes], parts: int) -> Iterator[list[tuple[Any, ...]]]:
    now, following = to_micros(START), [1] * parts
    at = now - 60_000_000
    rows: list[tuple[Any, ...]] = []
    for body in given:
        for call in orjson.loads(body)["batch"]:
            key = call["userId"]
            part = part_of(contact_hash(key), parts)
            number = following[part]
            following[part] += 1
            properties = orjson.dumps(call["properties"]).decode()
            rows.append((part, key, number, call["event"], at, now, call["messageId"], properties))
        if len(rows) >= BATCH:
            yield rows
            rows = []
    if rows:
        yield rows
