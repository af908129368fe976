"""Where node types send members, for every way in which one can stand there."""

from datetime import time, timedelta
from typing import Any

import pytest

from engine.civil import WaitUntil
from engine.contract.comparison import Watched
from engine.contract.findings import Level
from engine.contract.imagined import Imagined, World
from engine.contract.node import BySchedule, CheckView
from engine.contract.registry import installed
from tests.graph.documents import NOW
from tests.nodes.waves import made, ways

ARRIVED, BY_TIME, BY_EVENT, BY_RULE = range(4)
TO_COME, NOW_IS, PAST = range(3)
TAG = {"tag": "vip"}


def test_a_delay_rests_and_goes_on() -> None:
    assert ways("wait.delay", duration="1d") == {"came=0": "rest", "came=1": "out", "came=2": "out", "came=3": "out"}


@pytest.mark.parametrize("edges", [(), ("out", "past")])
def test_a_wait_that_is_over_leaves_by_past_if_that_leads_anywhere(edges: tuple[str, ...]) -> None:
    found = ways("wait.until", edges, day=2)
    assert found[f"came={ARRIVED} local={TO_COME}"] == "rest"
    assert found[f"came={ARRIVED} local={NOW_IS}"] == "out"
    assert found[f"came={ARRIVED} local={PAST}"] == ("past" if edges else "out")
    assert {found[f"came={BY_TIME} local={answer}"] for answer in range(3)} == {"out"}


def test_an_event_wins_over_the_timeout() -> None:
    found = ways("wait.event", event="x", timeout="1d")
    assert list(found.values()) == ["rest", "timeout", "happened", "timeout"]


def test_who_matches_already_goes_on_at_once() -> None:
    found = ways("wait.rule", when=TAG, timeout="1d")
    assert found[f"came={ARRIVED} where=0"] == "rest"
    assert found[f"came={ARRIVED} where=1"] == "matched"
    assert found[f"came={BY_TIME} where=0"] == "timeout"
    assert found[f"came={BY_TIME} where=1"] == "matched"
    assert found[f"came={BY_RULE} where=0"] == "matched"


def test_branches_and_splits_divide() -> None:
    cases = [{"port": "a", "when": TAG}, {"port": "b", "when": {"stage": "mql"}}]
    assert list(ways("branch.rule", cases=cases).values()) == ["a", "b", "else"]
    assert list(ways("branch.recency", days=[30, 60]).values()) == ["active", "30d", "60d"]
    assert list(ways("split.random", weights={"x": 1, "y": 2}).values()) == ["x", "y"]
    assert list(ways("split.ab", variants=[{"key": "x"}, {"key": "y"}]).values()) == ["x", "y"]


def test_the_holdout_is_a_way_of_its_own() -> None:
    found = ways("split.ab", variants=[{"key": "x"}, {"key": "y"}], holdout=0.1)
    assert list(found.values()) == ["x", "y", "holdout"]


def test_a_join_lets_one_go_on() -> None:
    assert list(ways("path.join").values()) == ["out", "stay", "stay"]


@pytest.mark.parametrize(
    ("kind", "config"),
    [("send.email", {"subject": "s", "text": "t"}), ("send.sms", {"text": "t"}), ("send.wecom", {"text": "t"})],
)
def test_messages_keep_quiet_hours(kind: str, config: dict[str, Any]) -> None:
    found = ways(kind, **config)
    assert {way for member, way in found.items() if member.endswith("quiet=1")} == {"rest"}
    assert {way for member, way in found.items() if member.endswith("quiet=0")} == {"out"}


def test_webhooks_do_not() -> None:
    assert set(ways("send.webhook", url="https://a.example/").values()) == {"out"}


class Noting(Imagined):
    """Also notes what is done to members."""

    def __init__(self) -> None:
        super().__init__(World([]), frozenset())
        self.said: list[tuple[Any, ...]] = []

    def __getattribute__(self, name: str) -> Any:
        if name not in ("set", "tag", "score", "stage", "assign", "task", "enter", "convert", "end", "send"):
            return super().__getattribute__(name)

        def note(*arguments: Any, **named: Any) -> None:
            self.said.append((name, *(each for each in arguments if not hasattr(each, "numbers")), named))

        return note


def said(kind: str, **config: Any) -> list[tuple[Any, ...]]:
    node_type, settings = made(kind, **config)
    wave = Noting()
    node_type.run(wave, settings)
    return wave.said


def test_what_is_done_to_members() -> None:
    assert said("contact.set", attributes={"a": 1}) == [("set", {"a": 1}, {})]
    assert said("contact.tag", add=["a"], remove=["b"]) == [("tag", {"add": ("a",), "remove": ("b",)})]
    assert said("contact.score", add=5) == [("score", "value", 5.0, {})]
    assert said("contact.stage", to="mql") == [("stage", "mql", {})]
    assert said("sales.assign", to="ann") == [("assign", [(None, "ann")], {})]
    assert said("sales.task", title="Call", due="1d") == [("task", "Call", timedelta(days=1), {})]
    assert said("flow.enter", flow="other") == [("enter", "other", {})]
    assert said("flow.exit", reason="done") == [("end", "done", {})]
    assert said("flow.goal", name="demo", value=2) == [("convert", "demo", 2.0, {})]
    assert said("send.sms", text="t", topic="news", late="1h") == [
        ("send", {"channel": "sms", "topic": "news", "late": timedelta(hours=1)})
    ]


def test_an_experiment_says_what_it_compares() -> None:
    node_type, settings = made(
        "split.ab", variants=[{"key": "x"}, {"key": "y", "weight": 3}], goal={"event": "bought"}, holdout=0.1
    )
    comparison = node_type.compares(settings)
    assert comparison is not None
    assert comparison.ways == ("x", "y", "holdout")
    assert comparison.variants == {"x": 1.0, "y": 3.0}
    assert comparison.goal == Watched(event="bought")
    assert comparison.window == timedelta(days=7)
    assert made("split.random", weights={"a": 1})[0].compares(None) is None


def test_those_outside_of_the_sample_wait() -> None:
    settings = {"variants": [{"key": "x"}, {"key": "y"}], "sample": 0.2}
    assert list(ways("split.ab", **settings).values()) == ["x", "y", "stay"]
    assert list(ways("split.ab", **settings, decide_by="3d").values()) == ["x", "y", "rest"]


def test_what_makes_it_another_experiment() -> None:
    def identity(**config: Any) -> Any:
        node_type, settings = made("split.ab", **{"variants": [{"key": "x"}, {"key": "y"}], **config})
        comparison = node_type.compares(settings)
        assert comparison is not None
        return comparison.identity

    same = identity()
    assert identity(promote={"cap": "9w", "min_days": 1}) == same
    assert identity(variants=[{"key": "x", "label": "X"}, {"key": "y"}]) == same
    assert identity(sample=0.5, decide_by="2d") == same
    others = [
        identity(promote={"alpha": 0.1}),
        identity(promote={"mde": 0.2}),
        identity(goal={"event": "bought"}),
        identity(variants=[{"key": "y"}, {"key": "x"}]),
        identity(holdout=0.1),
    ]
    assert same not in others


def test_how_contacts_come_in() -> None:
    for kind, config in {
        "trigger.event": {"event": "x"},
        "trigger.segment": {"segment": "vips"},
        "trigger.date": {"attribute": "a", "offset": "-1d", "at": "10:00"},
        "trigger.manual": {},
    }.items():
        node_type, settings = made(kind, **config)
        assert node_type.entry(settings) is not None
    node_type, settings = made("trigger.schedule", cron="0 9 * * *", segment="vips")
    assert node_type.entry(settings) == BySchedule("0 9 * * *", None, "vips", None)
    node_type, settings = made("trigger.segment", segment="vips")
    assert not settings.existing
    assert made("wait.delay", duration="1d")[0].entry(None) is None


def test_how_long_members_stay_at_least() -> None:
    def least(kind: str, port: str, **config: Any) -> timedelta:
        node_type, settings = made(kind, **config)
        return node_type.least_wait(settings, port)

    assert least("wait.delay", "out", duration="1d") == timedelta(days=1)
    assert least("wait.event", "happened", event="x", timeout="1d") == timedelta(0)
    assert least("wait.event", "timeout", event="x", timeout="1d") == timedelta(days=1)
    assert least("wait.rule", "timeout", when=TAG, timeout="1d") == timedelta(days=1)
    node_type, settings = made("wait.until", day=2, at="10:00")
    assert node_type.target(settings) == WaitUntil(day=2, at=time(10))
    node_type, settings = made("wait.until", date={"attribute": "a"})
    assert node_type.target(settings) is None


@pytest.mark.parametrize(
    ("kind", "config", "code"),
    [
        ("split.ab", {"variants": [{"key": "a"}, {"key": "b"}]}, "ab.goal"),
        ("split.ab", {"variants": [{"key": "a"}], "goal": {"event": "x"}}, "ab.single"),
        ("split.ab", {"variants": [{"key": "a"}, {"key": "b"}], "goal": {"event": "x"}, "sample": 0.5}, "ab.decide_by"),
        ("send.email", {"subject": "s", "text": "t", "from": "Ann"}, "email.from"),
        ("contact.set", {"attributes": {"email": "a@b.example"}}, "set.built_in"),
        ("contact.set", {"attributes": {"account.size": 5}}, "set.built_in"),
        ("sales.assign", {"to": [{"to": "ann"}, {"to": "bob", "when": TAG}]}, "assign.covered"),
        ("trigger.schedule", {"at": "2026-03-04T09:30:00Z", "when": TAG}, "schedule.past"),
        ("branch.rule", {"cases": [{"port": "a", "when": TAG}, {"port": "b", "when": TAG}]}, "branch.covered"),
    ],
)
def test_what_node_types_find_themselves(kind: str, config: dict[str, Any], code: str) -> None:
    node_type, settings = made(kind, **config)
    found = list(node_type.check(settings, CheckView("n", "nodes[0].config", frozenset(), NOW)))
    assert [(finding.code, finding.level, finding.node) for finding in found] == [(code, Level.WARNING, "n")]


def test_examples_are_found_sound_by_their_own_types() -> None:
    for node_type in installed():
        for example in node_type.examples:
            settings = node_type.config_type.model_validate(example)
            connected = frozenset(port.key for port in node_type.ports(settings))
            assert list(node_type.check(settings, CheckView("n", "nodes[0].config", connected, NOW))) == []
