"""Carry tokens from rest to rest by ways that are known beforehand: what they do follows from each one's number.

The same as a wave that goes node by node, in fewer statements, none of which changes the wave's own table (ADR 0013).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import sqlalchemy as sa

from engine.channels.policy import is_sound
from engine.library.plan import Plan, PlanNode
from engine.run import effects, sql
from engine.run.direct.settle import Settling, by_way, on
from engine.run.direct.ways import TooManifold, Way, Ways, asks_for_entry, starts
from engine.run.members import SqlMembers, Stance
from engine.run.program import TOKEN, Program, required
from engine.run.recorder import Recorder, Sending
from engine.run.tables import DIRECT, ENTERED, TOUCHED
from engine.store.prepared import Prepared

IN_DIRECT = sql.Member(
    DIRECT.c.contact_id,
    DIRECT.c.enrollment_id,
    DIRECT.c.now,
    sa.literal_column("0"),
    DIRECT.c.zone,
    DIRECT.c.started_at,
)
BITS = 30
"""How many kinds of messages the table can note soundness for; policy looks the contact up for others."""


@dataclass(frozen=True)
class Write:
    """A statement that only members on some ways need."""

    numbers: frozenset[int]
    statement: Prepared


@dataclass(frozen=True)
class Start:
    """A node from which every way is known: the numbers of its ways, and the nodes whose instants decide them."""

    node: PlanNode
    woken: tuple[int, ...]
    numbers: range
    asked: frozenset[int]


@dataclass(frozen=True)
class Kind:
    """A kind of message as policy sees it: whether a contact is sound for it is found out once."""

    said: Sending
    requires: tuple[str, ...]

    def scope(self, plan: Plan, contact: sa.FromClause, member: Any) -> Any:
        """Say what policy may look at."""
        return effects.scope_of(plan, self.said, self.requires, contact, member)


@dataclass
class Direct:
    """What a program does for tokens whose ways are known.

    Shape: ``starts`` are the nodes where such tokens rest; ``ways`` all their ways by number; ``kinds`` the kinds of
    messages by the place of their bit in ``sound``.
    """

    program: Program
    ways: Sequence[Way]
    starts: Sequence[Start]
    kinds: list[Kind] = field(default_factory=list)
    writes: list[Write] = field(default_factory=list)
    touching: frozenset[int] = frozenset()
    touch: Prepared | None = None
    settling: Settling = field(init=False)

    def __post_init__(self) -> None:
        dialect = self.program.dialect
        for alike in self._alike():
            self.writes.extend(Write(numbers, Prepared(text, dialect)) for numbers, text in self._acts(alike))
        touched = {each.node.index for each in self.program.nodes if each.touches}
        self.touching = self.numbers(lambda way: not touched.isdisjoint(way.stances))
        if self.touching:
            chosen = sa.select(DIRECT.c.contact_id, DIRECT.c.now).where(on(self.touching))
            self.touch = Prepared(TOUCHED.insert().from_select(["contact_id", "now"], chosen), dialect)
        since_entry = {said.node.index for said in (each.said for each in self.program.nodes) if asks_for_entry(said)}
        self.settling = Settling(self.program.plan, dialect, self.ways, since_entry)

    @property
    def nodes(self) -> frozenset[int]:
        """The places of the nodes where tokens rest whose ways are known."""
        return frozenset(start.node.index for start in self.starts)

    def numbers(self, wanted: Any) -> frozenset[int]:
        """List the numbers of the ways of which something holds."""
        return frozenset(number for number, way in enumerate(self.ways) if wanted(way))

    def _passing(self, node: PlanNode) -> frozenset[int]:
        return self.numbers(lambda way: node.index in way.stances)

    def _alike(self) -> list[list[Recorder]]:
        """Put nodes together that send alike and that no way has in common: one statement serves them."""
        groups: list[list[Recorder]] = []
        for each in self.program.nodes:
            said = each.said
            group = next((group for group in groups if self._may_join(group, said)), None)
            if group is not None:
                group.append(said)
            elif self._passing(said.node) and (said.sendings or said.changes):
                groups.append([said])
        return groups

    def _may_join(self, group: Sequence[Recorder], said: Recorder) -> bool:
        first = group[0]
        if not (_sends_only(first) and _sends_only(said) and self._same_message(first, said)):
            return False
        taken = [self._passing(each.node) for each in group]
        mine = self._passing(said.node)
        between = range(first.node.index, said.node.index)
        # What a way does before must have been written before: a cap counts it.
        after = any(index in self.ways[number].stances for number in mine for index in between)
        return bool(mine) and not after and all(mine.isdisjoint(each) for each in taken)

    def _same_message(self, one: Recorder, two: Recorder) -> bool:
        first, second = one.sendings[0], two.sendings[0]
        around = self.program.around
        same = (first.channel, first.topic, first.late) == (second.channel, second.topic, second.late)
        return same and required(around, one.node, first) == required(around, two.node, second)

    def _acts(self, alike: Sequence[Recorder]) -> list[tuple[frozenset[int], Any]]:
        """Write down what nodes that send alike, or a single node, do to the members whose ways lead over them."""
        said = alike[0]
        program, node = self.program, said.node
        places = {number: each.node.index for each in alike for number in self._passing(each.node)}
        passing = frozenset(places)
        among = partial(self._among, said, passing) if len(alike) == 1 else lambda _: sa.true()
        stand = effects.Standing(DIRECT, on(passing), among)
        found: list[Any] = []
        for sending in said.sendings:
            requires = required(program.around, node, sending)
            sound = self._sound(Kind(sending, tuple(requires)))
            place = None if len(alike) == 1 else by_way(places)
            owing = effects.Standing(DIRECT, on(passing), among, sound, place)
            found.append(effects.sending(program.plan, node, sending, owing, requires, program.around.cap))
        meaning = program.meaning.speaking_of(IN_DIRECT)
        for change in said.changes:
            found += effects.changing(program.plan, node, change, stand, meaning, program.dialect)
        return [(passing, statement) for statement in found]

    def _among(self, said: Recorder, passing: frozenset[int], members: SqlMembers) -> sa.ColumnElement[bool]:
        index = said.node.index
        if members.slot is not None:
            name = members.slot[1]
            chosen = frozenset(number for number in passing if self.ways[number].choices.get(index) == name)
        elif members.held is not None:
            held = members.held
            chosen = frozenset(number for number in passing if held(self.ways[number].stances[index]))
        else:
            raise TooManifold
        return sa.true() if chosen == passing else on(chosen)

    def _sound(self, kind: Kind) -> sa.ColumnElement[bool] | None:
        alike = (each.said.channel == kind.said.channel and each.requires == kind.requires for each in self.kinds)
        place = next((place for place, same in enumerate(alike) if same), len(self.kinds))
        if place == BITS:
            return None
        if place == len(self.kinds):
            self.kinds.append(kind)
        return DIRECT.c.sound.op("&")(sa.literal_column(str(1 << place), sa.Integer)) != 0


def _sends_only(said: Recorder) -> bool:
    """Tell whether a node owes one message to everybody who comes, once, and does nothing else."""
    whole = len(said.sendings) == 1 and not said.changes and not said.node.repeats and not said.quiet_asked
    held = said.sendings[0].members.held if whole else None
    return held is not None and held(Stance(rested=False)) and held(Stance(rested=True))


def direct_of(program: Program) -> Direct | None:
    """Find the ways of a program; None when there is no start from which all are known."""
    return program.once("direct", partial(_make, program))


def _make(program: Program) -> Direct | None:
    if program.plan.parallel:
        # Tokens of one contact could then see what the others have just done.
        return None
    found, ways = known_starts(program, [each.said for each in program.nodes], program.meaning)
    if not found:
        return None
    try:
        return Direct(program, ways.known, [start for start, _ in found])
    except TooManifold:
        return None


def known_starts(
    program: Program, recorders: Sequence[Recorder], meaning: sql.Meaning
) -> tuple[list[tuple[Start, sa.ColumnElement[Any]]], Ways]:
    """Find the starts from which all ways are known, each with the expression for the number of a member's way.

    Shape: the same starts and numbers whoever the recorders speak of.
    """
    ways = Ways(program.plan, meaning, recorders)
    found: list[tuple[Start, sa.ColumnElement[Any]]] = []
    for node, causes in starts(program.plan, recorders, ENTERED):
        before = len(ways.known)
        try:
            numbers = [ways.number_from(node, woken) for woken in causes]
        except TooManifold:
            del ways.known[before:]
            continue
        asked = frozenset[int]().union(*(way.asked for way in ways.known[before:]))
        start = Start(node, causes, range(before, len(ways.known)), asked)
        found.append((start, _by_cause(dict(zip(causes, numbers, strict=True)))))
    return found, ways


def _by_cause(numbers: dict[int, sa.ColumnElement[Any]]) -> sa.ColumnElement[Any]:
    if len(numbers) == 1:
        return next(iter(numbers.values()))
    return sa.case((TOKEN.c.woken == 1, numbers[1]), else_=numbers[0])


def soundness(direct: Direct, numbers: range, contact: sa.FromClause, member: Any) -> sa.ColumnElement[Any]:
    """Note for which kinds of messages, of those that lie on some ways, a contact is sound."""
    plan = direct.program.plan
    sending = {index for number in numbers for index in direct.ways[number].stances}
    wanted = {each.said.node.index: each.said for each in direct.program.nodes if each.said.sendings}
    channels = {
        (one.channel, tuple(required(direct.program.around, said.node, one)))
        for index, said in wanted.items()
        if index in sending
        for one in said.sendings
    }
    bits: sa.ColumnElement[Any] = sa.literal_column("0", sa.Integer)
    for place, kind in enumerate(direct.kinds):
        if (kind.said.channel, kind.requires) in channels:
            bit = sa.literal_column(str(1 << place), sa.Integer)
            bits = bits + sa.case((is_sound(kind.scope(plan, contact, member)), bit), else_=sa.literal_column("0"))
    return bits
