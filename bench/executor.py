"""The engine carries all contacts through the bench's flow; and what must hold of its waves."""

from dataclasses import dataclass
from typing import Any

from bench.samples import Sample, measured
from bench.timings import Timings, timed
from bench.world import DAY, FLOW, START, STEPS, engine_on, fill, go_live
from engine.api.enroll import enroll_all
from engine.run.tick import tick
from engine.store.session import Store, open_store
from engine.terms import to_micros
from engine.wiring import Wiring, look

HOLD = 1 << 40
"""A wave size that puts everybody into one wave."""


def prepare(store: Store, contacts: int) -> None:
    """Fill a database and have the flow live."""
    go_live(engine_on(store))
    fill(store, contacts)


def carry(url: str, contacts: int) -> Sample:
    """Let everybody in, carry them to the wait, and a day later to the end."""
    store = open_store(url)
    try:
        wiring = engine_on(store)
        with timed(store.engine) as timings, measured() as sample:
            sample.work = pass_through(wiring)
        sample.timings = timings
        sample.notes = {"statements": timings.statements}
    finally:
        store.close()
    if sample.work != STEPS * contacts:
        raise AssertionError(f"{contacts} contacts took {sample.work} steps instead of {STEPS * contacts}")
    return sample


def pass_through(wiring: Wiring, wave_size: int | None = None) -> int:
    """Carry everybody from entry to end; give the number of steps."""
    entered = enroll_all(wiring, FLOW["key"]).steps
    return entered + sum(move(wiring, to_micros(START) + day * DAY, wave_size) for day in (0, 1))


def move(wiring: Wiring, at: int, wave_size: int | None = None) -> int:
    """Carry what is due by an instant; give the number of steps."""
    wiring.clock.at = at  # type: ignore[attr-defined]
    with wiring.store.read() as connection:
        deployment = look(wiring, connection)
    options: dict[str, Any] = {} if wave_size is None else {"wave_size": wave_size}
    return tick(wiring.store, wiring.clock, deployment, **options).steps


@dataclass(frozen=True)
class Wave:
    """How many statements one wave of so many contacts took."""

    contacts: int
    statements: int


def waves_statements(url: str, contacts: int) -> Wave:
    """Count the statements of the two ticks when all contacts of a part go in one wave."""
    store = open_store(url)
    try:
        wiring = engine_on(store)
        enroll_all(wiring, FLOW["key"])
        move(wiring, to_micros(START) - DAY, HOLD)
        with timed(store.engine) as timings:
            for day in (0, 1):
                move(wiring, to_micros(START) + day * DAY, HOLD)
        return Wave(contacts, _counted(timings))
    finally:
        store.close()


def _counted(timings: Timings) -> int:
    # What is done once for a connection or a process is no statement of a wave.
    return sum(runs for text, runs in timings.runs.items() if "CREATE TEMPORARY" not in text)
