"""A document with ten faults of different kinds: all are told in one go, each with its path."""

from pathlib import Path

import pytest

from tests.graph.documents import codes, told

DOCUMENT = Path(__file__).with_name("ten_faults.flow.json").read_bytes()
FAULTS = {
    ("document.unknown_key", "nodes[1].config.durration"),
    ("settings.value", "nodes[2].config.duration"),
    ("node.unknown_type", "nodes[3].type"),
    ("rule.never", "nodes[4].config.cases[1].when"),
    ("wait.past", "nodes[5].config"),
    ("template.variable", "nodes[6].config.text"),
    ("graph.cycle", "nodes[7]"),
    ("graph.unreachable", "nodes[9]"),
    ("messages.many", "nodes[24]"),
    ("edge.unknown_port", "edges[6].port"),
}


def test_all_ten_are_told_and_nothing_else() -> None:
    assert set(codes(DOCUMENT)) == FAULTS


@pytest.mark.parametrize(
    "words",
    [
        "nodes[1].config.durration: unknown key; did you mean duration?",
        "nodes[3].type: 'wait.dellay' is no node type; did you mean wait.delay?",
        "nodes[7]: goes round in a circle: round_a → round_b → round_a; remove one of these edges",
        "edges[6].port: 'choose' has no port 'maybe'; its ports are yes, never, else",
    ],
)
def test_each_says_how_to_mend_it(words: str) -> None:
    assert words in told(DOCUMENT)
