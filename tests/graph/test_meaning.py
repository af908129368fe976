"""What rules and names in a document mean, with what is known around it."""

from typing import Any

import pytest

from engine.graph.surroundings import Template
from tests.graph.documents import codes, flow, mail, node, told

TAG = node("tag", "contact.tag", add=["a"])


def branch(*rules: dict[str, Any]) -> dict[str, Any]:
    return node("if", "branch.rule", cases=[{"port": f"p{place}", "when": rule} for place, rule in enumerate(rules)])


def behind(*rules: dict[str, Any]) -> dict[str, Any]:
    """Draw a message, a branch with a case for each rule, and a tag behind every case."""
    ports = " ".join(f"if:p{place}>tag" for place in range(len(rules)))
    return flow(mail("hello"), branch(*rules), TAG, edges=f"start>hello hello>if {ports}")


@pytest.mark.parametrize(
    "rule",
    [
        {"all": [{"stage": "mql"}, {"stage": "customer"}]},
        {"all": [{"tag": "x"}, {"not": {"tag": "x"}}]},
        {"any": []},
        {"all": [{"attr": "n", "op": "gt", "value": 5}, {"attr": "n", "op": "lt", "value": 3}]},
    ],
)
def test_a_rule_that_never_holds(rule: dict[str, Any]) -> None:
    assert codes(behind(rule)) == [("rule.never", "nodes[2].config.cases[0].when")]


def test_a_choice_that_never_holds_is_told_where_it_stands() -> None:
    rule = {"any": [{"tag": "x"}, {"all": [{"stage": "a"}, {"stage": "b"}]}]}
    assert codes(behind(rule)) == [("rule.never", "nodes[2].config.cases[0].when.any[1]")]


def test_rules_of_settings_and_triggers_are_looked_at() -> None:
    never: dict[str, Any] = {"any": []}
    raw = flow(TAG, settings={"goal": never, "exit_when": never})
    raw["nodes"][0] = node("start", "trigger.segment", when=never)
    assert [path for _, path in codes(raw)] == ["settings.exit_when", "settings.goal", "nodes[0].config.when"]


def test_a_goal_or_an_exit_that_always_holds() -> None:
    for setting in ("goal", "exit_when"):
        raw = flow(TAG, settings={setting: {"any": [{"tag": "x"}, {"not": {"tag": "x"}}]}})
        assert codes(raw) == [("rule.always", f"settings.{setting}")]


def test_a_case_that_an_earlier_one_covers() -> None:
    narrow = {"all": [{"tag": "x"}, {"stage": "mql"}]}
    assert codes(behind({"tag": "x"}, narrow)) == [("branch.covered", "nodes[2].config.cases[1].when")]
    assert codes(behind(narrow, {"tag": "x"})) == []


@pytest.mark.parametrize(
    ("name", "code"),
    [("hello", None), ("helo", "rule.no_node"), ("start", "rule.no_send"), ("after", "rule.not_before")],
)
def test_messages_that_a_rule_asks_about(name: str, code: str | None) -> None:
    rule = {"not": {"message": name, "did": "opened"}}
    raw = flow(mail("hello"), branch(rule), mail("after"), edges="start>hello hello>if if:p0>after")
    path = "nodes[2].config.cases[0].when.not.message"
    assert codes(raw) == ([] if code is None else [(code, path)])


def test_a_trigger_cannot_ask_about_messages() -> None:
    raw = flow(mail("hello"))
    raw["nodes"][0] = node("start", "trigger.segment", when={"not": {"message": "hello", "did": "sent"}})
    assert codes(raw) == [("rule.no_enrollment", "nodes[0].config.when.not.message")]


def test_goal_and_exit_may_ask_about_any_message() -> None:
    assert codes(flow(mail("hello"), settings={"goal": {"message": "hello", "did": "clicked"}})) == []


@pytest.mark.parametrize(
    ("rule", "known", "words"),
    [
        ({"segment": "vips"}, {"segments": frozenset({"vip"})}, "there is no segment 'vips'; did you mean vip?"),
        ({"consent": "news"}, {"topics": frozenset({"offers"})}, "there is no topic 'news'; make the topic, or mend"),
        ({"event": "buy"}, {"events": frozenset({"bought"})}, "nothing has emitted 'buy' so far"),
        (
            {"attr": "plann", "op": "exists"},
            {"attributes": frozenset({"plan"}), "events": frozenset({"signed_up"})},
            "no contact has 'plann'; did you mean plan?",
        ),
    ],
)
def test_names_that_nothing_bears(rule: dict[str, Any], known: dict[str, Any], words: str) -> None:
    raw = behind(rule)
    if "events" in known:
        known["events"] |= {"signed_up"}
    assert any(words in line for line in told(raw, **known)), told(raw, **known)
    assert told(raw) == []


@pytest.mark.parametrize("name", ["email", "account.name", "score", "score.fit", "nurtured", "account.size"])
def test_attributes_that_are_there(name: str) -> None:
    setter = node("set", "contact.set", attributes={"nurtured": True})
    raw = flow(setter, branch({"attr": name, "op": "exists"}), TAG, edges="start>set set>if if:p0>tag")
    assert codes(raw, attributes=frozenset({"account.size"})) == []


def test_receipts_and_consents_need_no_catalogue() -> None:
    rule = {"any": [{"event": "message_opened"}, {"event": "Email Opened"}, {"event": "unsubscribed"}]}
    assert codes(behind(rule), events=frozenset({"signed_up"})) == []


def test_events_of_settings() -> None:
    raw = flow(node("wait", "wait.event", event="bought", timeout="1d"))
    assert codes(raw, events=frozenset({"signed_up"})) == [("unknown.event", "nodes[1].config.event")]


@pytest.mark.parametrize(
    ("key", "code"),
    [("nurture", None), ("closed", "flow.closed"), ("nuture", "unknown.flow"), ("test", "flow.itself")],
)
def test_other_flows(key: str, code: str | None) -> None:
    raw = flow(node("go", "flow.enter", flow=key))
    found = codes(raw, flows={"nurture": True, "closed": False, "test": True})
    assert found == ([] if code is None else [(code, "nodes[1].config.flow")])


@pytest.mark.parametrize(
    ("key", "code"), [("hello", None), ("helo", "unknown.template"), ("hello-sms", "template.channel")]
)
def test_templates_of_the_library(key: str, code: str | None) -> None:
    raw = flow(node("send", "send.email", template=key))
    known = {"hello": Template("email"), "hello-sms": Template("sms")}
    assert codes(raw, templates=known) == ([] if code is None else [(code, "nodes[1].config.template")])


def test_settings_without_effect() -> None:
    raw = flow(TAG, settings={"reentry": {"cooldown": "1d"}, "quiet_hours": {"from": "09:00", "to": "09:00"}})
    assert codes(raw) == [
        ("settings.quiet", "settings.quiet_hours"),
        ("settings.cooldown", "settings.reentry.cooldown"),
    ]
