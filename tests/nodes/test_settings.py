"""Settings of every node type: what the format allows and what it does not, one line each."""

from typing import Any

import pytest
from pydantic import ValidationError

from engine.contract.registry import installed
from engine.graph.faults import findings_of
from tests.nodes.waves import made, ports

TAG = {"tag": "vip"}
MAIL = {"subject": "Hi", "text": "Hi"}
AB = {"variants": [{"key": "a"}, {"key": "b"}]}

ALLOWED: list[tuple[str, dict[str, Any]]] = [
    ("trigger.event", {"event": "x", "where": {"plan": {"op": "is", "value": "pro"}}}),
    ("trigger.segment", {"segment": "vips", "existing": True}),
    ("trigger.segment", {"when": TAG}),
    ("trigger.schedule", {"cron": "0 9 * * mon", "when": TAG}),
    ("trigger.schedule", {"at": "09:00", "segment": "vips"}),
    ("trigger.schedule", {"at": "2026-11-11T10:00:00+08:00", "when": {"all": []}}),
    ("trigger.date", {"attribute": "ends_on", "offset": "-7d", "at": "10:00"}),
    ("trigger.date", {"attribute": "ends_on"}),
    ("trigger.manual", {}),
    ("wait.delay", {"duration": "P1DT2H"}),
    ("wait.delay", {"duration": "0s"}),
    ("wait.until", {"day": 2}),
    ("wait.until", {"at": "10:00"}),
    ("wait.until", {"weekday": ["mon"]}),
    ("wait.until", {"calendar": "DE"}),
    ("wait.until", {"business_days": 0}),
    ("wait.until", {"date": "2026-03-01", "offset": "-1d", "at": "09:00", "weekday": ["mon", "fri"]}),
    ("wait.until", {"date": {"attribute": "webinar_at"}, "offset": "-PT10M"}),
    ("wait.event", {"event": "x", "timeout": "3d", "where": {}}),
    ("wait.rule", {"when": {"any": [TAG, {"stage": "mql"}]}, "timeout": "3d"}),
    ("branch.rule", {"cases": [{"port": "yes", "when": TAG, "label": {"en": "Yes", "zh-CN": "是"}}]}),
    ("branch.recency", {"days": [30, 60, 90]}),
    ("branch.recency", {"days": [1]}),
    ("split.random", {"weights": {"a": 0, "b": 0.5}}),
    ("split.ab", AB),
    ("split.ab", {**AB, "promote": {"mode": "planned", "size": 1000}, "guardrails": [{"event": "unsubscribed"}]}),
    ("split.ab", {**AB, "goal": {"event": "x", "within": "3d", "where": {}}, "sample": 1, "holdout": 0}),
    ("path.join", {}),
    ("send.email", {"subject": {"en": "Hi", "zh-CN": "你好"}, "html": {"en": "<p>", "zh-CN": "<p>"}}),
    ("send.email", {"subject": "Hi", "html": "<p>", "text": "plain"}),
    ("send.email", {"template": "welcome", "topic": "news", "late": "12h", "from": "Ann <ann@example.com>"}),
    ("send.email", {"subject": "Another", "template": "welcome"}),
    ("send.sms", {"text": "Hi", "topic": "news", "late": "1h"}),
    ("send.wecom", {"template": "hi"}),
    ("send.webhook", {"url": "https://a.example/", "method": "put", "headers": {"A": "b"}, "body": {"a": [1, None]}}),
    ("send.webhook", {"url": "http://a.example/{{ contact.id }}", "body": "text"}),
    ("contact.set", {"attributes": {"a": 1, "b": "{{ contact.name }}", "c": None, "d": [1, "x"], "e": {"f": True}}}),
    ("contact.tag", {"add": ["a"]}),
    ("contact.tag", {"remove": ["a", "b"]}),
    ("contact.score", {"add": -2.5, "score": "fit"}),
    ("contact.stage", {"to": "mql"}),
    ("sales.assign", {"to": "ann"}),
    ("sales.assign", {"to": {"team": "east"}}),
    ("sales.assign", {"to": [{"to": {"user": "ann"}, "when": TAG}]}),
    ("sales.assign", {"to": [{"to": "team-east", "when": TAG}, {"to": "team-west"}]}),
    ("sales.task", {"title": {"en": "Call", "zh-CN": "致电"}, "due": "24h"}),
    ("flow.enter", {"flow": "nurture"}),
    ("flow.exit", {}),
    ("flow.exit", {"reason": "done"}),
    ("flow.goal", {"name": "demo", "value": 99.5}),
]

REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("trigger.event", {}, "event: is missing"),
    ("trigger.event", {"event": ""}, "event: is empty"),
    ("trigger.event", {"event": "x", "where": {"plan": {"op": "iz", "value": 1}}}, "where.plan.op: "),
    ("trigger.segment", {}, ": needs either segment or when"),
    ("trigger.segment", {"segment": "a", "when": TAG}, ": needs either segment or when"),
    ("trigger.segment", {"segment": "a", "existing": "yes"}, "existing: is neither true nor false"),
    ("trigger.schedule", {"when": TAG}, ": needs either cron or at"),
    ("trigger.schedule", {"cron": "0 9 * * *", "at": "09:00", "when": TAG}, ": needs either cron or at"),
    ("trigger.schedule", {"at": "09:00"}, ": needs either segment or when"),
    ("trigger.schedule", {"cron": "0 25 * * *", "when": TAG}, "cron: "),
    ("trigger.schedule", {"at": "2026-11-11T10:00:00", "when": TAG}, "at: "),
    ("trigger.date", {}, "attribute: is missing"),
    ("trigger.date", {"attribute": "a", "offset": "1 week"}, "offset: "),
    ("trigger.manual", {"x": 1}, "x: unknown key"),
    ("wait.delay", {}, "duration: is missing"),
    ("wait.delay", {"duration": "-1d"}, "duration: "),
    ("wait.until", {}, ": says nothing to wait for"),
    ("wait.until", {"offset": "1d"}, ": says nothing to wait for"),
    ("wait.until", {"day": 2, "offset": "1d"}, "offset: shifts a date, and there is none"),
    ("wait.until", {"day": 0}, "day: must be at least 1"),
    ("wait.until", {"day": 1.5}, "day: is no whole number"),
    ("wait.until", {"day": "2"}, "day: is no whole number"),
    ("wait.until", {"business_days": -1}, "business_days: must be at least 0"),
    ("wait.until", {"weekday": []}, "weekday: weekdays are a list"),
    ("wait.until", {"calendar": "Mars"}, "calendar: 'Mars' is not a known calendar"),
    ("wait.until", {"date": "tomorrow"}, "date: 'tomorrow' is no date"),
    ("wait.event", {"event": "x"}, "timeout: is missing"),
    ("wait.rule", {"timeout": "1d"}, "when: is missing"),
    ("branch.rule", {"cases": []}, "cases: is empty"),
    ("branch.rule", {"cases": [{"when": TAG}]}, "cases[0].port: is missing"),
    ("branch.rule", {"cases": [{"port": "else", "when": TAG}]}, 'cases[0].port: "else" is the port for all others'),
    (
        "branch.rule",
        {"cases": [{"port": "a", "when": TAG}, {"port": "a", "when": TAG}]},
        'cases[1].port: "a" is the port of an earlier case',
    ),
    ("branch.recency", {"days": []}, "days: is empty"),
    ("branch.recency", {"days": [30, 30]}, "days[1]: 30 does not come after 30"),
    ("branch.recency", {"days": [60, 30]}, "days[1]: 30 does not come after 60"),
    ("branch.recency", {"days": [0, 30]}, "days[0]: must be at least 1"),
    ("split.random", {"weights": {}}, "weights: is empty"),
    ("split.random", {"weights": {"a": 0}}, "weights: are all 0"),
    ("split.random", {"weights": {"a": -1, "b": 1}}, "weights.a: must be at least 0"),
    ("split.random", {"weights": {" a": 1}}, "weights. a: is no name of a port"),
    ("split.random", {"weights": [1, 2]}, "weights: is no object"),
    ("split.ab", {"variants": []}, "variants: is empty"),
    ("split.ab", {"variants": [{"key": "holdout"}]}, 'variants[0].key: "holdout" is taken'),
    ("split.ab", {"variants": [{"key": "a"}, {"key": "a"}]}, 'variants[1].key: "a" is taken'),
    ("split.ab", {"variants": [{"key": "a", "weight": 0}]}, "variants: have no weight"),
    ("split.ab", {**AB, "sample": 0}, "sample: must be more than 0"),
    ("split.ab", {**AB, "sample": 1.1}, "sample: must be at most 1"),
    ("split.ab", {**AB, "holdout": 1}, "holdout: must be less than 1"),
    ("split.ab", {**AB, "promote": {"mode": "fast"}}, "promote.mode: must be 'prove', 'earn', 'planned' or 'off'"),
    ("split.ab", {**AB, "promote": {"mode": "planned"}}, "promote.size: is missing"),
    ("split.ab", {**AB, "promote": {"alfa": 0.1}}, "promote.alfa: unknown key"),
    ("path.join", {"all": True}, "all: unknown key"),
    ("send.email", {"subject": "Hi"}, ": has no content"),
    ("send.email", {"text": "Hi"}, "subject: is missing"),
    ("send.email", {**MAIL, "template": "x"}, "text: stands beside a template"),
    ("send.email", {"subject": "Hi", "html": "x", "template": "x"}, "html: stands beside a template"),
    ("send.email", {**MAIL, "from_": "x"}, "from_: unknown key"),
    ("send.email", {**MAIL, "late": "soon"}, "late: 'soon' is not a duration"),
    ("send.sms", {}, ": needs either text or template"),
    ("send.sms", {"text": "Hi", "template": "x"}, ": needs either text or template"),
    ("send.wecom", {"text": 5}, "text: a text is a string"),
    ("send.webhook", {}, "url: is missing"),
    ("send.webhook", {"url": "a.example"}, "url: 'a.example' is no web address"),
    ("send.webhook", {"url": "https://a.example/", "method": "SEND"}, "method: must be 'POST'"),
    ("send.webhook", {"url": "https://a.example/", "headers": {"A": 1}}, "headers.A: is no text"),
    ("contact.set", {}, "attributes: is missing"),
    ("contact.set", {"attributes": {}}, "attributes: is empty"),
    ("contact.set", {"attributes": {'a"b': 1}}, 'attributes.a"b: is no name of an attribute'),
    ("contact.tag", {}, ": names no tag"),
    ("contact.tag", {"add": ["a"], "remove": ["a"]}, 'remove: "a" is added and removed'),
    ("contact.tag", {"add": "a"}, "add: is no list"),
    ("contact.score", {}, "add: is missing"),
    ("contact.score", {"add": "1"}, "add: is no number"),
    ("contact.stage", {"to": ""}, "to: is empty"),
    ("sales.assign", {}, "to: is missing"),
    ("sales.assign", {"to": []}, "to: is empty"),
    ("sales.assign", {"to": {"group": "east"}}, "to: is neither a name nor rules"),
    ("sales.assign", {"to": 5}, "to: is neither a name nor rules"),
    ("sales.assign", {"to": [{"when": TAG}]}, "to[0].to: is missing"),
    ("sales.task", {"title": "Call"}, "due: is missing"),
    ("flow.enter", {"flow": "My Flow"}, "flow: is no key"),
    ("flow.exit", {"reason": ""}, "reason: is empty"),
    ("flow.goal", {"value": 1}, "name: is missing"),
]


@pytest.mark.parametrize(("kind", "config"), ALLOWED, ids=str)
def test_what_the_format_allows(kind: str, config: dict[str, Any]) -> None:
    made(kind, **config)


@pytest.mark.parametrize(("kind", "config", "words"), REFUSED, ids=str)
def test_what_it_does_not(kind: str, config: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError) as caught:
        made(kind, **config)
    node_type = installed()[kind]
    told = [str(finding) for finding in findings_of(caught.value, node_type.config_type, "config")]
    wanted = f"config{words}" if words.startswith(":") else f"config.{words}"
    assert any(line.startswith(wanted) for line in told), told


@pytest.mark.parametrize(
    ("kind", "config", "expected"),
    [
        ("wait.delay", {"duration": "1d"}, ["out"]),
        ("wait.until", {"day": 1}, ["out", "past"]),
        ("wait.event", {"event": "x", "timeout": "1d"}, ["happened", "timeout"]),
        ("wait.rule", {"when": TAG, "timeout": "1d"}, ["matched", "timeout"]),
        ("branch.rule", {"cases": [{"port": "b", "when": TAG}, {"port": "a", "when": TAG}]}, ["b", "a", "else"]),
        ("branch.recency", {"days": [30, 60]}, ["active", "30d", "60d"]),
        ("split.random", {"weights": {"z": 1, "a": 2}}, ["z", "a"]),
        ("split.ab", AB, ["a", "b", "holdout"]),
        ("send.email", MAIL, ["out"]),
        ("flow.exit", {}, ["out"]),
    ],
)
def test_ports(kind: str, config: dict[str, Any], expected: list[str]) -> None:
    assert ports(kind, **config) == expected
