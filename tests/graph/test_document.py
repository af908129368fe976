"""The shape of documents: every fault with its path, and all at once."""

import copy
from typing import Any

import pytest

from engine.graph.document import is_sound, read_document
from tests.graph.documents import TRIGGER, codes, delay, flow, mail, node, sound, told

FORMAT_EXAMPLE = {
    "dripline": 1,
    "key": "trial-day1-8",
    "name": {"en": "Trial onboarding", "zh-CN": "试用 Day1-Day8 培育"},
    "description": {"en": "What it is for"},
    "settings": {
        "timezone": "Asia/Shanghai",
        "reentry": {"allow": "after_exit", "cooldown": "30d"},
        "goal": {"event": "plan_purchased"},
        "exit_when": {"tag": "customer"},
        "quiet_hours": {"from": "21:00", "to": "09:00"},
    },
    "nodes": [
        {"id": "start", "type": "trigger.event", "config": {"event": "trial_started"}, "at": [0, 0]},
        {"id": "day1", "type": "send.email", "name": "Day 1", "config": {"subject": "Hi", "html": "<p>Hi</p>"}},
        {"id": "to_day2", "type": "wait.until", "config": {"day": 2, "at": "10:00"}, "at": [0.5, 240], "note": "why"},
        {
            "id": "opened",
            "type": "branch.rule",
            "config": {"cases": [{"port": "yes", "when": {"message": "day1", "did": "opened"}}]},
        },
        {"id": "by_hand", "type": "trigger.manual"},
    ],
    "edges": [
        {"from": "start", "to": "day1"},
        {"from": "by_hand", "port": "out", "to": "day1"},
        {"from": "day1", "to": "to_day2"},
        {"from": "to_day2", "to": "opened"},
        {"from": "to_day2", "port": "past", "to": "opened"},
    ],
}


def test_the_example_of_the_format_is_read() -> None:
    document = sound(FORMAT_EXAMPLE)
    assert document.key == "trial-day1-8"
    assert document.settings.timezone == "Asia/Shanghai"
    assert document.settings.reentry.allow == "after_exit"
    assert document.settings.quiet_hours is not None
    assert [node.id for node in document.nodes] == ["start", "day1", "to_day2", "opened", "by_hand"]
    assert document.nodes[2].at == (0.5, 240.0)
    assert document.nodes[2].note == "why"
    assert [port.key for port in document.nodes[3].ports or ()] == ["yes", "else"]
    assert document.targets("to_day2", "past") == ("opened",)
    assert document.edges[0].port == "out"


def test_what_is_absent_has_its_default() -> None:
    document = sound({"dripline": 1, "key": "k", "nodes": [{"id": "start", "type": "trigger.manual"}]})
    assert document.name == "k"
    assert document.settings.reentry.allow == "once"
    assert document.settings.goal is None
    assert document.edges == ()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"dripline": None}, 'dripline: is missing; add "dripline": 1'),
        ({"dripline": 2}, "dripline: is version 2, and this Dripline knows 1; use a newer Dripline"),
        ({"dripline": True}, 'dripline: is no version; write "dripline": 1'),
        ({"key": "Has Space"}, "key: is no key; use 1 to 64 of a-z, 0-9 and -"),
        ({"key": "x" * 65}, "key: is no key; use 1 to 64 of a-z, 0-9 and -"),
        ({"name": 5}, 'name: a text is a string, or an object like {"en": "…", "zh-CN": "…"}'),
        ({"name": {}}, 'name: a text is a string, or an object like {"en": "…", "zh-CN": "…"}'),
        ({"nmae": "x"}, "nmae: unknown key; did you mean name?"),
        ({"nodes": {}}, "nodes: is no list"),
        ({"edges": 1}, "edges: is no list"),
        ({"settings": []}, "settings: is no object"),
        ({"settings": {"timezone": "Beijing"}}, "settings.timezone: 'Beijing' is no time zone; write it like "),
        ({"settings": {"timzone": "UTC"}}, "settings.timzone: unknown key; did you mean timezone?"),
        (
            {"settings": {"reentry": {"allow": "never"}}},
            "settings.reentry.allow: must be 'once', 'after_exit' or 'always'",
        ),
        ({"settings": {"reentry": {"cooldown": "1y"}}}, "settings.reentry.cooldown: '1y' is not a duration"),
        ({"settings": {"quiet_hours": {"from": "25:00"}}}, "settings.quiet_hours.from: '25:00' is not a local time"),
        ({"settings": {"quiet_hours": {"from": "21:00"}}}, "settings.quiet_hours.to: is missing"),
        ({"settings": {"goal": {"evnt": "bought"}}}, "settings.goal.evnt: unknown key; did you mean event?"),
        (
            {"settings": {"exit_when": {"all": [{"tag": "x"}, {"attr": "a", "op": "iz", "value": 1}]}}},
            "settings.exit_when.all[1].op: ",
        ),
    ],
)
def test_faults_of_the_frame(change: dict[str, Any], words: str) -> None:
    raw = {**flow(node("tag", "contact.tag", add=["a"])), **change}
    raw = {key: value for key, value in raw.items() if value is not None}
    assert any(line.startswith(words) for line in told(raw)), told(raw)


@pytest.mark.parametrize(
    ("each", "words"),
    [
        ("text", "nodes[1]: is no object"),
        ({"type": "wait.delay"}, "nodes[1].id: is missing; add it: Name of the node in edges and rules"),
        ({"id": "Up", "type": "path.join"}, "nodes[1].id: is no id; use 1 to 64 of a-z, 0-9 and _"),
        ({"id": "a"}, "nodes[1].type: is missing; add it: What kind of node it is."),
        ({"id": "a", "typ": "path.join"}, "nodes[1].typ: unknown key; did you mean type?"),
        ({"id": "a", "type": 7}, 'nodes[1].type: is no node type; write it like "wait.delay"'),
        ({"id": "a", "type": "xyz"}, "nodes[1].type: 'xyz' is no node type; install the node type, or use another"),
        ({"id": "a", "type": "path.join", "at": [1]}, "nodes[1].at[1]: is missing"),
        ({"id": "a", "type": "path.join", "at": ["1", 2]}, "nodes[1].at[0]: is no number"),
        ({"id": "a", "type": "path.join", "config": []}, "nodes[1].config: is no object"),
        (
            {"id": "a", "type": "path.join", "config": {"x": 1}},
            "nodes[1].config.x: unknown key; nothing may stand here",
        ),
        (
            {"id": "a", "type": "path.join", "version": 2},
            "nodes[1].config: is version 2, and path.join is installed in",
        ),
        ({"id": "start", "type": "path.join"}, 'nodes[1].id: "start" is the id of nodes[0] too'),
    ],
)
def test_faults_of_nodes(each: object, words: str) -> None:
    raw = {**flow(), "nodes": [TRIGGER, each]}
    assert any(line.startswith(words) for line in told(raw)), told(raw)


@pytest.mark.parametrize(
    ("each", "words"),
    [
        (3, "edges[0]: is no object"),
        ({"to": "tag"}, "edges[0].from: is missing; add it: Id of the node it leaves."),
        ({"from": "start", "too": "tag"}, "edges[0].too: unknown key; did you mean to?"),
        ({"from": "strat", "to": "tag"}, "edges[0].from: there is no node 'strat'; did you mean start?"),
        ({"from": "start", "to": "gone"}, "edges[0].to: there is no node 'gone'; draw it between nodes that are there"),
        ({"from": "start", "port": "yes", "to": "tag"}, "edges[0].port: 'start' has no port 'yes'; its ports are out"),
        ({"from": "start", "port": 1, "to": "tag"}, "edges[0].port: is no text"),
    ],
)
def test_faults_of_edges(each: object, words: str) -> None:
    raw = {**flow(node("tag", "contact.tag", add=["a"])), "edges": [each]}
    assert any(line.startswith(words) for line in told(raw)), told(raw)


def test_an_edge_that_stands_twice() -> None:
    raw = flow(node("tag", "contact.tag", add=["a"]), edges="start>tag start>tag")
    assert codes(raw) == [("edge.twice", "edges[1]")]


def test_several_edges_on_a_port_are_no_fault() -> None:
    raw = flow(node("a", "contact.tag", add=["a"]), node("b", "contact.tag", add=["b"]), edges="start>a start>b")
    assert codes(raw) == []


def test_a_missing_key_is_not_told_when_an_unknown_one_is_meant_for_it() -> None:
    raw = flow(node("wait", "wait.event", evnt="x", timeout="1d"))
    assert told(raw) == ["nodes[1].config.evnt: unknown key; did you mean event?"]


def test_all_faults_of_settings_are_told() -> None:
    raw = flow(node("wait", "wait.until", day=0, at="7:00", weekday=["mon", "tuesday"], calendar="XX", hour=1))
    assert codes(raw) == [
        ("settings.value", "nodes[1].config.at"),
        ("settings.value", "nodes[1].config.calendar"),
        ("settings.value", "nodes[1].config.day"),
        ("document.unknown_key", "nodes[1].config.hour"),
        ("settings.value", "nodes[1].config.weekday"),
    ]


def test_faults_of_a_rule_have_the_path_within_it() -> None:
    when = {"all": [{"tag": "x"}, {"any": [{"attr": "plan", "op": "iss", "value": 1}, {"tga": "x"}]}]}
    raw = flow(node("if", "branch.rule", cases=[{"port": "yes", "when": when}]))
    assert [path for _, path in codes(raw)] == [
        "nodes[1].config.cases[0].when.all[1].any[0].op",
        "nodes[1].config.cases[0].when.all[1].any[1].tga",
    ]


def test_faults_of_conditions_on_an_event_have_their_path() -> None:
    raw = flow(node("wait", "wait.event", event="x", timeout="1d", where={"plan": {"op": "is", "valeu": "pro"}}))
    assert "nodes[1].config.where.plan.valeu" in [path for _, path in codes(raw)]


def test_a_node_with_an_unknown_key_is_still_looked_at() -> None:
    raw = flow(mail("hello", text="Hi {{ contact.nickname }}", colour="red"))
    assert codes(raw) == [
        ("document.unknown_key", "nodes[1].config.colour"),
        ("template.variable", "nodes[1].config.text"),
    ]


def test_what_cannot_be_read_is_kept_as_a_box() -> None:
    raw = flow(node("nap", "wait.dlay", duration="1d"), delay("later", "soon"), mail("hello"))
    document, findings = read_document(raw)
    assert not is_sound(findings)
    assert document is not None
    assert [each.ports is None for each in document.nodes] == [False, True, True, False]
    assert [code for code, _ in codes(raw)] == ["node.unknown_type", "settings.value"]


def test_thirty_ports_are_the_most() -> None:
    assert codes(flow(node("split", "split.random", weights={f"p{n}": 1 for n in range(30)}))) == []
    assert codes(flow(node("split", "split.random", weights={f"p{n}": 1 for n in range(31)}))) == [
        ("node.ports", "nodes[1].config")
    ]


def test_nodes_that_are_the_same_as_before_are_taken_over() -> None:
    wait = {"id": "w", "type": "wait.rule", "config": {"when": {"attr": "n", "op": "is", "value": 1}, "timeout": "1d"}}
    raw = flow(mail("day1"), wait, node("broken", "wait.delay", durration="1d"))
    first, faults = read_document(raw)
    again, more = read_document(copy.deepcopy(raw), before=first)
    assert first is not None
    assert again == first
    assert more == faults
    taken = [one is other for one, other in zip(again.nodes, first.nodes, strict=True)]
    assert taken == [*([True] * (len(taken) - 1)), False]  # what is broken is told anew
    # To Python 1 and true are equal, to a rule they are not.
    other = copy.deepcopy(raw)
    other["nodes"][raw["nodes"].index(wait)]["config"]["when"]["value"] = True
    assert repr(read_document(other, before=first)) == repr(read_document(other)) != repr((first, faults))
    shorter = {**raw, "nodes": raw["nodes"][1:]}
    assert read_document(shorter, before=first) == read_document(shorter)


def test_edges_that_are_the_same_as_before_are_taken_over() -> None:
    raw = flow(mail("day1"), mail("day2"), edges="start>day1 day1>day2")
    raw["edges"].append({"from": "day2", "to": "nowhere"})
    raw["edges"].append({"from": "day1", "to": "day2", "colour": "red"})
    first, faults = read_document(raw)
    again, more = read_document(copy.deepcopy(raw), before=first)
    assert first is not None
    assert again == first
    assert more == faults != []
    assert [one is other for one, other in zip(again.edges, first.edges, strict=True)] == [True, True]
    other = copy.deepcopy(raw)
    other["nodes"][1]["name"] = "bad \ud800"
    assert read_document(other, before=first) == read_document(other) != read_document(raw)
    shorter = {**raw, "edges": raw["edges"][1:]}
    assert read_document(shorter, before=first) == read_document(shorter)
