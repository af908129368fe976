"""Several processes come to the same as one."""

import multiprocessing
import os
import signal
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest

from designer.rendering.renderer import JinjaRenderer
from engine.contract.registry import installed
from engine.errors import EngineError
from engine.graph.document import read_document
from engine.run.texts import requirements
from engine.simulate import processes
from engine.simulate.behaviour import Behaviour, Happening
from engine.simulate.circle import Circle
from engine.simulate.population import Crowd
from engine.simulate.processes import processes_for, together
from engine.simulate.runner import Means, Outcome, Scenario, simulate
from engine.store import migrate
from engine.store.session import TEMPORARY, open_store
from engine.terms import DAY, HOUR, to_micros
from tests.flows.shipped import behaviour, flow, messages

START = to_micros(datetime(2026, 3, 2, tzinfo=UTC))


def scenario_of(key: str, **more: Any) -> Scenario:
    document, _ = read_document(flow(key), installed())
    assert document is not None
    given: dict[str, Any] = {"behaviour": Behaviour.model_validate(behaviour(key)), **more}
    return Scenario([document], Crowd(60, 1), START, 20, **given)


def means() -> Means:
    renderer = JinjaRenderer()
    return Means(installed(), renderer, requirements(renderer, messages().get))


def played(scenario: Scenario, given: Means, number: int) -> Outcome:
    world = open_store(TEMPORARY, parts=number)
    try:
        migrate.create(world)
        with together(number, scenario, given) as circle:
            outcome = simulate(world, scenario, given, circle=circle)
        return replace(outcome, lines=partial(iter, outcome.journal))
    finally:
        world.close()
        assert multiprocessing.active_children() == []


def events() -> list[Happening]:
    """Tell what three in four do, and some who come with their first event."""
    said = [("trial_started", DAY * (number % 5)) for number in range(45)]
    told = [Happening(f"c{number:06d}", START + at, name) for number, (name, at) in enumerate(said, start=1)]
    return [
        *told,
        *(Happening(each.contact, each.at + 3 * DAY, "feature_used") for each in told[::3]),
        Happening("c000007", START - DAY, "feature_used"),
        *(Happening(f"late{number}", START + DAY + number * HOUR, "trial_started") for number in range(6)),
    ]


@pytest.mark.parametrize(
    "scenario",
    [scenario_of("ab-promote"), scenario_of("trial-day1-8", events=events())],
    ids=["with an experiment", "with events"],
)
def test_several_processes_come_to_the_same_as_one(scenario: Scenario) -> None:
    alone, three = played(scenario, means(), 1), played(scenario, means(), 3)
    assert three.report == alone.report
    assert three.journal == alone.journal
    assert len(alone.journal) > 100


class Faulty(JinjaRenderer):
    """Fail where it is asked in a helper."""

    def variables(self, source: str) -> frozenset[str]:
        if multiprocessing.parent_process() is not None:
            raise EngineError("the template is at fault", node="day1")
        return super().variables(source)


class Deadly(JinjaRenderer):
    """End the process of a helper."""

    def variables(self, source: str) -> frozenset[str]:
        if multiprocessing.parent_process() is not None:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().variables(source)


@pytest.mark.parametrize(
    ("renderer", "says"), [(Faulty(), "the template is at fault"), (Deadly(), "a process of this rehearsal has ended")]
)
def test_what_goes_wrong_in_a_helper_is_told(renderer: JinjaRenderer, says: str) -> None:
    given = Means(installed(), renderer, requirements(renderer, messages().get))
    with pytest.raises(EngineError, match=says):
        played(scenario_of("ab-promote"), given, 2)


def test_what_cannot_go_elsewhere_is_played_here() -> None:
    def requires(_plan: object, _node: object) -> Sequence[str]:
        return ()

    with together(2, scenario_of("ab-promote"), replace(means(), requires=requires)) as circle:
        assert (type(circle), list(circle.parts)) == (Circle, [0, 1])


def test_processors_and_contacts_decide_how_many_play(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "_processors", lambda: 4)
    scenario = scenario_of("ab-promote")
    for contacts, number in ((1, 1), (9_999, 1), (10_000, 2), (100_000, 4)):
        assert processes_for(replace(scenario, people=Crowd(contacts, 1))) == number


def test_whose_time_depends_on_the_first_of_all_are_played_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "_processors", lambda: 4)
    raw = flow("ab-promote")
    node = next(each for each in raw["nodes"] if each["type"] == "split.ab")
    node["config"] |= {"sample": 0.5, "decide_by": "3d"}
    document, findings = read_document(raw, installed())
    assert document is not None, findings
    scenario = replace(scenario_of("ab-promote"), flows=[document], people=Crowd(100_000, 1))
    assert processes_for(scenario) == 1
