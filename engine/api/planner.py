"""What a flow's own traffic says to the planner of a test: how many come to a split, and how many of them convert."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from engine.api import counts, flows
from engine.contract.comparison import Comparison, Watched
from engine.experiments.assign import experiment_id
from engine.experiments.counts import read_counts, read_stands
from engine.graph.model import Document
from engine.segments.compile import match_properties
from engine.store.tables import Enrollment, Event, FlowVersion
from engine.terms import DAY, length_micros
from engine.wiring import Wiring, look

ENROLLMENT: sa.Table = Enrollment.__table__  # type: ignore[attr-defined]
EVENT: sa.Table = Event.__table__  # type: ignore[attr-defined]
VERSION: sa.Table = FlowVersion.__table__  # type: ignore[attr-defined]

SAMPLE: Final = 20_000
"""How many of the youngest passages are looked at for a rate."""

FEW: Final = 50
"""Of fewer contacts no rate is told."""


@dataclass(frozen=True)
class Traffic:
    """How many contacts a day come to a split, and the part of them that converts; None where nobody knows.

    ``measured`` is True when both come from the split's own ledger, and not from what the flow did without it.
    """

    a_day: float
    rate: float | None
    measured: bool = False


def traffic_at(wiring: Wiring, key: str, document: Document, node: str, comparison: Comparison) -> Traffic:
    """Tell what comes to a split of a draft: by its ledger, else by what passed the nodes before it.

    Errors: ``NotFound``. Cost: some small statements, and a look at some of the youngest passages for the rate.
    """
    with wiring.store.read() as connection:
        own = _own(wiring, connection, experiment_id(key, node, comparison.identity), comparison)
    if own is not None:
        return own
    passed = {(each.id, port.port): port.passed for each in counts.flow_nodes(wiring, key) for port in each.ports}
    if not passed:
        return Traffic(0.0, None)
    with wiring.store.read() as connection:
        flow = flows.find(wiring, connection, key)
        began = connection.scalar(sa.select(sa.func.min(VERSION.c.published_at)).where(VERSION.c.flow_id == flow.id))
        past = max(1.0, (wiring.clock.micros() - int(began or 0)) / DAY)
        a_day = _coming(document, node, passed, frozenset()) / past
        rate = None
        if comparison.goal is not None:
            look(wiring, connection)
            rate = _rate(wiring, connection, flow.id, comparison.goal, comparison.window)
    return Traffic(a_day * comparison.sample * (1 - comparison.holdout), rate)


def _own(wiring: Wiring, connection: Connection, number: int, comparison: Comparison) -> Traffic | None:
    stands = read_stands(connection, number)
    if stands is None:
        return None
    now = wiring.clock.micros()
    found = read_counts(connection, wiring.store.parts, stands, comparison, now)
    shown, won = (each[: found.variants].sum() for each in found.totals)
    young = found.young[:, : found.variants].sum()
    past = max(1.0, (now - stands.started_at) / DAY)
    return Traffic(float(shown + young) / past, float(won / shown) if shown >= FEW else None, measured=True)


def _coming(document: Document, node: str, passed: dict[tuple[str, str], int], seen: frozenset[str]) -> int:
    """Count who passed the ways into a node; where a node before it is new, who came to that one."""
    live = {name for name, _ in passed}
    total = 0
    for edge in document.edges:
        if edge.target == node and edge.source not in seen:
            if edge.source in live:
                total += passed.get((edge.source, edge.port), 0)
            else:
                total += _coming(document, edge.source, passed, seen | {node})
    return total


def _rate(wiring: Wiring, connection: Connection, flow_id: int, goal: Watched, window: timedelta) -> float | None:
    """Tell which part of those who came into the flow reached the goal within the window after that."""
    length = length_micros(window)
    columns = (ENROLLMENT.c.part, ENROLLMENT.c.contact_id, ENROLLMENT.c.flow_id, ENROLLMENT.c.started_at)
    youngest = (
        sa.select(*columns)
        .where(ENROLLMENT.c.part == 0)
        .order_by(ENROLLMENT.c.contact_id.desc(), ENROLLMENT.c.id.desc())
        .limit(SAMPLE)
        .subquery("youngest")
    )
    now = sa.literal(wiring.clock.micros(), sa.BigInteger)
    reached = sa.exists().where(
        EVENT.c.part == youngest.c.part,
        EVENT.c.contact_id == youngest.c.contact_id,
        EVENT.c.name == goal.event,
        EVENT.c.at > youngest.c.started_at,
        EVENT.c.at <= youngest.c.started_at + length,
        match_properties(EVENT.c.properties, goal.match.where, now),
    )
    chosen: Any = sa.select(sa.func.count(), sa.func.sum(sa.case((reached, 1), else_=0))).where(
        youngest.c.flow_id == flow_id, youngest.c.started_at + length <= now
    )
    came, won = connection.execute(chosen).one()
    return float(won or 0) / came if came >= FEW else None
