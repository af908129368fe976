"""Each shipped flow is drawn, worded and explained completely."""

import itertools
from collections.abc import Iterator
from typing import Any

import pytest

from tests.flows.shipped import FOLDER, KEYS, LANGUAGES, Tree, edges, flow, messages, nodes, ports, sends

CARD = (240, 96)

flows = pytest.mark.parametrize("key", KEYS)


def test_all_shipped_flows_are_tested() -> None:
    assert sorted(path.name.removesuffix(".flow.json") for path in FOLDER.glob("*.flow.json")) == list(KEYS)


@flows
def test_a_flow_is_named_like_its_file(key: str) -> None:
    assert flow(key)["dripline"] == 1
    assert flow(key)["key"] == key


@flows
def test_every_text_is_there_in_every_language(key: str) -> None:
    texts = list(_texts(flow(key)))
    assert len(texts) > 2 * len(nodes(key))
    for place, text in texts:
        assert set(text) == LANGUAGES, place
        assert all(words.strip() for words in text.values()), place


@flows
def test_every_node_has_a_name_and_explains_itself(key: str) -> None:
    assert [node["id"] for node in flow(key)["nodes"] if not (node.get("name") and node.get("note"))] == []


@flows
def test_cards_do_not_overlap(key: str) -> None:
    width, height = CARD
    for a, b in itertools.combinations(flow(key)["nodes"], 2):
        across, down = abs(a["at"][0] - b["at"][0]), abs(a["at"][1] - b["at"][1])
        assert across >= width or down >= height, (a["id"], b["id"])


@flows
def test_edges_run_down(key: str) -> None:
    at = {name: node["at"] for name, node in nodes(key).items()}
    assert [(a, b) for a, _, b in edges(key) if at[a][1] >= at[b][1]] == []


@flows
def test_children_stand_side_by_side_in_the_order_of_the_ports(key: str) -> None:
    at = {name: node["at"] for name, node in nodes(key).items()}
    for name, node in nodes(key).items():
        targets = [b for port in ports(node) for a, by, b in edges(key) if (a, by) == (name, port)]
        below = dict.fromkeys(b for b in targets if at[b][1] == at[name][1] + 140)
        across = [at[b][0] for b in below]
        assert across == sorted(across), name


@flows
def test_every_branch_goes_on_at_every_port(key: str) -> None:
    used = {(a, by) for a, by, _ in edges(key)}
    for name, node in nodes(key).items():
        if node["type"].startswith(("branch.", "split.", "wait.event", "wait.rule")):
            assert [port for port in ports(node) if (name, port) not in used] == [], name


@flows
def test_where_a_path_ends_the_note_says_so_or_another_flow_takes_over(key: str) -> None:
    leaving = {a for a, _, _ in edges(key)}
    for name, node in nodes(key).items():
        if name not in leaving and not node["type"].startswith("flow."):
            assert "ends" in node["note"]["en"], name
            assert "on purpose" in node["note"]["en"], name


@flows
def test_other_flows_are_shipped_and_can_be_entered(key: str) -> None:
    for node in flow(key)["nodes"]:
        if node["type"] == "flow.enter":
            others = nodes(node["config"]["flow"]).values()
            assert "trigger.manual" in {other["type"] for other in others}


@flows
def test_every_email_has_a_topic_a_limit_of_lateness_and_a_template(key: str) -> None:
    assert len(sends(key)) > 3
    topics = {send["config"]["topic"] for send in sends(key)}
    assert len(topics) == 1
    assert all(send["config"]["late"] for send in sends(key))
    assert {send["config"]["template"] for send in sends(key)} <= set(messages())


def test_every_template_is_used() -> None:
    used = {send["config"]["template"] for key in KEYS for send in sends(key)}
    assert set(messages()) == used


def _texts(document: Tree) -> Iterator[tuple[str, dict[str, Any]]]:
    """Find what people read: names, notes, labels, titles."""
    yield "name", document["name"]
    yield "description", document["description"]
    for node in document["nodes"]:
        yield f"{node['id']}.name", node["name"]
        yield f"{node['id']}.note", node["note"]
        for case in node.get("config", {}).get("cases", []):
            yield f"{node['id']}.{case['port']}", case["label"]
        if "title" in node.get("config", {}):
            yield f"{node['id']}.title", node["config"]["title"]
