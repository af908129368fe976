from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from engine.api import flows, trial_runs
from engine.api.documents import Shipped
from engine.api.trial_runs import Asked
from engine.errors import FlowError, NotFound
from engine.graph.document import read_document
from engine.run.texts import requirements
from engine.simulate.behaviour import Behaviour
from engine.simulate.daily import days_of, samples
from engine.simulate.population import Crowd
from engine.simulate.pressure import pressure_of
from engine.simulate.runner import Means, Scenario, simulate
from engine.store.session import Store
from engine.store.tables import metadata
from engine.terms import to_micros
from engine.wiring import Wiring
from tests.api.test_reasons import CHOICE
from tests.flows.shipped import behaviour, flow, messages
from tests.simulate import naive
from tests.support.engines import WELCOME, engine_on

NOTHING = Shipped({}, {}, {})


FIRST = datetime(2026, 3, 2, tzinfo=UTC)
DAYS = 25


@pytest.mark.parametrize("key", ["trial-day1-8", "ab-promote"])
def test_days_samples_and_pressure_are_those_of_the_journal(store: Store, key: str) -> None:
    wiring = engine_on(store)
    document, _ = read_document(flow(key), wiring.registry)
    assert document is not None
    habits = Behaviour.model_validate(behaviour(key))
    means = Means(wiring.registry, wiring.renderer, requirements(wiring.renderer, messages().get))
    scenario = Scenario([document], Crowd(40, 1), to_micros(FIRST), DAYS, behaviour=habits)
    done = simulate(store, scenario, means)
    with store.read() as connection:
        days = days_of(connection, done.plan, FIRST.date(), DAYS + 1)
        chosen = samples(connection, done.plan, most=1_000)
        pressure = pressure_of(connection, done.plan, timedelta(days=7))
    assert days == naive.days_of(done.journal, done.plan, FIRST.date(), DAYS + 1)
    ways = [(each.contact, each.ordinal, each.share, each.is_over) for each in chosen]
    assert ways == naive.ways_of(done.journal)
    assert (pressure.hours, pressure.most) == naive.sent_of(done.journal, timedelta(days=7))
    assert sum(day.sent for day in days) > DAYS
    assert any(len(day.resting) > 1 for day in days)


@pytest.fixture
def wiring(sqlite_store: Store) -> Wiring:
    wiring = engine_on(sqlite_store)
    flows.import_flow(wiring, WELCOME)
    return wiring


def test_a_draft_is_tried_out_and_nothing_is_kept(wiring: Wiring) -> None:
    asked = Asked(contacts=60, days=10, seed=3, open=1.0)
    told: list[float] = []
    tried = trial_runs.try_out(wiring, NOTHING, "welcome", asked, progress=told.append)
    assert sum(day.entered for day in tried.days) == tried.report.entered > 0
    assert sum(day.sent for day in tried.days) == tried.report.messages["sent"]
    assert tried.days[-1].active == tried.report.active
    ends = {name: sum(day.ends.get(name, 0) for day in tried.days) for name in tried.report.ends}
    assert ends == tried.report.ends
    assert tried.samples[0].share >= tried.samples[-1].share
    assert told
    assert trial_runs.try_out(wiring, NOTHING, "welcome", asked).days == tried.days
    with wiring.store.read() as connection:
        for name in ("contact", "enrollment", "message", "event"):
            assert connection.scalar(sa.select(sa.func.count()).select_from(metadata.tables[name])) == 0


def test_samples_are_followed_with_the_reason_of_every_decision(wiring: Wiring) -> None:
    flows.import_flow(wiring, CHOICE)
    tried = trial_runs.try_out(wiring, NOTHING, "choice", Asked(contacts=30, days=12, seed=3, activity=3.0))
    for sample in tried.samples:
        lines = [each.line for each in sample.strides]
        assert [line["at"] for line in lines] == sorted(str(line["at"]) for line in lines)
        assert "event" in lines[0], "what let the contact in is told before the step"
        branches = [each for each in sample.strides if each.line.get("node") == "used" and "port" in each.line]
        for branch in branches:
            assert [reason.is_taken for reason in branch.reasons][-1] is (branch.line["port"] != "else")
            keen = branch.reasons[-1]
            assert all(part.holds for part in keen.parts) is keen.is_taken
            used = sum(line.get("event") == "used" for line in lines if str(line["at"]) <= str(branch.line["at"]))
            assert int(str(keen.parts[0].seen)) >= used, "also what happened before the entry counts"
    ways = {str(each.line["port"]) for way in tried.samples for each in way.strides if each.line.get("node") == "used"}
    assert ways == {"keen", "else"}


def test_too_much_and_nothing_are_refused(wiring: Wiring) -> None:
    for asked in (Asked(contacts=0), Asked(contacts=10**6), Asked(days=0), Asked(days=10_000)):
        with pytest.raises(FlowError, match="contacts"):
            trial_runs.try_out(wiring, NOTHING, "welcome", asked)
    with pytest.raises(NotFound):
        trial_runs.try_out(wiring, NOTHING, "nothing", Asked())
    with pytest.raises(NotFound):
        trial_runs.try_out(wiring, NOTHING, "welcome", Asked(), live=True)
