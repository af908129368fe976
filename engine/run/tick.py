"""Do all that is due: events first, then what changed, then the calendar, then the tokens whose time has come.

Every batch is one transaction over one part. A crash loses nothing: what was not committed is found again.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from sqlalchemy.engine import Connection
from sqlalchemy.exc import OperationalError

from engine.clock import Clock
from engine.run import arrivals, calendar, changes, repair, rounds
from engine.run.busy import busy_parts
from engine.run.claim import due_contacts
from engine.run.context import Deployment, Run, TickReport
from engine.run.pace import MOST, Pace
from engine.run.transactions import transaction
from engine.store.session import Store
from engine.terms import Micros

_log = logging.getLogger(__name__)


Stop = Callable[[], bool]


def never() -> bool:
    """Never stop."""
    return False


@dataclass(frozen=True)
class _Beat:
    """What one tick does everywhere with: the store, the instant, the flows, and when to leave off."""

    store: Store
    now: Micros
    exact: bool
    deployment: Deployment
    pace: Pace
    stop: Stop
    report: TickReport

    def run(self, connection: Connection, part: int) -> Run:
        """Start a transaction's run over a part."""
        return Run(connection, part, self.deployment, self.now, exact=self.exact)


def tick(
    store: Store,
    clock: Clock,
    deployment: Deployment,
    *,
    parts: range | None = None,
    wave_size: int = MOST,
    stop: Stop = never,
) -> TickReport:
    """Run everything that is due now, part by part.

    Shape: returns early, between two transactions, when ``stop`` says so. On an exact clock every token moves at its
    own due instant, so that a clock that leaps changes no timing.
    """
    beat = _Beat(store, clock.micros(), clock.exact, deployment, Pace(store, wave_size), stop, TickReport())
    for part in _worth_a_look(beat, parts or range(store.parts)):
        _events(beat, part)
        _changes(beat, part)
        if clock.exact:
            _play(beat, part)
        else:
            _calendar(beat, part)
            _timers(beat, part)
        if stop():
            break
    return beat.report


def _worth_a_look(beat: _Beat, parts: range) -> Sequence[int]:
    """List the parts to go through: on an exact clock the calendar may have to play anywhere."""
    if beat.exact or len(parts) == 1:
        return parts
    with beat.store.read() as connection:
        return busy_parts(connection, parts, beat.deployment, beat.now)


def _events(beat: _Beat, part: int) -> None:
    taken = 1
    while taken and not beat.stop():
        with transaction(beat.store) as connection:
            taken = arrivals.take_batch(beat.run(connection, part), beat.report)


def _changes(beat: _Beat, part: int) -> None:
    looked_at = 1
    while looked_at and not beat.stop():
        with transaction(beat.store) as connection:
            looked_at = changes.take_batch(beat.run(connection, part))


def _calendar(beat: _Beat, part: int) -> None:
    """Let in whom schedules name: every occasion that has come, each in its own transaction."""
    occasion = True
    while occasion and not beat.stop():
        with transaction(beat.store) as connection:
            run = beat.run(connection, part)
            occasion = False
            for each in calendar.occasions(run, beat.now)[:1]:
                beat.report.entered += calendar.let_in(run, each)
                occasion = True


def _timers(beat: _Beat, part: int) -> None:
    """Carry due tokens until none is left: waves may make further tokens due at this instant."""
    moved = True
    while moved and not beat.stop():
        moved = False
        for plan in beat.deployment.running():
            with transaction(beat.store) as connection:
                contacts = due_contacts(beat.run(connection, part), plan.version_id)
            start = 0
            while start < len(contacts):
                if beat.stop():
                    return
                batch = contacts[start : start + beat.pace.size]
                start += len(batch)
                with beat.pace.step(len(batch)):
                    run = partial(_run_of, beat, part)
                    repair.carry_safely(beat.store, run, plan, batch, beat.report)
                moved = True


def _run_of(beat: _Beat, part: int, connection: Connection) -> Run:
    return beat.run(connection, part)


def _play(beat: _Beat, part: int) -> None:
    """Play the part up to now on an exact clock, stopping at each occasion of the calendar on the way."""
    while not beat.stop():
        with transaction(beat.store) as connection:
            found = calendar.occasions(beat.run(connection, part), beat.now)[:1]
        _rounds(beat, part, found[0].at - 1 if found else beat.now)
        if not found:
            return
        with transaction(beat.store) as connection:
            beat.report.entered += calendar.let_in(beat.run(connection, part), found[0])


def _rounds(beat: _Beat, part: int, until: Micros) -> None:
    turns = 1
    while turns and not beat.stop():
        try:
            with transaction(beat.store) as connection:
                turns = rounds.play_round(beat.run(connection, part), until, beat.report)
        except OperationalError:
            raise
        except repair.POISON as fault:
            # Find who is at fault the slow way, at the present instant; the others go on exactly.
            _log.warning("a round failed, its tokens are carried one by one: %s", fault)
            _timers(replace(beat, exact=False), part)
