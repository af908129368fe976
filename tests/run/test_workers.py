"""Several workers share one PostgreSQL: each part is in one hand at a time, and a hand that lets go leaves nothing."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from engine.api import failures, pausing
from engine.api.enroll import enroll
from engine.clock import FixedClock
from engine.people.contacts import places_of
from engine.run import repair
from engine.run import tick as ticking
from engine.run.invariants import violations
from engine.run.tick import tick
from engine.run.transactions import TakenError, transaction
from engine.schedule.work import tick_once
from engine.store import leases
from engine.store.session import Store, open_store
from engine.wiring import Wiring, look
from tests.support.engines import JOURNAL, WELCOME, engine_on, go_live, pass_time, signed_up

PEOPLE = tuple(f"c{number}" for number in range(12))
HOLDS = """
import sys, psycopg
with psycopg.connect(sys.argv[1]) as connection:
    connection.execute("SELECT part FROM claim WHERE part = 1 AND what = 'waves' FOR UPDATE")
    connection.execute("UPDATE token SET due_at = 0 WHERE part = 1")
    print("holds", flush=True)
    sys.stdin.read()
"""


def address(store: Store) -> str:
    return store.engine.url.render_as_string(hide_password=False)


@pytest.fixture
def worker(postgresql_store: Store) -> Wiring:
    """Give a worker that finds everybody's event."""
    return signed_up(postgresql_store, *PEOPLE)


@pytest.fixture
def other(worker: Wiring) -> Iterator[Wiring]:
    """Give another one on the same database, with connections and plans of its own."""
    store = open_store(address(worker.store))
    yield engine_on(store)
    store.close()


def steps(wiring: Wiring) -> dict[int, int]:
    """Count the journal's rows of each part."""
    with wiring.store.read() as connection:
        rows = connection.execute(sa.select(JOURNAL.c.part, sa.func.count()).group_by(JOURNAL.c.part))
        return {int(part): int(count) for part, count in rows}


def broken(wiring: Wiring) -> int:
    with wiring.store.read() as connection:
        plans = wiring.deployments.plans_of(connection).values()
        return sum(violations(connection, plans, wiring.store.parts, wiring.clock.micros()).values())


def test_a_part_is_in_one_hand_at_a_time_and_a_command_waits_for_all(worker: Wiring, other: Wiring) -> None:
    with transaction(worker.store, 1):
        with pytest.raises(TakenError), transaction(other.store, 1, wait=False):
            pass
        with transaction(other.store, 2, wait=False):
            pass
        with pytest.raises(sa.exc.OperationalError, match="lock timeout"), impatient(other.store) as connection:
            connection.execute(sa.text("SELECT part FROM claim ORDER BY part FOR UPDATE"))
    with transaction(other.store), pytest.raises(TakenError), transaction(worker.store, 3, wait=False):
        pass


def test_a_part_that_is_taken_is_left_without_a_rollback(worker: Wiring, other: Wiring) -> None:
    rolled_back: list[Connection] = []
    sa.event.listen(other.store.engine, "rollback", rolled_back.append)
    with transaction(worker.store, 1):
        tick_once(other)
    assert set(steps(other)) == {0, 2, 3}
    # At a rollback the driver would forget every statement that it has prepared.
    assert rolled_back == []


def test_a_worker_passes_over_what_others_have_done_since_it_looked(
    worker: Wiring, other: Wiring, monkeypatch: pytest.MonkeyPatch
) -> None:
    visited: list[int] = []
    visit = ticking._take

    def meanwhile(beat: Any, part: int, *given: Any) -> Any:
        visited.append(part)
        monkeypatch.setattr(ticking, "_take", visit)
        tick_once(other)
        monkeypatch.setattr(ticking, "_take", meanwhile)
        return visit(beat, part, *given)

    monkeypatch.setattr(ticking, "FRESH", -1.0)
    monkeypatch.setattr(ticking, "_take", meanwhile)
    tick_once(worker)
    assert len(visited) == 1
    assert sum(steps(worker).values()) == len(PEOPLE)


def test_a_worker_that_meets_nobody_looks_once(worker: Wiring, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[int] = []
    look = ticking._worth_a_look

    def looking(beat: Any, parts: Any) -> Any:
        looked.append(len(parts))
        return look(beat, parts)

    monkeypatch.setattr(ticking, "FRESH", -1.0)
    monkeypatch.setattr(ticking, "_worth_a_look", looking)
    tick_once(worker)
    assert sum(steps(worker).values()) == len(PEOPLE)
    assert looked == [worker.store.parts]


@contextmanager
def impatient(store: Store) -> Iterator[Connection]:
    with store.write() as connection:
        connection.execute(sa.text("SET LOCAL lock_timeout = '20ms'"))
        yield connection


def test_two_workers_share_the_parts_without_double_work(worker: Wiring, other: Wiring) -> None:
    with transaction(worker.store, 1):
        # Whoever comes meanwhile does all the rest.
        assert 0 < tick_once(other).steps < 2 * len(PEOPLE)
        assert set(steps(other)) == {0, 2, 3}
    before = steps(other)
    tick_once(worker)
    assert {part: count for part, count in steps(worker).items() if part != 1} == before
    assert sum(steps(worker).values()) == len(PEOPLE)
    assert (tick_once(worker).steps, tick_once(other).steps, broken(worker)) == (0, 0, 0)


def test_what_another_one_published_or_paused_is_heeded_in_the_midst_of_a_tick(worker: Wiring, other: Wiring) -> None:
    tick_once(worker)
    pass_time(worker, "1d")
    known = other.deployments
    with other.store.read() as connection:
        known.current(connection)
        first = known.still(connection)
    pausing.pause(worker, "welcome")
    with other.store.read() as connection:
        seen = known.still(connection)
        assert (len(first.running()), len(seen.running())) == (1, 0)
        assert known.still(connection) is seen
    go_live(worker, {**WELCOME, "key": "second"})
    with other.store.read() as connection:
        assert "second" in known.still(connection).live


def test_a_killed_workers_part_is_free_at_once_and_as_it_was(worker: Wiring, other: Wiring) -> None:
    tick_once(worker)
    command = [sys.executable, "-c", HOLDS, address(worker.store).replace("+psycopg", "")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as victim:
        assert victim.stdout is not None
        assert victim.stdout.readline() == "holds\n"
        with pytest.raises(TakenError), transaction(other.store, 1, wait=False):
            pass
        victim.kill()
        # Waits for as long as the server takes to notice, which is the test's time limit at most.
        with transaction(other.store, 1) as connection:
            assert connection.scalar(sa.text("SELECT count(*) FROM token WHERE due_at = 0")) == 0
    assert broken(other) == 0


def test_a_worker_that_froze_finds_its_wave_undone(worker: Wiring, other: Wiring) -> None:
    tick_once(worker)
    late: Any = sa.text("UPDATE token SET due_at = 0 WHERE part = 1")
    with pytest.raises(sa.exc.DBAPIError) as fault, transaction(worker.store, 1) as frozen:  # noqa: PT012 - late
        frozen.execute(late)
        frozen.execute(sa.text("SET LOCAL idle_in_transaction_session_timeout = '50ms'"))
        # Until it was silent for too long, its part is waited for.
        with transaction(other.store, 1) as connection:
            assert connection.scalar(sa.text("SELECT count(*) FROM token WHERE due_at = 0")) == 0
        frozen.execute(late)
    # It is the connection that is gone: nobody's contact is to blame.
    assert repair.is_nobodys(fault.value)
    assert tick_once(worker).steps == 0
    assert broken(worker) == 0


def test_a_worker_that_froze_in_the_midst_of_what_it_sent_is_ended(worker: Wiring, other: Wiring) -> None:
    named = worker.worker
    with pytest.raises(sa.exc.DBAPIError), transaction(worker.store, 1) as frozen:  # noqa: PT012 - late
        driver: Any = frozen.connection.dbapi_connection
        with driver.cursor() as cursor, cursor.copy("COPY contact (part) FROM STDIN"):
            # The server waits for rows: to it this session is busy, and no limit of idleness ends it.
            with other.store.write() as connection:
                leases.hold(connection, named, named)
                assert leases.end_sessions(connection) == 0
                leases.hold(connection, named, named, timedelta(0))
                assert leases.end_sessions(connection) == 1
            with transaction(other.store, 1):
                pass


def test_who_comes_to_a_part_late_looks_at_the_clock_again(worker: Wiring) -> None:
    class Going(FixedClock):
        def micros(self) -> int:
            self.at += 1
            return self.at

    with worker.store.read() as connection:
        deployment = look(worker, connection)
    tick(worker.store, Going(worker.clock.micros()), deployment)
    with worker.store.read() as connection:
        lines = connection.execute(sa.select(JOURNAL.c.part, JOURNAL.c.at).distinct()).all()
    assert len({at for _, at in lines}) >= len({part for part, _ in lines}) > 1


def test_who_lets_in_a_contact_by_key_waits_for_its_part_only(worker: Wiring, other: Wiring) -> None:
    tick_once(worker)
    with worker.store.read() as connection:
        places = places_of(connection, worker.store.parts, worker.workspace_id, PEOPLE)
    key = next(key for key, (part, _) in places.items() if part != 1)
    with transaction(worker.store, 1):
        assert enroll(other, "welcome", [key]).asked == 1


def test_who_lets_failed_contacts_try_again_waits_for_their_parts(worker: Wiring, other: Wiring) -> None:
    """A wave that has chosen its tokens finds them as they were until it ends."""
    key = PEOPLE[0]
    with worker.store.read() as connection:
        (part, _) = places_of(connection, worker.store.parts, worker.workspace_id, [key])[key]
    hurry = "SET lock_timeout = '10ms'"
    sa.event.listen(other.store.engine, "begin", lambda connection: connection.exec_driver_sql(hurry))
    with transaction(worker.store, part):
        for retry in (partial(failures.retry, contact=key), partial(failures.retry_flow, key="welcome")):
            with pytest.raises(sa.exc.OperationalError, match="lock timeout"):
                retry(other)
    with transaction(worker.store, (part + 1) % worker.store.parts):
        assert failures.retry(other, key) == 0
