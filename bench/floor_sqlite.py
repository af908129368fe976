"""The least that SQLite must do for the bench's flow: hand-written SQL, rest to rest, one token write."""

import sqlite3
import time
from pathlib import Path
from typing import Final

from bench.timings import Timings, stamp
from bench.world import DAY, START
from engine.terms import to_micros

BATCH: Final = 10_000
ENTRY, RULE, SPLIT, HELLO, WELCOME, WAIT = range(6)
YES, OTHERWISE, OUT = 0, 1, 0
PRAGMAS: Final = ("journal_mode=WAL", "synchronous=FULL", "cache_size=-65536", "mmap_size=268435456")

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
SELECT id, s.node,
  CASE s.node WHEN {RULE} THEN way >> 1 WHEN {SPLIT} THEN way & 1 ELSE 0 END, :now
FROM floor_token, (SELECT {ENTRY} AS node UNION ALL SELECT {RULE} UNION ALL SELECT {SPLIT}) s
WHERE id > :first AND id <= :last
UNION ALL SELECT id, {HELLO} + (way & 1), 0, :now FROM floor_token WHERE id > :first AND id <= :last"""  # noqa: S608
OWES: Final = f"""
INSERT INTO floor_message SELECT id, {HELLO} + (way & 1), 0, :now FROM floor_token
WHERE id > :first AND id <= :last"""  # noqa: S608
DUE: Final = "SELECT id FROM floor_token WHERE due_at <= :now"
LEAVES: Final = f"""
INSERT INTO floor_journal SELECT id, node, {OUT}, :now FROM floor_token
WHERE id >= :first AND id <= :last AND due_at <= :now"""  # noqa: S608
ENDS: Final = """
UPDATE floor_token SET node = -1, due_at = NULL WHERE id >= :first AND id <= :last AND due_at <= :now"""


def measure(file: Path) -> tuple[float, int, Timings]:
    """Carry all contacts of a database through; give seconds, steps and the time of each statement."""
    connection = sqlite3.connect(file, isolation_level=None)
    for pragma in PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")
    connection.executescript(TABLES)
    timings = Timings()

    def run(sql: str, **given: int) -> int:
        since = stamp()
        count = connection.execute(sql, given).rowcount
        timings.add(sql, since)
        return count

    begun = time.perf_counter()
    steps = _entry(connection, run)
    steps += _wave(connection, run)
    seconds = time.perf_counter() - begun
    connection.close()
    return seconds, steps, timings


def _entry(connection, run) -> int:  # type: ignore[no-untyped-def]
    now = to_micros(START)
    (highest,) = connection.execute("SELECT max(id) FROM contact").fetchone()
    steps = 0
    for first in range(0, highest, BATCH):
        place = {"first": first, "last": first + BATCH}
        run("BEGIN IMMEDIATE")
        run(LETS_IN, **place, due=now + DAY)
        steps += run(JOURNAL, **place, now=now)
        run(OWES, **place, now=now)
        run("COMMIT")
    return steps


def _wave(connection, run) -> int:  # type: ignore[no-untyped-def]
    now = to_micros(START) + DAY
    due = sorted(row[0] for row in connection.execute(DUE, {"now": now}))
    steps = 0
    for start in range(0, len(due), BATCH):
        batch = due[start : start + BATCH]
        place = {"first": batch[0], "last": batch[-1], "now": now}
        run("BEGIN IMMEDIATE")
        steps += run(LEAVES, **place)
        run(ENDS, **place)
        run("COMMIT")
    return steps
