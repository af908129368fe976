"""Who went through a port of a flow's node: read from the journal piece by piece, never as a whole.

How many there are is told by the running counts; the journal is ordered by contact and read only for a list that
somebody asked for, the newest contacts first, and no longer than a moment: the answer says where to go on.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from engine.api import counts, flows
from engine.api.periods import Period, begin_of
from engine.library import steps
from engine.library.plan import Plan
from engine.run.lineage import version_of_step
from engine.store.tables import Contact, Enrollment, Journal
from engine.terms import Micros, from_micros
from engine.wiring import Wiring

CONTACT: sa.Table = Contact.__table__  # type: ignore[attr-defined]
ENROLLMENT: sa.Table = Enrollment.__table__  # type: ignore[attr-defined]
JOURNAL: sa.Table = Journal.__table__  # type: ignore[attr-defined]

PIECE: Final = 2_000
"""So many journal rows are read by one statement."""

SECONDS: Final = 0.15
"""After so long what was found is given, and where to go on."""

_PLACE: Final = ("part", "contact_id", "token_id", "seq")
_WHERE: Final = tuple(JOURNAL.c[name] for name in _PLACE)

Place = tuple[int, int, int, int]


@dataclass(frozen=True)
class Passed:
    """One contact who went through a port, and when."""

    key: str
    email: str | None
    at: datetime


@dataclass(frozen=True)
class PassedPage:
    """Some of those who went through a port.

    Shape: ``total`` is what the running counts say of all; ``after`` is where to go on, nothing at the end.
    """

    passed: tuple[Passed, ...]
    total: int
    after: str | None


@dataclass
class _Search:
    """What is looked for, what was found, and how far the search has come."""

    flow_id: int
    since: Micros
    wanted: Mapping[int, tuple[int, int]]
    most: int
    found: list[Passed] = field(default_factory=list)
    place: Place | None = None
    is_over: bool = False


def passed_through(
    wiring: Wiring,
    key: str,
    node: str,
    port: str,
    period: Period = Period.EVER,
    *,
    after: str | None = None,
    most: int = 50,
    watch: Callable[[], float] = time.monotonic,
) -> PassedPage:
    """List who went through a port in a period, in any version of the flow, the contacts that came last first.

    Shape: once for each passing. Errors: ``NotFound``. Cost: one piece of the journal by its key per statement, for
    a sixth of a second or so.
    """
    since = begin_of(wiring, period)
    total = counts.passed_since(wiring, key, period).get((node, port), 0)
    with wiring.store.read() as connection:
        flow = flows.find(wiring, connection, key)
        plans = wiring.deployments.plans_of(connection, [flow.id])
        search = _Search(flow.id, since, _wanted(plans, node, port), most, place=_read_place(after))
        search.is_over = not search.wanted or not total
        end = watch() + SECONDS
        while not search.is_over and len(search.found) < most:
            _look(connection, search)
            if watch() > end:
                break
    going_on = None if search.is_over or search.place is None else "-".join(map(str, search.place))
    return PassedPage(tuple(search.found), total, going_on)


def _wanted(plans: Mapping[int, Plan], node: str, port: str) -> dict[int, tuple[int, int]]:
    """Give the place of a node and its port in every version that has them."""
    places = ((version, plan.nodes[plan.places[node]]) for version, plan in plans.items() if node in plan.places)
    return {version: (each.index, each.ports.index(port)) for version, each in places if port in each.ports}


def _look(connection: Connection, search: _Search) -> None:
    """Search the next piece of the journal."""
    last = connection.execute(_piece(search.place).offset(PIECE - 1).limit(1)).first()
    for row in connection.execute(_matching(search)):
        mine = search.wanted.get(row.version_id)
        times = 0 if mine is None else steps.read_steps(row.steps).count(mine)
        search.found += [Passed(row.key, row.email, from_micros(row.at))] * times
        if len(search.found) >= search.most:
            search.place = (row.part, row.contact_id, row.token_id, row.seq)
            return
    search.is_over = last is None
    if last is not None:
        search.place = (last.part, last.contact_id, last.token_id, last.seq)


def _piece(place: Place | None) -> sa.Select[Any]:
    """Select the keys of the journal from a place on, backwards."""
    chosen = sa.select(*_WHERE).order_by(*(column.desc() for column in _WHERE))
    return chosen if place is None else chosen.where(sa.tuple_(*_WHERE) < sa.tuple_(*place))


def _matching(search: _Search) -> sa.Select[Any]:
    """Select the rows of a piece that may have the step; whether they do is told by the version they are of."""
    # Cut off first, so that it is plain to every planner how few rows the others are joined to.
    piece = _piece(search.place).limit(PIECE).subquery("piece")
    mine = sa.and_(
        ENROLLMENT.c.part == JOURNAL.c.part,
        ENROLLMENT.c.contact_id == JOURNAL.c.contact_id,
        ENROLLMENT.c.id == JOURNAL.c.enrollment_id,
        ENROLLMENT.c.flow_id == search.flow_id,
    )
    person = sa.and_(CONTACT.c.part == JOURNAL.c.part, CONTACT.c.id == JOURNAL.c.contact_id)
    codes = {steps.step(*place) for place in search.wanted.values()}
    columns = (*_WHERE, JOURNAL.c.at, JOURNAL.c.steps, CONTACT.c.key, CONTACT.c.email)
    return (
        sa.select(*columns, version_of_step().label("version_id"))
        .select_from(piece.join(JOURNAL, sa.and_(*(JOURNAL.c[name] == piece.c[name] for name in _PLACE))))
        .join(ENROLLMENT, mine)
        .join(CONTACT, person)
        .where(JOURNAL.c.at >= search.since, sa.or_(*(JOURNAL.c.steps.contains(code) for code in sorted(codes))))
        .order_by(*(column.desc() for column in _WHERE))
    )


def _read_place(text: str | None) -> Place | None:
    parts = (text or "").split("-")
    is_place = len(parts) == len(_PLACE) and all(part.isdecimal() for part in parts)
    return (int(parts[0]), int(parts[1]), int(parts[2]), int(parts[3])) if is_place else None
