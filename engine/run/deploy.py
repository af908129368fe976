"""Read which flows run, and keep them compiled as long as nothing changes."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from engine.channels.policy import read_cap
from engine.contract.node import BySegment
from engine.contract.registry import Registry
from engine.graph.document import read_document
from engine.library.plan import Plan, PlanNode
from engine.library.planning import make_plan
from engine.rules.model import Rule
from engine.rules.parse import parse_rule
from engine.run import subjects
from engine.run.context import Deployment
from engine.run.program import Templates
from engine.store.prepared import Prepared
from engine.store.tables import Flow, FlowVersion, Segment, Workspace

FLOW: sa.Table = Flow.__table__  # type: ignore[attr-defined]
VERSION: sa.Table = FlowVersion.__table__  # type: ignore[attr-defined]
SEGMENT: sa.Table = Segment.__table__  # type: ignore[attr-defined]
WORKSPACE: sa.Table = Workspace.__table__  # type: ignore[attr-defined]


@dataclass
class Deployments:
    """The latest deployment of a workspace, and every plan ever compiled in this process."""

    registry: Registry
    templates: Templates
    requires: Callable[[Plan, PlanNode], Sequence[str]]
    workspace_id: int = 1
    _plans: dict[int, Plan] = field(default_factory=dict)
    _latest: tuple[bytes, Deployment] | None = None
    _marked: tuple[Any, Deployment] | None = None
    _forgotten: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        # Written once: this is asked in every transaction.
        mine = FLOW.c.workspace_id == self.workspace_id, FLOW.c.state.in_(["live", "paused"])
        flows = sa.select(FLOW.c.id, FLOW.c.key, FLOW.c.state, FLOW.c.live_version_id, FLOW.c.dropped_until)
        segments = sa.select(SEGMENT.c.key, SEGMENT.c.rule, SEGMENT.c.created_at)
        self._asked = (
            flows.where(*mine).order_by(FLOW.c.id),
            segments.where(SEGMENT.c.workspace_id == self.workspace_id).order_by(SEGMENT.c.key),
            sa.select(WORKSPACE.c.timezone, WORKSPACE.c.settings).where(WORKSPACE.c.id == self.workspace_id),
        )
        mark = sa.select(*(_as_text(each) for each in self._asked))
        self._mark = {name: Prepared(mark, name) for name in ("sqlite", "postgresql")}

    def current(self, connection: Connection) -> Deployment:
        """Give the deployment as the database has it now.

        Cost: three small statements; compiled programs are kept while nothing was published, paused or named.
        """
        flows, segments, (workspace,) = (connection.execute(each).all() for each in self._asked)
        state = orjson.dumps([[list(row) for row in rows] for rows in (flows, segments, [workspace])])
        with self._lock:
            if self._latest is None or self._latest[0] != state:
                rules = {row.key: parse_rule(row.rule) for row in segments}
                since = {row.key: int(row.created_at) for row in segments}
                self._latest = (state, self._load(connection, flows, rules, since, workspace))
            return self._latest[1]

    def still(self, connection: Connection) -> Deployment:
        """Give the deployment as it is in the midst of work: others may have published or paused meanwhile.

        Shape: as ``current``, but for what templates say. Cost: one small statement while nothing changed.
        """
        # Asked before the rest, so that a change between the two is seen the next time.
        mark = tuple(self._mark[connection.dialect.name].run(connection, {}).one())
        known, forgotten = self._marked, self._forgotten
        if known is None or known[0] != mark:
            known = (mark, self.current(connection))
            with self._lock:
                if forgotten == self._forgotten:
                    self._marked = known
        return known[1]

    def forget(self) -> None:
        """Compile programs anew at the next look: what their messages say has changed."""
        with self._lock:
            self._latest = self._marked = None
            self._forgotten += 1

    def known(self, version_id: int) -> Plan | None:
        """Give the plan of a version if it was read already."""
        return self._plans.get(version_id)

    def plan(self, connection: Connection, version_id: int) -> Plan | None:
        """Give the plan of any version, whatever became of its flow; None when there is none.

        Cost: one small statement for a version that was not read before.
        """
        if version_id not in self._plans:
            row = connection.execute(sa.select(VERSION).where(VERSION.c.id == version_id)).first()
            return None if row is None else self._plan(row)
        return self._plans[version_id]

    def plans_of(self, connection: Connection, flow_ids: Sequence[int] | None = None) -> dict[int, Plan]:
        """Give the plans of all versions of these flows, or of all flows, by version id."""
        chosen = sa.select(VERSION).join(FLOW, FLOW.c.id == VERSION.c.flow_id).order_by(VERSION.c.id)
        chosen = chosen.where(FLOW.c.workspace_id == self.workspace_id)
        if flow_ids is not None:
            chosen = chosen.where(VERSION.c.flow_id.in_(flow_ids))
        return {row.id: self._plan(row) for row in connection.execute(chosen)}

    def _load(
        self,
        connection: Connection,
        flows: Sequence[Any],
        rules: dict[str, Rule],
        since: dict[str, int],
        workspace: Any,
    ) -> Deployment:
        versions = connection.execute(
            sa.select(VERSION).where(VERSION.c.flow_id.in_([flow.id for flow in flows])).order_by(VERSION.c.id)
        ).all()
        plans = {row.id: self._plan(row) for row in versions}
        live = {flow.key: int(flow.live_version_id) for flow in flows if flow.live_version_id is not None}
        paused = frozenset(int(flow.id) for flow in flows if flow.state == "paused")
        dropped = {int(flow.id): int(flow.dropped_until) for flow in flows if flow.dropped_until is not None}
        # A trigger counts from when its flow was first published, so that a new version looks at nobody again.
        first = {row.flow_id: row.published_at for row in reversed(versions)}
        found = list(subjects.named(self.workspace_id, rules, since))
        for version in sorted(live.values()):
            plan = plans[version]
            for node in plan.triggers:
                if isinstance(node.entry, BySegment):
                    subject = subjects.of_trigger(plan, node, node.entry, rules, first[plan.flow_id])
                    found.extend([subject] if subject is not None else [])
        return Deployment(
            workspace_id=self.workspace_id,
            timezone=workspace.timezone,
            plans=plans,
            live=live,
            paused=paused,
            dropped=dropped,
            segments=rules,
            subjects=tuple(found),
            templates=self.templates,
            requires=self.requires,
            cap=read_cap(workspace.settings),
        )

    def _plan(self, row: Any) -> Plan:
        version_id, flow_id, document = int(row.id), int(row.flow_id), str(row.document)
        if version_id not in self._plans:
            drawn, findings = read_document(document, self.registry)
            if drawn is None:
                raise ValueError(f"version {version_id} cannot be read any more: {findings[0]}")
            self._plans[version_id] = make_plan(
                drawn, version_id=version_id, flow_id=flow_id, workspace_id=self.workspace_id
            )
        return self._plans[version_id]


def _as_text(asked: sa.Select[Any]) -> sa.ScalarSelect[str]:
    """Make one text of the rows of a statement."""
    rows = asked.subquery()
    fields = [sa.func.coalesce(sa.cast(column, sa.Text), "") for column in rows.c]
    row: sa.ColumnElement[str] = fields[0]
    for each in fields[1:]:
        row = row.concat("\n").concat(each)
    return sa.select(sa.func.aggregate_strings(row, "\n")).scalar_subquery()
