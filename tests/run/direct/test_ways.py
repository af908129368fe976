"""Which ways are known beforehand, and from which starts nobody can tell them."""

from typing import Any

import pytest

from engine.api.enroll import enroll_all
from engine.run.direct.program import Direct, direct_of
from engine.store.session import Store
from engine.wiring import look
from tests.support.engines import add_contacts, engine_on, go_live, pass_time, tick

Node = dict[str, Any]

START: Node = {"id": "start", "type": "trigger.manual"}
DAY: Node = {"id": "day", "type": "wait.delay", "config": {"duration": "1d"}}
HELLO: Node = {"id": "hello", "type": "send.email", "config": {"subject": "Hello", "text": "Hello"}}
OTHER: Node = {"id": "other", "type": "send.email", "config": {"subject": "Other", "text": "Other"}}
TAG: Node = {"id": "tag", "type": "contact.tag", "config": {"add": ["seen"]}}
MORNING: Node = {"id": "morning", "type": "wait.until", "config": {"at": "09:00"}}
ATTRIBUTE: Node = {"id": "renewal", "type": "wait.until", "config": {"date": {"attribute": "renewal"}}}
HALF: Node = {"id": "half", "type": "split.random", "config": {"weights": {"a": 1, "b": 1}}}


def branch(rule: dict[str, Any]) -> Node:
    return {"id": "branch", "type": "branch.rule", "config": {"cases": [{"port": "yes", "when": rule}]}}


def direct(store: Store, nodes: list[Node], edges: list[tuple[str, str]], **settings: Any) -> Direct | None:
    """Compile a flow; an edge is written ``node.port`` and the target, ``out`` being the usual port."""
    document = {
        "dripline": 1,
        "key": "ways",
        "name": "Ways",
        "settings": settings,
        "nodes": nodes,
        "edges": [{"from": one.split(".")[0], "port": (one + ".out").split(".")[1], "to": two} for one, two in edges],
    }
    wiring = engine_on(store)
    go_live(wiring, document)
    with wiring.store.read() as connection:
        deployment = look(wiring, connection)
    (version,) = deployment.plans
    return direct_of(deployment.program(version, store.name))


def told(found: Direct | None) -> list[tuple[str, int, str | None, str | None]]:
    """Tell each way: where it starts, how many steps it takes, where it rests, how it ends."""
    assert found is not None
    nodes = found.program.plan.nodes
    return [
        (
            start.node.id,
            len(found.ways[number].codes) // 4,
            None if (rest := found.ways[number].rest) is None else nodes[rest].id,
            found.ways[number].end,
        )
        for start in found.starts
        for number in start.numbers
    ]


def test_every_way_has_its_number(new_store: Any) -> None:
    nodes = [START, branch({"stage": "trial"}), HALF, HELLO, OTHER, DAY]
    edges = [("start", "branch"), ("branch.yes", "half"), ("half.a", "hello"), ("half.b", "other")]
    edges += [("hello", "day"), ("other", "day")]
    assert told(direct(new_store(), nodes, edges)) == [
        ("start", 4, "day", None),
        ("start", 4, "day", None),
        ("start", 2, None, "completed"),
        ("day", 1, None, "completed"),
    ]


def test_a_goal_and_an_exit_come_before_any_step(new_store: Any) -> None:
    settings = {"goal": {"tag": "bought"}, "exit_when": {"tag": "gone"}}
    found = direct(new_store(), [START, DAY], [("start", "day")], **settings)
    assert [way for way in told(found) if way[0] == "start"] == [
        ("start", 1, "day", None),
        ("start", 0, None, "goal"),
        ("start", 0, None, "exit"),
    ]


def test_local_instants_and_quiet_hours_divide(new_store: Any) -> None:
    nodes, edges = [START, MORNING, HELLO], [("start", "morning"), ("morning", "hello")]
    found = direct(new_store(), nodes, edges, quiet_hours={"from": "21:00", "to": "08:00"})
    assert found is not None
    assert {way for way in told(found) if way[0] == "morning"} == {
        ("morning", 1, "hello", None),
        ("morning", 2, None, "completed"),
    }
    assert {start.node.id: len(start.asked) for start in found.starts} == {"start": 2, "morning": 1, "hello": 1}


@pytest.mark.parametrize(
    ("nodes", "edges"),
    [
        ([START, TAG, branch({"tag": "seen"})], [("start", "tag"), ("tag", "branch")]),
        ([START, HELLO, branch({"message": "hello", "did": "sent"})], [("start", "hello"), ("hello", "branch")]),
        ([START, TAG, HELLO], [("start", "tag"), ("tag", "hello")]),
        ([START, ATTRIBUTE], [("start", "renewal")]),
        ([START, DAY, HELLO], [("start", "day"), ("start", "hello")]),
    ],
    ids=[
        "a rule about what was changed",
        "a rule about what was sent",
        "a message after a change",
        "a date",
        "parallel",
    ],
)
def test_what_depends_on_what_was_done_before_goes_node_by_node(
    new_store: Any, nodes: list[Node], edges: list[tuple[str, str]]
) -> None:
    found = direct(new_store(), nodes, edges)
    assert found is None or "start" not in {start.node.id for start in found.starts}


def test_sends_that_are_alike_share_a_statement(new_store: Any) -> None:
    nodes, edges = [START, HALF, HELLO, OTHER], [("start", "half"), ("half.a", "hello"), ("half.b", "other")]
    found = direct(new_store(), nodes, edges)
    assert found is not None
    assert len(found.writes) == 1
    late = {**OTHER, "config": {**OTHER["config"], "late": "1h"}}
    other = direct(new_store(), [START, HALF, HELLO, late], edges)
    assert other is not None
    assert len(other.writes) == 2


def test_who_waits_by_a_known_way_beside_who_does_not_moves_too(new_store: Any) -> None:
    """A start whose ways are known, and one whose are not, in one flow."""
    nodes = [START, DAY, TAG, branch({"tag": "seen"})]
    wiring = engine_on(new_store())
    edges = [{"from": one, "to": two} for one, two in (("start", "day"), ("day", "tag"), ("tag", "branch"))]
    go_live(wiring, {"dripline": 1, "key": "ways", "name": "Ways", "nodes": nodes, "edges": edges})
    add_contacts(wiring, "ann", "bob")
    assert enroll_all(wiring, "ways").steps == 2
    pass_time(wiring, "1d")
    assert tick(wiring).steps == 6
