"""Edges follow the ports that settings name, whatever is done to their names."""

import json
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.graph.canonical import canonical
from engine.graph.document import read_document
from engine.graph.gesture import Gesture, apply
from tests.graph.documents import flow, mail, node

ENDS = ("a", "b", "c", "d", "e")
NAMES = st.lists(st.text("vwxyz", min_size=1, max_size=2), min_size=4, max_size=4, unique=True)


def case(port: str, tag: str) -> dict[str, Any]:
    return {"port": port, "when": {"tag": tag}}


def fork(*cases: dict[str, Any], edges: str) -> dict[str, Any]:
    return flow(node("fork", "branch.rule", cases=list(cases)), *map(mail, ENDS), edges=f"start>fork {edges}")


def leaving(document: dict[str, Any], name: str = "fork") -> dict[str, str]:
    """Tell which port leads to which node."""
    return {each["to"]: each.get("port", "out") for each in document["edges"] if each["from"] == name}


def configure(document: dict[str, Any], field: str, value: Any, name: str = "fork") -> dict[str, Any]:
    done = apply(document, Gesture("configure", {"id": name, "field": field, "value": value}))
    assert canonical(apply(done.document, done.inverse).document) == canonical(document)
    return done.document


TWO = fork(case("yes", "vip"), case("no", "new"), edges="fork:yes>a fork:no>b fork:else>c")


@given(NAMES, st.randoms(use_true_random=False))
def test_every_case_keeps_its_edges_under_its_name(names: list[str], dice: random.Random) -> None:
    """One gesture renames, rearranges and removes: what a case asks for tells which one it is."""
    cases = [case(f"port{place}", f"tag{place}") for place in range(4)]
    document = fork(*cases, edges=" ".join(f"fork:port{place}>{ENDS[place]}" for place in range(4)) + " fork:else>e")
    kept = dice.sample(range(4), dice.randint(1, 4))
    called = {place: names[place] if dice.random() < 0.5 else f"port{place}" for place in range(4)}
    made = configure(document, "/cases", [case(called[place], f"tag{place}") for place in kept])
    assert leaving(made) == {**{ENDS[place]: called[place] for place in kept}, "e": "else"}
    assert read_document(made)[1] == []


@given(st.lists(st.tuples(st.integers(0, 3), st.text("xy ", max_size=2)), max_size=12), st.data())
def test_edges_outlive_names_that_cannot_be_used(typed: list[tuple[int, str]], data: st.DataObject) -> None:
    """Whatever is typed on the way, even the same name twice: once each case has a name, each has its edge."""
    document = fork(
        *(case(f"p{n}", f"t{n}") for n in range(4)), edges=" ".join(f"fork:p{n}>{ENDS[n]}" for n in range(4))
    )
    place = data.draw(st.integers(0, 3))
    for _, text in typed:
        document = configure(document, f"/cases/{place}/port", text)
    document = configure(document, f"/cases/{place}/port", "last")
    assert leaving(document) == {ENDS[n]: "last" if n == place else f"p{n}" for n in range(4)}


def test_a_name_is_emptied_and_typed_anew() -> None:
    made = configure(TWO, "/cases/1/port", "")
    assert leaving(made) == {"a": "yes", "b": "no", "c": "else"}
    assert leaving(configure(made, "/cases/1/port", "later")) == {"a": "yes", "b": "later", "c": "else"}
    made = configure(TWO, "/cases/1/port", "yes")
    assert leaving(configure(made, "/cases/1/port", "later")) == {"a": "yes", "b": "later", "c": "else"}


def test_a_new_case_takes_no_edge_of_another() -> None:
    made = configure(TWO, "/cases/-", case("", "x"))
    made = configure(made, "/cases/1/port", "")
    made = configure(made, "/cases/2/port", "third")
    assert leaving(made) == {"a": "yes", "b": "no", "c": "else"}
    assert leaving(configure(made, "/cases/1/port", "later")) == {"a": "yes", "b": "later", "c": "else"}


def test_a_case_that_is_gone_takes_its_edge_along() -> None:
    assert leaving(configure(TWO, "/cases/0", None)) == {"b": "no", "c": "else"}
    made = configure(TWO, "/cases/-", case("", "x"))
    assert leaving(configure(made, "/cases/0", None)) == {"b": "no", "c": "else"}


def test_two_names_change_places() -> None:
    made = configure(TWO, "/cases", [case("no", "vip"), case("yes", "new")])
    assert leaving(made) == {"a": "no", "b": "yes", "c": "else"}
    both = fork(case("yes", "vip"), case("no", "new"), edges="fork:yes>a fork:no>a")
    made = configure(both, "/cases", [case("no", "vip"), case("yes", "new")])
    assert {each["port"] for each in made["edges"] if each["from"] == "fork"} == {"no", "yes"}


@pytest.mark.parametrize(
    ("kind", "config", "edges", "field", "value", "led"),
    [
        (
            "split.random",
            {"weights": {"a": 1, "b": 1}},
            "n:a>a n:b>b",
            "/weights",
            {"a": 1, "z": 1},
            {"a": "a", "b": "z"},
        ),
        ("split.random", {"weights": {"a": 1, "b": 1}}, "n:a>a n:b>b", "/weights", {"b": 1}, {"b": "b"}),
        (
            "split.ab",
            {"variants": [{"key": "A"}, {"key": "B"}], "goal": {"event": "paid"}, "holdout": 0.1},
            "n:A>a n:B>b n:holdout>c",
            "/variants/0/key",
            "control",
            {"a": "control", "b": "B", "c": "holdout"},
        ),
        (
            "branch.recency",
            {"days": [30, 60]},
            "n:active>a n:30d>b n:60d>c",
            "/days",
            [30, 90],
            {"a": "active", "b": "30d", "c": "90d"},
        ),
        ("branch.recency", {"days": [30, 60]}, "n:30d>b n:60d>c", "/days", [60], {"c": "60d"}),
        ("branch.recency", {"days": [30, 60]}, "n:30d>b n:60d>c", "/days", [30, 45, 60], {"b": "30d", "c": "60d"}),
    ],
)
def test_other_types_too(
    kind: str, config: dict[str, Any], edges: str, field: str, value: Any, led: dict[str, str]
) -> None:
    document = flow(node("n", kind, **config), *map(mail, ENDS), edges=f"start>n {edges}")
    assert leaving(configure(document, field, value, "n"), "n") == led


def test_another_type_keeps_one_of_two_edges_to_a_node() -> None:
    both = fork(case("yes", "vip"), edges="fork:yes>a fork:else>a")
    made = apply(both, Gesture("replace", {"id": "fork", "type": "wait.delay"})).document
    assert leaving(made) == {"a": "out"}
    assert len([each for each in made["edges"] if each["from"] == "fork"]) == 1


def test_settings_of_no_shape_do_no_harm() -> None:
    odd: list[Any] = [None, 5, [], [1, None, {}], [{"port": 5}], {"x": 1}, "text"]
    for value in odd:
        made = configure(json.loads(json.dumps(TWO)), "/cases", value)
        assert leaving(made).get("c") == "else"
