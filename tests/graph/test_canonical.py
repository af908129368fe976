"""Equal flows are written alike."""

import json
from pathlib import Path
from typing import Any

import pytest

from engine.graph.canonical import canonical, digest
from tests.graph.documents import NOW, Braces, flow, found, node, sound
from tests.graph.test_document import FORMAT_EXAMPLE

FLOWS = sorted((Path(__file__).parents[2] / "flows").glob("*.flow.json"))


def test_order_of_keys_and_white_space_make_no_difference() -> None:
    raw: dict[str, Any] = dict(reversed(FORMAT_EXAMPLE.items()))
    raw["nodes"] = [dict(reversed(each.items())) for each in FORMAT_EXAMPLE["nodes"]]  # type: ignore[attr-defined]
    assert canonical(sound(json.dumps(raw, indent=4))) == canonical(FORMAT_EXAMPLE)


def test_defaults_make_no_difference() -> None:
    plain = flow(node("tag", "contact.tag", add=["a"]))
    said = json.loads(json.dumps(plain))
    said["edges"][0]["port"] = "out"
    said["nodes"][1].update(version=1, note=None)
    assert canonical(said) == canonical({**plain, "settings": {}}) == canonical(plain)


def test_the_order_of_weights_has_a_meaning() -> None:
    one = flow(node("split", "split.random", weights={"b": 1, "a": 3}))
    other = flow(node("split", "split.random", weights={"a": 3, "b": 1}))
    assert canonical(one) != canonical(other)
    ports = sound(canonical(one)).nodes[1].ports
    assert ports is not None
    assert [port.key for port in ports] == ["b", "a"]


def test_numbers_and_letters_are_kept() -> None:
    text = canonical(flow(node("set", "contact.set", attributes={"名": "值", "n": 1, "x": 1.5, "t": True})))
    assert '"attributes":{"名":"值","n":1,"x":1.5,"t":true}' in text


def test_a_digest_is_that_of_the_text() -> None:
    assert digest("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert digest(canonical(FORMAT_EXAMPLE)) != digest(canonical(flow()))


@pytest.mark.parametrize("path", FLOWS, ids=lambda path: path.stem)
def test_shipped_flows_come_back_the_same_and_without_a_finding(path: Path) -> None:
    document = sound(path.read_bytes())
    again = sound(canonical(document))
    assert canonical(again) == canonical(document)
    assert (again.nodes, again.edges, again.settings) == (document.nodes, document.edges, document.settings)
    assert found(path.read_bytes(), now=NOW, texts=Braces()) == []
