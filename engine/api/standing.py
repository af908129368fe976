"""What the canvas tells of contacts: who rests where, what passed which edge, and what became of messages."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from engine.api import counts, experiments, flows
from engine.api.kept import keep
from engine.api.periods import Period, begin_of
from engine.experiments.glance import Glance
from engine.store.partwise import of_each_part
from engine.store.tables import Contact, Message, Token
from engine.terms import from_micros
from engine.wiring import Wiring

__all__ = ["Glance"]

CONTACT: sa.Table = Contact.__table__  # type: ignore[attr-defined]
TOKEN: sa.Table = Token.__table__  # type: ignore[attr-defined]
MESSAGE: sa.Table = Message.__table__  # type: ignore[attr-defined]

MANY: Final = 5
"""Where so many times as many wait as are listed, the first of them are soon found among all that is due."""


@dataclass(frozen=True)
class NodeFigures:
    """One node: how many rest there, and what passed it in a period.

    Shape: ``entered`` and ``edges`` count tokens, the latter by port and target; ``sent`` counts the period's messages,
    ``opened`` and ``clicked`` those among them. ``trial`` is how its experiment stands, where it is one and somebody
    has come.
    """

    resting: int
    failed: int
    entered: int
    sent: int
    opened: int
    clicked: int
    edges: Mapping[tuple[str, str], int]
    trial: Glance | None = None


@dataclass(frozen=True)
class Resting:
    """One contact who rests at a node: since when, and until when if that is known."""

    key: str
    email: str | None
    state: str
    since: datetime
    due: datetime | None


def figures(wiring: Wiring, key: str, period: Period = Period.EVER) -> dict[str, NodeFigures]:
    """Count what every node of a flow's live version holds, and did in a period.

    Shape: by node; ``edges`` by port and target; empty for a flow that was never published.
    Errors: ``NotFound``. Cost: reads the flow's tokens, messages and running counts; when that takes long the answer
    may be older. The journal is not read.
    """
    nodes = counts.flow_nodes(wiring, key)
    passed = counts.passed_since(wiring, key, period)
    trials = experiments.glances(wiring, key) if nodes else {}
    with wiring.store.read() as connection:
        flow = flows.find(wiring, connection, key)
    told = keep(wiring, _messages, flow.id, period)
    edges = {
        node.id: {(port.port, to): passed.get((node.id, port.port), 0) for port in node.ports for to in port.targets}
        for node in nodes
    }
    entered: Counter[str] = Counter()
    for mine in edges.values():
        for (_, target), count in mine.items():
            entered[target] += count
    for node in nodes:
        if node.family == "trigger":
            entered[node.id] = sum(passed.get((node.id, port.port), 0) for port in node.ports)
    return {
        node.id: NodeFigures(
            resting=node.resting,
            failed=node.failed,
            entered=entered[node.id],
            sent=told.get(node.id, _NONE)["sent"],
            opened=told.get(node.id, _NONE)["opened"],
            clicked=told.get(node.id, _NONE)["clicked"],
            edges=edges[node.id],
            trial=trials.get(node.id),
        )
        for node in nodes
    }


_NONE: Final[Counter[str]] = Counter()


def resting_at(wiring: Wiring, key: str, node: str, most: int = 50) -> list[Resting]:
    """List contacts who rest at a node, in any version of the flow, those that move next first.

    Errors: ``NotFound``. Cost: where many wait, by the index of what is due; where few rest, a look at every token.
    """
    with wiring.store.read() as connection:
        flow = flows.find(wiring, connection, key)
        plans = wiring.deployments.plans_of(connection, [flow.id])
    places = {(version, plan.places[node]) for version, plan in plans.items() if node in plan.places}
    counted: Counter[tuple[tuple[int, int], str]] = Counter()
    for (version, place, state), count in keep(wiring, counts.tokens_of, flow.id).items():
        counted[(version, place), state] += count if (version, place) in places else 0
    here = sorted({place for place, state in counted if counted[place, state]})
    waiting = sorted({place for place, state in counted if state == "waiting" and counted[place, state]})
    if not here:
        return []
    many = sum(counted[place, "waiting"] for place in waiting) >= MANY * most
    first = _soonest(wiring.store.name, waiting, wiring.store.parts, most) if many else _found(here, most)
    chosen = (
        sa.select(CONTACT.c.key, CONTACT.c.email, first.c.state, first.c.since, first.c.due_at)
        .join_from(first, CONTACT, sa.and_(CONTACT.c.part == first.c.part, CONTACT.c.id == first.c.contact_id))
        .order_by(first.c.due_at.is_(None), first.c.due_at, CONTACT.c.key)
    )
    with wiring.store.read() as connection:
        rows: Sequence[Any] = connection.execute(chosen).all()
    return [
        Resting(
            row.key,
            row.email,
            row.state,
            from_micros(row.since),
            None if row.due_at is None else from_micros(row.due_at),
        )
        for row in rows
    ]


_RESTS: Final = tuple(TOKEN.c[name] for name in ("part", "contact_id", "state", "since", "due_at"))
_SOONEST: Final = (TOKEN.c.due_at, TOKEN.c.part, TOKEN.c.contact_id)


def _found(places: Sequence[tuple[int, int]], most: int) -> sa.Subquery:
    """Choose who rests at places of versions by looking at every token."""
    at = sa.or_(*(sa.and_(TOKEN.c.version_id == version, TOKEN.c.node == place) for version, place in places))
    return sa.select(*_RESTS).where(at).order_by(TOKEN.c.due_at.is_(None), *_SOONEST).limit(most).subquery("first")


def _soonest(dialect: str, places: Sequence[tuple[int, int]], parts: int, most: int) -> sa.Subquery:
    """Choose who moves next at places of versions; each part gives no more than are asked for."""
    found = [sa.select(_waiting(dialect, version, place, parts, most)) for version, place in places]
    all_ = sa.union_all(*found).subquery()
    return sa.select(all_).order_by(*(all_.c[column.name] for column in _SOONEST)).limit(most).subquery("first")


def _waiting(dialect: str, version: int, place: int, parts: int, most: int) -> sa.Subquery:
    """Choose who moves next at one place of a version, part by part."""

    def choose(part: sa.ColumnElement[int]) -> sa.Select[Any]:
        wanted = (TOKEN.c.part == part, TOKEN.c.version_id == version, TOKEN.c.due_at.is_not(None))
        # By the index alone: very many may be due at one instant, and sorting those would read them all.
        return sa.select(*_RESTS).where(*wanted, TOKEN.c.node == place).order_by(TOKEN.c.due_at).limit(most)

    return of_each_part(dialect, range(parts), choose)


def _messages(wiring: Wiring, flow_id: int, period: Period) -> Mapping[str, Counter[str]]:
    """Count the messages that were sent in a period, and how many of them were opened and clicked."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    of = (MESSAGE.c.version_id, MESSAGE.c.node)
    told = {"sent": MESSAGE.c.sent_at, "opened": MESSAGE.c.opened_at, "clicked": MESSAGE.c.clicked_at}
    counted = [sa.func.count(column).label(name) for name, column in told.items()]
    since = begin_of(wiring, period)
    with wiring.store.read() as connection:
        plans = wiring.deployments.plans_of(connection, [flow_id])
        mine = (MESSAGE.c.version_id.in_(list(plans)), MESSAGE.c.sent_at >= since)
        for row in connection.execute(sa.select(*of, *counted).where(*mine).group_by(*of)):
            found[plans[row.version_id].nodes[row.node].id].update({name: getattr(row, name) for name in told})
    return dict(found)
