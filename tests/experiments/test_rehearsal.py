"""Whole experiments in virtual time, with the executor that runs the real ones."""

from datetime import datetime
from typing import Any

import pytest

from engine.api.rehearsal import Rehearsal, rehearse
from engine.simulate.behaviour import Behaviour, Habit, Response
from engine.simulate.runner import _Player
from engine.store.session import Store
from tests.support.engines import engine_on

START = datetime.fromisoformat("2026-03-02T00:00:00+00:00")


def letters(**promote: Any) -> dict[str, Any]:
    """Draw a flow that writes one of two letters to whoever signs up."""
    goal = {"event": "demo_booked", "within": "3d"}
    variants = [{"key": "a"}, {"key": "b"}]
    return {
        "dripline": 1,
        "key": "letters",
        "name": "Letters",
        "nodes": [
            {"id": "start", "type": "trigger.event", "config": {"event": "signed_up"}},
            {"id": "ab", "type": "split.ab", "config": {"variants": variants, "goal": goal, "promote": promote}},
            {"id": "letter_a", "type": "send.email", "config": {"subject": "A", "text": "A"}},
            {"id": "letter_b", "type": "send.email", "config": {"subject": "B", "text": "B"}},
        ],
        "edges": [
            {"from": "start", "to": "ab"},
            {"from": "ab", "port": "a", "to": "letter_a"},
            {"from": "ab", "port": "b", "to": "letter_b"},
        ],
    }


def play(
    store: Store, people: int, chances: tuple[float, float], days: float, seed: int = 1, **promote: Any
) -> dict[str, Any]:
    """Let people sign up over some weeks and book demos after their letter; give the report of the split."""
    responses = tuple(
        Response(node=f"letter_{key}", event="demo_booked", chance=chance, days=0.5)
        for key, chance in zip("ab", chances, strict=True)
    )
    signing_up = Habit(event="signed_up", per_day=4 / days, to_day=days - 5, once=True)
    behaviour = Behaviour(events=(signing_up,), responses=responses, open=0, unsubscribe=0)
    asked = Rehearsal(people=people, start=START, days=days, behaviour=behaviour, seed=seed)
    done = rehearse(engine_on(store), letters(**promote), asked, lambda _: None)
    report = done.report.as_json()["experiments"]
    assert isinstance(report, list)
    return dict(report[0])  # type: ignore[arg-type]


def _late(**promote: Any) -> dict[str, Any]:
    """Let those who signed up come to the split after some days only, and let a schedule bring others."""
    flow = letters(**promote)
    flow["nodes"] += [
        {"id": "daily", "type": "trigger.schedule", "config": {"at": "09:00", "when": {"event": "demo_booked"}}},
        {"id": "hello", "type": "send.email", "config": {"subject": "Hello", "text": "Hello"}},
        {"id": "rest", "type": "wait.delay", "config": {"duration": "6d"}},
    ]
    ways = [("start", "hello"), ("daily", "hello"), ("hello", "rest"), ("rest", "ab")]
    flow["edges"] = [{"from": one, "to": other} for one, other in ways] + flow["edges"][1:]
    return flow


@pytest.mark.parametrize("days", [5, 25])
def test_what_comes_before_an_experiment_is_as_if_it_were_looked_at_daily(
    store: Store, monkeypatch: pytest.MonkeyPatch, days: int
) -> None:
    played = []
    for patched in (False, True):
        if patched:
            monkeypatch.setattr(_Player, "_is_played_to_exposure", lambda player: True)
        responses = (Response(node="letter_b", event="demo_booked", chance=0.9, days=0.5),)
        behaviour = Behaviour(events=(Habit(event="signed_up", per_day=0.3, once=True),), responses=responses)
        asked = Rehearsal(people=300, start=START, days=days, behaviour=behaviour, seed=3)
        done = rehearse(engine_on(store), _late(), asked, lambda _: None)
        played.append((done.journal, done.report.as_json()))
    assert played[0] == played[1]
    assert any(line.get("node") == "ab" for line in played[0][0]) == (days > 6)


def test_the_better_letter_is_promoted(sqlite_store: Store) -> None:
    report = play(sqlite_store, 4_000, (0.05, 0.20), 30)
    assert report["winner"] == "b"
    assert report["decisions"][0]["act"] == "promoted"
    shares = {row["key"]: row["share"] for row in report["variants"]}
    assert shares["b"] >= 0.95
    assert report["split"]["off"] is False


def test_equal_letters_are_not(sqlite_store: Store) -> None:
    report = play(sqlite_store, 2_000, (0.10, 0.10), 30)
    assert report["state"] in ("running", "futile")
    assert report["winner"] is None


@pytest.mark.parametrize("mode", ["off", "earn"])
def test_other_modes_play_too(sqlite_store: Store, mode: str) -> None:
    report = play(sqlite_store, 600, (0.05, 0.20), 21, mode=mode)
    acts = {each["act"] for each in report["decisions"]}
    assert ("earned" in acts) == (mode == "earn")
    assert acts <= {"earned", "promoted"}
