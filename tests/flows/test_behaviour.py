"""The behaviour of sample contacts walks the flows: it sends every event that they wait for."""

from typing import Any

import pytest

from engine.simulate.behaviour import Behaviour
from tests.flows.shipped import FOLDER, KEYS, behaviour, flow, rules

BY_CHANCE = {
    "open": "message_opened",
    "click": "message_clicked",
    "reply": "message_replied",
    "unsubscribe": "unsubscribed",
}
COMPLAINTS = {"message_complained"}  # so rare that no sample contact does it

flows = pytest.mark.parametrize("key", KEYS)


def test_each_flow_has_its_behaviour() -> None:
    assert sorted(path.stem for path in (FOLDER / "behaviour").glob("*.json")) == list(KEYS)


@flows
def test_a_behaviour_is_well_formed(key: str) -> None:
    told = Behaviour.model_validate(behaviour(key))
    assert told.events
    named = {event.event for event in told.events}
    for habit in told.events:
        assert habit.per_day > 0
        assert habit.to_day is not None
        assert habit.from_day < habit.to_day
        assert habit.after is None or habit.after in named


@flows
def test_whatever_a_flow_waits_for_happens(key: str) -> None:
    told = behaviour(key)
    happens = {BY_CHANCE[chance] for chance in BY_CHANCE} | COMPLAINTS | {told["purchase"]["event"]}
    happens |= {event["event"] for event in told["events"]}
    wanted = {str(rule.get("event", rule.get("no_event"))) for rule in rules(flow(key))}
    assert wanted - happens == set()


@flows
def test_conditions_on_properties_can_be_met(key: str) -> None:
    sent = [(event["event"], event.get("properties", {})) for event in behaviour(key)["events"]]
    for rule in rules(flow(key)):
        for name, condition in rule.get("where", {}).items():
            values = [properties[name] for event, properties in sent if event == rule["event"] and name in properties]
            assert any(_meets(value, condition) for value in values), (rule["event"], name)


def _meets(value: Any, condition: dict[str, Any]) -> bool:
    wanted = condition["value"]
    match condition["op"]:
        case "is":
            return bool(value == wanted)
        case "in":
            return value in wanted
        case "contains":
            return wanted in value
        case "gte":
            return bool(value >= wanted)
    raise AssertionError(condition["op"])
