"""Do all that is due: events first, then what changed, then the calendar, then the tokens whose time has come.

Every batch is one transaction over one part. A crash loses nothing: what was not committed is found again.
"""

from collections.abc import Callable

from sqlalchemy.engine import Connection

from engine.clock import Clock
from engine.run import arrivals, calendar, changes, repair
from engine.run.claim import due_contacts
from engine.run.context import Deployment, Run, TickReport
from engine.run.transactions import transaction
from engine.store.session import Store
from engine.terms import Micros

WAVE_SIZE = 10_000


def tick(
    store: Store,
    clock: Clock,
    deployment: Deployment,
    *,
    parts: range | None = None,
    wave_size: int = WAVE_SIZE,
    stop: Callable[[], bool] = lambda: False,
) -> TickReport:
    """Run everything that is due now, part by part.

    Shape: returns early, between two transactions, when ``stop`` says so.
    """
    report = TickReport()
    for part in parts or range(store.parts):
        _part(store, clock.micros(), part, deployment, wave_size, stop, report)
        if stop():
            break
    return report


def _part(
    store: Store,
    now: Micros,
    part: int,
    deployment: Deployment,
    wave_size: int,
    stop: Callable[[], bool],
    report: TickReport,
) -> None:
    def run(connection: Connection) -> Run:
        return Run(connection, part, deployment, now, exact=False)

    while not stop():
        with transaction(store) as connection:
            taken = arrivals.take_batch(run(connection), report)
        if not taken:
            break
    while not stop():
        with transaction(store) as connection:
            looked_at = changes.take_batch(run(connection))
        if not looked_at:
            break
    with transaction(store) as connection:
        for occasion in calendar.occasions(run(connection), now):
            report.entered += calendar.let_in(run(connection), occasion)
    _timers(store, run, deployment, wave_size, stop, report)


def _timers(
    store: Store,
    run: Callable[[Connection], Run],
    deployment: Deployment,
    wave_size: int,
    stop: Callable[[], bool],
    report: TickReport,
) -> None:
    """Carry due tokens until none is left: waves may make further tokens due at this instant."""
    moved = True
    while moved and not stop():
        moved = False
        for plan in deployment.running():
            with transaction(store) as connection:
                contacts = due_contacts(run(connection), plan.version_id)
            for start in range(0, len(contacts), wave_size):
                if stop():
                    return
                repair.carry_safely(store, run, plan, contacts[start : start + wave_size], report)
                moved = True
