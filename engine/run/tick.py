"""Do all that is due: events first, then what changed, then the calendar, then the tokens whose time has come.

Every batch is one transaction that has its part to itself. A crash loses nothing: what was not committed is found
again. Any number of processes may tick at the same time: each passes over the parts that others are at (ADR 0015).
"""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial

from sqlalchemy.engine import Connection

from engine.clock import Clock
from engine.run import arrivals, calendar, changes, repair, rounds
from engine.run.busy import busy_parts
from engine.run.claim import due_contacts
from engine.run.context import Deployment, Run, TickReport
from engine.run.pace import MOST, Pace
from engine.run.transactions import TakenError, transaction
from engine.store.session import Store
from engine.terms import Micros

_log = logging.getLogger(__name__)

FRESH = 0.05
"""Seconds for which a look at the parts holds: then others may have done what waited there."""

Stop = Callable[[], bool]
Look = Callable[[Connection], Deployment]
"""Gives the flows that run as a transaction sees them."""


def never() -> bool:
    """Never stop."""
    return False


@dataclass(frozen=True)
class _Beat:
    """What one tick does everywhere with: the store, the instant, the flows, and when to leave off."""

    store: Store
    clock: Clock
    now: Micros
    exact: bool
    deployment: Deployment
    pace: Pace
    stop: Stop
    report: TickReport
    look: Look | None = None
    wait: bool = False
    hurried: bool = False

    @contextmanager
    def turn(self, part: int) -> Iterator[Run]:
        """Open a transaction that has a part to itself."""
        with transaction(self.store, part, wait=self.wait) as connection:
            yield self.run(connection, part)

    def run(self, connection: Connection, part: int, due: Micros | None = None) -> Run:
        """Start a transaction's run over a part; tokens move that are due by then."""
        deployment = self.deployment if self.look is None else self.look(connection)
        # Asked once the part is held: another process may have moved its contacts since this tick began.
        now = self.now if self.exact else self.clock.micros()
        return Run(connection, part, deployment, now, exact=self.exact, due=None if due is None else min(due, now))


def tick(
    store: Store,
    clock: Clock,
    deployment: Deployment,
    *,
    parts: range | None = None,
    wave_size: int = MOST,
    stop: Stop = never,
    look: Look | None = None,
    wait: bool = False,
    hurried: bool = False,
) -> TickReport:
    """Run everything that is due now, part by part, where it has waited longest first.

    Shape: returns early, between two transactions, when ``stop`` says so. Parts that other processes are at are left
    to them; with ``wait`` they are waited for, so that at the end nothing is due. ``look`` is asked in every
    transaction, where other processes may change which flows run. ``hurried`` passes over parts to which only events
    came that nobody hears, and over those of which only the calendar might want something: they are left to the next
    tick that is not. On an exact clock every token moves at its own due instant, so that a clock that leaps changes no
    timing.
    """
    now, pace, report = clock.micros(), Pace(store, wave_size), TickReport()
    beat = _Beat(store, clock, now, clock.exact, deployment, pace, stop, report, look, hurried=hurried)
    left = _worth_a_look(beat, parts or range(store.parts))
    while left and not stop():
        taken = _pass_through(beat, left)
        if len(taken) == len(left):
            if not wait:
                break
            _pass(replace(beat, wait=True), taken.pop(0))
        left = taken
    return beat.report


def _pass_through(beat: _Beat, parts: Sequence[int]) -> list[int]:
    """Do all that is due in parts; list those that others are at.

    Where others are, or where nothing is left of what was due, they have been to more: then who has not looked for a
    while looks again what is left.
    """
    taken: list[int] = []
    left, looked = list(parts), time.monotonic()
    while left:
        part, before = left.pop(0), replace(beat.report)
        if not _pass(beat, part):
            taken.append(part)
        if left and beat.report == before and time.monotonic() - looked > FRESH:
            left, looked = list(_worth_a_look(beat, left)), time.monotonic()
    return taken


def _pass(beat: _Beat, part: int) -> bool:
    """Do all that is due in a part; false when somebody else is at it."""
    if beat.stop():
        return True
    try:
        if beat.exact:
            _take(beat, part, [changes.take_batch])
            _play(beat, part)
        else:
            due = _take(beat, part, [changes.take_batch, partial(_occasion, beat)])
            if due is not None:
                _timers(beat, part, due)
    except TakenError:
        return False
    return True


def _worth_a_look(beat: _Beat, parts: Sequence[int]) -> Sequence[int]:
    """List the parts to go through: on an exact clock the calendar may have to play anywhere."""
    if beat.exact or (len(parts) == 1 and not beat.hurried):
        return parts
    with beat.store.read() as connection:
        return busy_parts(
            connection, parts, beat.deployment, beat.now, heard_only=beat.hurried, by_calendar=not beat.hurried
        )


def _take(beat: _Beat, part: int, stages: Sequence[Callable[[Run], object]]) -> Micros | None:
    """Take events, and what else the stages find, batch after batch; give the instant up to which all have acted.

    Shape: each stage takes a batch and tells whether there may be more; then the next one is in a transaction of its
    own. Events are asked for first, every time: who follows a change must not overtake what came before it. ``None``
    when it was stopped before, or when nothing else waits: so it is in most parts after events that nobody hears.
    """
    due: Micros | None = None
    last, at_once = 0, not beat.exact
    while not beat.stop():
        try:
            with beat.turn(part) as run:
                reached = arrivals.take_batch(run, beat.report, at_once=at_once)
                if due is None:
                    # Those that come from here on wait: as long as more come than can be taken, nobody else would move.
                    due, last = run.now, 0 if reached is None else arrivals.came_last(run)
                if reached is not None and (beat.exact or reached < last):
                    continue
                if not beat.exact and not _is_busy(beat, run):
                    return None
                if not any(stage(run) for stage in stages):
                    return due
                due = None
        except repair.POISON as fault:
            if not at_once or repair.is_nobodys(fault):
                raise
            # Who is at fault is found, and set apart, where each is carried with care.
            at_once = False
    return None


def _is_busy(beat: _Beat, run: Run) -> bool:
    """Tell whether anything but events that nobody hears waits in the run's part."""
    found = busy_parts(
        run.connection, [run.part], run.deployment, run.now, heard_only=True, by_calendar=not beat.hurried
    )
    return bool(found)


def _occasion(beat: _Beat, run: Run) -> bool:
    """Let in whom a schedule names, at the next of the occasions that have come; false when there is none."""
    for each in calendar.occasions(run, run.now)[:1]:
        beat.report.entered += calendar.let_in(run, each)
        return True
    return False


def _timers(beat: _Beat, part: int, due: Micros | None) -> None:
    """Carry the tokens that are due by an instant, or by now, until none is left: waves may make further tokens due.

    The instant is that up to which events have acted: while this goes on the clock does, too, and what was awaited may
    come in time and be found after the tokens that no longer wait for it.
    """
    moved = True
    while moved and not beat.stop():
        moved = False
        for plan in beat.deployment.running():
            with beat.store.read() as connection:
                looking = beat.run(connection, part, due)
                if not looking.deployment.moves(plan.version_id):
                    continue
                contacts = due_contacts(looking, plan.version_id)
            start = 0
            while start < len(contacts):
                if beat.stop():
                    return
                batch = contacts[start : start + beat.pace.size]
                start += len(batch)
                with beat.pace.step(len(batch)):
                    run = partial(beat.run, part=part, due=due)
                    repair.carry_safely(beat.store, part, run, plan, batch, beat.report, wait=beat.wait)
                moved = True


def _play(beat: _Beat, part: int) -> None:
    """Play the part up to now on an exact clock, stopping at each occasion of the calendar on the way."""
    while not beat.stop():
        with beat.turn(part) as run:
            found = calendar.occasions(run, beat.now)[:1]
        _rounds(beat, part, found[0].at - 1 if found else beat.now)
        if not found:
            return
        with beat.turn(part) as run:
            beat.report.entered += calendar.let_in(run, found[0])


def _rounds(beat: _Beat, part: int, until: Micros) -> None:
    turns = 1
    while turns and not beat.stop():
        try:
            with beat.turn(part) as run:
                turns = rounds.play_round(run, until, beat.report)
        except repair.POISON as fault:
            if repair.is_nobodys(fault):
                raise
            # Find who is at fault the slow way, at the present instant; the others go on exactly.
            _log.warning("a round failed, its tokens are carried one by one: %s", fault)
            _timers(replace(beat, exact=False), part, None)
