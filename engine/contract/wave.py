"""The wave as a node type sees it: sets of members, never a contact.

A node type's ``run`` is called once, when a flow version is compiled. What it says of the sets is turned into SQL
that is executed for every wave, so a node costs the same number of statements for ten contacts as for a
hundred thousand (ADR 0004).
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

from engine.civil import WaitUntil
from engine.rules.model import Condition, Rule
from engine.terms import Json, Text

if TYPE_CHECKING:
    from engine.contract.comparison import Comparison


class Members(ABC):
    """A set of the wave's members at this node. Sets combine with ``&``, ``|`` and ``-``."""

    @abstractmethod
    def __and__(self, other: "Members") -> "Members": ...

    @abstractmethod
    def __or__(self, other: "Members") -> "Members": ...

    @abstractmethod
    def __sub__(self, other: "Members") -> "Members": ...


class Moment(ABC):
    """An instant for each member, its own."""

    @abstractmethod
    def __add__(self, length: timedelta) -> "Moment": ...

    @property
    @abstractmethod
    def is_past(self) -> Members:
        """The members for whom the instant is over, or for whom there is none."""

    @property
    @abstractmethod
    def is_now(self) -> Members:
        """The members for whom the instant is this very one."""


@dataclass(frozen=True)
class EventMatch:
    """Which events wake a member that rests: those of a name whose properties satisfy ``where``."""

    name: str
    where: Mapping[str, Condition]


@dataclass(frozen=True)
class Gathering:
    """A join's view of the wave.

    ``one`` holds one member of each enrollment whose other tokens can no longer come, ``others`` the rest of those,
    ``waiting`` the members whose enrollment still has tokens under way.
    """

    one: Members
    others: Members
    waiting: Members


@dataclass(frozen=True)
class Compared:
    """The sets of a comparison: ``ways`` by port; ``held`` wait ``until`` their time is over, or for a winner."""

    ways: Mapping[str, Members]
    held: Members | None = None
    until: Moment | None = None


@dataclass(frozen=True)
class Row:
    """One member, for those who cannot think in sets."""

    key: str
    attributes: Mapping[str, Json]


class Wave(Protocol):
    """Tokens that pass a node together at one instant each."""

    @property
    def now(self) -> Moment:
        """Each member's present instant."""

    @property
    def all(self) -> Members:
        """Every member at this node."""

    @property
    def arrived(self) -> Members:
        """Those that came over an edge or just entered."""

    @property
    def woken(self) -> Members:
        """Those that rested here: ``by_time``, ``by_event`` or ``by_rule``."""

    @property
    def by_time(self) -> Members:
        """Those that rested here until their instant came."""

    @property
    def by_event(self) -> Members:
        """Those that an event woke."""

    @property
    def by_rule(self) -> Members:
        """Those whose rule began to hold while they rested."""

    @property
    def quiet(self) -> Members:
        """Those in whose zone it is quiet hours now."""

    @property
    def quiet_end(self) -> Moment:
        """The end of each quiet member's quiet hours."""

    def connected(self, port: str) -> bool:
        """Tell whether an edge leaves this node by the port."""

    def where(self, rule: Rule) -> Members:
        """Those for whom the rule holds now."""

    def cases(self, cases: Sequence[tuple[str, Rule]], otherwise: str) -> Mapping[str, Members]:
        """Divide all by the first rule that holds; the rest are ``otherwise``."""

    def shares(self, weights: Mapping[str, float], salt: str = "") -> Mapping[str, Members]:
        """Divide all into fixed shares: the same contact always falls to the same one at this node.

        With ``salt`` the division is another one, which owes nothing to the first: its full salt is
        ``flow/node/salt`` instead of ``flow/node``.
        """

    def idle(self, days: Sequence[int]) -> Sequence[Members]:
        """Divide all by whole days since the last activity.

        Shape: one set more than ``days`` (ascending): below the first threshold, then for each threshold
        those for whom it is the highest reached.
        """

    def local(self, target: WaitUntil, attribute: str | None = None) -> Moment:
        """Give the first instant that satisfies ``target`` in each member's zone.

        With ``attribute`` the target's date is read from that attribute of each member.
        """

    def gather(self) -> Gathering:
        """Bring the tokens of each enrollment together."""

    def route(self, ports: Mapping[str, Members]) -> None:
        """Send members on. Routes, parks, absorbed and held members must divide the wave."""

    def park(
        self, members: Members, *, until: Moment, event: EventMatch | None = None, rule: Rule | None = None
    ) -> None:
        """Let members rest until an instant, or until an event or a rule wakes them before."""

    def hold(self, members: Members, *, joining: bool = False) -> None:
        """Let members rest without a due instant."""

    def absorb(self, members: Members) -> None:
        """Remove members that go on as part of another one."""

    def send(
        self,
        members: Members,
        *,
        channel: str,
        topic: str | None = None,
        late: timedelta | None = None,
        requires: Sequence[str] = (),
    ) -> None:
        """Owe each member this node's message. It is suppressed when policy says so, and the member goes on.

        ``requires`` are further templates whose variables must be there (the node's own are found by themselves).
        """

    def set(self, values: Mapping[str, Json]) -> None:
        """Write attributes of every member; texts may be templates."""

    def tag(self, *, add: Sequence[str] = (), remove: Sequence[str] = ()) -> None:
        """Give and take tags of every member."""

    def score(self, name: str, add: float) -> None:
        """Add to a score of every member."""

    def stage(self, to: str) -> None:
        """Move every member to a lifecycle stage."""

    def assign(self, choices: Sequence[tuple[Rule | None, str]]) -> None:
        """Give every member to the first assignee whose rule holds; a rule of None always does."""

    def task(self, title: Text, due: timedelta) -> None:
        """Leave a task about every member, due after a time."""

    def enter(self, flow: str) -> None:
        """Let every member into another flow by its key."""

    def convert(self, name: str, value: float | None) -> None:
        """Record a conversion of every member."""

    def compare(self, comparison: "Comparison") -> Compared:
        """Divide all by variant, and record which one each was given, the first time it is.

        Who was given a variant before gets it again; the others are drawn by the shares that are in force.
        """

    def end(self, members: Members, reason: str | None = None) -> None:
        """End the enrollments of members after they have passed; their other tokens are removed."""

    def rows(self, decide: Callable[[Sequence[Row]], Sequence[str]]) -> Mapping[str, Members]:
        """Divide all by a Python function that names a port for each row; slower, and no built-in uses it."""
