"""What nodes write about members, as one statement each.

Every builder takes ``here``, the predicate of the members at the node, and gives statements whose parameters are
``part`` and what its docstring names.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any, cast

import orjson
import sqlalchemy as sa

from engine.channels.policy import Cap, Scope, cap_free_at, suppression_reason
from engine.channels.variables import Trigger
from engine.contract.wave import Members
from engine.experiments.assign import experiment_id
from engine.library.plan import Plan, PlanNode
from engine.rules.model import Rule
from engine.run import sql
from engine.run.members import Flag, SqlMembers
from engine.run.recorder import Change, Sending
from engine.run.tables import PART, WAVE
from engine.store.dialect import insert_ignore
from engine.store.documents import increased, merged
from engine.store.prepared import parameter
from engine.store.tables import Assignment, ContactTag, Conversion, Exposure, Message, Task
from engine.terms import Json, Text, length_micros

MESSAGE: sa.Table = Message.__table__  # type: ignore[attr-defined]
TAG: sa.Table = ContactTag.__table__  # type: ignore[attr-defined]
ASSIGNMENT: sa.Table = Assignment.__table__  # type: ignore[attr-defined]
TASK: sa.Table = Task.__table__  # type: ignore[attr-defined]
CONVERSION: sa.Table = Conversion.__table__  # type: ignore[attr-defined]
EXPOSURE: sa.Table = Exposure.__table__  # type: ignore[attr-defined]

CONTACT_COLUMNS = ("email", "phone", "timezone", "locale", "stage")
TOUCHING = ("set", "tag", "score")
"""Changes of facts that rules of others may look at."""


def date_subject(flow_key: str, node: str) -> int:
    """Give a date trigger a number among the subjects of rechecks: negative, the same in every version."""
    return -experiment_id(flow_key, node) - 1


def _passing(table: sa.Table, node: PlanNode) -> sa.ColumnElement[int]:
    """Count the passes of an enrollment through a node; always 1 where it can pass only once."""
    if not node.repeats:
        return sa.literal(1, sa.BigInteger)
    before = (
        sa.select(sa.func.coalesce(sa.func.max(table.c.passing), 0))
        .where(
            table.c.part == PART,
            table.c.contact_id == WAVE.c.contact_id,
            table.c.enrollment_id == WAVE.c.enrollment_id,
            table.c.node == node.index,
        )
        .scalar_subquery()
    )
    place = sa.func.row_number().over(partition_by=WAVE.c.enrollment_id, order_by=WAVE.c.token_id)
    return before + place


def sending(
    plan: Plan, node: PlanNode, said: Sending, here: Flag, requires: Sequence[str], cap: Cap | None
) -> sa.Insert:
    """Owe the members a message, suppressed at once where policy says so, or not before a cap allows it.

    Shape: the parameter ``dropped_until`` is NULL, or until when a backlog was dropped: it counts as late.
    """
    contact = sql.CONTACT.alias()
    reason = suppression_reason(
        contact=contact,
        part=PART,
        now=WAVE.c.now,
        channel=said.channel,
        topic=said.topic,
        requires=requires,
        trigger=Trigger(plan.trigger_events, WAVE.c.started_at),
        cap=None if cap is None or cap.delays else cap,
        due=WAVE.c.due_at,
        late=said.late,
    )
    reason = sa.case((WAVE.c.due_at <= parameter("dropped_until"), "late"), else_=sa.cast(reason, sa.Text))
    waits = cap is not None and cap.delays
    free = cap_free_at(Scope(contact, PART, WAVE.c.now, said.channel, cap=cap)) if waits else sa.null()
    due = (
        sa.select(
            WAVE.c.contact_id,
            WAVE.c.enrollment_id,
            _passing(MESSAGE, node).label("passing"),
            reason.label("reason"),
            WAVE.c.now,
            sa.func.coalesce(free, WAVE.c.now, type_=sa.BigInteger).label("not_before"),
        )
        .select_from(WAVE.join(contact, sa.and_(contact.c.part == PART, contact.c.id == WAVE.c.contact_id)))
        .where(here, said.members.flag)
        .subquery()
    )
    why = sa.cast(due.c.reason, sa.Text)
    row = {
        "part": PART,
        "contact_id": due.c.contact_id,
        "enrollment_id": due.c.enrollment_id,
        "node": sa.literal(node.index, sa.BigInteger),
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
    plan: Plan, node: PlanNode, change: Change, here: Flag, meaning: sql.Meaning, dialect: str
) -> list[sa.sql.dml.UpdateBase]:
    """Turn a change into its statements."""
    build = _BUILDERS[change.kind]
    return list(build(plan, node, change.facts, here, meaning, dialect))


def _set(
    plan: Plan, node: PlanNode, facts: Mapping[str, Any], here: Flag, meaning: sql.Meaning, dialect: str
) -> Iterable[sa.sql.dml.UpdateBase]:
    values: Mapping[str, Json] = facts["values"]
    columns: dict[str, Any] = {name: values[name] for name in CONTACT_COLUMNS if name in values}
    others = {name: value for name, value in values.items() if name not in CONTACT_COLUMNS}
    if others:
        columns["attributes"] = merged(dialect, sql.CONTACT.c.attributes, others)
    concerned = sa.select(WAVE.c.contact_id).where(here)
    yield sql.CONTACT.update().values(columns).where(sql.CONTACT.c.part == PART, sql.CONTACT.c.id.in_(concerned))


def _tag(
    plan: Plan, node: PlanNode, facts: Mapping[str, Any], here: Flag, meaning: sql.Meaning, dialect: str
) -> Iterable[sa.sql.dml.UpdateBase]:
    for tag in facts["add"]:
        chosen = sa.select(PART, WAVE.c.contact_id, sa.literal(tag, sa.Text)).where(here).distinct()
        yield insert_ignore(TAG, dialect).from_select(["part", "contact_id", "tag"], chosen)
    if facts["remove"]:
        concerned = sa.select(WAVE.c.contact_id).where(here)
        yield TAG.delete().where(TAG.c.part == PART, TAG.c.contact_id.in_(concerned), TAG.c.tag.in_(facts["remove"]))


def _score(
    plan: Plan, node: PlanNode, facts: Mapping[str, Any], here: Flag, meaning: sql.Meaning, dialect: str
) -> Iterable[sa.sql.dml.UpdateBase]:
    name, add = facts["name"], facts["add"]
    counted = (
        sa.select(WAVE.c.contact_id, sa.func.count().label("times")).where(here).group_by(WAVE.c.contact_id).subquery()
    )
    yield (
        sql.CONTACT.update()
        .values(attributes=increased(dialect, sql.CONTACT.c.attributes, name, counted.c.times * add))
        .where(sql.CONTACT.c.part == PART, sql.CONTACT.c.id == counted.c.contact_id)
    )


def _assign(
    plan: Plan, node: PlanNode, facts: Mapping[str, Any], here: Flag, meaning: sql.Meaning, dialect: str
) -> Iterable[sa.sql.dml.UpdateBase]:
    choices: Sequence[tuple[Rule | None, str]] = facts["choices"]
    ruled = [(rule, assignee) for rule, assignee in choices if rule is not None]
    always = next((assignee for rule, assignee in choices if rule is None), None)
    chosen = sql.first_case(ruled, always, meaning) if ruled else sa.literal(always, sa.Text)
    given = _rows(plan, node, ASSIGNMENT, here, assignee=chosen, at=WAVE.c.now)
    yield _from_select(ASSIGNMENT, given, where=sa.and_(here, chosen.is_not(None)))


def _task(
    plan: Plan, node: PlanNode, facts: Mapping[str, Any], here: Flag, meaning: sql.Meaning, dialect: str
) -> Iterable[sa.sql.dml.UpdateBase]:
    due: timedelta = facts["due"]
    title: Text = facts["title"]
    row = _rows(
        plan,
        node,
        TASK,
        here,
        title=sa.literal(title if isinstance(title, str) else orjson.dumps(title).decode(), sa.Text),
        state=sa.literal("open", sa.Text),
        at=WAVE.c.now,
        deadline=WAVE.c.now + sa.literal(length_micros(due), sa.BigInteger),
    )
    yield _from_select(TASK, row, where=here)


def _convert(
    plan: Plan, node: PlanNode, facts: Mapping[str, Any], here: Flag, meaning: sql.Meaning, dialect: str
) -> Iterable[sa.sql.dml.UpdateBase]:
    row = {
        "part": PART,
        "contact_id": WAVE.c.contact_id,
        "subject": sa.literal(experiment_id(plan.flow_key, node.id), sa.BigInteger),
        "enrollment_id": WAVE.c.enrollment_id,
        "name": sa.literal(facts["name"], sa.Text),
        "value": sa.literal(facts["value"], sa.Float),
        "at": WAVE.c.now,
    }
    yield _from_select(CONVERSION, row, where=here, ignore=dialect)


def _expose(
    plan: Plan, node: PlanNode, facts: Mapping[str, Any], here: Flag, meaning: sql.Meaning, dialect: str
) -> Iterable[sa.sql.dml.UpdateBase]:
    variants: Mapping[str, Members] = facts["variants"]
    for variant, members in variants.items():
        row = {
            "part": PART,
            "contact_id": WAVE.c.contact_id,
            "experiment_id": sa.literal(experiment_id(plan.flow_key, node.id), sa.BigInteger),
            "variant": sa.literal(variant, sa.Text),
            "at": WAVE.c.now,
        }
        chosen = sa.and_(here, cast(SqlMembers, members).flag)
        yield _from_select(EXPOSURE, row, where=chosen, ignore=dialect)


def _rows(plan: Plan, node: PlanNode, table: sa.Table, here: Flag, **columns: Any) -> dict[str, Any]:
    return {
        "part": PART,
        "contact_id": WAVE.c.contact_id,
        "enrollment_id": WAVE.c.enrollment_id,
        "node": sa.literal(node.index, sa.BigInteger),
        "passing": _passing(table, node),
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


_Builder = Callable[[Plan, PlanNode, Mapping[str, Any], Flag, sql.Meaning, str], Iterable[sa.sql.dml.UpdateBase]]
_BUILDERS: Mapping[str, _Builder] = {
    "set": _set,
    "tag": _tag,
    "score": _score,
    "assign": _assign,
    "task": _task,
    "convert": _convert,
    "expose": _expose,
}
