import threading

import pytest
import sqlalchemy as sa

from engine.api import failures
from engine.api.health import look_at_health
from engine.clock import RealClock
from engine.schedule import work
from engine.schedule.metronome import Job, Metronome
from engine.store.session import Store
from engine.store.tables import Inbox
from engine.telemetry import Pulses, is_running, name_process
from engine.terms import DAY, MINUTE
from tests.support.engines import MESSAGE, add_contacts, engine_on, go_live, happen, pass_time, settle, signed_up, tick

INBOX: sa.Table = Inbox.__table__  # type: ignore[attr-defined]


def test_work_goes_on_until_nothing_is_due(store: Store) -> None:
    keys = [f"c{number}" for number in range(9)]
    wiring = signed_up(store, *keys)
    told: list[float] = []
    done = work.until_quiet(wiring, tell=told.append)
    assert (done.ticks.steps, done.messages.sent) == (18, 9)
    assert told[-1] == 27
    assert done.as_json()["sent"] == 9
    again = work.until_quiet(wiring)
    assert (again.ticks.steps, again.messages.total) == (0, 0)


def test_what_was_under_way_in_a_process_that_ended_goes_again(store: Store) -> None:
    wiring = signed_up(store, "ann", "bob", "cat")
    tick(wiring)
    host = name_process().split("/")[0]
    owners = {"ended": f"{host}/999999999/1", "ours": name_process(), "elsewhere": "far-away/1/1"}
    with store.write() as connection:
        rows = connection.execute(sa.select(MESSAGE.c.part, MESSAGE.c.contact_id)).all()
        for row, worker in zip(rows, owners.values(), strict=True):
            mine = (MESSAGE.c.part == row.part, MESSAGE.c.contact_id == row.contact_id)
            under_way = {"state": "sending", "worker": worker, "intent_at": wiring.clock.micros(), "attempt": 1}
            connection.execute(MESSAGE.update().values(under_way).where(*mine))
    # The inbox knows a repeat, so what ended goes again; nobody can tell yet about another machine.
    assert work.recover_once(wiring) == (1, 0)
    pass_time(wiring, "6m")
    assert work.recover_once(wiring) == (1, 0)
    with store.read() as connection:
        assert connection.scalar(sa.select(MESSAGE.c.worker).where(MESSAGE.c.state == "sending")) == owners["ours"]


def test_old_mail_is_forgotten(store: Store) -> None:
    wiring = signed_up(store, "ann")
    settle(wiring)
    assert work.prune_once(wiring) == 0
    pass_time(wiring, "91d")
    assert work.prune_once(wiring) == 1
    with store.read() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(INBOX)) == 0


def test_processes_know_each_other() -> None:
    host = name_process().split("/")[0]
    assert is_running(name_process()) is True
    assert is_running(f"{host}/999999999/1") is False
    assert is_running(f"{host}/{name_process().split('/')[1]}/-1") is False
    assert is_running("far-away/1/1") is None


def test_a_loop_survives_any_fault(sqlite_store: Store, caplog: pytest.LogCaptureFixture) -> None:
    wiring = engine_on(sqlite_store)
    metronome = Metronome(wiring)

    def fail() -> None:
        raise sa.exc.OperationalError("SELECT 1", None, Exception("the database went away"))

    metronome.ring(Job("tick", 1.0, fail))
    pulse = wiring.pulses.read()["tick"]
    assert (pulse.beats, pulse.last_success) == (0, None)
    assert "went away" in str(pulse.last_fault)
    assert "tick failed" in caplog.text
    metronome.ring(Job("tick", 1.0, lambda: None))
    assert wiring.pulses.read()["tick"].beats == 1
    assert look_at_health(wiring).ok


def test_silence_is_no_health(sqlite_store: Store) -> None:
    wiring = engine_on(sqlite_store)
    wiring.pulses.beat("tick", RealClock().micros() - 2 * MINUTE)
    wiring.pulses.beat("prune", RealClock().micros() - DAY)
    found = look_at_health(wiring)
    assert (found.ok, [loop.ok for loop in found.loops]) == (False, [True, False])


def test_the_metronome_rings_and_stops(sqlite_store: Store) -> None:
    wiring = signed_up(sqlite_store, "ann")
    rung = threading.Event()

    def done() -> None:
        with sqlite_store.read() as connection:
            if connection.scalar(sa.select(sa.func.count()).select_from(INBOX)):
                rung.set()

    metronome = Metronome(wiring, seconds=0.05, more=(Job("look", 0.05, done),))
    metronome.start()
    try:
        assert rung.wait(60)
    finally:
        assert metronome.stop()
    before = wiring.pulses.read()["tick"].beats
    metronome.ring(metronome.jobs()[0])
    assert wiring.pulses.read()["tick"].beats == before
    assert failures.count_failures(wiring) == 0


def test_who_is_called_for_is_carried_before_the_next_ring(sqlite_store: Store) -> None:
    wiring = engine_on(sqlite_store)
    go_live(wiring)
    add_contacts(wiring, "ann")
    metronome = Metronome(wiring, seconds=3_600.0)
    metronome.start()
    try:
        happen(wiring, "ann", "signed_up")
        metronome.hurry()
        assert any(owed(sqlite_store) for _ in range(100_000))
    finally:
        assert metronome.stop()
    assert owed(sqlite_store) == 1


def owed(store: Store) -> int:
    with store.read() as connection:
        return int(connection.scalar(sa.select(sa.func.count()).select_from(MESSAGE)) or 0)


def test_a_job_that_does_not_end_is_not_waited_for(sqlite_store: Store) -> None:
    wiring = engine_on(sqlite_store)
    begun, let_go = threading.Event(), threading.Event()

    def stay() -> None:
        begun.set()
        let_go.wait(60)

    metronome = Metronome(wiring, seconds=3_600.0, more=(Job("stay", 0.05, stay),))
    metronome.start()
    try:
        assert begun.wait(60)
        assert not metronome.stop(seconds=0.05)
    finally:
        let_go.set()


def test_pulses_are_read_as_copies() -> None:
    pulses = Pulses()
    pulses.beat("tick", 1)
    pulses.read()["tick"].beats = 99
    assert pulses.read()["tick"].beats == 1
