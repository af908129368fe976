import json
import random
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import EngineError, FlowError
from engine.graph.canonical import canonical
from engine.graph.delta import Overtaken, delta, overlap, read_delta, reverse, touched
from engine.graph.document import read_document
from engine.graph.gesture import DOERS, Gesture, apply
from tests.graph.documents import delay, flow, mail, node
from tests.graph.hands import gesture, moves

YES = {"cases": [{"port": "yes", "when": {"tag": "vip"}}]}
DRIP = flow(mail("day1"), delay("pause", "1d"), mail("day2"))
FORK = flow(node("fork", "branch.rule", **YES), mail("a"), mail("b"), edges="start>fork fork:yes>a fork:else>b")


def act(document: dict[str, Any], kind: str, **args: Any) -> dict[str, Any]:
    return apply(document, Gesture(kind, args)).document


def edges(document: dict[str, Any]) -> set[str]:
    return {f"{each['from']}:{each.get('port', 'out')}>{each['to']}" for each in document["edges"]}


def ids(document: dict[str, Any]) -> list[str]:
    return [each["id"] for each in document["nodes"]]


def config(document: dict[str, Any], name: str) -> Any:
    return next(each.get("config") for each in document["nodes"] if each["id"] == name)


def at(document: dict[str, Any], name: str) -> Any:
    return next(each["at"] for each in document["nodes"] if each["id"] == name)


@given(st.integers(0, 2**32))
def test_every_accepted_gesture_is_undone_by_its_inverse(seed: int) -> None:
    dice = random.Random(seed)
    document = json.loads(json.dumps(dice.choice((DRIP, FORK))))
    before = json.dumps(document)
    try:
        done = apply(document, gesture(document, dice))
    except EngineError:
        assert json.dumps(document) == before
        return
    assert json.dumps(document) == before
    back = apply(done.document, done.inverse)
    assert canonical(back.document) == canonical(document)
    assert apply(back.document, back.inverse).document == done.document
    assert read_delta(json.loads(json.dumps([each.as_json() for each in done.change]))) == done.change


@pytest.mark.parametrize("seed", [1, 2])
def test_three_hundred_gestures_back_and_forth(seed: int) -> None:
    done = moves(FORK, seed, 300)
    document = done[-1].document
    for each in reversed(done):
        document = apply(document, each.inverse).document
    assert canonical(document) == canonical(FORK)
    for each in done:
        document = apply(document, Gesture("restore", {"change": [entry.as_json() for entry in each.change]})).document
    assert canonical(document) == canonical(done[-1].document)
    assert read_document(document)[0] is not None


def test_every_gesture_is_tried() -> None:
    dice, kinds = random.Random(0), set()
    for _ in range(2_000):
        tried = gesture(FORK, dice)
        try:
            apply(FORK, tried)
        except EngineError:
            continue
        kinds.add(tried.kind)
    assert kinds == set(DOERS)


def test_a_new_node_hangs_on_the_port() -> None:
    made = act(DRIP, "add", type="send.email", after=["day2", "out"])
    assert ids(made)[-1] == "email"
    assert "day2:out>email" in edges(made)
    assert at(made, "email")[1] > at(made, "day2")[1]
    assert "config" not in made["nodes"][-1]
    made = act(made, "add", type="wait.delay", after=["day2", "out"])
    assert {"day2:out>delay", "delay:out>email"} <= edges(made)
    assert config(made, "delay")["duration"]


def test_an_insert_makes_room() -> None:
    made = act(DRIP, "insert", type="send.sms", edge=["day1", "out", "pause"])
    assert {"day1:out>sms", "sms:out>pause"} <= edges(made)
    assert "day1:out>pause" not in edges(made)
    tops = [at(made, name)[1] for name in ("start", "day1", "sms", "pause", "day2")]
    assert tops == sorted(tops)
    assert min(b - a for a, b in pairwise(tops)) >= 64


def test_deleting_joins_the_neighbours() -> None:
    assert "day1:out>day2" in edges(act(DRIP, "delete", ids=["pause"], join=True))
    assert edges(act(DRIP, "delete", ids=["pause"])) == {"start:out>day1"}
    assert edges(act(FORK, "delete", ids=["fork"], join=True)) == set()
    assert "start:out>day2" in edges(act(DRIP, "delete", ids=["pause", "day1"], join=True))


def test_edges_that_no_drawing_may_have_are_refused() -> None:
    for args, words in (
        ({"from": "day2", "to": "day1"}, "circle"),
        ({"from": "day2", "to": "day2"}, "circle"),
        ({"from": "day2", "to": "start"}, "trigger"),
        ({"from": "day1", "port": "maybe", "to": "day2"}, "no port"),
        ({"from": "day1", "to": "pause"}, "already"),
        ({"from": "day1", "to": "nobody"}, "no node"),
    ):
        with pytest.raises(FlowError, match=words):
            act(DRIP, "connect", **args)
    assert "start:out>day2" in edges(act(DRIP, "reconnect", edge=["start", "out", "day1"], to="day2"))


def test_settings_change_field_by_field() -> None:
    made = act(FORK, "configure", id="fork", field="/cases/-", value={"port": "no", "when": {"tag": "no"}})
    assert [case["port"] for case in config(made, "fork")["cases"]] == ["yes", "no"]
    made = act(made, "configure", id="fork", field="/cases/0/port", value="vip")
    assert {"fork:vip>a", "fork:else>b"} <= edges(made)
    made = act(made, "configure", id="fork", field="/cases/0", value=None)
    assert edges(made) == {"start:out>fork", "fork:else>b"}
    for field in ("cases", "/cases/7/port", "/cases/x", "/cases/0/port/deep"):
        with pytest.raises(FlowError):
            act(FORK, "configure", id="fork", field=field, value="x")


def test_a_name_in_one_language_leaves_the_other() -> None:
    both = act(DRIP, "rename", id="day1", name={"en": "First", "zh-CN": "第一"})
    made = act(both, "rename", id="day1", name="One", language="en")
    assert next(each for each in made["nodes"] if each["id"] == "day1")["name"] == {"en": "One", "zh-CN": "第一"}
    assert "name" not in act(DRIP, "rename", id="day1", name="")["nodes"][1]


def test_another_type_keeps_the_edges() -> None:
    made = act(DRIP, "replace", id="pause", type="wait.until")
    assert edges(made) == edges(DRIP)
    made = act(FORK, "replace", id="fork", type="wait.delay")
    assert edges(made) == {"start:out>fork", "fork:out>a", "fork:out>b"}
    with pytest.raises(FlowError, match="trigger"):
        act(DRIP, "replace", id="pause", type="trigger.manual")


def test_a_piece_is_pasted_with_ids_of_its_own() -> None:
    rule = node("seen", "branch.rule", cases=[{"port": "yes", "when": {"message": "day1", "did": "opened"}}])
    piece = {
        "nodes": [mail("day1"), rule, "nonsense"],
        "edges": [{"from": "day1", "to": "seen"}, {"from": "day1", "to": "x"}],
    }
    done = apply(DRIP, Gesture("paste", {"piece": piece, "x": 500, "y": 80}))
    assert done.new == ("day1_2", "seen")
    assert "day1_2:out>seen" in edges(done.document)
    assert config(done.document, "seen")["cases"][0]["when"]["message"] == "day1_2"
    assert len(done.dropped) == 2
    assert at(done.document, "day1_2") == [496, 80]
    hostiles: list[Any] = [None, [], {"nodes": []}, {"nodes": "x"}, {"nodes": [1]}]
    for hostile in hostiles:
        with pytest.raises(FlowError, match="paste"):
            act(DRIP, "paste", piece=hostile, x=0, y=0)


def test_a_broken_document_can_be_mended() -> None:
    broken = {**DRIP, "nodes": [*DRIP["nodes"], {"id": "day1", "type": "send.email"}, {"type": "send.sms"}]}
    broken["edges"] = [*DRIP["edges"], DRIP["edges"][0], {"from": "day2", "to": "gone"}, "edge"]
    done = apply(broken, Gesture("rename", {"id": "day1", "name": "x"}))
    assert ids(done.document)[-2:] == ["email", "sms"]
    assert apply(done.document, done.inverse).document == broken
    assert "day2:out>gone" in edges({**done.document, "edges": done.document["edges"][:-1]})
    mended = act(done.document, "disconnect", edge=["day2", "out", "gone"])
    assert "gone" not in json.dumps(mended)


def test_one_change_overtakes_another() -> None:
    mine = delta(DRIP, act(DRIP, "configure", id="pause", field="/duration", value="2d"))
    theirs = act(DRIP, "configure", id="pause", field="/duration", value="5d")
    with pytest.raises(Overtaken):
        apply(theirs, Gesture("restore", {"change": [each.as_json() for each in reverse(mine)]}))
    gone = delta(DRIP, act(DRIP, "delete", ids=["pause"]))
    assert overlap(touched(mine), touched(gone))
    assert overlap(touched(gone), touched(mine))
    assert not overlap(touched(mine), touched(delta(DRIP, act(DRIP, "rename", id="day1", name="x"))))


def test_an_import_keeps_the_key() -> None:
    done = apply(DRIP, Gesture("import", {"document": {**FORK, "key": "other"}}))
    assert done.document["key"] == "test"
    assert ids(done.document) == ids(FORK)
    assert canonical(apply(done.document, done.inverse).document) == canonical(DRIP)
