"""What nodes write about members, as one statement each.

Every builder is told where the members at the node stand, and gives statements whose parameters are ``part`` and what
its docstring names.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, cast

import orjson
import sqlalchemy as sa

from engine.channels.policy import Cap, Scope, cap_free_at, momentary_reason, reason_in
from engine.channels.variables import Trigger
from engine.experiments.assign import experiment_id
from engine.library.plan import Plan, PlanNode
from engine.rules.model import Rule
from engine.run import comparing, sql
from engine.run.members import Flag, SqlMembers
from engine.run.recorder import Change, Sending
from engine.run.tables import PART
from engine.store.dialect import insert_ignore
from engine.store.documents import increased, merged
from engine.store.prepared import parameter
from engine.store.tables import Assignment, ContactTag, Conversion, Message, Task
from engine.terms import Json, Text, length_micros

MESSAGE: sa.Table = Message.__table__  # type: ignore[attr-defined]
TAG: sa.Table = ContactTag.__table__  # type: ignore[attr-defined]
ASSIGNMENT: sa.Table = Assignment.__table__  # type: ignore[attr-defined]
TASK: sa.Table = Task.__table__  # type: ignore[attr-defined]
CONVERSION: sa.Table = Conversion.__table__  # type: ignore[attr-defined]

CONTACT_COLUMNS = ("email", "phone", "timezone", "locale", "stage")
TOUCHING = ("set", "tag", "score")
"""Changes of facts that rules of others may look at."""


@dataclass(frozen=True, eq=False)
class Standing:
    """Which rows of which wave's table stand at a node.

    Shape: ``among`` tells which of them belong to a set that the node named; ``sound`` which are known to have an
    address, no restriction and what their message requires: what policy asks of the contact's own row. ``place`` is
    each one's node where they stand at several that send alike.
    """

    wave: sa.Table
    here: Flag
    among: Callable[[SqlMembers], Flag]
    sound: Flag | None = None
    place: sa.ColumnElement[int] | None = None


def date_subject(flow_key: str, node: str) -> int:
    """Give a date trigger a number among the subjects of rechecks: negative, the same in every version."""
    return -experiment_id(flow_key, node) - 1


def _passing(table: sa.Table, node: PlanNode, stand: Standing) -> sa.ColumnElement[int]:
    """Count the passes of an enrollment through a node; always 1 where it can pass only once."""
    if not node.repeats:
        return sa.literal(1, sa.BigInteger)
    before = (
        sa.select(sa.func.coalesce(sa.func.max(table.c.passing), 0))
        .where(
            table.c.part == PART,
            table.c.contact_id == stand.wave.c.contact_id,
            table.c.enrollment_id == stand.wave.c.enrollment_id,
            table.c.node == node.index,
        )
        .scalar_subquery()
    )
    place = sa.func.row_number().over(partition_by=stand.wave.c.enrollment_id, order_by=stand.wave.c.token_id)
    return before + place


def scope_of(
    plan: Plan, said: Sending, requires: Sequence[str], contact: sa.FromClause, wave: Any, cap: Cap | None = None
) -> Scope:
    """Say what policy may look at for a message of this plan; ``wave`` has the columns of a member."""
    return Scope(
        contact,
        PART,
        wave.now,
        said.channel,
        said.topic,
        requires,
        cap,
        Trigger(plan.trigger_events, wave.started_at),
        wave.due_at,
        said.late,
        contact_id=wave.contact_id,
    )


def sending(
    plan: Plan, node: PlanNode, said: Sending, stand: Standing, requires: Sequence[str], cap: Cap | None
) -> sa.Insert:
    """Owe the members a message, suppressed at once where policy says so, or not before a cap allows it.

    Shape: the parameter ``dropped_until`` is NULL, or until when a backlog was dropped: it counts as late.
    """
    wave = stand.wave.c
    contact = sql.CONTACT.alias()
    scope = scope_of(plan, said, requires, contact, wave, None if cap is None or cap.delays else cap)
    source: sa.FromClause = stand.wave
    whole = sa.cast(reason_in(scope), sa.Text)
    reason: sa.ColumnElement[Any] = whole
    if stand.sound is not None:
        looked_up = sql.of_contact(whole, contact, wave.contact_id)
        reason = sa.case((stand.sound, sa.cast(momentary_reason(scope), sa.Text)), else_=looked_up)
    else:
        # Not an inner join: SQLite would go through all contacts and look each up in the wave.
        source = stand.wave.outerjoin(contact, sa.and_(contact.c.part == PART, contact.c.id == wave.contact_id))
    reason = sa.case((wave.due_at <= parameter("dropped_until"), "late"), else_=reason)
    free = cap_free_at(replace(scope, cap=cap)) if cap is not None and cap.delays else None
    due = (
        sa.select(
            wave.contact_id,
            wave.enrollment_id,
            (sa.literal(node.index, sa.BigInteger) if stand.place is None else stand.place).label("node"),
            _passing(MESSAGE, node, stand).label("passing"),
            reason.label("reason"),
            wave.now,
            (wave.now if free is None else sa.func.coalesce(free, wave.now, type_=sa.BigInteger)).label("not_before"),
        )
        .select_from(source)
        .where(stand.here, stand.among(said.members))
        .subquery()
    )
    why = sa.cast(due.c.reason, sa.Text)
    row = {
        "part": PART,
        "contact_id": due.c.contact_id,
        "enrollment_id": due.c.enrollment_id,
        "node": due.c.node,
        "passing": due.c.passing,
        "version_id": sa.literal(plan.version_id, sa.BigInteger),
        "channel": sa.literal(said.channel, sa.Text),
        "topic": sa.literal(said.topic, sa.Text),
        "state": sa.case((why.is_(None), "queued"), else_="suppressed"),
        "reason": why,
        "due_at": due.c.now,
        "not_before": due.c.not_before,
        "attempt": sa.literal(0, sa.Integer),
    }
    return _from_select(MESSAGE, row)


def changing(
    plan: Plan, node: PlanNode, change: Change, stand: Standing, meaning: sql.Meaning, dialect: str
) -> list[sa.sql.dml.UpdateBase]:
    """Turn a change into its statements."""
    build = _BUILDERS[change.kind]
    return list(build(plan, node, change.facts, stand, meaning, dialect))


def _set(
    plan: Plan, node: PlanNode, facts: Mapping[str, Any], stand: Standing, meaning: sql.Meaning, dialect: str
) -> Iterable[sa.sql.dml.UpdateBase]:
    values: Mapping[str, Json] = facts["values"]
    columns: dict[str, Any] = {name: values[name] for name in CONTACT_COLUMNS if name in values}
    others = {name: value for name, value in values.items() if name not in CONTACT_COLUMNS}
    if others:
        columns["attributes"] = merged(dialect, sql.CONTACT.c.attributes, others)
    concerned = sa.select(stand.wave.c.contact_id).where(stand.here)
    yield sql.CONTACT.update().values(columns).where(sql.CONTACT.c.part == PART, sql.CONTACT.c.id.in_(concerned))


def _tag(
    plan: Plan, node: PlanNode, facts: Mapping[str, Any], stand: Standing, meaning: sql.Meaning, dialect: str
) -> Iterable[sa.sql.dml.UpdateBase]:
    for tag in facts["add"]:
        chosen = sa.select(PART, stand.wave.c.contact_id, sa.literal(tag, sa.Text)).where(stand.here).distinct()
        yield insert_ignore(TAG, dialect).from_select(["part", "contact_id", "tag"], chosen)
    if facts["remove"]:
        concerned = sa.select(stand.wave.c.contact_id).where(stand.here)
        yield TAG.delete().where(TAG.c.part == PART, TAG.c.contact_id.in_(concerned), TAG.c.tag.in_(facts["remove"]))


def _score(
    plan: Plan, node: PlanNode, facts: Mapping[str, Any], stand: Standing, meaning: sql.Meaning, dialect: str
) -> Iterable[sa.sql.dml.UpdateBase]:
    name, add = facts["name"], facts["add"]
    counted = (
        sa.select(stand.wave.c.contact_id, sa.func.count().label("times"))
        .where(stand.here)
        .group_by(stand.wave.c.contact_id)
        .subquery()
    )
    yield (
        sql.CONTACT.update()
        .values(attributes=increased(dialect, sql.CONTACT.c.attributes, name, counted.c.times * add))
        .where(sql.CONTACT.c.part == PART, sql.CONTACT.c.id == counted.c.contact_id)
    )


def _assign(
    plan: Plan, node: PlanNode, facts: Mapping[str, Any], stand: Standing, meaning: sql.Meaning, dialect: str
) -> Iterable[sa.sql.dml.UpdateBase]:
    choices: Sequence[tuple[Rule | None, str]] = facts["choices"]
    ruled = [(rule, assignee) for rule, assignee in choices if rule is not None]
    always = next((assignee for rule, assignee in choices if rule is None), None)
    chosen = sql.first_case(ruled, always, meaning) if ruled else sa.literal(always, sa.Text)
    given = _rows(plan, node, ASSIGNMENT, stand, assignee=chosen, at=stand.wave.c.now)
    yield _from_select(ASSIGNMENT, given, where=sa.and_(stand.here, chosen.is_not(None)))


def _task(
    plan: Plan, node: PlanNode, facts: Mapping[str, Any], stand: Standing, meaning: sql.Meaning, dialect: str
) -> Iterable[sa.sql.dml.UpdateBase]:
    due: timedelta = facts["due"]
    title: Text = facts["title"]
    row = _rows(
        plan,
        node,
        TASK,
        stand,
        title=sa.literal(title if isinstance(title, str) else orjson.dumps(title).decode(), sa.Text),
        state=sa.literal("open", sa.Text),
        at=stand.wave.c.now,
        deadline=stand.wave.c.now + sa.literal(length_micros(due), sa.BigInteger),
    )
    yield _from_select(TASK, row, where=stand.here)


def _convert(
    plan: Plan, node: PlanNode, facts: Mapping[str, Any], stand: Standing, meaning: sql.Meaning, dialect: str
) -> Iterable[sa.sql.dml.UpdateBase]:
    row = {
        "part": PART,
        "contact_id": stand.wave.c.contact_id,
        "subject": sa.literal(experiment_id(plan.flow_key, node.id), sa.BigInteger),
        "enrollment_id": stand.wave.c.enrollment_id,
        "name": sa.literal(facts["name"], sa.Text),
        "value": sa.literal(facts["value"], sa.Float),
        "at": stand.wave.c.now,
    }
    yield _from_select(CONVERSION, row, where=stand.here, ignore=dialect)


def _compare(
    plan: Plan, node: PlanNode, facts: Mapping[str, Any], stand: Standing, meaning: sql.Meaning, dialect: str
) -> Iterable[sa.sql.dml.UpdateBase]:
    return comparing.writes(plan, node, facts["division"], stand.here, dialect)


def _rows(plan: Plan, node: PlanNode, table: sa.Table, stand: Standing, **columns: Any) -> dict[str, Any]:
    return {
        "part": PART,
        "contact_id": stand.wave.c.contact_id,
        "enrollment_id": stand.wave.c.enrollment_id,
        "node": sa.literal(node.index, sa.BigInteger),
        "passing": _passing(table, node, stand),
        "version_id": sa.literal(plan.version_id, sa.BigInteger),
        **columns,
    }


def _from_select(
    table: sa.Table, row: Mapping[str, Any], *, where: Flag | None = None, ignore: str | None = None
) -> sa.Insert:
    chosen = sa.select(*row.values())
    if where is not None:
        chosen = chosen.where(where)
    insert = table.insert() if ignore is None else insert_ignore(table, ignore)
    return cast(sa.Insert, insert.from_select(list(row), chosen))


_Builder = Callable[[Plan, PlanNode, Mapping[str, Any], Standing, sql.Meaning, str], Iterable[sa.sql.dml.UpdateBase]]
_BUILDERS: Mapping[str, _Builder] = {
    "set": _set,
    "tag": _tag,
    "score": _score,
    "assign": _assign,
    "task": _task,
    "convert": _convert,
    "compare": _compare,
}
