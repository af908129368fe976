"""Sets of wave members and instants as SQL over the wave table."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from engine.contract.wave import Members, Moment
from engine.run.tables import WAVE
from engine.terms import length_micros

Flag = sa.ColumnElement[bool]


@dataclass(frozen=True, eq=False)
class Partition:
    """A division of all members that is complete and without overlap by its make.

    ``choose`` builds an expression that maps each member to the value given for its slot.
    """

    slots: tuple[str, ...]
    choose: Callable[[Mapping[str, Any]], sa.ColumnElement[Any]]


@dataclass(frozen=True, eq=False)
class SqlMembers(Members):
    """A set of members: a predicate over the wave; ``slot`` when it is one slot of a partition.

    ``arriving`` is true when all of them surely came over an edge just now.
    """

    flag: Flag
    slot: tuple[Partition, str] | None = None
    arriving: bool = False

    def __and__(self, other: Members) -> "SqlMembers":
        mine = _mine(other)
        return SqlMembers(sa.and_(self.flag, mine.flag), arriving=self.arriving or mine.arriving)

    def __or__(self, other: Members) -> "SqlMembers":
        mine = _mine(other)
        return SqlMembers(sa.or_(self.flag, mine.flag), arriving=self.arriving and mine.arriving)

    def __sub__(self, other: Members) -> "SqlMembers":
        return SqlMembers(sa.and_(self.flag, sa.not_(_mine(other).flag)), arriving=self.arriving)


def _mine(members: Members) -> SqlMembers:
    assert isinstance(members, SqlMembers), "sets of two waves cannot be combined"
    return members


def slots(partition: Partition) -> dict[str, SqlMembers]:
    """Give the sets of a partition by their names."""
    places = {name: place for place, name in enumerate(partition.slots)}
    return {name: SqlMembers(partition.choose(places) == place, (partition, name)) for name, place in places.items()}


@dataclass(frozen=True, eq=False)
class SqlMoment(Moment):
    """An instant per member; ``delay`` is its distance from now when it has a fixed one."""

    micros: sa.ColumnElement[int]
    delay: timedelta | None = None

    def __add__(self, length: timedelta) -> "SqlMoment":
        delay = None if self.delay is None else self.delay + length
        return SqlMoment(self.micros + sa.literal(length_micros(length), sa.BigInteger), delay)

    @property
    def is_past(self) -> SqlMembers:
        """The members for whom the instant is over, or for whom there is none."""
        return SqlMembers(sa.func.coalesce(self.micros < WAVE.c.now, sa.true()))

    @property
    def is_now(self) -> SqlMembers:
        """The members for whom the instant is this very one."""
        return SqlMembers(sa.func.coalesce(self.micros == WAVE.c.now, sa.false()))


NOW = SqlMoment(WAVE.c.now, timedelta(0))
NOBODY = SqlMembers(sa.false())
