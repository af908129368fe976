"""Take events past the cursor, each exactly once: the cursor moves in the transaction in which they act.

An event that was told before it happens waits aside until its instant.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any

import sqlalchemy as sa

from engine.channels.receipts import RECEIPT_NAMES
from engine.contract.node import ByEvent
from engine.rules.names import event_names
from engine.run import claim, conversions, cursors, moving, review, wake
from engine.run.context import Deployment, Run, TickReport
from engine.run.tables import ARRIVAL, NOW, PART, TOUCHED, clear
from engine.store.prepared import Prepared, parameter
from engine.store.rowsets import pack, texts
from engine.store.tables import Event, EventAhead

EVENT: sa.Table = Event.__table__  # type: ignore[attr-defined]
AHEAD: sa.Table = EventAhead.__table__  # type: ignore[attr-defined]
CURSOR = "events"
BATCH = 5_000


def heard_names(deployment: Deployment, dialect: str) -> str:
    """Pack the names of events that anybody hears."""
    return deployment.once("heard", lambda: pack(sorted(names_of_interest(deployment, dialect))))


def names_of_interest(deployment: Deployment, dialect: str) -> frozenset[str]:
    """List the names of events that end, wake, let in or change a segment, of receipts, and of conversions."""
    found: set[str] = set(RECEIPT_NAMES)
    segments = deployment.segments
    for plan in deployment.versions():
        program = deployment.program(plan.version_id, dialect)
        found |= {match.name for _, match in program.event_waits}
        for rule in (plan.goal, plan.exit, *(rule for _, rule in program.rule_waits)):
            found |= event_names(rule, segments) if rule is not None else frozenset()
    found |= conversions.event_names(deployment)
    for plan in deployment.open():
        found |= {node.entry.match.name for node in plan.triggers if isinstance(node.entry, ByEvent)}
    for subject in deployment.subjects:
        found |= subject.names
    return frozenset(found)


def take_batch(run: Run, report: TickReport, *, at_once: bool = False) -> int | None:
    """Let the next events act, and carry what is set free before a contact's next event acts, in one transaction.

    Shape: the number of the last one, if there may be more. ``at_once`` carries also what the last ones set free.
    Cost: one round of statements for each instant at which one contact has several events.
    """
    names = heard_names(run.deployment, run.dialect)
    coming = _coming(run.dialect).run(run.connection, run.given(names=names, most=BATCH))
    position, newest, ahead, heard, later = coming.one()
    if newest is None and not ahead:
        return None
    newest = position if newest is None else newest
    given = run.given(position=position, newest=newest, names=names)
    if later:
        _put_aside(run.dialect).run(run.connection, given)
    if (heard or ahead) and _load(run, given):
        instants, acting = _summary(run)
        for instant in range(1, instants + 1):
            act(run, instant, acting)
            if at_once or instant < instants:
                _move_woken(run, report)
    if ahead:
        _happened(run.dialect).run(run.connection, given)
    cursors.move(run, CURSOR, newest)
    report.events += newest - position
    return newest if newest - position >= BATCH else None


def came_last(run: Run) -> int:
    """Give the number of the event that came last; all up to it have come by now."""
    return int(run.connection.scalar(sa.select(sa.func.max(EVENT.c.id)).where(EVENT.c.part == run.part)) or 0)


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


def _load(run: Run, given: Mapping[str, Any]) -> int:
    """Fill the arrival table with the events that anybody hears, also with those put aside; give their number."""
    clear(run.connection, ARRIVAL)
    return _arrive(run.dialect, run.exact).run(run.connection, given).rowcount


def _summary(run: Run) -> tuple[int, frozenset[str]]:
    """Give how many instants a contact has at most, and the names of the events."""
    rows = _names(run.dialect).run(run.connection, {}).all()
    return max(instants for _, instants in rows), frozenset(name for name, _ in rows)


def _move_woken(run: Run, report: TickReport) -> None:
    """Carry what these events set free."""
    for plan in run.deployment.running():
        program = run.deployment.program(plan.version_id, run.dialect)
        contacts = claim.due_contacts(run, plan.version_id, woken_only=True)
        if contacts:
            report.add(moving.move_due(run, program, contacts, woken_only=True))


@cache
def _coming(dialect: str) -> Prepared:
    """Look ahead.

    Shape: how far events were read; up to which one the next batch goes, if there is one; whether any put aside has
    happened; whether anybody hears one of the batch, and whether one is told before it happens.
    """
    read = cursors.read_up_to(CURSOR)
    batch = (
        sa.select(
            EVENT.c.id,
            sa.case((EVENT.c.name.in_(texts(dialect, "names")), 1), else_=0).label("heard"),
            sa.case((EVENT.c.at > NOW, 1), else_=0).label("later"),
        )
        .where(EVENT.c.part == PART, EVENT.c.id > read)
        .order_by(EVENT.c.id)
        .limit(parameter("most"))
        .subquery("batch")
    )
    ahead = sa.exists().where(AHEAD.c.part == PART, AHEAD.c.at <= NOW)
    newest, heard, later = (sa.func.max(batch.c[name]) for name in ("id", "heard", "later"))
    return Prepared(sa.select(read, newest, ahead, heard, later).select_from(batch), dialect)


@cache
def _names(dialect: str) -> Prepared:
    return Prepared(sa.select(ARRIVAL.c.name, sa.func.max(ARRIVAL.c.instant)).group_by(ARRIVAL.c.name), dialect)


@cache
def _happened(dialect: str) -> Prepared:
    return Prepared(AHEAD.delete().where(AHEAD.c.part == PART, AHEAD.c.at <= NOW), dialect)


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
