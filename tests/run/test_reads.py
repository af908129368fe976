"""What a statement of the executor reads is in proportion to what moves, never to what is there."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from bench import storm_world
from bench.world import engine_on as storm_engine_on
from engine.api.pruning import prune
from engine.clock import FixedClock
from engine.schedule.work import until_quiet
from engine.store import migrate
from engine.store.session import Store, open_store
from engine.terms import parse_instant
from engine.wiring import with_clock
from tests.flows.rehearsal import play
from tests.support.engines import add_contacts, engine_on, go_live, happen, pass_time, settle

WHOLE = re.compile(
    r"\(part=\?\)|"
    r"^SCAN (token|enrollment|contact|contact_tag|event|message|journal|membership|recheck|exposure|planned)\b"
)
"""A part, or a table, from its beginning to its end."""

FIFTH = 5
"""A statement counts that has run so often: the first ones settle the world and let everybody in."""


ROWS_READ = (
    "SELECT coalesce(sum(idx_scan + idx_tup_fetch), 0) + coalesce(sum(seq_tup_read), 0) FROM pg_stat_xact_user_tables"
)
IN_A_PART = 300
"""So many contacts there are in each part."""

FOR_EACH = 50
"""So many rows a statement may read for each of them; whoever goes through all for each reads hundreds."""


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


@contextmanager
def counted(store: Store, found: dict[str, int]) -> Iterator[None]:
    """Note how many rows a statement reads at most in a run, with the plans that PostgreSQL makes for any parameters.

    After five runs it takes these where it believes that they are no dearer.
    """
    before: dict[int, int] = {}

    def plan_for_any(connection: Any, _record: Any) -> None:
        connection.execute("SET plan_cache_mode = force_generic_plan")
        connection.commit()

    def after(connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        raw = connection.connection.driver_connection
        read = int(raw.execute(ROWS_READ).fetchone()[0])
        # The counts of a connection begin anew when the server has noted them.
        known = before.get(id(raw), 0)
        found[statement] = max(found.get(statement, 0), read - known if read >= known else read)
        before[id(raw)] = read

    sa.event.listen(store.engine, "connect", plan_for_any)
    sa.event.listen(store.engine, "after_cursor_execute", after)
    store.engine.dispose()
    yield


def test_a_plan_for_any_parameters_reads_for_each_contact_what_is_theirs(postgresql_store: Store) -> None:
    found: dict[str, int] = {}
    storm_world.prepare(postgresql_store, IN_A_PART * postgresql_store.parts)
    wiring = storm_engine_on(postgresql_store)
    with counted(postgresql_store, found):
        for instant in storm_world.INSTANTS[::5]:
            until_quiet(with_clock(wiring, FixedClock.of(parse_instant(instant))))
        wiring = with_clock(wiring, FixedClock.of(parse_instant(storm_world.INSTANTS[-1]) + timedelta(days=60)))
        pruned = prune(wiring, journal=timedelta(days=30), events=timedelta(days=30))
    assert pruned is not None
    assert min(pruned.journal, pruned.events) > IN_A_PART
    assert [statement for statement, rows in found.items() if rows > FOR_EACH * IN_A_PART] == []
    # Otherwise nobody moved.
    assert max(found.values()) > IN_A_PART
