"""Experiments among events: goals and guardrails that come within the window of an exposure."""

from collections.abc import Collection, Iterator, Mapping

import sqlalchemy as sa

from engine.contract.comparison import Comparison, Watched
from engine.experiments import ledger
from engine.experiments.assign import experiment_id
from engine.library.plan import Plan, PlanNode
from engine.run.context import Deployment, Run
from engine.run.tables import ARRIVAL, PART
from engine.segments.compile import match_properties
from engine.store.prepared import Prepared, parameter
from engine.store.tables import Event
from engine.store.tables.experiments import CONVERTED, HARMED

EVENT: sa.Table = Event.__table__  # type: ignore[attr-defined]


def experiments(deployment: Deployment) -> Mapping[int, tuple[Plan, PlanNode, Comparison]]:
    """List the experiments of flows that run, by number; of versions that share one the newest speaks."""
    found: dict[int, tuple[Plan, PlanNode, Comparison]] = {}
    for plan in deployment.versions():
        for node in plan.nodes:
            comparison = node.type.compares(node.config)
            if comparison is not None:
                found[experiment_id(plan.flow_key, node.id, comparison.identity)] = plan, node, comparison
    return found


def event_names(deployment: Deployment) -> set[str]:
    """List the names of events that experiments count."""
    return {watched.event for _, _, comparison in experiments(deployment).values() for watched in comparison.watched}


def record(run: Run, instant: int, names: Collection[str]) -> None:
    """Let the ledger hear of the events of an instant: goals and guardrails within the window of an exposure.

    Cost: two statements for each experiment and event that it counts.
    """
    for number, (_, _, comparison) in experiments(run.deployment).items():
        for what, watched in _counted(comparison):
            if watched.event in names:
                for statement in _statements(run.dialect, number, comparison, what, watched):
                    statement.run(run.connection, run.given(instant_number=instant))


def _counted(comparison: Comparison) -> Iterator[tuple[int, Watched]]:
    if comparison.goal is not None:
        yield CONVERTED, comparison.goal
    for place, guardrail in enumerate(comparison.guardrails):
        yield HARMED + place, guardrail


_STATEMENTS: dict[tuple[str, int, int], list[Prepared]] = {}


def _statements(dialect: str, number: int, comparison: Comparison, what: int, watched: Watched) -> list[Prepared]:
    found = _STATEMENTS.get((dialect, number, what))
    if found is None:
        events = (
            sa.select(ARRIVAL.c.contact_id, sa.func.min(ARRIVAL.c.at).label("at"))
            .join(EVENT, sa.and_(EVENT.c.part == PART, EVENT.c.id == ARRIVAL.c.id))
            .where(
                ARRIVAL.c.instant == parameter("instant_number"),
                ARRIVAL.c.name == watched.event,
                match_properties(EVENT.c.properties, watched.match.where, ARRIVAL.c.now),
            )
            .group_by(ARRIVAL.c.contact_id)
            .subquery("counted_event")
        )
        both = ledger.happened(number, PART, events, comparison.window, what, dialect)
        found = _STATEMENTS[dialect, number, what] = [Prepared(statement, dialect) for statement in both]
    return found
