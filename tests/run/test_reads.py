"""What a statement of the executor reads is in proportion to what moves, never to what is there (SQLite's plans)."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from engine.store import migrate
from engine.store.session import open_store
from tests.flows.rehearsal import play
from tests.support.engines import add_contacts, engine_on, go_live, happen, pass_time, settle

WHOLE = re.compile(
    r"\(part=\?\)|"
    r"^SCAN (token|enrollment|contact|contact_tag|event|message|journal|membership|recheck|exposure|planned)\b"
)
"""A part, or a table, from its beginning to its end."""

FIFTH = 5
"""A statement counts that has run so often: the first ones settle the world and let everybody in."""


@contextmanager
def watched(found: dict[str, list[str]]) -> Iterator[None]:
    """Note what statements read whole, on every engine."""
    runs: dict[str, int] = {}

    def after(connection: Any, cursor: Any, statement: str, given: Any, _context: Any, many: bool) -> None:
        runs[statement] = runs.get(statement, 0) + 1
        if many or runs[statement] != FIFTH or not re.match(r"\s*(INSERT|UPDATE|DELETE|SELECT|WITH)\b", statement):
            return
        told = connection.connection.driver_connection.execute(f"EXPLAIN QUERY PLAN {statement}", given)
        whole = [line[3] for line in told if WHOLE.search(line[3])]
        if whole:
            found[statement] = whole

    sa.event.listen(Engine, "after_cursor_execute", after)
    try:
        yield
    finally:
        sa.event.remove(Engine, "after_cursor_execute", after)


def test_a_rehearsed_flow_reads_no_part_whole() -> None:
    found: dict[str, list[str]] = {}
    with watched(found):
        play.__wrapped__("trial-day1-8", 20)
    assert not found


def test_ticks_and_dispatch_read_no_part_whole() -> None:
    found: dict[str, list[str]] = {}
    store = open_store("sqlite://")
    migrate.create(store)
    try:
        wiring = engine_on(store)
        go_live(wiring)
        with watched(found):
            for number in range(FIFTH + 2):
                add_contacts(wiring, f"c{number}", tags=("new",))
                happen(wiring, f"c{number}", "signed_up")
                settle(wiring)
                pass_time(wiring, "1d")
    finally:
        store.close()
    assert not found
