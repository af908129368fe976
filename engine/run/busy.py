"""Find the parts of the store in which anything waits to be done, with one look at all of them."""

from collections.abc import Sequence
from functools import cache

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from engine.contract.node import BySchedule
from engine.run import arrivals, changes, cursors, review
from engine.run.context import Deployment
from engine.run.cursors import CURSOR
from engine.run.program import TOKEN
from engine.run.review import RECHECK
from engine.run.sql import CONTACT
from engine.run.tables import NOW
from engine.store.claims import own_order
from engine.store.prepared import Prepared, parameter
from engine.store.rowsets import numbers, pack, texts
from engine.terms import Micros


def busy_parts(
    connection: Connection,
    parts: Sequence[int],
    deployment: Deployment,
    now: Micros,
    *,
    heard_only: bool = False,
    by_calendar: bool = True,
) -> list[int]:
    """List the parts that have events to take, changes to follow, first looks to make, or tokens and rules due.

    Shape: first where a token has been due for longest. All parts where a flow that is open goes by the calendar: its
    times are worked out part by part; not so without ``by_calendar``. With ``heard_only`` events that nobody hears are
    none.
    Cost: one statement, a few looks into indexes for each part, and at the events that were not read yet.
    """
    triggers = (node for plan in deployment.open() for node in plan.triggers)
    if by_calendar and any(isinstance(node.entry, BySchedule) for node in triggers):
        return list(parts)
    looks = first_looks(deployment)
    given = {
        "parts": pack(parts),
        "now": now,
        "versions": pack([plan.version_id for plan in deployment.running()]),
        "looks": pack(looks),
        "looked": len(looks),
        "names": arrivals.heard_names(deployment, connection.dialect.name) if heard_only else None,
    }
    found = _busy(connection.dialect.name, heard_only).run(connection, given)
    return [int(row.part) for row in sorted(found, key=lambda row: (row.oldest, own_order(row.part)))]


def first_looks(deployment: Deployment) -> list[str]:
    """Name the cursors of those who must have looked at every contact once."""
    open_subjects = [
        subject
        for subject in deployment.subjects
        if subject.trigger is None or not deployment.rests(subject.trigger.plan)
    ]
    dates = [changes.date_cursor(number) for number in deployment.date_triggers()]
    return [*(review.looked(subject) for subject in open_subjects), *dates]


@cache
def _busy(dialect: str, heard_only: bool) -> Prepared:
    (part,) = numbers(dialect, "parts").subquery("listed").c
    event, ahead, contact = arrivals.EVENT, arrivals.AHEAD, CONTACT
    done = (
        sa.select(sa.func.count())
        .select_from(CURSOR)
        .where(CURSOR.c.part == part, CURSOR.c.name.in_(texts(dialect, "looks")), CURSOR.c.position < 0)
        .correlate_except(CURSOR)
        .scalar_subquery()
    )
    versions = numbers(dialect, "versions")
    unread = [event.c.part == part, event.c.id > cursors.read_up_to(arrivals.CURSOR, part)]
    if heard_only:
        unread.append(event.c.name.in_(texts(dialect, "names")))
    reasons = [
        sa.exists(sa.select(event.c.id).where(*unread)),
        sa.exists(sa.select(ahead.c.id).where(ahead.c.part == part, ahead.c.at <= NOW)),
        sa.exists(
            sa.select(contact.c.id).where(
                contact.c.part == part,
                contact.c.changed > cursors.read_up_to(changes.CURSOR, part),
                changes.CHANGED,
            )
        ),
        sa.exists(sa.select(RECHECK.c.subject).where(RECHECK.c.part == part, RECHECK.c.due_at <= NOW)),
        sa.exists(
            sa.select(TOKEN.c.id).where(TOKEN.c.part == part, TOKEN.c.version_id.in_(versions), TOKEN.c.due_at <= NOW)
        ),
        done < parameter("looked"),
    ]
    # What waits for nothing but its turn counts as due now.
    oldest = sa.func.coalesce(_oldest(dialect, part), NOW)
    return Prepared(sa.select(part.label("part"), oldest.label("oldest")).where(sa.or_(*reasons)), dialect)


def _oldest(dialect: str, part: sa.ColumnElement[int]) -> sa.ColumnElement[int]:
    """Give since when the part's oldest token has been due: a look into the index for each version."""
    running = numbers(dialect, "versions").subquery("running")
    (version,) = running.c
    first = (
        sa.select(TOKEN.c.due_at)
        .where(TOKEN.c.part == part, TOKEN.c.version_id == version, TOKEN.c.due_at <= NOW)
        .order_by(TOKEN.c.due_at)
        .limit(1)
        .correlate_except(TOKEN)
        .scalar_subquery()
    )
    # Two layers: within an aggregate the part would count as a column of the outer statement's groups.
    firsts = sa.select(first.label("due_at")).select_from(running).correlate_except(running).subquery("firsts")
    return sa.select(sa.func.min(firsts.c.due_at)).scalar_subquery()
