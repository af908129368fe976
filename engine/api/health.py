"""Whether this process does its work: its database answers and its loops beat."""

from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa

from engine.clock import RealClock
from engine.terms import MINUTE, format_instant
from engine.wiring import Wiring

SILENT: Final = MINUTE
"""A loop that did nothing for so long is told; those that ring less often are not waited for."""

FREQUENT: Final = ("tick", "dispatch")


@dataclass(frozen=True)
class Loop:
    """One loop: its last success and its last fault."""

    name: str
    last_success: str | None
    last_fault: str | None
    ok: bool


@dataclass(frozen=True)
class Health:
    """How a process is: ``ok`` when its database answers and its loops beat; ``worker`` is its name."""

    ok: bool
    worker: str
    database: str
    now: str
    loops: tuple[Loop, ...]


def look_at_health(wiring: Wiring) -> Health:
    """Ask the database for an answer, and look at the pulses."""
    database = "ok"
    try:
        with wiring.store.read() as connection:
            connection.execute(sa.select(1))
    except sa.exc.SQLAlchemyError as fault:
        database = type(fault).__name__
    machine = RealClock().micros()
    loops = []
    for name, pulse in wiring.pulses.read().items():
        beats = pulse.last_success is not None and machine - pulse.last_success < SILENT
        success = None if pulse.last_success is None else format_instant(pulse.last_success)
        loops.append(Loop(name, success, pulse.last_fault, beats or name not in FREQUENT))
    ok = database == "ok" and all(loop.ok for loop in loops)
    return Health(ok, wiring.worker, database, format_instant(wiring.clock.micros()), tuple(loops))
