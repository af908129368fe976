"""The order of acting, what lies upstream, and where tokens are side by side."""

import random
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.graph.document import read_document
from engine.graph.order import Order, order_of
from tests.graph.documents import TRIGGER, flow, node


def tag(name: str) -> dict[str, Any]:
    return node(name, "contact.tag", add=[name])


def join(name: str) -> dict[str, Any]:
    return node(name, "path.join")


def order(raw: dict[str, Any]) -> Order:
    document, _ = read_document(raw)
    assert document is not None
    return order_of(document)


def names(raw: dict[str, Any]) -> list[str]:
    return [each.id for each in order(raw).nodes]


def test_of_those_that_are_free_the_first_in_the_document_comes_first() -> None:
    raw = flow(tag("z"), tag("b"), tag("a"), tag("c"), edges="start>z start>b start>a a>c c>b")
    assert names(raw) == ["start", "z", "a", "c", "b"]


def test_ancestors_are_all_that_lead_here() -> None:
    found = order(flow(tag("a"), tag("b"), tag("c"), edges="start>a start>b a>c")).ancestors
    assert found["c"] == {"start", "a"}
    assert found["b"] == {"start"}
    assert found["start"] == frozenset()


def test_a_circle_still_has_an_order() -> None:
    assert names(flow(tag("a"), tag("b"), tag("c"), edges="start>b b>a a>b b>c")) == ["start", "a", "b", "c"]


@pytest.mark.parametrize(
    ("edges", "parallel", "repeated"),
    [
        ("start>a a>b b>c", False, set()),
        ("start>a start>b", True, set()),
        ("start>a start>b a>c b>c", True, {"c"}),
        ("start>a start>b a>j b>j j>c", True, set()),
        ("start>a start>b a>j j>c b>c", True, {"c"}),
        ("start>a start>j a>j j>b b>c j>c", True, {"c"}),
    ],
)
def test_where_tokens_are_side_by_side(edges: str, parallel: bool, repeated: set[str]) -> None:
    found = order(flow(tag("a"), tag("b"), tag("c"), join("j"), edges=edges))
    assert found.parallel is parallel
    assert found.repeated == repeated


def test_ports_of_a_branch_are_not_side_by_side() -> None:
    split = node("if", "branch.rule", cases=[{"port": "yes", "when": {"tag": "x"}}])
    found = order(flow(split, tag("a"), tag("b"), edges="start>if if:yes>a if:else>a a>b"))
    assert not found.parallel
    assert found.repeated == frozenset()


@st.composite
def drawings(draw: st.DrawFn) -> dict[str, Any]:
    size = draw(st.integers(2, 7))
    nodes = [join(f"n{k}") if draw(st.booleans()) else tag(f"n{k}") for k in range(size)]
    pairs = [("start", f"n{k}") for k in range(size)] + [
        (f"n{a}", f"n{b}") for a in range(size) for b in range(a + 1, size)
    ]
    chosen = draw(st.lists(st.sampled_from(pairs), unique=True, max_size=10))
    reached = {"start"}
    for source, target in sorted(chosen, key=lambda pair: (pair[0] != "start", pair)):
        if source in reached:
            reached.add(target)
    edges = [{"from": source, "to": target} for source, target in chosen if source in reached]
    return {**flow(), "nodes": [TRIGGER, *nodes], "edges": edges}


@given(drawings(), st.randoms(use_true_random=False))
def test_the_order_is_topological_whatever_the_document(raw: dict[str, Any], luck: random.Random) -> None:
    luck.shuffle(raw["nodes"])
    found = order(raw)
    place = {each.id: number for number, each in enumerate(found.nodes)}
    assert len(place) == len(raw["nodes"])
    assert all(place[edge["from"]] < place[edge["to"]] for edge in raw["edges"])
    above: dict[str, set[str]] = {}
    for each in found.nodes:
        sources = {edge["from"] for edge in raw["edges"] if edge["to"] == each.id}
        above[each.id] = sources.union(*(above[source] for source in sources))
    assert found.ancestors == above


@given(drawings())
def test_repeated_nodes_are_those_that_tokens_pass_more_than_once(raw: dict[str, Any]) -> None:
    found = order(raw)
    kinds = {each["id"]: each["type"] for each in raw["nodes"]}
    passed: Counter[str] = Counter()
    tokens = Counter({"start": 1})
    for each in found.nodes:
        here = tokens[each.id]
        if kinds[each.id] == "path.join":
            here = min(here, 1)
        passed[each.id] = here
        for edge in raw["edges"]:
            if edge["from"] == each.id:
                tokens[edge["to"]] += here
    assert found.repeated == {name for name, times in passed.items() if times > 1}
