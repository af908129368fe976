"""Half of the parts in another PostgreSQL: what becomes of contacts is the same as if all lay in one."""

from collections.abc import Iterator, Mapping, Sequence

import orjson
import pytest
import sqlalchemy as sa

from bench import storm_world
from bench.databases import PostgresServer
from bench.storm import look_at
from bench.storm_world import CONTACT, INSTANTS
from bench.world import START, engine_on
from engine.clock import FixedClock
from engine.people.contacts import home
from engine.people.intake import Intake, Submission
from engine.people.segment_api import Envelope, read_batch
from engine.schedule.work import until_quiet
from engine.store.session import Store, open_store
from engine.terms import parse_instant, to_micros
from engine.wiring import with_clock
from tests.law.test_migrations import WHOLE
from tests.support import postgres

CONTACTS = 200
PARTS = 8
HALVES = (range(PARTS // 2), range(PARTS // 2, PARTS))
META = CONTACT.metadata.tables["meta"]
LOOKS = INSTANTS[::5]
KEYS = (*(f"c{number:07d}" for number in range(CONTACTS)), *(f"new{number}" for number in range(20)))
"""Those who are there, and some who come with their first event."""


@pytest.fixture
def clusters(worker: str) -> Iterator[tuple[PostgresServer, PostgresServer]]:
    here = postgres.current()
    here.start()
    with postgres.another() as there:
        first, second = (PostgresServer(run.url("postgres"), f"halves_{worker}", PARTS) for run in (here, there))
        yield first, second
        first.clear()


@pytest.mark.timeout(300)
def test_two_clusters_with_half_of_the_parts_each_are_one(clusters: tuple[PostgresServer, PostgresServer]) -> None:
    secrets: list[dict[str, str]] = []

    def fill(store: Store) -> None:
        storm_world.prepare(store, CONTACTS)
        with store.write() as connection:
            # Links are signed with what the first has drawn.
            secrets[:] = secrets or [dict(row) for row in connection.execute(sa.select(META)).mappings()]
            connection.execute(META.delete())
            connection.execute(META.insert(), secrets)

    for server in clusters:
        server.template("storm", fill)
    whole = _played(clusters[0], dict.fromkeys(range(PARTS), 0), 0)
    # Which cluster has a part.
    places = {part: number for number, parts in enumerate(HALVES) for part in parts}
    halves = [_played(server, places, number) for number, server in enumerate(clusters)]
    for name, rows in whole.items():
        if name in WHOLE:
            assert [half[name] for half in halves if half[name] != rows] == [], name
        else:
            assert sorted((row for half in halves for row in half[name]), key=repr) == rows, name
    # Otherwise there was nothing to put together.
    for half in halves:
        assert all(len(half[name]) > CONTACTS / 10 for name in ("journal", "message", "inbox", "membership", "event"))


def _take_events(store: Store, keys: Sequence[str]) -> None:
    intake, received = Intake(store), to_micros(START)
    for key in keys:
        call = {"type": "track", "userId": key, "event": "used", "messageId": f"m-{key}", "properties": {"plan": "big"}}
        accepted, _ = read_batch(orjson.dumps(call), [call], Envelope("site", received))
        intake.submit(Submission("site", received, accepted, []))
        # Each by itself, so that a part's events are numbered the same whoever comes between them.
        intake.drain()


def _played(server: PostgresServer, places: Mapping[int, int], number: int) -> Mapping[str, list[tuple[object, ...]]]:
    """Let a database keep the parts that are its own, send it the events of its contacts, and play to the end."""
    url = server.copy("storm")
    store = open_store(url)
    others = [part for part in range(PARTS) if places[part] != number]
    try:
        with store.write() as connection:
            for table in CONTACT.metadata.sorted_tables:
                if table.name not in WHOLE:
                    connection.execute(table.delete().where(table.c.part.in_(others)))
        _take_events(store, [key for key in KEYS if places[home(key, PARTS)] == number])
        wiring = engine_on(store)
        for instant in LOOKS:
            until_quiet(with_clock(wiring, FixedClock.of(parse_instant(instant))))
    finally:
        store.close()
    found = look_at(url, LOOKS[-1])
    server.drop(url)
    assert sum(found.broken.values()) == 0
    return found.contents
