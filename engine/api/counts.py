"""How many contacts are where: per flow, and per node and port of one flow.

Passages are counted as they happen; what stands now is counted when somebody asks, and no more often than is cheap.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from engine.api import flows
from engine.api.flows import Found
from engine.api.kept import keep
from engine.api.periods import Period, begin_of
from engine.library.plan import Plan
from engine.store.tables import Enrollment, Failure, FlowVersion, Passage, Token
from engine.terms import Text
from engine.wiring import Wiring

ENROLLMENT: sa.Table = Enrollment.__table__  # type: ignore[attr-defined]
FAILURE: sa.Table = Failure.__table__  # type: ignore[attr-defined]
TOKEN: sa.Table = Token.__table__  # type: ignore[attr-defined]
PASSAGE: sa.Table = Passage.__table__  # type: ignore[attr-defined]
VERSION: sa.Table = FlowVersion.__table__  # type: ignore[attr-defined]


@dataclass(frozen=True)
class FlowCounts:
    """One flow and its contacts: how many are in it, and how many left it in which way."""

    flow: Found
    active: int
    completed: int
    goal: int
    exit: int
    failed: int

    @property
    def entered(self) -> int:
        """Count all enrollments there ever were."""
        return self.active + self.completed + self.goal + self.exit


@dataclass(frozen=True)
class PortCounts:
    """How many went out of a port: ever, and in the last day."""

    port: str
    label: Text | None
    passed: int
    lately: int
    targets: tuple[str, ...]


@dataclass(frozen=True)
class NodeCounts:
    """A node of the live version: how many rest there now, in any version, and how many left by which port."""

    id: str
    kind: str
    family: str
    title: Text
    name: Text | None
    summary: Text
    resting: int
    failed: int
    ports: tuple[PortCounts, ...]


def list_flows(wiring: Wiring) -> list[FlowCounts]:
    """List all flows with their contacts.

    Cost: reads every enrollment; when that takes long the answer may be older.
    """
    with wiring.store.read() as connection:
        found = flows.rows(wiring, connection)
    ends, failed = keep(wiring, _ends), keep(wiring, _failed)
    return [_with_counts(flow, ends.get(flow.id, Counter()), failed.get(flow.id, 0)) for flow in found]


def flow_nodes(wiring: Wiring, key: str) -> list[NodeCounts]:
    """Count what every node of a flow's live version did and holds; nodes of older versions are known by their ids.

    Shape: empty for a flow that was never published. Errors: ``NotFound``. Cost: reads the flow's tokens; when that
    takes long the answer may be older.
    """
    with wiring.store.read() as connection:
        flow = flows.find(wiring, connection, key)
        plans = wiring.deployments.plans_of(connection, [flow.id])
        live = next((plan for plan in plans.values() if plan.version_id == _live(connection, flow)), None)
    if live is None:
        return []
    resting: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for (version, node, state), count in keep(wiring, tokens_of, flow.id).items():
        if version in plans:
            resting[plans[version].nodes[node].id]["failed" if state == "failed" else "resting"] += count
    passed, lately = keep(wiring, passed_in, flow.id, Period.EVER), keep(wiring, passed_in, flow.id, Period.DAY)
    return [_node(live, index, resting, passed, lately) for index in range(len(live.nodes))]


def tokens_of(wiring: Wiring, flow_id: int) -> dict[tuple[int, int, str], int]:
    """Count the tokens of a flow by version, node (its place in the version) and state.

    Cost: reads every token. To be kept.
    """
    of = (TOKEN.c.version_id, TOKEN.c.node, TOKEN.c.state)
    versions = sa.select(VERSION.c.id).where(VERSION.c.flow_id == flow_id)
    with wiring.store.read() as connection:
        mine = TOKEN.c.version_id.in_(list(connection.scalars(versions)))
        rows = connection.execute(sa.select(*of, sa.func.count()).where(mine).group_by(*of)).all()
    return {(version, node, state): count for version, node, state, count in rows}


def passed_since(wiring: Wiring, key: str, period: Period) -> Mapping[tuple[str, str], int]:
    """Count how many left each node of a flow by which port, in any version, in a period.

    Shape: by node and port. Errors: ``NotFound``. Cost: reads the flow's running counts by hour, never its journal;
    when that takes long the answer may be older.
    """
    with wiring.store.read() as connection:
        flow = flows.find(wiring, connection, key)
    return keep(wiring, passed_in, flow.id, period)


def passed_in(wiring: Wiring, flow_id: int, period: Period) -> Mapping[tuple[str, str], int]:
    """Count what ``passed_since`` tells. To be kept."""
    found: Counter[tuple[str, str]] = Counter()
    of: tuple[Any, ...] = (PASSAGE.c.version_id, PASSAGE.c.node, PASSAGE.c.port)
    since = begin_of(wiring, period)
    with wiring.store.read() as connection:
        plans = wiring.deployments.plans_of(connection, [flow_id])
        chosen = (
            sa.select(*of, sa.func.sum(PASSAGE.c.passed))
            .where(PASSAGE.c.version_id.in_(list(plans)), PASSAGE.c.hour >= since)
            .group_by(*of)
        )
        rows: Sequence[Any] = connection.execute(chosen).all()
    for version, node, port, count in rows:
        found[plans[version].nodes[node].id, port] += int(count)
    return found


def _live(connection: Connection, flow: Found) -> int | None:
    chosen = sa.select(VERSION.c.id).where(VERSION.c.flow_id == flow.id, VERSION.c.number == flow.number)
    return connection.scalar(chosen)


def _with_counts(flow: Found, ends: Counter[str], failed: int) -> FlowCounts:
    return FlowCounts(flow, ends["active"], ends["completed"], ends["goal"], ends["exit"], failed)


def _ends(wiring: Wiring) -> dict[int, Counter[str]]:
    found: dict[int, Counter[str]] = defaultdict(Counter)
    of = (ENROLLMENT.c.flow_id, ENROLLMENT.c.state)
    with wiring.store.read() as connection:
        for flow_id, state, count in connection.execute(sa.select(*of, sa.func.count()).group_by(*of)):
            found[flow_id][state] += count
    return dict(found)


def _failed(wiring: Wiring) -> dict[int, int]:
    """Count the tokens that failed: each has its reason beside it."""
    mine = sa.and_(
        *(TOKEN.c[name] == FAILURE.c[name] for name in ("part", "contact_id")), TOKEN.c.id == FAILURE.c.token_id
    )
    of_flow = (
        sa.select(VERSION.c.flow_id, sa.func.count())
        .select_from(FAILURE.join(TOKEN, mine).join(VERSION, VERSION.c.id == TOKEN.c.version_id))
        .group_by(VERSION.c.flow_id)
    )
    with wiring.store.read() as connection:
        return {int(flow_id): int(count) for flow_id, count in connection.execute(of_flow)}


_Resting = Mapping[str, Counter[str]]
_Passed = Mapping[tuple[str, str], int]


def _node(plan: Plan, index: int, resting: _Resting, passed: _Passed, lately: _Passed) -> NodeCounts:
    node = plan.nodes[index]
    labels = {port.key: port.label for port in node.type.ports(node.config)}
    return NodeCounts(
        id=node.id,
        kind=node.type.kind,
        family=node.type.family.value,
        title=node.type.title,
        name=node.name,
        summary=node.type.summary(node.config),
        resting=resting.get(node.id, Counter())["resting"],
        failed=resting.get(node.id, Counter())["failed"],
        ports=tuple(
            PortCounts(
                port,
                labels.get(port),
                passed.get((node.id, port), 0),
                lately.get((node.id, port), 0),
                tuple(plan.nodes[target].id for target in node.targets[port]),
            )
            for port in node.ports
        ),
    )
