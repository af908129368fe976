"""What the canvas tells of contacts: who rests where, what passed which edge, and what became of messages."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from engine.api import counts, experiments, flows, workspaces
from engine.civil.local import MIDNIGHT, local_day, resolve_local
from engine.civil.zones import effective_zone
from engine.experiments.glance import Glance
from engine.library.plan import Plan
from engine.store.tables import Contact, Message, Token
from engine.terms import HOUR, Micros, from_micros, length_micros, to_micros
from engine.wiring import Wiring

__all__ = ["Glance"]

CONTACT: sa.Table = Contact.__table__  # type: ignore[attr-defined]
TOKEN: sa.Table = Token.__table__  # type: ignore[attr-defined]
MESSAGE: sa.Table = Message.__table__  # type: ignore[attr-defined]


class Period(StrEnum):
    """Over which time is counted: the workspace's day, so many days up to now, or ever."""

    TODAY = "today"
    WEEK = "7d"
    MONTH = "30d"
    EVER = "all"


_LENGTHS: Final = {Period.WEEK: timedelta(days=7), Period.MONTH: timedelta(days=30)}


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


def begin_of(wiring: Wiring, period: Period) -> Micros:
    """Tell where a period begins: at a full hour, as passages are counted by the hour."""
    now = wiring.clock.now()
    if period is Period.EVER:
        return 0
    if period is Period.TODAY:
        tz = effective_zone(workspaces.read_workspace(wiring).timezone)
        began = to_micros(resolve_local(local_day(now, tz), MIDNIGHT, tz))
    else:
        began = wiring.clock.micros() - length_micros(_LENGTHS[period])
    return began - began % HOUR


def figures(wiring: Wiring, key: str, period: Period = Period.EVER) -> dict[str, NodeFigures]:
    """Count what every node of a flow's live version holds, and did in a period.

    Shape: by node; ``edges`` by port and target; empty for a flow that was never published.
    Errors: ``NotFound``. Cost: reads the flow's tokens, messages and running counts; when that takes long it is not
    done again for a while. The journal is not read.
    """
    nodes = counts.flow_nodes(wiring, key)
    since = begin_of(wiring, period)
    passed = counts.passed_since(wiring, key, since, period.value)
    trials = experiments.glances(wiring, key) if nodes else {}
    with wiring.store.read() as connection:
        flow = flows.find(wiring, connection, key)
        plans = wiring.deployments.plans_of(connection, [flow.id])
        told = counts.keep(wiring, f"flow {flow.id} messages {period}", lambda: _messages(connection, plans, since))
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


def _messages(connection: Connection, plans: Mapping[int, Plan], since: Micros) -> Mapping[str, Counter[str]]:
    """Count the messages that were sent since an instant, and how many of them were opened and clicked."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    of = (MESSAGE.c.version_id, MESSAGE.c.node)
    told = {"sent": MESSAGE.c.sent_at, "opened": MESSAGE.c.opened_at, "clicked": MESSAGE.c.clicked_at}
    counted = [sa.func.count(column).label(name) for name, column in told.items()]
    mine = (MESSAGE.c.version_id.in_(list(plans)), MESSAGE.c.sent_at >= since)
    for row in connection.execute(sa.select(*of, *counted).where(*mine).group_by(*of)):
        found[plans[row.version_id].nodes[row.node].id].update({name: getattr(row, name) for name in told})
    return dict(found)
