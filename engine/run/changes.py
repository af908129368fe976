"""Take what changed outside of waves, what time may have changed, and segments that nobody has looked at yet."""

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

import sqlalchemy as sa

from engine.run import calendar, cursors, follow, review, sql
from engine.run.context import Run
from engine.run.review import RECHECK
from engine.run.subjects import Subject
from engine.run.tables import NOW, PART, TOUCHED, TURN, clear
from engine.store.prepared import Prepared, parameter

CURSOR = "changes"
BATCH = 10_000

CHANGED = sa.text("contact.changed > 0")
"""What the index of changed contacts says of itself: without these very words SQLite does not use it."""


def take_batch(run: Run) -> int:
    """Look at the next contacts that changed, then at those whose recheck is due; give how many were looked at."""
    return first_looks(run) or _changed(run) or take_rechecks(run)


def take_rechecks(run: Run) -> int:
    """Look again at the contacts for whom time may have changed something; give how many."""
    looked_at = 0
    due: Sequence[int] = run.connection.execute(_due_subjects(run), run.given()).scalars().all()
    for subject_id in _in_order(run, due):
        looked_at += _recheck(run, subject_id)
    return looked_at


def _in_order(run: Run, due: Iterable[int]) -> list[int]:
    """Put segments before triggers, and the triggers of a flow into the document's order, in which they act."""
    dates = run.deployment.date_triggers()

    def place(subject_id: int) -> tuple[str, int]:
        subject = run.deployment.subject(subject_id)
        if subject is not None and subject.trigger is not None:
            return subject.trigger.plan.flow_key, subject.trigger.node.index
        if subject_id in dates:
            plan, node = dates[subject_id]
            return plan.flow_key, node.index
        return "", -1

    return sorted(due, key=place)


def _changed(run: Run) -> int:
    position, newest = _newest(run.dialect).run(run.connection, run.given()).one()
    if newest is None:
        return 0
    clear(run.connection, TOUCHED)
    given = run.given(position=position, newest=newest)
    count = _touch_changed(run.dialect).run(run.connection, given).rowcount
    follow.facts(run)
    cursors.move(run, CURSOR, newest)
    return count


def date_cursor(number: int) -> str:
    """Name the cursor of the first look for a date trigger."""
    return f"dates/{number}"


def first_looks(run: Run) -> int:
    """Look at contacts that were there when a segment or date trigger came to be, in batches by their ids."""
    for subject in run.deployment.subjects:
        if subject.trigger is not None and run.deployment.rests(subject.trigger.plan):
            # Those who match already may have to come in: that waits for the end of the pause.
            continue
        looked_at = first_look(run, subject)
        if looked_at:
            return looked_at
    for number in run.deployment.date_triggers():
        looked_at = _first_look(run, date_cursor(number), number)
        if looked_at:
            return looked_at
    return 0


def first_look(run: Run, subject: Subject) -> int:
    """Look at a batch of the contacts that were there before a segment or its trigger; 0 when all were looked at."""
    return _first_look(run, review.looked(subject), subject)


def _first_look(run: Run, name: str, subject: Subject | int) -> int:
    position = cursors.position(run, name)
    if position < 0:
        return 0
    clear(run.connection, TOUCHED)
    before = run.now if isinstance(subject, int) else subject.since
    last = _last_of_batch(run.dialect).run(run.connection, run.given(position=position)).scalar()
    if last is None:
        cursors.move(run, name, -1)
        return 0
    _touch_range(run.dialect).run(run.connection, run.given(position=position, last=last, before=before))
    if isinstance(subject, int):
        calendar.plan_dates(run, only=subject)
    else:
        review.review(run, subject, first=True)
    cursors.move(run, name, last)
    return 1


def _due_subjects(run: Run) -> sa.Select[Any]:
    chosen = sa.select(RECHECK.c.subject).where(RECHECK.c.part == PART).distinct().order_by(RECHECK.c.subject)
    if run.exact:
        return chosen.where(RECHECK.c.contact_id == TURN.c.contact_id, RECHECK.c.due_at <= TURN.c.at)
    return chosen.where(RECHECK.c.due_at <= NOW)


def _recheck(run: Run, subject_id: int) -> int:
    """Look again at one subject's due contacts."""
    given = run.given(subject=subject_id)
    clear(run.connection, TOUCHED)
    count = _touch_due(run.dialect, run.exact).run(run.connection, given).rowcount
    subject = run.deployment.subject(subject_id)
    if subject is not None:
        review.review(run, subject, due=True)
        return count
    _put_off(run.dialect).run(run.connection, {**given, "never": calendar.NEVER})
    date = run.deployment.date_triggers().get(subject_id)
    if date is not None and not run.deployment.rests(date[0]):
        calendar.dates_due(run, *date, sa.select(TOUCHED.c.contact_id, TOUCHED.c.now), {})
    return count


@cache
def _newest(dialect: str) -> Prepared:
    contact, read = sql.CONTACT, cursors.read_up_to(CURSOR)
    batch = sa.select(contact.c.changed).where(contact.c.part == PART, contact.c.changed > read, CHANGED)
    last = sa.func.max(batch.order_by(contact.c.changed).limit(BATCH).subquery("batch").c.changed)
    return Prepared(sa.select(read, last), dialect)


@cache
def _touch_changed(dialect: str) -> Prepared:
    contact = sql.CONTACT
    chosen = sa.select(contact.c.id, NOW).where(
        contact.c.part == PART,
        contact.c.changed > parameter("position"),
        CHANGED,
        contact.c.changed <= parameter("newest"),
    )
    return Prepared(TOUCHED.insert().from_select(["contact_id", "now"], chosen), dialect)


@cache
def _last_of_batch(dialect: str) -> Prepared:
    contact = sql.CONTACT
    batch = (
        sa.select(contact.c.id)
        .where(contact.c.part == PART, contact.c.id > parameter("position"))
        .order_by(contact.c.id)
        .limit(BATCH)
        .subquery()
    )
    return Prepared(sa.select(sa.func.max(batch.c.id)), dialect)


@cache
def _touch_range(dialect: str) -> Prepared:
    contact = sql.CONTACT
    chosen = sa.select(contact.c.id, NOW).where(
        contact.c.part == PART,
        contact.c.id > parameter("position"),
        contact.c.id <= parameter("last"),
        contact.c.created_at <= parameter("before"),
    )
    return Prepared(TOUCHED.insert().from_select(["contact_id", "now"], chosen), dialect)


@cache
def _touch_due(dialect: str, exact: bool) -> Prepared:
    now = TURN.c.at if exact else NOW
    chosen = sa.select(RECHECK.c.contact_id, now).where(
        RECHECK.c.part == PART, RECHECK.c.subject == parameter("subject"), RECHECK.c.due_at <= now
    )
    if exact:
        chosen = chosen.where(RECHECK.c.contact_id == TURN.c.contact_id)
    return Prepared(TOUCHED.insert().from_select(["contact_id", "now"], chosen), dialect)


@cache
def _put_off(dialect: str) -> Prepared:
    seen = sa.select(TOUCHED.c.contact_id)
    subject = parameter("subject")
    return Prepared(
        RECHECK.update()
        .values(due_at=parameter("never"))
        .where(RECHECK.c.part == PART, RECHECK.c.subject == subject, RECHECK.c.contact_id.in_(seen)),
        dialect,
    )
