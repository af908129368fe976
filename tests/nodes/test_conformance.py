"""Every node type that comes with Dripline keeps the contract, and is all that the format names."""

import importlib
from pathlib import Path
from typing import Any

import pytest

from engine.contract.exercise import exercise
from engine.contract.node import Family, NodeType
from engine.contract.registry import installed
from engine.terms import text_in

FOLDER = Path(__file__).parents[2] / "nodes"
FILES = sorted(path.stem for path in FOLDER.glob("*_*.py") if path.stem != "__init__")
KINDS = {
    *("trigger.event", "trigger.segment", "trigger.schedule", "trigger.date", "trigger.manual"),
    *("wait.delay", "wait.until", "wait.event", "wait.rule", "branch.rule", "branch.recency"),
    *("split.random", "split.ab", "path.join", "send.email", "send.sms", "send.wecom", "send.webhook"),
    *("contact.set", "contact.tag", "contact.score", "contact.stage", "sales.assign", "sales.task"),
    *("flow.enter", "flow.exit", "flow.goal"),
}
TYPES = sorted(installed(), key=lambda each: each.kind)


@pytest.mark.parametrize("node_type", [type(each) for each in TYPES], ids=lambda each: each.kind)
def test_a_node_type_keeps_the_contract(node_type: type[NodeType[Any]]) -> None:
    exercise(node_type)


def test_every_type_of_the_format_is_there() -> None:
    assert {each.kind for each in TYPES} >= KINDS


def test_a_file_holds_one_type_and_is_named_after_it() -> None:
    kinds = set()
    for stem in FILES:
        module = importlib.import_module(f"nodes.{stem}")
        found = [
            each for each in vars(module).values() if isinstance(each, type) and each.__module__ == module.__name__
        ]
        (node_type,) = [each for each in found if issubclass(each, NodeType)]
        assert node_type.kind.replace(".", "_") == stem
        kinds.add(node_type.kind)
    assert kinds == KINDS


@pytest.mark.parametrize("node_type", TYPES, ids=lambda each: each.kind)
def test_titles_and_cards_speak_both_languages(node_type: NodeType[Any]) -> None:
    assert text_in(node_type.title, "en") != text_in(node_type.title, "zh-CN")
    assert node_type.kind.split(".")[0] == node_type.family.value
    for example in node_type.examples:
        config = node_type.config_type.model_validate(example)
        assert text_in(node_type.summary(config), "zh-CN")


def test_only_messages_to_contacts_reach_them() -> None:
    assert {each.kind for each in TYPES if each.reaches_contact} == {"send.email", "send.sms", "send.wecom"}
    assert {each.kind for each in TYPES if each.channel} == {"send.email", "send.sms", "send.wecom", "send.webhook"}
    assert {each.kind for each in TYPES if each.gathers} == {"path.join"}
    assert all((each.family is Family.SEND) == bool(each.channel) for each in TYPES)
