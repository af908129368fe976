"""The end of a direct wave: what becomes of tokens, enrollments and the journal, by the numbers of ways."""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cache, partial
from typing import Any, NamedTuple, TypeVar

import sqlalchemy as sa

from engine.library.plan import Plan
from engine.run.context import Run
from engine.run.direct.ways import Way, instant_of
from engine.run.program import TOKEN
from engine.run.rest import ENROLLMENT, JOURNAL
from engine.run.tables import DIRECT, NOW, PART, VERSION
from engine.store.prepared import Prepared, parameter
from engine.terms import HOUR, Micros

DENSE = 4
"""A range of contacts is gone through as a whole when at least one of so many ids in it is concerned."""

Numbers = frozenset[int]


@dataclass(frozen=True)
class Taken:
    """How many members took each way, by hour, and between which contacts they lie."""

    members: Counter[tuple[int, int]]
    first: int
    last: int

    @property
    def numbers(self) -> Numbers:
        """The ways that were taken."""
        return frozenset(number for number, _ in self.members)

    @property
    def dense(self) -> bool:
        """Whether the members lie close together."""
        return self.last - self.first < DENSE * self.members.total()


FEW = 16
"""So many ways are counted side by side, in one pass over the members; more are sorted."""


def count(run: Run, ways: int) -> Taken:
    """Count the members by way; ``ways`` says how many there are.

    Cost: one statement.
    """
    if run.dialect == "sqlite" and not run.exact and ways <= FEW:
        *members, first, last = _side_by_side(ways).run(run.connection, {}).one()
        hour = run.now - run.now % HOUR
        taken = Counter({(number, hour): each for number, each in enumerate(members) if each})
        return Taken(taken, first or 0, last or 0)
    found: Counter[tuple[int, int]] = Counter()
    least, most = [], []
    for number, hour, members, first, last in _counting(run.dialect, run.exact).run(run.connection, run.given()).all():
        found[number, hour] = members
        least.append(first)
        most.append(last)
    return Taken(found, min(least, default=0), max(most, default=0))


@cache
def _counting(dialect: str, exact: bool) -> Prepared:
    now = DIRECT.c.now if exact else NOW
    hour = now - now % HOUR
    ends = (sa.func.min(DIRECT.c.contact_id), sa.func.max(DIRECT.c.contact_id))
    grouped = (DIRECT.c.way, hour) if exact else (DIRECT.c.way,)
    return Prepared(sa.select(DIRECT.c.way, hour, sa.func.count(), *ends).group_by(*grouped), dialect)


@cache
def _side_by_side(ways: int) -> Prepared:
    each = [sa.func.count().filter(DIRECT.c.way == sa.literal_column(str(number))) for number in range(ways)]
    # Subqueries: alone, the least and the greatest are found without going through all.
    ends = [sa.select(end(DIRECT.c.contact_id)).scalar_subquery() for end in (sa.func.min, sa.func.max)]
    return Prepared(sa.select(*each, *ends).select_from(DIRECT), "sqlite")


class Place(NamedTuple):
    """Where ways lead to rest: the node, for how long if that is fixed, and whether a step was taken before."""

    node: int
    stay: Micros | None
    moved: bool


Form = tuple[bool, bool]
"""Whether members have instants of their own, and whether they lie close together."""


class Settling:
    """The statements that end direct waves of a plan."""

    def __init__(self, plan: Plan, dialect: str, ways: Sequence[Way], since_entry: AbstractSet[int]) -> None:
        """Divide the ways by where they lead; ``since_entry`` are nodes whose instants depend on the entry."""
        self.plan, self.dialect, self.ways, self.since_entry = plan, dialect, ways, since_entry
        self.all = self._numbers(lambda _: True)
        self.resting = self._numbers(lambda way: way.rest is not None)
        self.stepping = self._numbers(lambda way: way.codes != "")
        rests = {
            number: Place(way.rest, way.stay, moved=way.codes != "")
            for number, way in enumerate(ways)
            if way.rest is not None
        }
        self.places = _grouped(rests)
        self.ends = _grouped({number: way.end for number, way in enumerate(ways) if way.end is not None})
        self._kept: dict[Any, Prepared] = {}

    def enter(self, run: Run, taken: Taken, given: Mapping[str, Any]) -> None:
        """Write enrollments and tokens of members who come in, and their steps.

        Cost: three statements at most.
        """
        self._run(run, given, "enroll", self._enroll)
        if taken.numbers & self.resting:
            self._run(run, given, "place", self._place)
        self._note_steps(run, taken, given)

    def move(self, run: Run, taken: Taken, given: Mapping[str, Any]) -> None:
        """Write where tokens rest now, or that their enrollments ended, and their steps.

        Cost: one statement for the steps, one for each place to rest, one for tokens that end and one for each end.
        """
        given = {**given, "first": taken.first, "last": taken.last}
        form = (run.exact, taken.dense)
        for place, there in self.places.items():
            if taken.numbers & there:
                self._run(run, given, ("park", place, form), partial(self._park, place, there, form))
        if taken.numbers - self.resting:
            self._run(run, given, ("drop", form), partial(self._drop, form))
        for end, there in self.ends.items():
            if taken.numbers & there:
                self._run(run, given, ("end", end, form), partial(self._end, end, there, form))
        self._note_steps(run, taken, given)

    def _note_steps(self, run: Run, taken: Taken, given: Mapping[str, Any]) -> None:
        if taken.numbers & self.stepping:
            self._run(run, given, "journal", self._journal)

    def _run(self, run: Run, given: Mapping[str, Any], key: Any, build: Callable[[], Any]) -> None:
        found = self._kept.get(key)
        if found is None:
            found = self._kept[key] = Prepared(build(), self.dialect)
        found.run(run.connection, given)

    def _numbers(self, wanted: Callable[[Way], bool]) -> Numbers:
        return frozenset(number for number, way in enumerate(self.ways) if wanted(way))

    def _on(self, numbers: Numbers) -> sa.ColumnElement[bool]:
        return sa.true() if numbers == self.all else on(numbers)

    def _each(
        self, value: Callable[[Way], int | str | None], there: Numbers, type_: Any = sa.BigInteger
    ) -> sa.ColumnElement[Any]:
        """Give members on some ways a value that depends on the way alone."""
        return by_way({number: value(self.ways[number]) for number in sorted(there)}, type_)

    def _enroll(self) -> sa.Insert:
        ended = sa.case((self._on(self.resting), sa.null()), else_=DIRECT.c.now)
        row: dict[str, Any] = {
            "part": PART,
            "contact_id": DIRECT.c.contact_id,
            "id": DIRECT.c.enrollment_id,
            "flow_id": sa.literal(self.plan.flow_id, sa.BigInteger),
            "version_id": VERSION,
            "ordinal": DIRECT.c.ordinal,
            "state": self._each(lambda way: way.end or "active", self.all, sa.Text),
            "started_at": DIRECT.c.now,
            "ended_at": ended if len(self.resting) < len(self.ways) else sa.null(),
        }
        return ENROLLMENT.insert().from_select(list(row), sa.select(*row.values()))

    def _place(self) -> sa.Insert:
        row: dict[str, Any] = {
            "part": PART,
            "contact_id": DIRECT.c.contact_id,
            "id": DIRECT.c.enrollment_id,
            "enrollment_id": DIRECT.c.enrollment_id,
            "version_id": VERSION,
            "node": self._each(lambda way: way.rest, self.resting, sa.Integer),
            "state": sa.literal("waiting", sa.Text),
            "due_at": self._due(),
            "since": DIRECT.c.now,
            "woken": sa.literal(0, sa.Integer),
            "seq": self._each(lambda way: int(way.codes != ""), self.resting, sa.Integer),
        }
        return TOKEN.insert().from_select(list(row), sa.select(*row.values()).where(self._on(self.resting)))

    def _due(self) -> sa.ColumnElement[Any]:
        """Give the instant until which each member rests."""
        by_node: defaultdict[int, set[int]] = defaultdict(set)
        for number, way in enumerate(self.ways):
            if way.rest is not None and way.stay is None:
                by_node[way.rest].add(number)
        staying = self._numbers(lambda way: way.rest is not None and way.stay is not None)
        fixed = DIRECT.c.now + self._each(lambda way: way.stay, staying) if staying else sa.null()
        cases = [(on(frozenset(numbers)), self._local(node)) for node, numbers in sorted(by_node.items())]
        return sa.case(*cases, else_=fixed) if cases else fixed

    def _local(self, node: int) -> sa.ColumnElement[Any]:
        place = sa.literal_column(str(node), sa.Integer)
        return instant_of(place, DIRECT.c, since_entry=node in self.since_entry)

    def _journal(self) -> sa.Insert:
        row: dict[str, Any] = {
            "part": PART,
            "contact_id": DIRECT.c.contact_id,
            "token_id": DIRECT.c.token_id,
            "seq": DIRECT.c.seq + 1,
            "enrollment_id": DIRECT.c.enrollment_id,
            "wave": parameter("wave"),
            "at": DIRECT.c.now,
            "steps": self._each(lambda way: way.codes, self.stepping, sa.Text),
        }
        return JOURNAL.insert().from_select(list(row), sa.select(*row.values()).where(self._on(self.stepping)))

    def _park(self, place: Place, there: Numbers, form: Form) -> sa.Update:
        now = self._now(TOKEN, form)
        values: dict[str, Any] = {"node": place.node, "state": "waiting", "woken": 0}
        if place.moved:
            values |= {"since": now, "seq": TOKEN.c.seq + 1}
        values["due_at"] = self._until(place.node) if place.stay is None else now + place.stay
        joined = (form[0] or place.stay is None, form[1])
        return TOKEN.update().values(values).where(*self._mine(TOKEN, DIRECT.c.token_id, there, joined))

    def _until(self, node: int) -> sa.ColumnElement[Any]:
        """Give the local instant until which a token rests."""
        found = self._local(node)
        if self.dialect == "postgresql":
            return found
        return sa.select(found).select_from(DIRECT).where(DIRECT.c.contact_id == TOKEN.c.contact_id).scalar_subquery()

    def _drop(self, form: Form) -> sa.Delete:
        over = frozenset(range(len(self.ways))) - self.resting
        return TOKEN.delete().where(*self._mine(TOKEN, DIRECT.c.token_id, over, form))

    def _end(self, end: str, there: Numbers, form: Form) -> sa.Update:
        now = self._now(ENROLLMENT, form)
        update = ENROLLMENT.update().values(state=end, ended_at=now).where(ENROLLMENT.c.state == "active")
        return update.where(*self._mine(ENROLLMENT, DIRECT.c.enrollment_id, there, form))

    def _now(self, table: sa.Table, form: Form) -> sa.ColumnElement[int]:
        exact, _ = form
        if not exact:
            return NOW
        if self.dialect == "postgresql":
            return DIRECT.c.now
        return sa.select(DIRECT.c.now).where(DIRECT.c.contact_id == table.c.contact_id).scalar_subquery()

    def _mine(
        self, table: sa.Table, identity: sa.ColumnElement[int], there: Numbers, form: Form
    ) -> list[sa.ColumnElement[bool]]:
        """Choose the rows of members on some ways.

        SQLite goes through the range of contacts when they lie close together, and looks each one up (an UPDATE with
        FROM would sort them first); PostgreSQL joins.
        """
        _, dense = form
        same = [DIRECT.c.contact_id == table.c.contact_id, identity == table.c.id, self._on(there)]
        here = table.c.part == PART
        if self.dialect == "postgresql":
            # Not EXISTS: of a table whose size it does not know it compares each row with all members.
            return [here, *same]
        if dense:
            between = table.c.contact_id.between(parameter("first"), parameter("last"))
            return [here, between, sa.exists().where(*same)]
        listed = sa.select(DIRECT.c.contact_id).where(self._on(there))
        return [here, table.c.contact_id.in_(listed), sa.exists().where(*same)]


K = TypeVar("K")


def _grouped(keys: Mapping[int, K]) -> dict[K, Numbers]:
    """Group the numbers of ways by where they lead."""
    found: defaultdict[K, set[int]] = defaultdict(set)
    for number, key in keys.items():
        found[key].add(number)
    return {key: frozenset(numbers) for key, numbers in found.items()}


def on(numbers: Numbers) -> sa.ColumnElement[bool]:
    """Choose the members on some ways."""
    listed = [sa.literal_column(str(number), sa.Integer) for number in sorted(numbers)]
    if len(listed) > FEW:
        return DIRECT.c.way.in_(listed)
    # Not IN: SQLite makes a tree of the list and looks into it for each row.
    return sa.or_(sa.false(), *(DIRECT.c.way == number for number in listed))


def by_way(values: Mapping[int, int | str | None], type_: Any = sa.BigInteger) -> sa.ColumnElement[Any]:
    """Give each member the value of its way; what most ways give is not compared for.

    Shape: ``values`` by number, of all ways that members may be on; at least one.
    """
    often = Counter(values.values()).most_common(1)[0][0]
    others = {number: sa.literal(value, type_) for number, value in values.items() if value != often}
    usual = sa.literal(often, type_)
    return sa.case(others, value=DIRECT.c.way, else_=usual) if others else usual
