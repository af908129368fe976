"""Take events past the cursor, each exactly once: the cursor moves in the transaction in which they act.

An event that was told before it happens waits aside until its instant.
"""

from collections.abc import Iterable
from functools import cache
from typing import Any

import sqlalchemy as sa

from engine.channels.receipts import RECEIPT_NAMES
from engine.contract.node import ByEvent
from engine.rules.names import event_names
from engine.run import claim, conversions, cursors, moving, review, wake
from engine.run.context import Run, TickReport
from engine.run.tables import ARRIVAL, NOW, PART, TOUCHED, clear
from engine.store.prepared import Prepared, parameter
from engine.store.rowsets import pack, texts
from engine.store.tables import Event, EventAhead

EVENT: sa.Table = Event.__table__  # type: ignore[attr-defined]
AHEAD: sa.Table = EventAhead.__table__  # type: ignore[attr-defined]
CURSOR = "events"
BATCH = 5_000


def names_of_interest(run: Run) -> frozenset[str]:
    """List the names of events that end, wake, let in or change a segment, of receipts, and of conversions."""
    found: set[str] = set(RECEIPT_NAMES)
    segments = run.deployment.segments
    for plan in run.deployment.versions():
        program = run.deployment.program(plan.version_id, run.dialect)
        found |= {match.name for _, match in program.event_waits}
        for rule in (plan.goal, plan.exit, *(rule for _, rule in program.rule_waits)):
            found |= event_names(rule, segments) if rule is not None else frozenset()
    found |= conversions.event_names(run.deployment)
    for plan in run.deployment.open():
        found |= {node.entry.match.name for node in plan.triggers if isinstance(node.entry, ByEvent)}
    for subject in run.deployment.subjects:
        found |= subject.names
    return frozenset(found)


def take_batch(run: Run, report: TickReport) -> int:
    """Let the next events act and carry the tokens they set free, in one transaction; give how many were passed.

    Cost: one round of statements for each instant at which one contact has several events.
    """
    position = cursors.position(run, CURSOR)
    newest: int = run.connection.scalar(_newest(run.part, position)) or position
    ahead = run.connection.scalar(sa.select(sa.func.count()).where(AHEAD.c.part == run.part, AHEAD.c.at <= run.now))
    if newest == position and not ahead:
        return 0
    _load(run, position, newest)
    instants, names = _summary(run)
    for instant in range(1, instants + 1):
        act(run, instant, names)
        if instant < instants:
            _move_woken(run, report)
    cursors.move(run, CURSOR, newest)
    report.events += newest - position
    return max(newest - position, int(ahead or 0))


def act(run: Run, instant: int, names: frozenset[str]) -> None:
    """Let the events of each contact's given instant act, and follow up what they change; all have one of the names.

    Cost: see ``wake.act`` and ``review.after_events``.
    """
    wake.act(run, instant)
    touched: frozenset[str] | None = None
    count = 0

    def touch(known: frozenset[str]) -> int:
        nonlocal touched, count
        if known != touched:
            clear(run.connection, TOUCHED)
            given = {"instant_number": instant, "names": pack(sorted(known))}
            touched, count = known, _touch(run.dialect).run(run.connection, given).rowcount
        return count

    review.after_events(run, names, touch)


def _load(run: Run, position: int, newest: int) -> None:
    clear(run.connection, ARRIVAL)
    names = pack(sorted(names_of_interest(run)))
    given = run.given(position=position, newest=newest, names=names)
    _put_aside(run.dialect).run(run.connection, given)
    _arrive(run.dialect, run.exact).run(run.connection, given)
    run.connection.execute(AHEAD.delete().where(AHEAD.c.part == run.part, AHEAD.c.at <= run.now))


def _summary(run: Run) -> tuple[int, frozenset[str]]:
    instants = run.connection.scalar(sa.select(sa.func.max(ARRIVAL.c.instant))) or 0
    names: Iterable[str] = run.connection.execute(sa.select(ARRIVAL.c.name).distinct()).scalars()
    return instants, frozenset(names)


def _move_woken(run: Run, report: TickReport) -> None:
    """Carry what these events set free before the contact's next event acts."""
    for plan in run.deployment.running():
        program = run.deployment.program(plan.version_id, run.dialect)
        contacts = claim.due_contacts(run, plan.version_id, woken_only=True)
        if contacts:
            report.add(moving.move_due(run, program, contacts, woken_only=True))


def _newest(part: int, position: int) -> sa.Select[Any]:
    batch = sa.select(EVENT.c.id).where(EVENT.c.part == part, EVENT.c.id > position).order_by(EVENT.c.id).limit(BATCH)
    return sa.select(sa.func.max(batch.subquery().c.id))


@cache
def _put_aside(dialect: str) -> Prepared:
    chosen = sa.select(EVENT.c.part, EVENT.c.id, EVENT.c.at).where(*_between(), EVENT.c.at > NOW)
    return Prepared(AHEAD.insert().from_select(["part", "id", "at"], chosen), dialect)


@cache
def _arrive(dialect: str, exact: bool) -> Prepared:
    wanted = EVENT.c.name.in_(texts(dialect, "names"))
    new = sa.select(EVENT.c.contact_id, EVENT.c.id, EVENT.c.name, EVENT.c.at).where(
        *_between(), EVENT.c.at <= NOW, wanted
    )
    waited = sa.select(EVENT.c.contact_id, EVENT.c.id, EVENT.c.name, EVENT.c.at).where(
        AHEAD.c.part == PART, AHEAD.c.at <= NOW, EVENT.c.part == PART, EVENT.c.id == AHEAD.c.id, wanted
    )
    came = sa.union_all(new, waited).subquery("came")
    # A sum, so that SQLite does not go through an index of all events only because it is in the right order.
    contact = came.c.contact_id + 0
    chosen = sa.select(
        came.c.contact_id,
        came.c.id,
        came.c.name,
        came.c.at,
        came.c.at if exact else NOW,
        sa.func.dense_rank().over(partition_by=contact, order_by=came.c.at),
        sa.func.row_number().over(partition_by=(contact, came.c.at), order_by=came.c.id),
    )
    return Prepared(ARRIVAL.insert().from_select([column.name for column in ARRIVAL.c], chosen), dialect)


def _between() -> list[sa.ColumnElement[bool]]:
    return [EVENT.c.part == PART, EVENT.c.id > parameter("position"), EVENT.c.id <= parameter("newest")]


@cache
def _touch(dialect: str) -> Prepared:
    chosen = (
        sa.select(ARRIVAL.c.contact_id, sa.func.max(ARRIVAL.c.now))
        .where(ARRIVAL.c.instant == parameter("instant_number"), ARRIVAL.c.name.in_(texts(dialect, "names")))
        .group_by(ARRIVAL.c.contact_id)
    )
    return Prepared(TOUCHED.insert().from_select(["contact_id", "now"], chosen), dialect)
