"""A rehearsal stops for events that somebody hears, and comes to the same as one that stops for all."""

from typing import Any

import pytest
import sqlalchemy as sa

from engine.channels.policy import MESSAGE
from engine.contract.registry import installed
from engine.graph.document import read_document
from engine.graph.model import Document
from engine.run import moving
from engine.run.wake import EVENT
from engine.simulate import hearing
from engine.simulate.behaviour import Behaviour, Happening
from engine.simulate.population import Crowd, Person
from engine.simulate.runner import Outcome, Scenario, simulate
from engine.store import migrate
from engine.store.session import Store, open_store
from engine.terms import HOUR
from tests.flows.shipped import behaviour, flow
from tests.graph import documents
from tests.model.engine_side import means

START = 1_772_409_600_000_000
WELCOME = documents.flow(
    documents.node("visit", "wait.event", event="came_back", timeout="3d"),
    documents.delay("later", "5d"),
    edges="start>visit visit:happened>later",
    settings={"goal": {"event": "bought"}},
)


def _document(tree: Any) -> Document:
    document, findings = read_document(tree, installed())
    assert document is not None, findings
    return document


def _play(scenario: Scenario, store: Store) -> tuple[Outcome, int]:
    """Play, and count the rounds: time stops once for each."""
    seen: list[str] = []
    sa.event.listen(store.engine, "before_cursor_execute", lambda *args: seen.append(args[2]))
    done = simulate(store, scenario, means())
    assert done.journal
    rounds = sum("INTO turn (" in statement for statement in seen)
    assert rounds
    return done, rounds


def _in_memory(scenario: Scenario) -> tuple[Outcome, int]:
    store = open_store("sqlite://")
    migrate.create(store)
    return _play(scenario, store)


def _welcomed(*events: tuple[float, str]) -> Scenario:
    told = [Happening("ada", START + int(at * HOUR), name) for at, name in sorted(events)]
    return Scenario([_document(WELCOME)], [Person("ada")], START, 20, events=told)


def test_nobody_stops_for_what_is_not_heard() -> None:
    once = [(1, "signed_up"), (30, "came_back")]
    quiet, few = _in_memory(_welcomed(*once))
    before = [(hour / 60, "came_back") for hour in range(50)]
    after = [(40 + hour, name) for hour in range(50) for name in ("came_back", "signed_in")]
    over = [(200 + hour, "bought") for hour in range(50)]
    loud, many = _in_memory(_welcomed(*once, *before, *after, *over))
    assert loud.journal == quiet.journal
    assert many == few


def test_what_is_heard_acts_at_its_instant() -> None:
    done, _ = _in_memory(_welcomed((1, "signed_up"), (1, "came_back"), (30, "came_back"), (40, "bought")))
    told = [(line["at"], line.get("node"), line.get("end")) for line in done.journal]
    assert told == [
        ("2026-03-02T01:00:00Z", "start", None),
        ("2026-03-03T06:00:00Z", "visit", None),
        ("2026-03-03T16:00:00Z", None, "goal"),
    ]


@pytest.mark.parametrize("key", ["trial-day1-8", "ab-promote", "new-lead-nurture"])
def test_it_comes_to_the_same_as_stopping_for_all(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    habits = Behaviour.model_validate(behaviour(key)).model_copy(update={"bounce": 0.02, "unsubscribe": 0.02})
    flows = [_document(flow(each)) for each in dict.fromkeys((key, "dormancy-30-60-90"))]
    scenario = Scenario(flows, Crowd(40, 3), START, 45, behaviour=habits, seed=3)
    some, few = _in_memory(scenario)
    monkeypatch.setattr(hearing.Hearing, "of", lambda *_args, **_options: hearing.ALWAYS)
    everything, many = _in_memory(scenario)
    assert some.report == everything.report
    assert some.journal == everything.journal
    assert few < many


def test_messages_tell_what_was_made_of_them_when_it_was(store: Store) -> None:
    often = Behaviour(events=(), open=0.9, click=0.5, reply=0.3)
    letters = {
        "dripline": 1,
        "key": "letters",
        "name": "Letters",
        "nodes": [
            {"id": "start", "type": "trigger.manual"},
            {"id": "one", "type": "send.email", "config": {"subject": "One", "text": "One."}},
            {"id": "pause", "type": "wait.delay", "config": {"duration": "6h"}},
            {"id": "two", "type": "send.email", "config": {"subject": "Two", "text": "Two."}},
        ],
        "edges": [{"from": "start", "to": "one"}, {"from": "one", "to": "pause"}, {"from": "pause", "to": "two"}],
    }
    scenario = Scenario([_document(letters)], Crowd(20, 1), START, 0.4, behaviour=often)
    simulate(store, scenario, means())
    with store.read() as connection:
        told = {
            (row.properties["message_key"], row.name, row.at)
            for row in connection.execute(sa.select(EVENT.c.name, EVENT.c.at, EVENT.c.properties))
        }
        noted = set()
        for row in connection.execute(sa.select(MESSAGE)).mappings():
            key = "-".join(str(row[name]) for name in ("part", "contact_id", "enrollment_id", "node", "passing"))
            for did in ("opened", "clicked", "replied"):
                if row[f"{did}_at"] is not None:
                    noted.add((key, f"message_{did}", row[f"{did}_at"]))
    assert noted == told
    assert {name for _, name, _ in told} == {"message_opened", "message_clicked", "message_replied"}
    assert max(at for _, _, at in told) <= scenario.end


def test_listeners_beyond_the_bits_of_a_number_are_always_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    scenario = _welcomed((1, "signed_up"), (30, "came_back"), (40, "bought"), (90, "bought"))
    some, few = _in_memory(scenario)
    monkeypatch.setattr(hearing, "EARS", 1)
    every, many = _in_memory(scenario)
    assert every.journal == some.journal
    assert few < many


def test_both_ways_of_moving_come_to_the_same(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    flows = [_document(flow("new-lead-nurture"))]
    scenario = Scenario(flows, Crowd(30, 2), START, 20, behaviour=Behaviour.model_validate(behaviour(flows[0].key)))
    monkeypatch.setattr(moving, "WORTH", 1 << 62)
    by_nodes = _play(scenario, store)[0]
    monkeypatch.setattr(moving, "WORTH", 0)
    directly = _in_memory(scenario)[0]
    assert by_nodes.journal == directly.journal
    assert by_nodes.report == directly.report
