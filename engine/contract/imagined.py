"""An imagined wave: every way in which a member can stand at a node, at once, without a database."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import islice, product
from typing import Final

from engine.civil import WaitUntil
from engine.contract.comparison import HELD, Comparison
from engine.contract.wave import Compared, EventMatch, Gathering, Members, Moment, Row, Wave
from engine.rules.model import Rule
from engine.terms import Json, Text

MOST_MEMBERS: Final = 20_000
CAME: Final = ("arrived", "by_time", "by_event", "by_rule")
TIMES: Final = ("future", "now", "past")

Question = tuple[str, int]
"""Something that a node asks about its members, and the number of answers."""


@dataclass(frozen=True)
class Some(Members):
    """Members by their numbers."""

    numbers: frozenset[int]

    def __and__(self, other: Members) -> "Some":
        return Some(self.numbers & _numbers(other))

    def __or__(self, other: Members) -> "Some":
        return Some(self.numbers | _numbers(other))

    def __sub__(self, other: Members) -> "Some":
        return Some(self.numbers - _numbers(other))


def _numbers(members: Members) -> frozenset[int]:
    if not isinstance(members, Some):
        raise TypeError(f"{members!r} is no set of members of this wave")
    return members.numbers


@dataclass(frozen=True)
class When(Moment):
    """An instant of which it is known who is before and who is behind it."""

    past: Some
    present: Some

    def __add__(self, length: timedelta) -> "When":
        """Move the instant; whoever was not behind it has it before them then."""
        nobody = Some(frozenset())
        return When(self.past, nobody) if length > timedelta(0) else self

    @property
    def is_past(self) -> Some:
        """Those for whom it is over."""
        return self.past

    @property
    def is_now(self) -> Some:
        """Those for whom it is now."""
        return self.present


class World:
    """All members: one for every combination of answers to what a node asks."""

    def __init__(self, questions: Sequence[Question]) -> None:
        self.questions: dict[str, int] = dict(questions)
        sizes = [range(size) for size in self.questions.values()]
        self.members = list(islice(product(*sizes), MOST_MEMBERS)) or [()]
        # Whatever does not fit: each answer at least once, with the first answer to all else.
        for place, size in enumerate(self.questions.values()):
            self.members.extend(
                tuple(answer if at == place else 0 for at in range(len(sizes))) for answer in range(1, size)
            )
        self.places = {question: place for place, question in enumerate(self.questions)}
        self.asked: dict[str, int] = {}

    def answered(self, question: str, size: int, answer: int) -> Some:
        """Give the members with an answer to a question; one never asked before is answered by 0."""
        self.asked[question] = size
        place = self.places.get(question)
        if place is None:
            return self.everybody() if answer == 0 else Some(frozenset())
        return Some(frozenset(number for number, member in enumerate(self.members) if member[place] == answer))

    def everybody(self) -> Some:
        """Give all members."""
        return Some(frozenset(range(len(self.members))))


@dataclass
class Imagined(Wave):
    """Notes what a node type says of an imagined wave."""

    world: World
    edges: frozenset[str]
    routes: list[tuple[str, Some]] = field(default_factory=list)
    parks: list[tuple[Some, When]] = field(default_factory=list)
    stays: list[Some] = field(default_factory=list)
    sent: list[tuple[str, Some]] = field(default_factory=list)
    asked: int = 0

    def _divide(self, what: str, names: Sequence[str]) -> dict[str, Some]:
        self.asked += 1
        question = f"{what} {self.asked}"
        return {name: self.world.answered(question, len(names), place) for place, name in enumerate(names)}

    def _came(self, *how: str) -> Some:
        found = [self.world.answered("came", len(CAME), CAME.index(each)) for each in how]
        return Some(frozenset().union(*(each.numbers for each in found)))

    @property
    def now(self) -> When:
        """The present instant."""
        return When(Some(frozenset()), self.all)

    @property
    def all(self) -> Some:
        """Everybody."""
        self._came(*CAME)
        return self.world.everybody()

    @property
    def arrived(self) -> Some:
        """Those that came over an edge."""
        return self._came("arrived")

    @property
    def woken(self) -> Some:
        """Those that rested."""
        return self._came(*CAME[1:])

    @property
    def by_time(self) -> Some:
        """Those whose time came."""
        return self._came("by_time")

    @property
    def by_event(self) -> Some:
        """Those that an event woke."""
        return self._came("by_event")

    @property
    def by_rule(self) -> Some:
        """Those whose rule began to hold."""
        return self._came("by_rule")

    @property
    def quiet(self) -> Some:
        """Those in quiet hours."""
        return self.world.answered("quiet", 2, 1)

    @property
    def quiet_end(self) -> When:
        """The end of quiet hours."""
        return When(Some(frozenset()), Some(frozenset()))

    def connected(self, port: str) -> bool:
        """Tell whether an edge leaves by the port."""
        return port in self.edges

    def where(self, rule: Rule) -> Some:
        """Those for whom the rule holds."""
        return self.world.answered(f"where {id(rule)}", 2, 1)

    def cases(self, cases: Sequence[tuple[str, Rule]], otherwise: str) -> Mapping[str, Some]:
        """Divide by the first rule that holds."""
        return self._divide("cases", [*(port for port, _ in cases), otherwise])

    def shares(self, weights: Mapping[str, float], salt: str = "") -> Mapping[str, Some]:
        """Divide by shares."""
        return self._divide(f"shares {salt}", list(weights))

    def idle(self, days: Sequence[int]) -> Sequence[Some]:
        """Divide by silence."""
        return list(self._divide("idle", [str(day) for day in (0, *days)]).values())

    def local(self, target: WaitUntil, attribute: str | None = None) -> When:
        """Give an instant that is past for some, now for some, and to come for the others."""
        times = self._divide("local", TIMES)
        return When(times["past"], times["now"])

    def gather(self) -> Gathering:
        """Bring tokens together."""
        return Gathering(**self._divide("gather", ("one", "others", "waiting")))

    def route(self, ports: Mapping[str, Members]) -> None:
        """Note where members go."""
        self.routes.extend((port, Some(_numbers(members))) for port, members in ports.items())

    def park(
        self, members: Members, *, until: Moment, event: EventMatch | None = None, rule: Rule | None = None
    ) -> None:
        """Note who rests."""
        if not isinstance(until, When):
            raise TypeError(f"{until!r} is no instant of this wave")
        self.parks.append((Some(_numbers(members)), until))

    def hold(self, members: Members, *, joining: bool = False) -> None:
        """Note who rests without an end."""
        self.stays.append(Some(_numbers(members)))

    def absorb(self, members: Members) -> None:
        """Note who is removed."""
        self.stays.append(Some(_numbers(members)))

    def send(
        self,
        members: Members,
        *,
        channel: str,
        topic: str | None = None,
        late: timedelta | None = None,
        requires: Sequence[str] = (),
    ) -> None:
        """Note who gets a message."""
        self.sent.append((channel, Some(_numbers(members))))

    def set(self, values: Mapping[str, Json]) -> None:
        """Take note of nothing."""

    def tag(self, *, add: Sequence[str] = (), remove: Sequence[str] = ()) -> None:
        """Take note of nothing."""

    def score(self, name: str, add: float) -> None:
        """Take note of nothing."""

    def stage(self, to: str) -> None:
        """Take note of nothing."""

    def assign(self, choices: Sequence[tuple[Rule | None, str]]) -> None:
        """Take note of nothing."""

    def task(self, title: Text, due: timedelta) -> None:
        """Take note of nothing."""

    def enter(self, flow: str) -> None:
        """Take note of nothing."""

    def convert(self, name: str, value: float | None) -> None:
        """Take note of nothing."""

    def compare(self, comparison: Comparison) -> Compared:
        """Divide by variant; some are held where not all are divided at once."""
        held = (HELD,) if comparison.sample < 1 else ()
        sets = self._divide("compare", (*comparison.ways, *held))
        until = None if comparison.decide_by is None else When(Some(frozenset()), Some(frozenset()))
        return Compared({way: sets[way] for way in comparison.ways}, sets.get(HELD), until)

    def end(self, members: Members, reason: str | None = None) -> None:
        """Take note of nothing."""

    def rows(self, decide: Callable[[Sequence[Row]], Sequence[str]]) -> Mapping[str, Some]:
        """Ask a function about two rows, and put everybody where it puts the first."""
        ports: Iterable[str] = decide([Row("one", {}), Row("two", {"name": "Ann"})])
        chosen = list(ports)
        if len(chosen) != 2:
            raise ValueError("a function for rows names one port for each row")
        return {chosen[0]: self.all}
