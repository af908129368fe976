"""What the counter and the command line tell of an experiment."""

import json
from typing import Any

import pytest

from engine.api import experiments
from engine.errors import ExperimentError, NotFound
from engine.experiments.division import EXPERIMENT
from engine.schedule.work import judge_once
from engine.store.session import Store
from tests.experiments.flows import experiment, given, sign_up, split, world
from tests.experiments.test_promotion import proven, seen
from tests.support.engines import add_contacts, engine_on, go_live, pass_time


def only(wiring: Any) -> dict[str, Any]:
    (report,) = experiments.reports(wiring, "test")
    return report


def test_before_anybody_came(store: Store) -> None:
    wiring = engine_on(store)
    go_live(wiring, split())
    report = only(wiring)
    assert (report["flow"], report["node"], report["state"]) == ("test", "ab", "waiting")
    assert experiments.running(wiring) == []
    with pytest.raises(NotFound):
        experiments.reports(wiring, "test", "nowhere")
    with pytest.raises(ExperimentError):
        experiments.act(wiring, "test", "ab", "freeze")


def test_while_it_is_too_early_it_says_why(store: Store) -> None:
    wiring, _ = world(store, people=30, guardrails=[{"event": "unsubscribed"}], holdout=0.2)
    pass_time(wiring, "4d")
    report = only(wiring)
    assert report["state"] == "running"
    assert report["waits_for"] == ["days", "contacts", "conversions"]
    assert sum(row["contacts"] for row in report["variants"]) + report["holdout"]["contacts"] == 30
    assert report["split"]["off"] is False
    assert [row["guardrails"][0]["event"] for row in report["variants"]] == ["unsubscribed"] * 2
    assert json.loads(json.dumps(report)) == report


def test_a_promotion_is_told_with_its_reasons(store: Store) -> None:
    wiring, _ = proven(store)
    before = only(wiring)
    assert before["evidence"]["leader"] == "b"
    assert before["evidence"]["log_e"] > before["evidence"]["needed"]
    assert before["evidence"]["ratio"][0] > 1 < before["evidence"]["ratio"][1]
    low, high = before["evidence"]["points"]
    assert 0 < low < 0.015 < high
    assert before["variants"][1]["best"] > 0.99
    judge_once(wiring)
    report = only(wiring)
    assert (report["state"], report["winner"]) == ("promoted", "b")
    assert report["decisions"][0]["act"] == "promoted"
    assert report["decided_at"] == report["decisions"][0]["at"]
    assert [row["share"] for row in before["variants"]] == [0.5, 0.5]
    assert [row["share"] for row in report["variants"]] == pytest.approx([0.05, 0.95])
    assert experiments.running(wiring) == [{"flow": "test", "node": "ab", "state": "promoted", "winner": "b"}]


def test_the_outlook_says_how_long_it_may_take(sqlite_store: Store) -> None:
    wiring, _ = world(sqlite_store, people=10)
    seen(wiring, {"a": (500, 10_000), "b": (560, 10_000)})
    pass_time(wiring, "10d")
    assert judge_once(wiring) == []
    ahead = only(wiring)["outlook"]
    assert 10_000 < ahead["contacts"] < 60_000
    assert ahead["days"] == pytest.approx((ahead["contacts"] - 10_000) / (10_000 / 7.9), rel=0.05)
    contacts, rate = experiments.traffic(wiring, only(wiring))
    assert contacts == pytest.approx(2_001, rel=0.01)
    assert rate == pytest.approx(0.053, rel=0.01)


def test_hands_freeze_thaw_and_undo(store: Store) -> None:
    wiring, _ = proven(store)
    assert experiments.act(wiring, "test", "ab", "freeze") == "frozen"
    assert judge_once(wiring) == []
    with pytest.raises(ExperimentError):
        experiments.act(wiring, "test", "ab", "undo")
    assert experiments.act(wiring, "test", "ab", "thaw") == "running"
    assert [each.act.kind for each in judge_once(wiring)] == ["promoted"]
    assert experiments.act(wiring, "test", "ab", "undo") == "frozen"
    assert experiment(wiring).winner is None
    later = [f"later{number}" for number in range(60)]
    add_contacts(wiring, *later)
    sign_up(wiring, later)
    shown = given(wiring)
    assert 15 < [shown[key] for key in later].count("a") < 45
    assert [row["act"] for row in only(wiring)["decisions"]] == ["frozen", "thawed", "promoted", "undone"]
    assert EXPERIMENT.name == "experiment"


def test_a_plan_tells_contacts_and_days() -> None:
    found: dict[str, Any] = experiments.plan_test(0.05, 0.2, 1_000)
    contacts, days = found["contacts"], found["days"]
    assert contacts == pytest.approx([14_800, 26_400, 43_800], rel=0.12)
    assert days[0] == pytest.approx(contacts[0] / 1_000, rel=0.01)
    assert found["too_long"] is False
    assert experiments.plan_test(0.02, 0.05, 1_000)["too_long"] is True
    assert experiments.plan_test(0.05, 0.2, 0)["days"] == [None, None, None]
