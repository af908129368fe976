"""What is wrong with a drawing."""

from tests.graph.documents import TRIGGER, codes, flow, mail, node, told

A, B, C = (node(name, "contact.tag", add=[name]) for name in "abc")
IF = node("if", "branch.rule", cases=[{"port": "yes", "when": {"tag": "x"}}])


def test_a_sound_drawing_has_no_finding() -> None:
    assert codes(flow(A, B, C)) == []


def test_a_circle_names_its_nodes_once() -> None:
    assert told(flow(A, B, C, edges="start>a a>b b>c c>b")) == [
        "nodes[2]: goes round in a circle: b → c → b; remove one of these edges"
    ]


def test_a_node_that_leads_to_itself_is_a_circle() -> None:
    assert codes(flow(A, edges="start>a a>a")) == [("graph.cycle", "nodes[1]")]


def test_each_of_two_circles_is_told() -> None:
    raw = flow(A, B, C, node("d", "contact.tag", add=["d"]), edges="start>a a>b b>a b>c c>d d>c")
    assert codes(raw) == [("graph.cycle", "nodes[1]"), ("graph.cycle", "nodes[3]")]


def test_every_node_that_cannot_be_reached_is_told() -> None:
    assert codes(flow(A, B, C, edges="start>a b>c")) == [
        ("graph.unreachable", "nodes[2]"),
        ("graph.unreachable", "nodes[3]"),
    ]


def test_a_flow_needs_a_trigger() -> None:
    assert codes({**flow(), "nodes": [A], "edges": []}) == [("graph.no_trigger", "nodes")]
    assert codes({**flow(), "nodes": [], "edges": []}) == [("graph.no_trigger", "nodes")]


def test_nothing_leads_into_a_trigger() -> None:
    raw = flow(A, node("again", "trigger.manual"), edges="start>a a>again again>a")
    assert ("graph.into_trigger", "edges[1]") in codes(raw)


def test_a_trigger_that_leads_nowhere() -> None:
    assert codes({**flow(), "nodes": [TRIGGER], "edges": []}) == [("graph.idle_trigger", "nodes[0]")]


def test_a_case_wants_an_edge_and_else_does_not() -> None:
    assert codes(flow(IF, A, edges="start>if if:yes>a")) == []
    assert codes(flow(IF, A, edges="start>if if:else>a")) == [("graph.open_port", "nodes[1]")]


def test_ways_of_a_split_that_do_the_same() -> None:
    ab = node("ab", "split.ab", variants=[{"key": "x"}, {"key": "y"}], goal={"event": "bought"})
    same = flow(ab, mail("one"), mail("two"), edges="start>ab ab:x>one ab:y>two")
    assert codes(same) == [("split.same", "nodes[1]")]
    onward = flow(ab, mail("one"), mail("two"), A, edges="start>ab ab:x>one ab:y>two one>a")
    assert codes(onward) == []
    other = flow(ab, mail("one"), mail("two", subject="Better"), edges="start>ab ab:x>one ab:y>two")
    assert codes(other) == []
    joined = flow(ab, A, edges="start>ab ab:x>a ab:y>a")
    assert codes(joined) == [("split.same", "nodes[1]")]
