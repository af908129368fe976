"""A rehearsal day by day: where contacts rest, what passed each edge, what was sent, and some ways that were taken."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final, TypeAlias

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from engine.channels.policy import MESSAGE
from engine.library import steps
from engine.library.plan import Plan
from engine.run import journal
from engine.run.rest import ENROLLMENT, JOURNAL
from engine.simulate.report import SUPPRESSED, begun, day_of, of_flow
from engine.terms import DAY

Edge: TypeAlias = tuple[str, str, str]

SAMPLES: Final = 8
"""So many different ways are shown."""


@dataclass(frozen=True)
class Day:
    """One day of a rehearsal.

    Shape: ``resting`` counts contacts at nodes when the day ends; ``passed`` who took each edge on it; ``ends`` how
    enrollments ended on it.
    """

    day: date
    entered: int
    sent: int
    suppressed: int
    active: int
    ends: Mapping[str, int]
    resting: Mapping[str, int]
    passed: Mapping[Edge, int]


@dataclass(frozen=True)
class Sample:
    """One enrollment that stands for all that went the same way: whose it is, the contact's how many-th, how many."""

    contact: str
    ordinal: int
    share: int
    is_over: bool


_Tally: TypeAlias = Mapping[date, Counter[Any]]


def days_of(connection: Connection, plan: Plan, first: date, count: int) -> list[Day]:
    """Part what happened in a flow into days.

    Shape: a day for each of ``count``, also where nothing happened.
    Cost: five statements, each of which goes once through what it counts.
    """
    joined = JOURNAL.join(
        ENROLLMENT,
        sa.and_(
            ENROLLMENT.c.part == JOURNAL.c.part,
            ENROLLMENT.c.contact_id == JOURNAL.c.contact_id,
            ENROLLMENT.c.id == JOURNAL.c.enrollment_id,
        ),
    )
    over = ENROLLMENT.c.ended_at.is_not(None)
    told = sa.select(MESSAGE.c.due_at, SUPPRESSED.label("suppressed")).where(MESSAGE.c.version_id == plan.version_id)
    passed = _tally(connection, sa.select(JOURNAL.c.at, JOURNAL.c.steps).select_from(joined).where(of_flow(plan)))
    left = sa.select(ENROLLMENT.c.ended_at, JOURNAL.c.steps).select_from(joined).where(of_flow(plan), over)
    gone = _tally(connection, left)
    ends = _tally(connection, sa.select(ENROLLMENT.c.ended_at, ENROLLMENT.c.state).where(of_flow(plan), over))
    entered = _tally(connection, sa.select(ENROLLMENT.c.started_at, sa.true()).where(of_flow(plan), begun()))
    messages = _tally(connection, told)
    book = _Book(plan)
    return [
        book.close(day, entered[day].total(), messages[day], ends[day], passed[day], gone[day])
        for day in (first + timedelta(days=number) for number in range(count))
    ]


def _tally(connection: Connection, chosen: sa.Select[Any]) -> _Tally:
    """Count by the UTC day of an instant, the first column, and by a value, the second."""
    at, value = chosen.subquery().c
    day = (at // DAY).label("day")
    found: defaultdict[date, Counter[Any]] = defaultdict(Counter)
    for number, what, count in connection.execute(sa.select(day, value, sa.func.count()).group_by(day, value)):
        found[day_of(number)][what] = count
    return found


def samples(connection: Connection, plan: Plan, most: int = SAMPLES) -> list[Sample]:
    """Choose enrollments that went different ways, the most trodden first.

    Cost: one statement, and a look at every step.
    """
    passages: defaultdict[tuple[str, int], list[tuple[Any, ...]]] = defaultdict(list)
    known: dict[tuple[Any, ...], list[tuple[Any, ...]]] = {}
    for rows in journal.moments(connection, [plan.flow_id]):
        way = passages[rows[0].contact, rows[0].ordinal]
        way.extend(journal.only_steps(rows) or _signs(rows, known))
    ways: defaultdict[tuple[Any, ...], list[tuple[str, int]]] = defaultdict(list)
    for key, way in passages.items():
        ways[tuple(way)].append(key)
    common = sorted(ways.items(), key=lambda each: -len(each[1]))[:most]
    return [Sample(*keys[0], len(keys), way[-1][0] == journal.END) for way, keys in common]


def _signs(rows: Sequence[Any], known: dict[tuple[Any, ...], list[tuple[Any, ...]]]) -> list[tuple[Any, ...]]:
    """Tell what counts of a moment; of one that is like another, what is known of that one."""
    like = journal.likeness(rows)
    if like in known:
        return known[like]
    signs = [_sign(entry) for entry in journal.tell(rows)]
    if like is not None:
        known[like] = signs
    return signs


def _sign(entry: journal.Entry) -> tuple[Any, ...]:
    """Tell what counts of a line when ways are compared."""
    if entry.what == journal.STEP:
        return entry.node, entry.port
    return entry.what, entry.node, entry.state == "suppressed" if entry.what == journal.OWED else entry.state


class _Book:
    """Where enrollments stand, while days are read."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.reached = {target for node in plan.nodes for targets in node.targets.values() for target in targets}
        self.resting: Counter[str] = Counter()
        self.active = 0
        self.effects: dict[str, tuple[Counter[Edge], Counter[str]]] = {}

    def close(
        self,
        day: date,
        entered: int,
        messages: Counter[bool],
        ends: Counter[str],
        passed: Counter[str],
        gone: Counter[str],
    ) -> Day:
        """Read a day: who came in, what was sent, who left, the steps of it, and all steps of those who left on it."""
        edges: Counter[Edge] = Counter()
        for codes, count in passed.items():
            taken, moved = self._effect(codes)
            edges.update({edge: number * count for edge, number in taken.items()})
            self.resting.update({node: number * count for node, number in moved.items()})
        for codes, count in gone.items():
            self.resting.subtract({node: number * count for node, number in self._effect(codes)[1].items()})
        self.active += entered - ends.total()
        resting = {node: number for node, number in self.resting.items() if number > 0}
        return Day(day, entered, messages[False], messages[True], self.active, ends, resting, edges)

    def _effect(self, codes: str) -> tuple[Counter[Edge], Counter[str]]:
        """Tell of steps which edges they take, and how many more tokens there are at which node after them."""
        if codes not in self.effects:
            edges: Counter[Edge] = Counter()
            moved: Counter[str] = Counter()
            for index, place in steps.read_steps(codes):
                node = self.plan.nodes[index]
                port = node.ports[place]
                moved[node.id] -= index in self.reached
                for target in node.targets.get(port, ()):
                    edges[node.id, port, self.plan.nodes[target].id] += 1
                    moved[self.plan.nodes[target].id] += 1
            self.effects[codes] = edges, moved
        return self.effects[codes]
