import random
from collections.abc import Mapping
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.graph.document import read_document
from engine.graph.layout import STEP, place_all, tidy
from engine.graph.model import Document
from engine.graph.sizes import Point, boxes, port_at, ports_of, size_of
from tests.flows import shipped
from tests.graph.documents import delay, flow, mail, node, sound
from tests.graph.hands import moves

FORK = {"cases": [{"port": "yes", "when": {"tag": "vip"}}, {"port": "maybe", "when": {"tag": "new"}}]}


def lies(document: Document, places: Mapping[str, Point], room: float = 0) -> list[tuple[str, str]]:
    found = boxes(document, places)
    return [(a, b) for a, b in combinations(found, 2) if found[a].meets(found[b], room)]


@pytest.mark.parametrize("key", shipped.KEYS)
def test_shipped_flows_lie_apart_as_drawn_and_as_tidied(key: str) -> None:
    document = sound(shipped.flow(key))
    assert lies(document, place_all(document), room=8) == []
    places = tidy(document)
    assert lies(document, places, room=16) == []
    for edge in document.edges:
        assert places[edge.target][1] >= places[edge.source][1] + STEP


def test_ways_stand_in_the_order_of_their_ports_and_meet_in_the_middle() -> None:
    raw = flow(
        mail("c"),
        mail("b"),
        mail("a"),
        node("fork", "branch.rule", **FORK),
        node("join", "path.join"),
        edges="start>fork fork:else>c fork:maybe>b fork:yes>a a>join b>join c>join",
    )
    document = sound(raw)
    places = tidy(document)
    assert places["a"][0] < places["b"][0] < places["c"][0]
    assert places["a"][1] == places["b"][1] == places["c"][1]
    box = boxes(document, places)
    assert abs(box["join"].middle - box["fork"].middle) <= 8
    assert box["join"].y > box["a"].bottom


def test_what_was_put_stays_and_the_rest_finds_room() -> None:
    raw = flow(mail("a"), delay("b", "1d"), mail("c"))
    raw["nodes"][1] = {**raw["nodes"][1], "at": [100, 300]}
    raw["nodes"][3] = {**raw["nodes"][3], "at": [100, 404]}
    document = sound(raw)
    places = place_all(document)
    assert (places["a"], places["c"]) == ((100, 300), (100, 404))
    assert lies(document, places) == []


def test_a_part_is_tidied_where_it_is() -> None:
    raw = flow(mail("a"), mail("b"), mail("c"))
    raw["nodes"] = [{**each, "at": [40 * place, 300 + 5 * place]} for place, each in enumerate(raw["nodes"])]
    places = tidy(sound(raw), ["b", "c"])
    assert set(places) == {"b", "c"}
    assert min(x for x, _ in places.values()) == 80
    assert places["b"][1] == 310


@given(st.integers(0, 2**32))
def test_random_drawings_lie_apart(seed: int) -> None:
    raw: dict[str, Any] = moves(flow(mail("a")), seed, 30)[-1].document
    document = read_document(raw)[0]
    assert document is not None
    places = tidy(document)
    assert set(places) == set(document.by_id)
    assert lies(document, places) == []
    assert tidy(document) == places


def test_ports_lie_on_the_border_from_left_to_right() -> None:
    document = sound(flow(node("fork", "branch.rule", **FORK)))
    box = boxes(document, place_all(document))["fork"]
    names = [port.key for port in ports_of(document, document.by_id["fork"])]
    points = [port_at(box, place, len(names)) for place in range(len(names))]
    assert names == ["yes", "maybe", "else"]
    assert points == sorted(points)
    assert all(box.x < x < box.right and y == box.bottom for x, y in points)
    wide = {"weights": {f"p{number}": 1 for number in range(random.Random(1).randint(10, 30))}}
    many = sound(flow(node("split", "split.random", **wide))).by_id["split"]
    assert size_of(many.node_type, len(many.ports or ()))[0] >= 40 * len(wide["weights"])
