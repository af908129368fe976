from datetime import UTC, datetime

from sqlalchemy import event

from engine.graph.document import read_document
from engine.run.texts import requirements
from engine.simulate.behaviour import Behaviour
from engine.simulate.population import Crowd
from engine.simulate.runner import Means, Scenario, simulate
from engine.store.session import Store
from engine.terms import to_micros
from tests.flows.shipped import behaviour, flow, messages
from tests.support.engines import engine_on


def test_going_back_from_an_experiment_leaves_no_savepoint_open(store: Store) -> None:
    wiring = engine_on(store)
    document, _ = read_document(flow("ab-promote"), wiring.registry)
    assert document is not None
    habits = Behaviour.model_validate(behaviour("ab-promote"))
    means = Means(wiring.registry, wiring.renderer, requirements(wiring.renderer, messages().get))
    scenario = Scenario([document], Crowd(20, 1), to_micros(datetime(2026, 3, 2, tzinfo=UTC)), 5, behaviour=habits)
    said: list[str] = []

    @event.listens_for(store.engine, "before_cursor_execute")
    def listen(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        said.append(statement.partition(" ")[0])

    done = simulate(store, scenario, means)
    assert done.report.experiments
    assert said.count("ROLLBACK") == 1
    # One that stays open makes SQLite note every page once more until the end.
    assert said.count("SAVEPOINT") == said.count("RELEASE") > 0
