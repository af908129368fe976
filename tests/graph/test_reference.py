"""Generated pages and the schema are current, and the format's page shows flows that are sound."""

import json
import re
import runpy
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped] # it ships no types
import pytest

from engine.contract.registry import installed
from engine.graph.reference import reference_pages
from engine.graph.schema import flow_schema
from tests.contract import samples
from tests.graph.documents import codes, flow, node
from tests.graph.test_canonical import FLOWS
from tests.graph.test_document import FORMAT_EXAMPLE
from tests.nodes.test_settings import ALLOWED

ROOT = Path(__file__).parents[2]
GENERATED: dict[Path, str] = runpy.run_path(str(ROOT / "docs" / "make_nodes.py"))["generated"]()
SCHEMA = flow_schema(installed())
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def faults(raw: object) -> list[str]:
    return [f"{error.json_path}: {error.message}" for error in VALIDATOR.iter_errors(raw)]


@pytest.mark.parametrize("path", GENERATED, ids=lambda path: path.name)
def test_a_generated_file_is_current(path: Path) -> None:
    assert path.read_text(encoding="utf-8") == GENERATED[path], "run: make docs"


def test_no_page_is_left_over() -> None:
    assert set((ROOT / "docs" / "nodes").iterdir()) <= GENERATED.keys()


def test_a_strange_node_type_gets_its_page() -> None:
    page = reference_pages([samples.Good()])["nodes/test.good.md"]
    assert "# `test.good`" in page
    assert "| `size` | whole number | `1` | How big. |" in page
    assert "- `no`" in page


def test_the_flow_on_the_page_of_the_format_is_sound() -> None:
    page = (ROOT / "docs" / "format.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```json\n(.*?)```", page, re.DOTALL)
    assert codes(example) == []
    assert faults(json.loads(example)) == []


def test_the_page_of_the_format_links_every_node_type() -> None:
    page = (ROOT / "docs" / "format.md").read_text(encoding="utf-8")
    assert [each.kind for each in installed() if f"(nodes/{each.kind}.md)" not in page] == []


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("path", FLOWS, ids=lambda path: path.stem)
def test_shipped_flows_satisfy_the_schema(path: Path) -> None:
    assert faults(json.loads(path.read_bytes())) == []


def test_whatever_settings_are_allowed_satisfy_the_schema() -> None:
    assert faults(FORMAT_EXAMPLE) == []
    strict = [(kind, config) for kind, config in ALLOWED if config.get("method") != "put"]
    wrong = {
        str((kind, config)): found
        for kind, config in strict
        if (
            found := faults(flow(node("a", kind, **{key: value for key, value in config.items() if value is not None})))
        )
    }
    assert wrong == {}


@pytest.mark.parametrize(
    "change",
    [
        {"dripline": 2},
        {"key": "A B"},
        {"colour": "red"},
        {"nodes": [{"id": "a"}]},
        {"nodes": [node("a", "wait.delay", durration="1d")]},
        {"nodes": [node("a", "wait.delay", duration="3 days")]},
        {"nodes": [node("a", "wait.rule", when={"tga": "x"}, timeout="1d")]},
        {"nodes": [node("a", "wait.rule", when={"tag": "x", "stage": "y"}, timeout="1d")]},
        {"nodes": [node("a", "nothing.such")]},
        {"nodes": [{"id": "a", "type": "wait.delay"}]},
        {"edges": [{"from": "a"}]},
    ],
)
def test_the_schema_sees_faults(change: dict[str, Any]) -> None:
    assert faults({**flow(), **change}) != []
