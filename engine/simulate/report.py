"""What a rehearsal showed, in numbers."""

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from engine.channels.policy import MESSAGE
from engine.library.plan import Plan
from engine.run.rest import ENROLLMENT, JOURNAL, PASSAGE
from engine.terms import DAY, Json, format_instant

if TYPE_CHECKING:
    from engine.simulate.runner import Scenario

SUPPRESSED: Final = MESSAGE.c.state == "suppressed"


@dataclass(frozen=True)
class Report:
    """Counts of a rehearsal.

    Shape: ``nodes`` has every node of the flow in its order, with every port: how many passed, and how many on each
    UTC day. ``ends`` counts enrollments by how they ended; ``active`` those that had not. ``experiments`` are the
    reports of the flow's splits.
    """

    flow: str
    start: str
    days: float
    contacts: int
    entered: int
    active: int
    ends: dict[str, int]
    nodes: list[dict[str, Json]]
    messages: dict[str, Json]
    experiments: list[dict[str, Json]] = field(default_factory=list)

    def as_json(self) -> dict[str, Json]:
        """Give the report as the command writes it."""
        return {
            "flow": self.flow,
            "start": self.start,
            "days": self.days,
            "contacts": self.contacts,
            "enrollments": {"entered": self.entered, "active": self.active, "ended": dict(self.ends)},
            "nodes": list(self.nodes),
            "messages": self.messages,
            **({"experiments": list(self.experiments)} if self.experiments else {}),
        }


def make_report(connection: Connection, plan: Plan, scenario: "Scenario", experiments: list[dict[str, Json]]) -> Report:
    """Count what happened in a flow.

    Cost: six statements, each of which goes once through what it counts.
    """
    ended = sa.select(ENROLLMENT.c.state, sa.func.count()).where(of_flow(plan), ENROLLMENT.c.ended_at.is_not(None))
    ends: dict[str, int] = dict(connection.execute(ended.group_by(ENROLLMENT.c.state)).all())
    entered = connection.scalar(sa.select(sa.func.count()).where(of_flow(plan), begun())) or 0
    return Report(
        flow=plan.flow_key,
        start=format_instant(scenario.start),
        days=scenario.days,
        contacts=len(scenario.people),
        entered=entered,
        active=entered - sum(ends.values()),
        ends={end: ends.get(end, 0) for end in ("completed", "goal", "exit")},
        nodes=_nodes(connection, plan),
        messages=_messages(connection, plan),
        experiments=experiments,
    )


def of_flow(plan: Plan) -> sa.ColumnElement[bool]:
    """Choose the enrollments of a rehearsed flow."""
    return ENROLLMENT.c.flow_id == plan.flow_id


def begun() -> sa.ColumnElement[bool]:
    """Choose the enrollments to which anything has happened; who comes in at the very end has taken no step."""
    stepped = sa.exists().where(
        JOURNAL.c.part == ENROLLMENT.c.part,
        JOURNAL.c.contact_id == ENROLLMENT.c.contact_id,
        JOURNAL.c.enrollment_id == ENROLLMENT.c.id,
    )
    return sa.or_(ENROLLMENT.c.ended_at.is_not(None), stepped)


def day_of(number: int) -> date:
    """Give the UTC day of so many days since 1970."""
    return date(1970, 1, 1) + timedelta(days=number)


def _nodes(connection: Connection, plan: Plan) -> list[dict[str, Json]]:
    columns = (PASSAGE.c.node, PASSAGE.c.port, (PASSAGE.c.hour // DAY).label("day"))
    passages = sa.select(*columns, sa.func.sum(PASSAGE.c.passed)).where(PASSAGE.c.version_id == plan.version_id)
    passed: dict[tuple[int, str], dict[str, int]] = {}
    for index, port, day, count in connection.execute(passages.group_by(*columns).order_by("day")):
        passed.setdefault((index, port), {})[day_of(day).isoformat()] = int(count)
    found: list[dict[str, Json]] = []
    for node in plan.nodes:
        ports: dict[str, Json] = {}
        for port in node.ports:
            days = passed.get((node.index, port), {})
            ports[port] = {"passed": sum(days.values()), "by_day": dict(days)}
        found.append({"node": node.id, "type": node.type.kind, "ports": ports})
    return found


def _messages(connection: Connection, plan: Plan) -> dict[str, Json]:
    mine = MESSAGE.c.version_id == plan.version_id
    columns = (MESSAGE.c.node, SUPPRESSED.label("suppressed"), MESSAGE.c.reason)
    counted = connection.execute(sa.select(*columns, sa.func.count()).where(mine).group_by(*columns)).all()
    suppressed: Counter[str] = Counter()
    by_node: dict[str, dict[str, int]] = {}
    for index, is_suppressed, reason, count in counted:
        told = by_node.setdefault(plan.nodes[index].id, {"sent": 0, "suppressed": 0})
        told["suppressed" if is_suppressed else "sent"] += count
        if is_suppressed:
            suppressed[reason] += count
    a_day = _a_day(connection, mine)
    return {
        "sent": sum(told["sent"] for told in by_node.values()),
        "suppressed": dict(sorted(suppressed.items())),
        "by_node": {node: dict(told) for node, told in sorted(by_node.items())},
        "per_contact_and_day": {"max": max(a_day, default=0), "p99": _nearest_rank(a_day, 0.99)},
    }


def _a_day(connection: Connection, mine: sa.ColumnElement[bool]) -> dict[int, int]:
    """Count contacts and days by how many messages were sent to the contact on the day."""
    number = sa.func.count().label("number")
    each = (MESSAGE.c.part, MESSAGE.c.contact_id, MESSAGE.c.due_at // DAY)
    a_day = sa.select(number).where(mine, sa.not_(SUPPRESSED)).group_by(*each).subquery()
    return dict(connection.execute(sa.select(a_day.c.number, sa.func.count()).group_by(a_day.c.number)).all())


def _nearest_rank(counted: Mapping[int, int], share: float) -> int:
    """Take the value at a share of what was counted by value, by the nearest rank."""
    left = max(1, math.ceil(share * sum(counted.values())))
    for value, count in sorted(counted.items()):
        left -= count
        if left <= 0:
            return value
    return 0
