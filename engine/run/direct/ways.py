"""All the ways by which a member may go from rest to rest, known before anybody goes.

A wave need not look at its members node by node where what decides is known when it begins: shares of a split, rules
over facts that no step before has changed, why a token was woken. Every such way is a number; one expression gives each
member its own, and all that is written follows from it (ADR 0013).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import sqlalchemy as sa

from engine.library import steps
from engine.library.plan import Plan, PlanNode
from engine.rules.model import MessageDid, Rule
from engine.rules.names import leaves
from engine.run import effects, sql
from engine.run.members import AWAKE, LATER, PAST, PRESENT, QUIET, Partition, Stance
from engine.run.recorder import Outcome, Recorder, whole_partition
from engine.run.tables import MOMENT
from engine.terms import Micros, length_micros

MOST = 64
"""Ways from one start; where there are more, members go node by node."""

Number = sa.ColumnElement[Any]


class TooManifold(Exception):
    """From this start nobody can tell all ways beforehand."""


@dataclass(frozen=True)
class Way:
    """One way: the codes of its steps, how a member stands at the nodes where something is done, and where it leads.

    Shape: ``choices`` is the set that was chosen at a node that divides; ``end`` is the enrollment's state at the end
    of the path, None where the member rests at node ``rest``: for ``stay`` microseconds, or until the instant that
    the node asked for in the member's zone if that is None. ``asked`` are the nodes whose instants decide the way.
    """

    codes: str
    stances: Mapping[int, Stance]
    choices: Mapping[int, str]
    end: str | None = None
    rest: int | None = None
    stay: Micros | None = 0
    asked: frozenset[int] = frozenset()


@dataclass
class Ways:
    """The ways of a plan by their numbers, and for each start the expression that gives a member its number."""

    plan: Plan
    meaning: sql.Meaning
    recorders: Sequence[Recorder]
    known: list[Way] = field(default_factory=list)

    def number_from(self, start: PlanNode, woken: int) -> Number:
        """Give the number of the way that a member takes from its rest at a node.

        Errors: ``TooManifold``, and then no way was added.
        """
        before = len(self.known)
        trail = _Trail(Stance(rested=True, woken=woken))
        try:
            whole = self._at(start.index, trail, before + MOST)
            return self._unless_over(whole)
        except TooManifold:
            del self.known[before:]
            raise

    def _unless_over(self, otherwise: Number) -> Number:
        """Let a goal or an exit that holds now come before any step."""
        rules = [(rule, end) for rule, end in ((self.plan.goal, "goal"), (self.plan.exit, "exit")) if rule is not None]
        cases = [(rule, self._add(Way("", {}, {}, end=end))) for rule, end in rules]
        return sql.first_case(cases, otherwise, self.meaning) if cases else otherwise

    def _add(self, way: Way) -> Number:
        self.known.append(way)
        return sa.literal_column(str(len(self.known) - 1), sa.Integer)

    def _at(self, index: int, trail: "_Trail", most: int) -> Number:
        if len(self.known) >= most:
            raise TooManifold
        said = self.recorders[index]
        _check(said)
        trail = trail.doing(said)
        divided = [each for each in said.outcomes if each.members.slot is not None]
        if divided:
            return self._divide(said, divided, trail, most)
        moments = moments_of(said)
        outcomes = {moment: _outcome(said, replace(trail.stance, moment=moment)) for moment in moments}
        if len({id(outcome) for outcome in outcomes.values()}) == 1:
            return self._follow(said, outcomes[moments[0]], trail, most)
        numbers = {
            moment: self._follow(said, outcome, trail.at_moment(said, moment), most)
            for moment, outcome in outcomes.items()
        }
        return self._by_moment(said, numbers)

    def _by_moment(self, said: Recorder, numbers: Mapping[str, Number]) -> Number:
        member = self.meaning.member
        until = until_of(said, member)
        if QUIET in numbers:
            return sa.case((until.is_(None), numbers[AWAKE]), else_=numbers[QUIET])
        return sa.case(
            (until > member.now, numbers[LATER]), (until == member.now, numbers[PRESENT]), else_=numbers[PAST]
        )

    def _divide(self, said: Recorder, outcomes: Sequence[Outcome], trail: "_Trail", most: int) -> Number:
        partition = whole_partition(said.outcomes)
        if partition is None or not trail.may_ask(partition, self.meaning):
            raise TooManifold
        numbers = {}
        for each in outcomes:
            assert each.members.slot is not None
            _, name = each.members.slot
            numbers[name] = self._follow(said, each, trail.choosing(said.node.index, name), most)
        return partition.choose(numbers)

    def _follow(self, said: Recorder, outcome: Outcome, trail: "_Trail", most: int) -> Number:
        node = said.node
        if outcome.until is not None:
            delay = outcome.until.delay
            if delay is None and not outcome.until.local:
                raise TooManifold
            stay = None if delay is None else length_micros(delay)
            return self._add(trail.way(rest=node.index, stay=stay))
        port = next((port for port in node.ports if node.code(port) == outcome.code), None)
        if port is None:
            raise TooManifold
        codes = trail.codes + outcome.code
        targets = node.targets[port]
        if said.ends or not targets:
            end = "exit" if said.ends else "completed"
            return self._add(replace(trail, codes=codes).way(end=end))
        if len(targets) > 1:
            raise TooManifold
        return self._at(targets[0], trail.arriving(codes), most)


@dataclass(frozen=True)
class _Trail:
    """How far a way has come: its steps so far, and what the nodes on it have done."""

    stance: Stance
    codes: str = ""
    stances: Mapping[int, Stance] = field(default_factory=dict)
    choices: Mapping[int, str] = field(default_factory=dict)
    touched: bool = False
    sent: bool = False
    asked: frozenset[int] = frozenset()

    def doing(self, said: Recorder) -> "_Trail":
        if not said.sendings and not said.changes:
            return self
        if said.sendings and self.touched:
            # Whether this message may go depends on facts that were changed on the way.
            raise TooManifold
        touched = self.touched or any(change.kind in effects.TOUCHING for change in said.changes)
        stances = {**self.stances, said.node.index: self.stance}
        sent = self.sent or bool(said.sendings)
        return replace(self, stances=stances, touched=touched, sent=sent)

    def choosing(self, index: int, name: str) -> "_Trail":
        return replace(self, choices={**self.choices, index: name})

    def at_moment(self, said: Recorder, moment: str) -> "_Trail":
        """Note how the instant lies that a node asked for, where something may be done by it."""
        index = said.node.index
        asked = self.asked | {index}
        if index not in self.stances:
            return replace(self, asked=asked)
        stances = {**self.stances, index: replace(self.stance, moment=moment)}
        return replace(self, stances=stances, asked=asked)

    def arriving(self, codes: str) -> "_Trail":
        return replace(self, stance=Stance(rested=False), codes=codes)

    def way(self, **targets: Any) -> Way:
        """Make the way that ends here."""
        return Way(self.codes, self.stances, self.choices, asked=self.asked, **targets)

    def may_ask(self, partition: Partition, meaning: sql.Meaning) -> bool:
        """Tell whether what decides here is still as it was when the wave began."""
        rules = partition.rules
        if not rules:
            return rules is not None
        return not self.touched and not (self.sent and any(_asks_of_messages(rule, meaning) for rule in rules))


def _asks_of_messages(rule: Rule, meaning: sql.Meaning) -> bool:
    return any(isinstance(part, MessageDid) for part in leaves(rule, meaning.segments))


def _check(said: Recorder) -> None:
    """Refuse nodes that work something out in Python, join, let into other flows, or mark who a rule holds for."""
    later = any(change.templated or change.kind == "enter" for change in said.changes)
    by_hand = said.decide is not None or (said.target is not None and said.target[1] is not None)
    if by_hand or later or said.joins or said.awaited is not None or said.marks:
        raise TooManifold


def moments_of(said: Recorder) -> tuple[str, ...]:
    """List how the instant may lie that a node asks for in each member's zone."""
    if said.target is not None:
        return (PAST, PRESENT, LATER)
    return (QUIET, AWAKE) if said.quiet_asked else ("",)


def until_of(said: Recorder, member: sql.Member) -> sa.ColumnElement[Any]:
    """Look the instant up that a node asked for in a member's zone."""
    return instant_of(sa.literal_column(str(said.node.index), sa.Integer), member, since_entry=asks_for_entry(said))


def asks_for_entry(said: Recorder) -> bool:
    """Tell whether the instant that a node asks for depends on when the member came in."""
    return said.target is not None and said.target[0].day is not None


def instant_of(node: Any, member: Any, *, since_entry: bool) -> sa.ColumnElement[Any]:
    """Look up what was worked out for a node, a zone and an instant; ``member`` has these as attributes."""
    entry = member.started_at if since_entry else sa.literal_column("0", sa.BigInteger)
    same = [MOMENT.c.node == node, MOMENT.c.zone == member.zone, MOMENT.c.now == member.now]
    found = sa.select(MOMENT.c.until).where(*same, MOMENT.c.started_at == entry)
    return found.correlate_except(MOMENT).scalar_subquery()


def _outcome(said: Recorder, stance: Stance) -> Outcome:
    """Find where a member goes who stands so."""
    taken = [each for each in said.outcomes if each.members.held is not None and each.members.held(stance)]
    if len(taken) != 1 or any(each.members.held is None for each in said.outcomes):
        raise TooManifold
    return taken[0]


def starts(plan: Plan, recorders: Sequence[Recorder], entered: int) -> list[tuple[PlanNode, tuple[int, ...]]]:
    """List the nodes where tokens rest, each with the reasons for which they may be woken there."""
    found: list[tuple[PlanNode, tuple[int, ...]]] = []
    for said in recorders:
        if said.node.entry is not None:
            found.append((said.node, (entered,)))
        elif any(each.code == steps.parks(said.node.index) for each in said.outcomes):
            found.append((said.node, (0,) if said.event is None else (0, 1)))
    return found
