"""Sets of wave members and instants as SQL over the wave table."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from engine.contract.wave import Members, Moment
from engine.rules.model import Rule
from engine.run.tables import WAVE
from engine.terms import length_micros

Flag = sa.ColumnElement[bool]


@dataclass(frozen=True)
class Stance:
    """How a member stands at a node: it rests there and was woken for a reason, or has come over an edge.

    Shape: ``moment`` is how the instant that the node asked for lies, where it asked for one in the member's zone.
    """

    rested: bool
    woken: int = 0
    moment: str = ""


PAST, PRESENT, LATER = "past", "present", "later"
"""How the instant of a wait lies: it is over, or nobody knows it; it is now; it is still to come."""

QUIET, AWAKE = "quiet", "awake"
"""Whether it is quiet hours."""

Held = Callable[[Stance], bool]


@dataclass(frozen=True, eq=False)
class Partition:
    """A division of all members that is complete and without overlap by its make.

    ``choose`` builds an expression that maps each member to the value given for its slot; ``rules`` are what it
    looks at beside what never changes, None when that is not known.
    """

    slots: tuple[str, ...]
    choose: Callable[[Mapping[str, Any]], sa.ColumnElement[Any]]
    rules: tuple[Rule, ...] | None = ()


@dataclass(frozen=True, eq=False)
class SqlMembers(Members):
    """A set of members: a predicate over the wave; ``slot`` when it is one slot of a partition.

    ``arriving`` is true when all of them surely came over an edge just now; ``held`` tells from the stance of a
    member whether it belongs to the set, where no more than that is needed.
    """

    flag: Flag
    slot: tuple[Partition, str] | None = None
    arriving: bool = False
    held: Held | None = None

    def __and__(self, other: Members) -> "SqlMembers":
        mine = _mine(other)
        held = _both(self.held, mine.held, lambda one, two: one and two)
        return SqlMembers(sa.and_(self.flag, mine.flag), arriving=self.arriving or mine.arriving, held=held)

    def __or__(self, other: Members) -> "SqlMembers":
        mine = _mine(other)
        held = _both(self.held, mine.held, lambda one, two: one or two)
        return SqlMembers(sa.or_(self.flag, mine.flag), arriving=self.arriving and mine.arriving, held=held)

    def __sub__(self, other: Members) -> "SqlMembers":
        mine = _mine(other)
        held = _both(self.held, mine.held, lambda one, two: one and not two)
        return SqlMembers(sa.and_(self.flag, sa.not_(mine.flag)), arriving=self.arriving, held=held)


def _both(one: Held | None, two: Held | None, combine: Callable[[bool, bool], bool]) -> Held | None:
    if one is None or two is None:
        return None
    return lambda stance: combine(one(stance), two(stance))


def _mine(members: Members) -> SqlMembers:
    assert isinstance(members, SqlMembers), "sets of two waves cannot be combined"
    return members


def slots(partition: Partition) -> dict[str, SqlMembers]:
    """Give the sets of a partition by their names."""
    places = {name: place for place, name in enumerate(partition.slots)}
    return {name: SqlMembers(partition.choose(places) == place, (partition, name)) for name, place in places.items()}


@dataclass(frozen=True, eq=False)
class SqlMoment(Moment):
    """An instant per member; ``delay`` is its distance from now when it has a fixed one.

    ``local`` says that it is the one that the node asked for in each member's zone.
    """

    micros: sa.ColumnElement[int]
    delay: timedelta | None = None
    local: bool = False

    def __add__(self, length: timedelta) -> "SqlMoment":
        delay = None if self.delay is None else self.delay + length
        return SqlMoment(self.micros + sa.literal(length_micros(length), sa.BigInteger), delay)

    @property
    def is_past(self) -> SqlMembers:
        """The members for whom the instant is over, or for whom there is none."""
        flag = sa.func.coalesce(self.micros < WAVE.c.now, sa.true())
        return SqlMembers(flag, held=self._lies(PAST))

    @property
    def is_now(self) -> SqlMembers:
        """The members for whom the instant is this very one."""
        flag = sa.func.coalesce(self.micros == WAVE.c.now, sa.false())
        return SqlMembers(flag, held=self._lies(PRESENT))

    def _lies(self, moment: str) -> Held | None:
        return (lambda stance: stance.moment == moment) if self.local else None


NOW = SqlMoment(WAVE.c.now, timedelta(0))
NOBODY = SqlMembers(sa.false(), held=lambda _: False)
