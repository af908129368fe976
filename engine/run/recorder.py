"""The wave that a node type sees while its flow version is compiled: it writes down what is said of the sets."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import sqlalchemy as sa

from engine.civil import WaitUntil
from engine.contract.comparison import Comparison
from engine.contract.wave import Compared, EventMatch, Gathering, Members, Moment, Row, Wave
from engine.errors import NodeError, UndeclaredPort
from engine.library import steps
from engine.library.plan import Plan, PlanNode
from engine.rules.model import Rule
from engine.rules.names import RECEIPTS
from engine.run import sql
from engine.run.comparing import divide, sets_of
from engine.run.members import NOBODY, NOW, QUIET, Partition, SqlMembers, SqlMoment, slots
from engine.run.tables import ENTERED, PART, WAVE
from engine.store.tables import Event
from engine.terms import DAY, SHARE_PRIME, SHARE_RANGE, Json, Text, share_bounds, share_numbers

PASSIVE_EVENTS = tuple(
    sorted(name for name, did in RECEIPTS.items() if did in ("delivered", "opened", "bounced", "complained"))
)
"""Receipts that say nothing of what the contact did; they do not count as activity."""


@dataclass(frozen=True, eq=False)
class Outcome:
    """Where a set of members goes: a code, and for a park the instant until which."""

    code: str
    members: SqlMembers
    until: SqlMoment | None = None


@dataclass(frozen=True)
class Sending:
    """A message owed by members."""

    members: SqlMembers
    channel: str
    topic: str | None
    late: timedelta | None
    requires: tuple[str, ...]


@dataclass(frozen=True)
class Change:
    """Something that is written about every member: ``kind`` names what, ``facts`` how."""

    kind: str
    facts: Mapping[str, object]

    @property
    def templated(self) -> bool:
        """Whether it writes values that must be worked out for each contact."""
        values = self.facts.get("values")
        listed = values.values() if isinstance(values, Mapping) else ()
        return any(isinstance(value, str) and "{{" in value for value in listed)


@dataclass(eq=False)
class Recorder(Wave):
    """Everything one node says, in the order in which it says it."""

    plan: Plan
    node: PlanNode
    meaning: sql.Meaning
    outcomes: list[Outcome] = field(default_factory=list)
    sendings: list[Sending] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    ends: bool = False
    joins: bool = False
    event: EventMatch | None = None
    awaited: tuple[Rule, SqlMoment] | None = None
    target: tuple[WaitUntil, str | None] | None = None
    quiet_asked: bool = False
    decide: Callable[[Sequence[Row]], Sequence[str]] | None = None
    marks: list[Rule] = field(default_factory=list)
    needs: list[str] = field(default_factory=list)

    @property
    def now(self) -> Moment:
        return NOW

    @property
    def all(self) -> SqlMembers:
        return SqlMembers(sa.true(), held=lambda _: True)

    @property
    def arrived(self) -> SqlMembers:
        came = WAVE.c.step != steps.rested(self.node.index)
        return SqlMembers(came, arriving=True, held=lambda stance: not stance.rested)

    @property
    def woken(self) -> SqlMembers:
        return SqlMembers(WAVE.c.step == steps.rested(self.node.index), held=lambda stance: stance.rested)

    @property
    def by_time(self) -> SqlMembers:
        return self._woken_by(0, ENTERED)

    @property
    def by_event(self) -> SqlMembers:
        return self._woken_by(1)

    @property
    def by_rule(self) -> SqlMembers:
        return self._woken_by(2)

    @property
    def quiet(self) -> SqlMembers:
        if self.plan.quiet is None:
            return NOBODY
        self.quiet_asked = True
        self.needs.append("zone")
        return SqlMembers(WAVE.c.until.is_not(None), held=lambda stance: stance.moment == QUIET)

    @property
    def quiet_end(self) -> Moment:
        return SqlMoment(WAVE.c.until, local=True)

    def connected(self, port: str) -> bool:
        return bool(self.node.targets.get(port))

    def where(self, rule: Rule) -> SqlMembers:
        # By identity: equal rules may differ in the type of a value (1, true).
        place = next((place for place, mark in enumerate(self.marks) if mark is rule), len(self.marks))
        if place == len(self.marks):
            self.marks.append(rule)
        bit = 1 << place
        return SqlMembers(WAVE.c.mark.op("&")(sa.literal(bit, sa.Integer)) != 0)

    def cases(self, cases: Sequence[tuple[str, Rule]], otherwise: str) -> Mapping[str, Members]:
        def choose(values: Mapping[str, object]) -> sa.ColumnElement[object]:
            return sql.first_case([(rule, values[port]) for port, rule in cases], values[otherwise], self.meaning)

        rules = tuple(rule for _, rule in cases)
        return slots(Partition((*(port for port, _ in cases), otherwise), choose, rules))

    def shares(self, weights: Mapping[str, float], salt: str = "") -> Mapping[str, Members]:
        self.needs.append("hash")
        a, b = share_numbers("/".join(filter(None, (self.plan.flow_key, self.node.id, salt))))
        number = (self.meaning.member.hash * a + b) % SHARE_PRIME % SHARE_RANGE
        bounds = share_bounds(weights)

        def choose(values: Mapping[str, object]) -> sa.ColumnElement[object]:
            *first, (last, _) = bounds
            if not first:
                only = values[last]
                return only if isinstance(only, sa.ColumnElement) else sa.literal(only)
            return sa.case(*((number < bound, values[port]) for port, bound in first), else_=values[last])

        return slots(Partition(tuple(port for port, _ in bounds), choose))

    def idle(self, days: Sequence[int]) -> Sequence[Members]:
        event: sa.Table = Event.__table__  # type: ignore[attr-defined]
        member = self.meaning.member
        latest = (
            sa.select(sa.func.max(event.c.at))
            .where(
                event.c.part == PART,
                event.c.contact_id == member.contact_id,
                event.c.at <= member.now,
                event.c.name.not_in(PASSIVE_EVENTS),
            )
            .scalar_subquery()
        )
        last = sa.func.coalesce(latest, member.of_contact(lambda contact: contact.c.created_at))
        names = tuple(str(day) for day in (0, *days))

        def choose(values: Mapping[str, object]) -> sa.ColumnElement[object]:
            reached = [(member.now - last >= day * DAY, values[str(day)]) for day in sorted(days, reverse=True)]
            return sa.case(*reached, else_=values["0"])

        found = slots(Partition(names, choose))
        return [found[name] for name in names]

    def local(self, target: WaitUntil, attribute: str | None = None) -> Moment:
        self.needs.append("zone")
        if target.day is not None:
            self.needs.append("started_at")
        self.target = (target, attribute)
        return SqlMoment(WAVE.c.until, local=True)

    def gather(self) -> Gathering:
        self.joins = True
        one, others, waiting = (SqlMembers(WAVE.c.mark == mark) for mark in (0, 1, 2))
        return Gathering(one, others, waiting)

    def route(self, ports: Mapping[str, Members]) -> None:
        for port, members in ports.items():
            if port not in self.node.ports:
                raise UndeclaredPort(
                    f"{self.node.type.kind} routed to {port!r} and declares {', '.join(self.node.ports)}",
                    kind=self.node.type.kind,
                )
            self._leave(self.node.code(port), members)

    def park(
        self, members: Members, *, until: Moment, event: EventMatch | None = None, rule: Rule | None = None
    ) -> None:
        if members is NOBODY:
            return
        assert isinstance(until, SqlMoment)
        self.event = event or self.event
        if rule is not None:
            if until.delay is None:
                kind = self.node.type.kind
                raise NodeError(f"{kind}: a wait for a rule needs a fixed length", kind=kind)
            self.awaited = (rule, until)
            instant = sql.flip(rule, self.meaning)
            if instant is not None:
                until = SqlMoment(_least(until.micros, instant))
        self._leave(steps.parks(self.node.index), members, until)

    def hold(self, members: Members, *, joining: bool = False) -> None:
        self._leave((steps.joins if joining else steps.holds)(self.node.index), members)

    def absorb(self, members: Members) -> None:
        self._leave(steps.ABSORBED, members)

    def send(
        self,
        members: Members,
        *,
        channel: str,
        topic: str | None = None,
        late: timedelta | None = None,
        requires: Sequence[str] = (),
    ) -> None:
        assert isinstance(members, SqlMembers)
        self.sendings.append(Sending(members, channel, topic, late, tuple(requires)))

    def set(self, values: Mapping[str, Json]) -> None:
        self.changes.append(Change("set", {"values": values}))

    def tag(self, *, add: Sequence[str] = (), remove: Sequence[str] = ()) -> None:
        self.changes.append(Change("tag", {"add": tuple(add), "remove": tuple(remove)}))

    def score(self, name: str, add: float) -> None:
        self.changes.append(Change("score", {"name": name, "add": add}))

    def stage(self, to: str) -> None:
        self.changes.append(Change("set", {"values": {"stage": to}}))

    def assign(self, choices: Sequence[tuple[Rule | None, str]]) -> None:
        self.changes.append(Change("assign", {"choices": tuple(choices)}))

    def task(self, title: Text, due: timedelta) -> None:
        self.changes.append(Change("task", {"title": title, "due": due}))

    def enter(self, flow: str) -> None:
        self.changes.append(Change("enter", {"flow": flow}))

    def convert(self, name: str, value: float | None) -> None:
        self.changes.append(Change("convert", {"name": name, "value": value}))

    def compare(self, comparison: Comparison) -> Compared:
        self.needs.append("hash")
        division = divide(self.plan, self.node, comparison)
        self.changes.append(Change("compare", {"division": division}))
        return sets_of(division)

    def end(self, members: Members, reason: str | None = None) -> None:
        self.ends = True

    def rows(self, decide: Callable[[Sequence[Row]], Sequence[str]]) -> Mapping[str, Members]:
        self.decide = decide

        def choose(values: Mapping[str, object]) -> sa.ColumnElement[object]:
            return sa.case({place: values[port] for place, port in enumerate(self.node.ports)}, value=WAVE.c.mark)

        return slots(Partition(self.node.ports, choose, None))

    def _woken_by(self, *causes: int) -> SqlMembers:
        return self.woken & SqlMembers(WAVE.c.woken.in_(causes), held=lambda stance: stance.woken in causes)

    def _leave(self, code: str, members: Members, until: SqlMoment | None = None) -> None:
        assert isinstance(members, SqlMembers)
        if members is not NOBODY:
            self.outcomes.append(Outcome(code, members, until))


def _least(first: sa.ColumnElement[int], second: sa.ColumnElement[int]) -> sa.ColumnElement[int]:
    return sa.case((second < first, second), else_=first)


def whole_partition(outcomes: Sequence[Outcome]) -> Partition | None:
    """Give the partition whose slots, all of them, these outcomes are: then they divide a wave by their make."""
    found = [outcome.members.slot for outcome in outcomes]
    if not found or any(slot is None for slot in found):
        return None
    partitions = {id(slot[0]): slot[0] for slot in found if slot}
    names = sorted(slot[1] for slot in found if slot)
    first = next(iter(partitions.values()))
    return first if len(partitions) == 1 and names == sorted(first.slots) else None
