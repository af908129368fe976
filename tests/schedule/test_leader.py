import dataclasses
from datetime import timedelta

import pytest

from engine.channels import outbox
from engine.channels.base import Outcome, sent
from engine.channels.outbox import Result
from engine.clock import SharedClock
from engine.schedule import work
from engine.schedule.leader import Leadership
from engine.schedule.metronome import Job, Metronome
from engine.store import leases
from engine.store.session import Store
from engine.telemetry import name_process
from engine.terms import format_instant
from engine.wiring import Wiring
from tests.channels.world import HOUR, START, owed, state
from tests.support.engines import engine_on

OVER = timedelta(0)


def of(wiring: Wiring, name: str, term: timedelta = leases.TERM) -> Leadership:
    return Leadership(dataclasses.replace(wiring, worker=name), term)


def mine(held: Leadership) -> bool:
    with held.wiring.store.write() as connection:
        return held.is_mine(connection)


def test_one_leads_until_it_is_silent_for_too_long(postgresql_store: Store) -> None:
    wiring = engine_on(postgresql_store)
    first, second = of(wiring, "first"), of(wiring, "second")
    first.renew()
    second.renew()
    assert (first.holds, second.holds) == (True, False)
    assert (mine(first), mine(second)) == (True, False)
    # The first one freezes; its lease runs out, and the second one takes over.
    with postgresql_store.write() as connection:
        leases.hold(connection, leases.LEADER, "first", OVER)
    second.renew()
    assert (second.holds, mine(second)) == (True, True)
    # It still believes that it leads, and nothing that it does for all counts.
    assert (first.holds, mine(first)) == (True, False)
    first.renew()
    assert not first.holds
    second.stop()
    first.renew()
    assert (first.holds, mine(second)) == (True, False)


def test_a_leadership_that_was_not_renewed_is_over_by_ones_own_clock_too(postgresql_store: Store) -> None:
    now = [0.0]
    held = Leadership(engine_on(postgresql_store), elapsed=lambda: now[0])
    held.renew()
    now[0] = 7.9
    assert held.holds
    now[0] = 8.0
    assert not held.holds


def test_on_sqlite_everybody_leads_and_nothing_is_leased(sqlite_store: Store) -> None:
    held = of(engine_on(sqlite_store), "only")
    held.renew()
    held.stop()
    assert (held.holds, mine(held)) == (True, True)
    with sqlite_store.read() as connection:
        assert leases.holders(connection) == {}


def test_what_must_be_done_once_is_left_to_the_leader(postgresql_store: Store) -> None:
    wiring = engine_on(postgresql_store)
    of(wiring, "another").renew()
    metronome, rung = Metronome(wiring), []
    metronome.leadership.renew()
    for once in (True, False):
        metronome.ring(Job("look", 1.0, lambda once=once: rung.append(once), once=once))  # type: ignore[misc]
    assert rung == [False]


def test_a_lease_counts_its_owners(store: Store) -> None:
    with store.write() as connection:
        assert leases.hold(connection, "it", "ann") == 1
        assert leases.hold(connection, "it", "ann") == 1
        assert leases.hold(connection, "it", "bob") is None
        assert leases.hold(connection, "it", "ann", OVER) == 1
        # It had run out: somebody may have been here meanwhile, and was not.
        assert leases.hold(connection, "it", "ann", OVER) == 2
        assert leases.hold(connection, "it", "bob") == 3
        # What somebody has is no process.
        assert leases.holders(connection) == {}
        assert leases.hold(connection, "bob", "bob") == 1
        assert leases.holders(connection) == {"bob": True}
        leases.let_go(connection, "bob")
        assert leases.holders(connection) == {"bob": False}
        assert leases.forget(connection) == 2


@pytest.mark.parametrize(("term", "expected"), [(leases.TERM, (0, 0)), (OVER, (1, 0))])
def test_a_process_that_runs_but_is_silent_loses_its_messages(
    postgresql_store: Store, term: timedelta, expected: tuple[int, int]
) -> None:
    wiring = engine_on(postgresql_store, format_instant(START + HOUR))
    (key,) = owed(postgresql_store)
    with postgresql_store.write() as connection:
        due = outbox.next_due(connection, key.part, "email", now=START, limit=1)
        (claimed,), _ = outbox.claim(connection, key.part, due, now=START, worker=name_process(), caps={})
        leases.hold(connection, name_process(), name_process(), term)
    assert work.recover_once(wiring) == expected
    outcome: Outcome = sent("250")
    with postgresql_store.write() as connection:
        outbox.record(connection, name_process(), wiring.clock.micros(), [Result(claimed, outcome)], keyed=True)
    # The late answer of a worker whose message went back is refused.
    assert state(postgresql_store, key)[0] == ("queued" if term == OVER else "sent")


def test_what_a_process_reserved_is_free_as_soon_as_it_is_known_to_be_gone(postgresql_store: Store) -> None:
    wiring = engine_on(postgresql_store, format_instant(START + HOUR))
    host, number, began = name_process().split("/")
    here, elsewhere = name_process(), f"far-{host}/{number}/{began}"
    gone, silent = f"{host}/{number}/another", f"{host}/{number}/{began}-silent"
    for owner in (here, elsewhere, gone, silent):
        assert leases.reserve(postgresql_store, f"messages/of {owner}", owner, leases.TERM)
    with postgresql_store.write() as connection:
        # A lease counts for more than what the machine knows of its processes.
        leases.hold(connection, silent, silent, leases.TERM)
    work.recover_once(wiring)
    with postgresql_store.read() as connection:
        assert set(leases.reservers(connection)) == {here, elsewhere, silent}
    leases.leave(postgresql_store, [here], ["messages/of nobody"])
    assert not leases.reserve(postgresql_store, f"messages/of {here}", elsewhere, leases.TERM)
    leases.leave(postgresql_store, [here])
    assert leases.reserve(postgresql_store, f"messages/of {here}", elsewhere, leases.TERM)


def test_a_shared_clock_goes_on_by_itself_and_is_set_right(postgresql_store: Store) -> None:
    clock = SharedClock(1_000_000_000)
    before = clock.micros()
    assert before >= 1_000_000_000
    clock.set(before - 5_000_000)
    assert clock.micros() == before
    clock.set(before + 5_000_000)
    assert clock.micros() >= before + 5_000_000
    clock.set(before - 3_600_000_000)
    assert clock.micros() < before - 3_000_000_000
    assert not clock.exact
    # The database's clock is asked with every renewal.
    wiring = dataclasses.replace(engine_on(postgresql_store), clock=clock)
    Leadership(wiring).renew()
    assert clock.now().year > 2000
