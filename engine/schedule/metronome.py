"""APScheduler as a metronome: it rings for the engine's few jobs and holds no contact's timer.

What is due stands in the tables; a ring that was missed costs nothing, for the next one finds the same rows.
"""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cached_property, partial

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from sqlalchemy.exc import SQLAlchemyError

from engine.clock import RealClock
from engine.schedule import work
from engine.schedule.leader import RENEWALS, Leadership
from engine.store.estimates import look_again
from engine.store.hints import Hints
from engine.store.leases import TERM
from engine.terms import Micros
from engine.wiring import Wiring

_log = logging.getLogger(__name__)

HOUR = 3_600.0
RECOVER = 1.0
FIRST = ("lease", "recover")
"""What is done at once: saying that one lives, and finding what the process before this one left."""

GATHER = 0.02
"""So long a hurried tick waits for more to come, so that many small commits of others make few ticks."""

STOP_SECONDS = 10.0
"""How long stopping may take: what is in its transaction may commit, nothing new is begun."""


@dataclass(frozen=True)
class Job:
    """Something that is done again and again."""

    name: str
    seconds: float
    work: Callable[[], object]
    once: bool = False
    """Whether only the process that leads does it."""


@dataclass
class Metronome:
    """The loops of one process. Whatever goes wrong in one is logged and noted, and it rings again."""

    wiring: Wiring
    seconds: float = 1.0
    more: tuple[Job, ...] = ()
    term: timedelta = TERM
    _stopping: threading.Event = field(default_factory=threading.Event)
    _hurried: threading.Event = field(default_factory=threading.Event)
    _ticking: threading.Lock = field(default_factory=threading.Lock)
    _scheduler: BackgroundScheduler | None = None
    _hurrying: threading.Thread | None = None
    _hints: Hints = field(init=False)

    def __post_init__(self) -> None:
        # What others tell is not told again.
        self._hints = Hints(self.wiring.store, self._hurried.set)

    @cached_property
    def leadership(self) -> Leadership:
        """What this process shares with others: its life, and the lead."""
        return Leadership(self.wiring, self.term)

    def start(self) -> None:
        """Begin to ring."""
        jobs = self.jobs()
        for job in (job for job in jobs if job.name in FIRST):
            self.ring(job)
        self._scheduler = BackgroundScheduler(
            executors={"default": ThreadPoolExecutor(len(jobs))},
            job_defaults={"max_instances": 1, "coalesce": True, "misfire_grace_time": None},
            timezone="UTC",
        )
        for job in jobs:
            self._scheduler.add_job(self.ring, "interval", seconds=job.seconds, args=[job], id=job.name)
        self._scheduler.start()
        hurried = replace(jobs[0], work=partial(self._tick, hurried=True))
        self._hurrying = threading.Thread(target=self._hurry_on, args=[hurried], name="hurry", daemon=True)
        self._hurrying.start()
        self._hints.start()

    def hurry(self) -> None:
        """Tick soon instead of at the next ring, here and in other processes: something came.

        What is missed the next ring finds.
        """
        self._hurried.set()
        self._hints.tell()

    def jobs(self) -> list[Job]:
        """List what it rings for."""
        wiring, stop = self.wiring, self._stopping.is_set
        return [
            Job("tick", self.seconds, self._tick),
            Job("dispatch", self.seconds, lambda: work.dispatch_once(wiring, stop)),
            Job("lease", self.term.total_seconds() / RENEWALS, self.leadership.renew),
            Job("judge", 10 * self.seconds, lambda: work.judge_once(wiring, self.leadership.is_mine), once=True),
            Job("recover", RECOVER, lambda: work.fence_once(wiring), once=True),
            Job("estimates", RECOVER, lambda: look_again(wiring.store), once=True),
            Job("prune", HOUR, lambda: work.prune_once(wiring, stop), once=True),
            *self.more,
        ]

    def ring(self, job: Job) -> None:
        """Do a job once; a fault of it is logged and noted, and never ends its loop."""
        if self._stopping.is_set() or (job.once and not self.leadership.holds):
            return
        try:
            job.work()
        except Exception as fault:  # noqa: BLE001 - a loop that ended would be noticed too late
            # A database that went away comes back; what was not committed is found again.
            _log.exception("%s failed and is tried again in %s s", job.name, job.seconds)
            self.wiring.pulses.miss(job.name, _machine_now(), f"{type(fault).__name__}: {fault}")
        else:
            self.wiring.pulses.beat(job.name, _machine_now())

    def stop(self, seconds: float = STOP_SECONDS) -> bool:
        """Begin nothing new and wait for what is in its transaction; give whether all came to rest in time."""
        self._stopping.set()
        self._hurried.set()
        self._hints.stop()
        scheduler, self._scheduler = self._scheduler, None
        if scheduler is None:
            return True
        waiting = threading.Thread(target=self._rest, args=[scheduler], daemon=True)
        waiting.start()
        end = time.monotonic() + seconds
        while waiting.is_alive() and time.monotonic() < end:
            waiting.join(min(self.term.total_seconds() / RENEWALS, max(0.0, end - time.monotonic())))
            if waiting.is_alive():
                # Who is waited for still lives: nobody may take over what it has begun.
                self._of_leases(self.leadership.renew)
        if not waiting.is_alive():
            self._of_leases(self.leadership.stop)
        return not waiting.is_alive()

    def _of_leases(self, act: Callable[[], None]) -> None:
        try:
            act()
        except SQLAlchemyError as fault:
            _log.warning("the leases of this process end by themselves: %s", fault)

    def _rest(self, scheduler: BackgroundScheduler) -> None:
        scheduler.shutdown()
        if self._hurrying is not None:
            self._hurrying.join()

    def _tick(self, *, hurried: bool = False) -> object:
        with self._ticking:
            # Before the look: what comes from here on asks for another one.
            self._hurried.clear()
            return work.tick_once(self.wiring, self._stopping.is_set, hurried=hurried)

    def _hurry_on(self, tick: Job) -> None:
        while self._hurried.wait() and not self._stopping.wait(GATHER):
            self.ring(tick)


def _machine_now() -> Micros:
    return RealClock().micros()
