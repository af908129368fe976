"""How many contacts are where: per flow, and per node and port of one flow.

Passages are counted as they happen; what stands now is counted when somebody asks, and no more often than is cheap.
"""

import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final, TypeVar
from weakref import WeakKeyDictionary

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from engine.api import flows
from engine.api.flows import Found
from engine.library.plan import Plan
from engine.store.tables import Enrollment, FlowVersion, Passage, Token
from engine.terms import Micros, Text, length_micros
from engine.wiring import Wiring

ENROLLMENT: sa.Table = Enrollment.__table__  # type: ignore[attr-defined]
TOKEN: sa.Table = Token.__table__  # type: ignore[attr-defined]
PASSAGE: sa.Table = Passage.__table__  # type: ignore[attr-defined]
VERSION: sa.Table = FlowVersion.__table__  # type: ignore[attr-defined]

SHARE: Final = 20
"""A count that took a second is good for so many seconds."""

QUICK: Final = 0.05
"""A count that took fewer seconds is done whenever it is asked for."""

Value = TypeVar("Value")


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


@dataclass
class _Kept:
    """Something that was counted, how long that took, and when."""

    value: Any = None
    took: float = 0.0
    at: float = float("-inf")
    lock: threading.Lock = field(default_factory=threading.Lock)

    def get(self, count: Callable[[], Value]) -> Value:
        with self.lock:
            if self.value is None or self.took < QUICK or time.monotonic() - self.at > SHARE * self.took:
                began = time.monotonic()
                self.value = count()
                self.at = time.monotonic()
                self.took = self.at - began
            value: Value = self.value
            return value


_kept: WeakKeyDictionary[Engine, defaultdict[str, _Kept]] = WeakKeyDictionary()


def keep(wiring: Wiring, name: str, count: Callable[[], Value]) -> Value:
    """Count, or give what was counted under this name a moment ago, if counting took long."""
    return _kept.setdefault(wiring.store.engine, defaultdict(_Kept))[name].get(count)


def list_flows(wiring: Wiring) -> list[FlowCounts]:
    """List all flows with their contacts.

    Cost: reads every enrollment; when that takes long it is not done again for a while, and the answer may be older.
    """
    with wiring.store.read() as connection:
        found = flows.rows(wiring, connection)
        ends, failed = keep(wiring, "flows", lambda: (_ends(connection), _failed(connection)))
    return [_with_counts(flow, ends.get(flow.id, Counter()), failed.get(flow.id, 0)) for flow in found]


def flow_nodes(wiring: Wiring, key: str) -> list[NodeCounts]:
    """Count what every node of a flow's live version did and holds; nodes of older versions are known by their ids.

    Shape: empty for a flow that was never published. Errors: ``NotFound``. Cost: reads the flow's tokens; when that
    takes long it is not done again for a while.
    """
    with wiring.store.read() as connection:
        flow = flows.find(wiring, connection, key)
        plans = wiring.deployments.plans_of(connection, [flow.id])
        live = next((plan for plan in plans.values() if plan.version_id == _live(connection, flow)), None)
        if live is None:
            return []
        resting = keep(wiring, f"flow {flow.id}", lambda: _resting(connection, plans))
        day_ago = wiring.clock.micros() - length_micros(timedelta(days=1))
        passed, lately = keep(
            wiring, f"flow {flow.id} ever", lambda: (_passed(connection, plans, 0), _passed(connection, plans, day_ago))
        )
    return [_node(live, index, resting, passed, lately) for index in range(len(live.nodes))]


def passed_since(wiring: Wiring, key: str, since: Micros, name: str) -> Mapping[tuple[str, str], int]:
    """Count how many left each node of a flow by which port, in any version, from an hour on.

    Shape: by node and port. ``name`` is that of the period: what was counted for it a moment ago may be given again.
    Errors: ``NotFound``. Cost: reads the flow's running counts by hour, never its journal.
    """
    with wiring.store.read() as connection:
        flow = flows.find(wiring, connection, key)
        plans = wiring.deployments.plans_of(connection, [flow.id])
        return keep(wiring, f"flow {flow.id} passed {name}", lambda: _passed(connection, plans, since))


def _live(connection: Connection, flow: Found) -> int | None:
    chosen = sa.select(VERSION.c.id).where(VERSION.c.flow_id == flow.id, VERSION.c.number == flow.number)
    return connection.scalar(chosen)


def _with_counts(flow: Found, ends: Counter[str], failed: int) -> FlowCounts:
    return FlowCounts(flow, ends["active"], ends["completed"], ends["goal"], ends["exit"], failed)


def _ends(connection: Connection) -> dict[int, Counter[str]]:
    found: dict[int, Counter[str]] = defaultdict(Counter)
    of = (ENROLLMENT.c.flow_id, ENROLLMENT.c.state)
    for flow_id, state, count in connection.execute(sa.select(*of, sa.func.count()).group_by(*of)):
        found[flow_id][state] += count
    return dict(found)


def _failed(connection: Connection) -> dict[int, int]:
    of_flow = (
        sa.select(VERSION.c.flow_id, sa.func.count())
        .join(TOKEN, TOKEN.c.version_id == VERSION.c.id)
        .where(TOKEN.c.state == "failed")
        .group_by(VERSION.c.flow_id)
    )
    return {int(flow_id): int(count) for flow_id, count in connection.execute(of_flow)}


_Resting = Mapping[str, Counter[str]]
_Passed = Mapping[tuple[str, str], int]


def _resting(connection: Connection, plans: Mapping[int, Plan]) -> _Resting:
    found: dict[str, Counter[str]] = defaultdict(Counter)
    of = (TOKEN.c.version_id, TOKEN.c.node, TOKEN.c.state)
    chosen = sa.select(*of, sa.func.count()).where(TOKEN.c.version_id.in_(list(plans))).group_by(*of)
    rows: Sequence[Any] = connection.execute(chosen).all()
    for version, node, state, count in rows:
        found[plans[version].nodes[node].id]["failed" if state == "failed" else "resting"] += count
    return found


def _passed(connection: Connection, plans: Mapping[int, Plan], since: Micros) -> _Passed:
    found: Counter[tuple[str, str]] = Counter()
    of: tuple[Any, ...] = (PASSAGE.c.version_id, PASSAGE.c.node, PASSAGE.c.port)
    chosen = (
        sa.select(*of, sa.func.sum(PASSAGE.c.passed))
        .where(PASSAGE.c.version_id.in_(list(plans)), PASSAGE.c.hour >= since)
        .group_by(*of)
    )
    rows: Sequence[Any] = connection.execute(chosen).all()
    for version, node, port, count in rows:
        found[plans[version].nodes[node].id, port] += int(count)
    return found


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
