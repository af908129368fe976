"""The engine's regular work, each once: carry what is due, hand over what is owed, find what was lost, forget."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

import sqlalchemy as sa

from engine.channels.dispatch import DispatchReport, dispatch, recover
from engine.people.purging import purge
from engine.run.context import TickReport
from engine.run.judging import Judged, Mine, everybody, judge
from engine.run.tick import tick
from engine.schedule.pruning import Kept, prune_by_age
from engine.store.leases import end_sessions, forget, holders, leave, reservers
from engine.store.tables import Inbox, Message
from engine.store.tables.messages import OPEN_MESSAGE
from engine.telemetry import is_running
from engine.terms import DAY
from engine.wiring import Wiring, look

MESSAGE: sa.Table = Message.__table__  # type: ignore[attr-defined]
INBOX: sa.Table = Inbox.__table__  # type: ignore[attr-defined]

LEASE: Final = timedelta(minutes=5)
"""How long a process of another machine that has no lease, such as a command, may be silent about a message."""

MAIL_KEPT: Final = 90 * DAY
"""How long the built-in inbox keeps a message."""

_log = logging.getLogger(__name__)

Stop = Callable[[], bool]
Tell = Callable[[float], None]


def never() -> bool:
    """Never stop."""
    return False


@dataclass
class Done:
    """What was done until nothing was left to do."""

    ticks: TickReport = field(default_factory=TickReport)
    messages: DispatchReport = field(default_factory=DispatchReport)
    requeued: int = 0
    in_doubt: int = 0

    @property
    def words(self) -> str:
        """Say it in a sentence."""
        return f"{self.ticks.steps:,} steps, {self.messages.sent:,} messages sent, {self.ticks.failed:,} failed"

    def as_json(self) -> dict[str, int]:
        """Give it to programs; ``refused`` are messages, ``lost`` those of which nobody knows whether they went."""
        ran, sent = self.ticks, self.messages
        facts = {name: getattr(ran, name) for name in ("events", "entered", "tokens", "steps", "waves", "failed")}
        facts |= {name: getattr(sent, name) for name in ("sent", "again", "in_doubt", "suppressed", "put_off")}
        return {**facts, "refused": sent.failed, "recovered": self.requeued, "lost": self.in_doubt}


def tick_once(wiring: Wiring, stop: Stop = never, *, wait: bool = False, hurried: bool = False) -> TickReport:
    """Carry everything that is due now, but for what others carry; with ``wait`` all of it.

    ``hurried`` leaves events that nobody hears to the next time.
    """
    with wiring.store.read() as connection:
        deployment = look(wiring, connection)
    still = wiring.deployments.still
    return tick(wiring.store, wiring.clock, deployment, stop=stop, look=still, wait=wait, hurried=hurried)


def judge_once(wiring: Wiring, is_mine: Mine = everybody) -> list[Judged]:
    """Look at the experiments that run, and do what follows from what they show, while ``is_mine`` says so."""
    with wiring.store.read() as connection:
        deployment = look(wiring, connection)
    return judge(wiring.store, deployment, wiring.clock.micros(), is_mine)


def dispatch_once(wiring: Wiring, stop: Stop = never) -> DispatchReport:
    """Hand over a round of what is owed."""
    with wiring.store.read() as connection:
        look(wiring, connection)
    return dispatch(wiring.office, worker=wiring.worker, stop=stop)


def recover_once(wiring: Wiring) -> tuple[int, int]:
    """Find messages that were under way in processes which ended; give how many go again and how many are in doubt.

    A process with a lease lives as long as that runs. Of others those of this machine are known to run or not; one of
    another machine may be silent for a while. What those have reserved that ended is free again.
    """
    with wiring.store.read() as connection:
        busy = sa.select(MESSAGE.c.worker).where(
            MESSAGE.c.part.in_(range(wiring.store.parts)), OPEN_MESSAGE, MESSAGE.c.state == "sending"
        )
        workers = [str(name) for name in connection.scalars(busy.distinct()) if name is not None]
        reserving = reservers(connection)
        leased = holders(connection) if workers or reserving else {}
    lives = {name: leased.get(name, is_running(name)) for name in {*workers, *reserving}}
    leave(wiring.store, [name for name in reserving if lives[name] is False])
    running = {name: lives[name] for name in workers}
    here = [name for name, runs in running.items() if runs]
    elsewhere = [name for name, runs in running.items() if runs is None]
    # Who lives and has begun nothing may begin now.
    here += [name for name, runs in leased.items() if runs and name not in running]
    office = wiring.office
    again = lost = 0
    if False in running.values():
        again, lost = recover(
            office.store, office.clock, office.channels, living=[*here, *elsewhere], after=timedelta(0)
        )
    if elsewhere:
        more = recover(office.store, office.clock, office.channels, living=here, after=LEASE)
        again, lost = again + more[0], lost + more[1]
    return again, lost


def fence_once(wiring: Wiring) -> int:
    """End what workers have begun that were silent for too long, and find their messages; give how many went again."""
    with wiring.store.write() as connection:
        ended = end_sessions(connection)
    if ended:
        _log.warning("%s transactions of workers that are silent were ended", ended)
    return recover_once(wiring)[0]


def prune_once(wiring: Wiring, stop: Stop = never) -> int:
    """Forget what is kept for a while only; give how many rows.

    Cost: four statements, and what the settings want of the journal and of events.
    """
    now, parts = wiring.clock.micros(), wiring.store.parts
    with wiring.store.write() as connection:
        old = sa.and_(INBOX.c.part.in_(range(parts)), INBOX.c.at < now - MAIL_KEPT)
        forget(connection)
        rows = purge(connection, parts, now=now) + connection.execute(INBOX.delete().where(old)).rowcount
    aged = prune_by_age(wiring, Kept.of(wiring.settings), stop)
    return rows + aged.journal + aged.events


def until_quiet(wiring: Wiring, stop: Stop = never, tell: Tell = lambda _: None) -> Done:
    """Carry, hand over and judge experiments until nothing more is due at the clock's instant."""
    done = Done()
    done.requeued, done.in_doubt = recover_once(wiring)
    while not stop():
        ticked = tick_once(wiring, stop, wait=True)
        _add(done.ticks, ticked)
        tell(done.ticks.steps + done.messages.total)
        handed = _hand_over(wiring, stop, done, tell)
        if not (ticked.steps or ticked.events or handed or judge_once(wiring)):
            break
    return done


def _hand_over(wiring: Wiring, stop: Stop, done: Done, tell: Tell) -> int:
    handed = 0
    while not stop():
        report = dispatch_once(wiring, stop)
        if report.total == 0:
            break
        handed += report.total
        for name in ("sent", "again", "failed", "in_doubt", "suppressed", "put_off"):
            setattr(done.messages, name, getattr(done.messages, name) + getattr(report, name))
        tell(done.ticks.steps + done.messages.total)
    return handed


def _add(total: TickReport, more: TickReport) -> None:
    for name in ("events", "entered", "tokens", "steps", "waves", "failed"):
        setattr(total, name, getattr(total, name) + getattr(more, name))
    total.flows |= more.flows
