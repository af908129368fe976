"""Let contacts into flows: an enrollment each, with one token at the trigger, if re-entry allows it."""

from dataclasses import dataclass
from functools import cache
from typing import Any

import sqlalchemy as sa

from engine.library.plan import Plan, PlanNode
from engine.people.contacts import ERASED
from engine.run.context import Run
from engine.run.tables import ENTERED, ENTRANT, NOW, PART, clear
from engine.store import sequences
from engine.store.prepared import Prepared, parameter
from engine.store.tables import Contact, Enrollment, Token
from engine.terms import length_micros

NEAR = 4
"""Entrants lie close together when at least one of so many contacts between the first and the last is one."""

CONTACT: sa.Table = Contact.__table__  # type: ignore[attr-defined]
ENROLLMENT: sa.Table = Enrollment.__table__  # type: ignore[attr-defined]
TOKEN: sa.Table = Token.__table__  # type: ignore[attr-defined]


@dataclass(frozen=True)
class Entrants:
    """How many rows the entrant table has, and the first and last contact in it."""

    count: int
    first: int
    last: int

    @property
    def near(self) -> bool:
        """Whether they lie close together: then enrollments are numbered by their contacts."""
        return self.last - self.first < NEAR * self.count

    @property
    def numbers(self) -> int:
        """How many numbers their enrollments take."""
        return self.last - self.first + 1 if self.near else self.count


def count_entrants(run: Run) -> Entrants:
    """Count the entrant table.

    Cost: one statement.
    """
    count, first, last = _count(run.dialect).run(run.connection, {}).one()
    return Entrants(count, first or 0, last or 0)


def entering(run: Run, plan: Plan, numbers: int, first: int = 0) -> dict[str, Any]:
    """Take numbers for enrollments, and name the parameters of the statements that let contacts in."""
    return run.given(
        base=sequences.take(run.connection, run.part, "enrollment", numbers),
        first=first,
        flow_id=plan.flow_id,
        version_id=plan.version_id,
        cooldown=length_micros(plan.cooldown),
    )


def list_range(run: Run, after: int, last: int) -> int:
    """Put the contacts after one, up to another one, into the entrant table; give how many there are."""
    clear(run.connection, ENTRANT)
    return _range(run.dialect).run(run.connection, run.given(after=after, last=last)).rowcount


def count_range(run: Run, after: int, last: int) -> int:
    """Count the contacts after one, up to another one."""
    return int(_counted(run.dialect).run(run.connection, run.given(after=after, last=last)).scalar_one())


def in_range(contact: Any) -> list[sa.ColumnElement[bool]]:
    """Choose the contacts after one, up to another one, but for those that were erased."""
    between = [contact.c.id > parameter("after"), contact.c.id <= parameter("last")]
    return [contact.c.part == PART, *between, ~contact.c.key.startswith(ERASED)]


@cache
def _range(dialect: str) -> Prepared:
    chosen = sa.select(CONTACT.c.id, NOW).where(*in_range(CONTACT))
    return Prepared(ENTRANT.insert().from_select(["contact_id", "now"], chosen), dialect)


@cache
def _counted(dialect: str) -> Prepared:
    return Prepared(sa.select(sa.func.count()).select_from(CONTACT).where(*in_range(CONTACT)), dialect)


def identity(entrant: Any, *, near: bool) -> sa.ColumnElement[int]:
    """Give the enrollment of each entrant its number."""
    if near:
        found: sa.ColumnElement[int] = parameter("base") + entrant.c.contact_id - parameter("first")
        return found
    return parameter("base") + sa.func.row_number().over(order_by=entrant.c.contact_id) - 1


def allowed(reentry: str, entrant: Any) -> list[sa.ColumnElement[bool]]:
    """Choose the entrants whom a flow's re-entry lets in; ``new`` says that none of them was ever in it."""
    mine, before = _before(entrant)
    if reentry == "once":
        return [~sa.exists().where(mine)]
    if reentry == "after_exit":
        too_soon = before.c.started_at + parameter("cooldown") > entrant.c.now
        # Whom goal or exit turned away is not let in at that very instant by another trigger.
        now = sa.and_(before.c.started_at == entrant.c.now, before.c.state.in_(["goal", "exit"]))
        return [~sa.exists().where(mine, sa.or_(before.c.state == "active", too_soon, now))]
    return []


def enter(run: Run, plan: Plan, trigger: PlanNode) -> int:
    """Let in the contacts of the entrant table at their own instants; give how many came in.

    Shape: a contact that is there several times enters as often where re-entry is always allowed, else once.
    Cost: four statements, one more for a goal and for an exit.
    """
    count = count_entrants(run).count
    if count == 0:
        return 0
    given = entering(run, plan, count)
    given |= {"end": given["base"] + count, "node": trigger.index}
    entered = _enroll(run.dialect, plan.reentry).run(run.connection, given).rowcount
    if entered:
        for ending in run.deployment.program(plan.version_id, run.dialect).entering:
            ending.run(run.connection, given)
        _place(run.dialect).run(run.connection, given)
    return entered


@cache
def _count(dialect: str) -> Prepared:
    ends = (sa.func.min(ENTRANT.c.contact_id), sa.func.max(ENTRANT.c.contact_id))
    return Prepared(sa.select(sa.func.count(), *ends).select_from(ENTRANT), dialect)


@cache
def _enroll(dialect: str, reentry: str) -> Prepared:
    entrant: Any = ENTRANT
    if reentry != "always":
        first = sa.func.min(ENTRANT.c.now).label("now")
        entrant = sa.select(ENTRANT.c.contact_id, first).group_by(ENTRANT.c.contact_id).subquery("once")
    row: dict[str, Any] = {
        "part": PART,
        "contact_id": entrant.c.contact_id,
        "id": identity(entrant, near=False),
        "flow_id": parameter("flow_id"),
        "version_id": parameter("version_id"),
        "ordinal": ordinal(reentry, entrant),
        "state": sa.literal("active", sa.Text),
        "started_at": entrant.c.now,
    }
    chosen = sa.select(*row.values()).where(*allowed(reentry, entrant))
    return Prepared(ENROLLMENT.insert().from_select(list(row), chosen), dialect)


def _before(entrant: Any) -> tuple[sa.ColumnElement[bool], Any]:
    before = ENROLLMENT.alias("before")
    mine = sa.and_(
        before.c.part == PART,
        before.c.contact_id == entrant.c.contact_id,
        before.c.flow_id == parameter("flow_id"),
    )
    return mine, before


def ordinal(reentry: str, entrant: Any) -> sa.ColumnElement[int]:
    """Count which of the contact's enrollments in the flow each entrant's is."""
    if reentry in ("once", "new"):
        return sa.literal(1, sa.BigInteger)
    mine, _ = _before(entrant)
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
