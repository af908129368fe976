"""The least that SQLite must do for the bench's flow: hand-written SQL, rest to rest, one token write.

Batches of 10,000, a transaction each, ``synchronous=FULL``; the contact's own table; a token, one journal row a step,
a message. The token is routed when it is written and the journal is written from the tokens.
"""

import sqlite3
from collections.abc import Callable
from typing import Final

from sqlalchemy import make_url

from bench.samples import Sample, measured
from bench.timings import stamp
from bench.world import DAY, START
from engine.terms import to_micros

BATCH: Final = 10_000
ENTRY, RULE, SPLIT, HELLO, WELCOME, WAIT = range(6)
PRAGMAS: Final = ("journal_mode=WAL", "synchronous=FULL", "cache_size=-65536", "mmap_size=268435456")
Run = Callable[..., int]

TABLES: Final = """
CREATE TABLE floor_token (id INTEGER PRIMARY KEY, node INTEGER NOT NULL, due_at INTEGER, way INTEGER NOT NULL);
CREATE INDEX ix_floor_due ON floor_token (due_at) WHERE due_at IS NOT NULL;
CREATE TABLE floor_journal (token INTEGER NOT NULL, node INTEGER NOT NULL, port INTEGER NOT NULL, at INTEGER NOT NULL);
CREATE TABLE floor_message (contact INTEGER NOT NULL, node INTEGER NOT NULL, state INTEGER NOT NULL, due_at INTEGER);
"""
LETS_IN: Final = f"""
INSERT INTO floor_token
SELECT id, {WAIT}, :due,
  (CASE WHEN json_extract(attributes, '$.plan') = 'trial' THEN 0 ELSE 2 END)
  + (CASE WHEN (hash * 48271 + 11) % 2147483647 % 10000 < 5000 THEN 0 ELSE 1 END)
FROM contact WHERE part = 0 AND id > :first AND id <= :last"""  # noqa: S608
JOURNAL: Final = f"""
INSERT INTO floor_journal
SELECT id, s.node, CASE s.node WHEN {RULE} THEN way >> 1 WHEN {SPLIT} THEN way & 1 ELSE 0 END, :now
FROM floor_token, (SELECT {ENTRY} AS node UNION ALL SELECT {RULE} UNION ALL SELECT {SPLIT}) s
WHERE id > :first AND id <= :last
UNION ALL SELECT id, {HELLO} + (way & 1), 0, :now FROM floor_token WHERE id > :first AND id <= :last"""  # noqa: S608
OWES: Final = f"""
INSERT INTO floor_message SELECT id, {HELLO} + (way & 1), 0, :now FROM floor_token
WHERE id > :first AND id <= :last"""  # noqa: S608
DUE: Final = "SELECT id FROM floor_token WHERE due_at <= :now"
LEAVES: Final = """
INSERT INTO floor_journal SELECT id, node, 0, :now FROM floor_token
WHERE id >= :first AND id <= :last AND due_at <= :now"""
ENDS: Final = """
UPDATE floor_token SET node = -1, due_at = NULL WHERE id >= :first AND id <= :last AND due_at <= :now"""


def carry(url: str, contacts: int) -> Sample:
    """Carry all contacts of a database through."""
    connection = sqlite3.connect(str(make_url(url).database), isolation_level=None)
    for pragma in PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")
    connection.executescript(TABLES)
    with measured() as sample:

        def run(text: str, **given: int) -> int:
            since = stamp()
            count = connection.execute(text, given).rowcount
            sample.timings.add(text, since)
            return count

        sample.work = let_in(run, contacts) + _go_on(connection, run)
    connection.close()
    return sample


def let_in(run: Run, contacts: int) -> int:
    """Let everybody in, up to the wait; give the number of steps."""
    now, steps = to_micros(START), 0
    for first in range(0, contacts, BATCH):
        place = {"first": first, "last": first + BATCH}
        run("BEGIN IMMEDIATE")
        run(LETS_IN, **place, due=now + DAY)
        steps += run(JOURNAL, **place, now=now)
        run(OWES, **place, now=now)
        run("COMMIT")
    return steps


def _go_on(connection: sqlite3.Connection, run: Run) -> int:
    now, steps = to_micros(START) + DAY, 0
    due = sorted(row[0] for row in connection.execute(DUE, {"now": now}))
    for start in range(0, len(due), BATCH):
        batch = due[start : start + BATCH]
        place = {"first": batch[0], "last": batch[-1], "now": now}
        run("BEGIN IMMEDIATE")
        steps += run(LEAVES, **place)
        run(ENDS, **place)
        run("COMMIT")
    return steps
