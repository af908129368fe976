"""Templates in a document: faults, and variables that will be missing."""

from typing import Any

import pytest

from engine.graph.surroundings import Template
from tests.graph.documents import codes, flow, mail, node, told


def variables(text: str, /, *before: dict[str, Any], **known: Any) -> list[str]:
    """List what is told of a text in an email."""
    return told(flow(*before, mail("hello", text=text)), **known)


def test_a_fault_of_syntax_is_an_error() -> None:
    assert codes(flow(mail("hello", subject="Hi {{ contact.name"))) == [("template.fault", "nodes[1].config.subject")]


def test_every_language_is_looked_at() -> None:
    raw = flow(mail("hello", html={"en": "{{ contact.nick }}", "zh-CN": "{{"}))
    assert codes(raw) == [
        ("template.variable", "nodes[1].config.html.en"),
        ("template.fault", "nodes[1].config.html.zh-CN"),
    ]


@pytest.mark.parametrize(
    "each",
    [
        node("hook", "send.webhook", url="https://a.example/{{ contact.nick }}"),
        node("hook", "send.webhook", url="https://a.example/", headers={"X-Name": "{{ contact.nick }}"}),
        node("hook", "send.webhook", url="https://a.example/", body={"deep": [{"name": "{{ contact.nick }}"}]}),
        node("set", "contact.set", attributes={"greeting": "Dear {{ contact.nick }}"}),
        node("sms", "send.sms", text="{{ contact.nick }}"),
        node("wecom", "send.wecom", text="{{ contact.nick }}"),
        mail("hello", **{"from": "{{ contact.nick }} <a@b.example>"}),
    ],
)
def test_templates_are_found_wherever_they_stand(each: dict[str, Any]) -> None:
    assert [code for code, _ in codes(flow(each))] == ["template.variable"]


@pytest.mark.parametrize(
    "text",
    [
        "{{ contact.email }}",
        "{{ contact.name }}",
        "{{ account.name }}",
        "{{ unsubscribe_url }}",
        "{{ event.plan }}",
        "none",
    ],
)
def test_variables_that_nothing_is_said_about(text: str) -> None:
    assert variables(text) == []


def test_without_a_catalogue_what_the_document_itself_speaks_of_will_do() -> None:
    assert variables("{{ contact.plan_name }}") != []
    assert variables("{{ contact.plan_name }}", node("set", "contact.set", attributes={"plan_name": "x"})) == []
    assert variables("{{ contact.points }}", node("add", "contact.score", add=1, score="points")) == []
    raw = flow(mail("hello", text="{{ contact.plan_name }}"), settings={"goal": {"attr": "plan_name", "op": "exists"}})
    assert told(raw) == []


def test_with_a_catalogue_only_what_is_in_it_will_do() -> None:
    known = frozenset({"nickname", "account.city"})
    assert variables("{{ contact.nickname }} {{ account.city }}", attributes=known) == []
    (line,) = variables("{{ contact.name }}", attributes=known)
    assert line.startswith("nodes[1].config.text: {{ contact.name }}: no contact has 'name'; did you mean nickname? ")
    assert line.endswith("or give a default, as in {{ contact.name | default('…') }}")
    assert variables("{{ contact.email }}", attributes=known) == []
    assert variables("{{ account.town }}", attributes=known) != []


def test_a_word_that_is_no_variable() -> None:
    assert variables("{{ name }}") == [
        "nodes[1].config.text: {{ name }}: 'name' is no variable; did you mean contact.name?"
    ]
    assert variables("{{ contct.name }}")[0].endswith("did you mean contact?")


def test_the_event_can_be_read_only_when_one_lets_in() -> None:
    raw = flow(mail("hello", text="{{ event.plan }}"))
    assert codes(raw) == []
    raw["nodes"][0] = {"id": "start", "type": "trigger.manual"}
    assert codes(raw) == [("template.variable", "nodes[1].config.text")]


def test_variables_of_templates_of_the_library() -> None:
    raw = flow(node("send", "send.email", template="hello"))
    known = {"hello": Template("email", frozenset({"contact.name", "contact.nick"}))}
    assert told(raw, templates=known)[0].startswith("nodes[1].config.template: {{ contact.nick }}: no contact may have")
