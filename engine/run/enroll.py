"""Let contacts into flows: an enrollment each, with one token at the trigger, if re-entry allows it."""

from functools import cache
from typing import Any

import sqlalchemy as sa

from engine.library.plan import Plan, PlanNode
from engine.run.context import Run
from engine.run.tables import ENTRANT, PART
from engine.store import sequences
from engine.store.prepared import Prepared, parameter
from engine.store.tables import Enrollment, Token
from engine.terms import length_micros

ENROLLMENT: sa.Table = Enrollment.__table__  # type: ignore[attr-defined]
TOKEN: sa.Table = Token.__table__  # type: ignore[attr-defined]

ENTERED = 3
"""What ``token.woken`` says of a token that has just come in."""


def enter(run: Run, plan: Plan, trigger: PlanNode) -> int:
    """Let in the contacts of the entrant table at their own instants; give how many came in.

    Shape: a contact that is there several times enters as often where re-entry is always allowed, else once.
    Cost: four statements, one more for a goal and for an exit.
    """
    count = int(_count(run.dialect).run(run.connection, {}).scalar_one())
    if count == 0:
        return 0
    base = sequences.take(run.connection, run.part, "enrollment", count)
    given = run.given(
        base=base,
        end=base + count,
        flow_id=plan.flow_id,
        version_id=plan.version_id,
        node=trigger.index,
        cooldown=length_micros(plan.cooldown),
    )
    entered = _enroll(run.dialect, plan.reentry).run(run.connection, given).rowcount
    if entered:
        for ending in run.deployment.program(plan.version_id, run.dialect).entering:
            ending.run(run.connection, given)
        _place(run.dialect).run(run.connection, given)
    return entered


@cache
def _count(dialect: str) -> Prepared:
    return Prepared(sa.select(sa.func.count()).select_from(ENTRANT), dialect)


@cache
def _enroll(dialect: str, reentry: str) -> Prepared:
    entrant: Any = ENTRANT
    if reentry != "always":
        first = sa.func.min(ENTRANT.c.now).label("now")
        entrant = sa.select(ENTRANT.c.contact_id, first).group_by(ENTRANT.c.contact_id).subquery("once")
    before = ENROLLMENT.alias("before")
    mine = sa.and_(
        before.c.part == PART,
        before.c.contact_id == entrant.c.contact_id,
        before.c.flow_id == parameter("flow_id"),
    )
    row: dict[str, Any] = {
        "part": PART,
        "contact_id": entrant.c.contact_id,
        "id": parameter("base") + sa.func.row_number().over(order_by=entrant.c.contact_id) - 1,
        "flow_id": parameter("flow_id"),
        "version_id": parameter("version_id"),
        "ordinal": _ordinal(reentry, entrant, mine),
        "state": sa.literal("active", sa.Text),
        "started_at": entrant.c.now,
    }
    chosen = sa.select(*row.values())
    if reentry == "once":
        chosen = chosen.where(~sa.exists().where(mine))
    elif reentry == "after_exit":
        too_soon = before.c.started_at + parameter("cooldown") > entrant.c.now
        chosen = chosen.where(~sa.exists().where(mine, sa.or_(before.c.state == "active", too_soon)))
    return Prepared(ENROLLMENT.insert().from_select(list(row), chosen), dialect)


def _ordinal(reentry: str, entrant: Any, mine: sa.ColumnElement[bool]) -> sa.ColumnElement[int]:
    if reentry == "once":
        return sa.literal(1, sa.BigInteger)
    so_far = sa.select(sa.func.count()).where(mine).scalar_subquery()
    if reentry == "after_exit":
        return so_far + 1
    return so_far + sa.func.row_number().over(partition_by=entrant.c.contact_id, order_by=entrant.c.now)


@cache
def _place(dialect: str) -> Prepared:
    row: dict[str, Any] = {
        "part": PART,
        "contact_id": ENROLLMENT.c.contact_id,
        "id": ENROLLMENT.c.id,
        "enrollment_id": ENROLLMENT.c.id,
        "version_id": ENROLLMENT.c.version_id,
        "node": parameter("node"),
        "state": sa.literal("waiting", sa.Text),
        "due_at": ENROLLMENT.c.started_at,
        "since": ENROLLMENT.c.started_at,
        "woken": sa.literal(ENTERED, sa.Integer),
        "seq": sa.literal(0, sa.Integer),
    }
    chosen = sa.select(*row.values()).where(
        ENROLLMENT.c.part == PART,
        ENROLLMENT.c.contact_id.in_(sa.select(ENTRANT.c.contact_id)),
        ENROLLMENT.c.state == "active",
        ENROLLMENT.c.id >= parameter("base"),
        ENROLLMENT.c.id < parameter("end"),
    )
    return Prepared(TOKEN.insert().from_select(list(row), chosen), dialect)
