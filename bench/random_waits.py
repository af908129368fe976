"""Waits that come due in random order: the bench's flow, whose wait ends for everybody at another minute of the day.

After the first half of the way each token gets a due instant of its own, unmeasured and the same for both sides; then
the day is gone through in ``TICKS`` ticks, each of which finds its tokens strewn over the whole table. The floor lists
them by the index on ``due_at`` and takes them in the order of the table, in one transaction a tick.
"""

import sqlite3
from typing import Final

import psycopg
import sqlalchemy as sa
from sqlalchemy import make_url

from bench import executor, floor_postgresql, floor_sqlite
from bench.executor import move
from bench.floor_sqlite import PRAGMAS
from bench.samples import Sample, measured
from bench.timings import stamp, timed
from bench.world import DAY, FLOW, START, STEPS, engine_on
from engine.api.enroll import enroll_all
from engine.store.session import Store, open_store
from engine.terms import MINUTE, to_micros

TICKS: Final = 100
SCATTER: Final = (
    "UPDATE {table} SET due_at = due_at - ({id} * 7919 % 1440) * 60000000 WHERE due_at IS NOT NULL"  # 1440 minutes
)
"""7919 is prime to 1440: neighbours in the table are hours apart."""

TAKEN: Final = {
    "sqlite": (
        "CREATE TEMPORARY TABLE taken (id INTEGER PRIMARY KEY)",
        "DELETE FROM taken",
        "INSERT INTO taken SELECT id FROM floor_token WHERE due_at <= :now ORDER BY id",
        "INSERT INTO floor_journal SELECT t.id, t.node, 0, :now FROM taken JOIN floor_token t ON t.id = taken.id",
        "UPDATE floor_token SET node = -1, due_at = NULL WHERE id IN (SELECT id FROM taken)",
    ),
    "postgresql": (
        "CREATE TEMPORARY TABLE taken (part smallint, id bigint)",
        "TRUNCATE taken",
        "INSERT INTO taken SELECT part, id FROM floor_token WHERE due_at <= %(now)s ORDER BY part, id",
        (
            "INSERT INTO floor_journal (part, node, port, token, at) SELECT t.part, t.node, 0, t.id, %(now)s "
            "FROM taken JOIN floor_token t ON t.part = taken.part AND t.id = taken.id"
        ),
        "UPDATE floor_token t SET node = -1, due_at = NULL FROM taken WHERE t.part = taken.part AND t.id = taken.id",
    ),
}


def instants() -> list[int]:
    """List when the ticks are: evenly over the day in which the waits end."""
    begin = to_micros(START)
    return [begin + DAY * tick // TICKS + MINUTE for tick in range(1, TICKS + 1)]


def carry(url: str, contacts: int) -> Sample:
    """Let everybody in, carry them to the wait, and through a day in which everybody's ends at another minute."""
    store = open_store(url)
    try:
        wiring = engine_on(store)
        with timed(store.engine) as timings:
            with measured() as first:
                steps = enroll_all(wiring, FLOW["key"]).steps + move(wiring, to_micros(START))
            _scatter(store)
            with measured() as second:
                steps += sum(move(wiring, instant) for instant in instants())
    finally:
        store.close()
    if steps != STEPS * contacts:
        raise AssertionError(f"{contacts} contacts took {steps} steps instead of {STEPS * contacts}")
    return _both(first, second, steps, timings_of=Sample(timings=timings))


def _both(first: Sample, second: Sample, steps: int, timings_of: Sample) -> Sample:
    half = {"waits": f"{steps / STEPS / second.seconds:,.0f}/s"}
    return Sample(steps, first.seconds + second.seconds, first.busy + second.busy, timings_of.timings, half)


def _scatter(store: Store) -> None:
    with store.write() as connection:
        connection.execute(sa.text(SCATTER.format(table="token", id="contact_id")))
    if store.name == "postgresql":
        with store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("VACUUM ANALYZE token")


def carry_sqlite(url: str, contacts: int) -> Sample:
    """Do the same in SQL written by hand, on SQLite."""
    connection = sqlite3.connect(str(make_url(url).database), isolation_level=None)
    for pragma in PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")
    connection.executescript(floor_sqlite.TABLES)
    connection.execute(TAKEN["sqlite"][0])
    sample = Sample()

    def run(text: str, **given: int) -> int:
        since = stamp()
        count = connection.execute(text, given).rowcount
        sample.timings.add(text, since)
        return count

    with measured() as first:
        steps = floor_sqlite.let_in(run, contacts)
    connection.execute(SCATTER.format(table="floor_token", id="id"))
    with measured() as second:
        steps += _days(run, TAKEN["sqlite"][1:])
    connection.close()
    return _both(first, second, steps, sample)


def carry_postgresql(url: str, contacts: int) -> Sample:
    """Do the same in SQL written by hand, on PostgreSQL."""
    plain = make_url(url).set(drivername="postgresql").render_as_string(False)
    sample = Sample()
    with psycopg.connect(plain, autocommit=True) as connection:
        connection.execute(floor_postgresql.TABLES)
        connection.execute(TAKEN["postgresql"][0])
        places = floor_postgresql.places(connection, contacts)

        def run(text: str, **given: int) -> int:
            since = stamp()
            count = connection.execute(text, given or None).rowcount
            sample.timings.add(text, since)
            return count

        with measured() as first:
            steps = floor_postgresql.let_in(run, places)
        connection.execute(SCATTER.format(table="floor_token", id="id"))
        connection.execute("VACUUM ANALYZE floor_token")
        with measured() as second:
            steps += _days(run, TAKEN["postgresql"][1:])
    return _both(first, second, steps, sample)


def _days(run: floor_sqlite.Run, statements: tuple[str, ...]) -> int:
    empty, take, leave, end = statements
    steps = 0
    for now in instants():
        run("BEGIN")
        run(empty)
        run(take, now=now)
        steps += run(leave, now=now)
        run(end)
        run("COMMIT")
    return steps


prepare = executor.prepare
