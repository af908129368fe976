"""The least that PostgreSQL must do for the bench's flow: as in ``floor_sqlite``, over ranges of parts."""

from collections.abc import Callable
from typing import Any, Final

import psycopg
from sqlalchemy import make_url

from bench.floor_sqlite import BATCH, ENTRY, HELLO, RULE, SPLIT, WAIT
from bench.samples import Sample, measured
from bench.timings import stamp
from bench.world import DAY, START
from engine.terms import to_micros

Run = Callable[..., int]

TABLES: Final = """
CREATE TABLE floor_token (part smallint NOT NULL, id bigint NOT NULL, node smallint NOT NULL, way smallint NOT NULL,
  due_at bigint, PRIMARY KEY (part, id));
CREATE INDEX ix_floor_due ON floor_token (due_at) WHERE due_at IS NOT NULL;
CREATE TABLE floor_journal (part smallint NOT NULL, node smallint NOT NULL, port smallint NOT NULL,
  token bigint NOT NULL, at bigint NOT NULL);
CREATE TABLE floor_message (part smallint NOT NULL, node smallint NOT NULL, state smallint NOT NULL,
  contact bigint NOT NULL, due_at bigint NOT NULL);
"""
HERE: Final = "part >= %(first)s AND part <= %(last)s"
LETS_IN: Final = f"""
INSERT INTO floor_token (part, id, node, way, due_at)
SELECT part, id, {WAIT},
  (CASE WHEN attributes ->> 'plan' = 'trial' THEN 0 ELSE 2 END)
  + (CASE WHEN (hash * 48271 + 11) %% 2147483647 %% 10000 < 5000 THEN 0 ELSE 1 END), %(due)s
FROM contact WHERE {HERE}"""  # noqa: S608
JOURNAL: Final = f"""
INSERT INTO floor_journal (part, node, port, token, at)
SELECT part, s.node, CASE s.node WHEN {RULE} THEN way >> 1 WHEN {SPLIT} THEN way & 1 ELSE 0 END, id, %(now)s
FROM floor_token, (VALUES ({ENTRY}), ({RULE}), ({SPLIT})) s (node) WHERE {HERE}
UNION ALL SELECT part, {HELLO} + (way & 1), 0, id, %(now)s FROM floor_token WHERE {HERE}"""  # noqa: S608
OWES: Final = f"""
INSERT INTO floor_message (part, node, state, contact, due_at)
SELECT part, {HELLO} + (way & 1), 0, id, %(now)s FROM floor_token WHERE {HERE}"""  # noqa: S608
LEAVES: Final = f"""
INSERT INTO floor_journal (part, node, port, token, at)
SELECT part, node, 0, id, %(now)s FROM floor_token WHERE {HERE} AND due_at <= %(now)s"""  # noqa: S608
ENDS: Final = f"UPDATE floor_token SET node = -1, due_at = NULL WHERE {HERE} AND due_at <= %(now)s"  # noqa: S608


def carry(url: str, contacts: int) -> Sample:
    """Carry all contacts of a database through."""
    plain = make_url(url).set(drivername="postgresql").render_as_string(False)
    with psycopg.connect(plain, autocommit=True) as connection:
        connection.execute(TABLES)
        where = places(connection, contacts)
        with measured() as sample:

            def run(text: str, **given: Any) -> int:
                since = stamp()
                count = connection.execute(text, given or None).rowcount
                sample.timings.add(text, since)
                return count

            sample.work = let_in(run, where) + _go_on(run, where)
    return sample


def places(connection: "psycopg.Connection[Any]", contacts: int) -> list[dict[str, int]]:
    """List ranges of parts with about a batch of contacts each."""
    (parts,) = connection.execute("SELECT max(part) + 1 FROM contact").fetchone() or (1,)
    width = max(1, BATCH * parts // max(contacts, 1))
    return [{"first": first, "last": first + width - 1} for first in range(0, parts, width)]


def let_in(run: Run, where: list[dict[str, int]]) -> int:
    """Let everybody in, up to the wait; give the number of steps."""
    now, steps = to_micros(START), 0
    for place in where:
        run("BEGIN")
        run(LETS_IN, **place, due=now + DAY)
        steps += run(JOURNAL, **place, now=now)
        run(OWES, **place, now=now)
        run("COMMIT")
    return steps


def _go_on(run: Run, where: list[dict[str, int]]) -> int:
    now, steps = to_micros(START) + DAY, 0
    for place in where:
        run("BEGIN")
        steps += run(LEAVES, **place, now=now)
        run(ENDS, **place, now=now)
        run("COMMIT")
    return steps
