"""What the canvas tells of contacts: who rests where, what passed which edge, and what became of messages."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from engine.api import counts, flows
from engine.library.plan import Plan
from engine.store.tables import Contact, Message, Token
from engine.terms import from_micros
from engine.wiring import Wiring

CONTACT: sa.Table = Contact.__table__  # type: ignore[attr-defined]
TOKEN: sa.Table = Token.__table__  # type: ignore[attr-defined]
MESSAGE: sa.Table = Message.__table__  # type: ignore[attr-defined]


@dataclass(frozen=True)
class NodeFigures:
    """One node: how many rest there, how many left by each edge, and what became of its messages."""

    resting: int
    failed: int
    sent: int
    opened: int
    clicked: int
    edges: Mapping[tuple[str, str], int]


@dataclass(frozen=True)
class Resting:
    """One contact who rests at a node: since when, and until when if that is known."""

    key: str
    email: str | None
    state: str
    since: datetime
    due: datetime | None


def figures(wiring: Wiring, key: str) -> dict[str, NodeFigures]:
    """Count what every node of a flow's live version did and holds.

    Shape: by node; ``edges`` by port and target; empty for a flow that was never published.
    Errors: ``NotFound``. Cost: reads the flow's tokens and messages.
    """
    nodes = counts.flow_nodes(wiring, key)
    with wiring.store.read() as connection:
        flow = flows.find(wiring, connection, key)
        told = _messages(connection, wiring.deployments.plans_of(connection, [flow.id]))
    return {
        node.id: NodeFigures(
            resting=node.resting,
            failed=node.failed,
            sent=told[node.id]["sent"],
            opened=told[node.id]["opened"],
            clicked=told[node.id]["clicked"],
            edges={(port.port, target): port.passed for port in node.ports for target in port.targets},
        )
        for node in nodes
    }


def resting_at(wiring: Wiring, key: str, node: str, most: int = 50) -> list[Resting]:
    """List contacts who rest at a node, in any version of the flow, those that move next first.

    Errors: ``NotFound``.
    """
    with wiring.store.read() as connection:
        flow = flows.find(wiring, connection, key)
        plans = wiring.deployments.plans_of(connection, [flow.id])
        places = [(version, plan.places[node]) for version, plan in plans.items() if node in plan.places]
        at = sa.or_(*(sa.and_(TOKEN.c.version_id == version, TOKEN.c.node == place) for version, place in places))
        mine = sa.and_(CONTACT.c.part == TOKEN.c.part, CONTACT.c.id == TOKEN.c.contact_id)
        chosen = (
            sa.select(CONTACT.c.key, CONTACT.c.email, TOKEN.c.state, TOKEN.c.since, TOKEN.c.due_at)
            .join(CONTACT, mine)
            .where(at if places else sa.false())
            .order_by(TOKEN.c.due_at.is_(None), TOKEN.c.due_at, CONTACT.c.key)
            .limit(most)
        )
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


def _messages(connection: Connection, plans: Mapping[int, Plan]) -> Mapping[str, Counter[str]]:
    found: dict[str, Counter[str]] = defaultdict(Counter)
    of = (MESSAGE.c.version_id, MESSAGE.c.node)
    told = {"sent": MESSAGE.c.sent_at, "opened": MESSAGE.c.opened_at, "clicked": MESSAGE.c.clicked_at}
    counted = [sa.func.count(column).label(name) for name, column in told.items()]
    rows = connection.execute(sa.select(*of, *counted).where(MESSAGE.c.version_id.in_(list(plans))).group_by(*of))
    for row in rows:
        found[plans[row.version_id].nodes[row.node].id].update({name: getattr(row, name) for name in told})
    return found
