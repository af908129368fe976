"""The kill storm in small: what ``make storm`` does for 20,000 contacts and a hundred kills."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.databases import Databases, PostgresServer, SqliteFiles
from bench.storm import storm
from bench.storm_world import INSTANTS
from tests.support import postgres

CONTACTS = 500
KILLS = 5
LOOKS = INSTANTS[::5]


@pytest.fixture
def databases(database: str, tmp_path: Path, worker: str) -> Iterator[Databases]:
    if database == "sqlite":
        yield SqliteFiles(tmp_path)
        return
    run = postgres.current()
    run.start()
    server = PostgresServer(run.url("postgres"), prefix=f"storm_{worker}", parts=4)
    yield server
    server.clear()


@pytest.mark.timeout(300)
def test_killed_again_and_again_it_ends_as_if_nobody_had_been(databases: Databases) -> None:
    outcome = storm(databases, CONTACTS, KILLS, instants=LOOKS)
    assert outcome.kills > 0
    assert outcome.differences == []
    assert sum(outcome.broken.values()) == 0
    # Otherwise the storm had nothing to destroy.
    for table in ("journal", "message", "inbox", "membership", "contact_tag"):
        assert outcome.rows[table] > CONTACTS / 10
