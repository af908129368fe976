"""JSON text: what is refused before anyone looks at its meaning."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.graph.document import read_document
from engine.graph.text import DEEPEST, read_text
from tests.graph.documents import TRIGGER, codes, flow, node, sound

GOOD = json.dumps(flow(node("tag", "contact.tag", add=["a"])))


def test_text_bytes_and_objects_are_read_alike() -> None:
    assert sound(GOOD) == sound(GOOD.encode()) == sound(json.loads(GOOD))


def test_a_byte_order_mark_does_no_harm() -> None:
    assert sound(b"\xef\xbb\xbf" + GOOD.encode()) == sound("\ufeff" + GOOD) == sound(GOOD)


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"\xff\xfe{\x00}\x00", "document.encoding"),
        ("", "document.json"),
        ("{", "document.json"),
        ('{"a": 1,}', "document.json"),
        ('{"a": NaN}', "document.number"),
        ('{"a": -Infinity}', "document.number"),
        ('{"a": 1e999}', "document.number"),
        ("[" * 100_000, "document.deep"),
        ("[1]", "document.object"),
        ("null", "document.object"),
        ('"text"', "document.object"),
        (" " * (10 * 1024 * 1024 + 1), "document.large"),
    ],
)
def test_what_is_no_document_is_refused_at_once(raw: bytes | str, code: str) -> None:
    document, findings = read_document(raw)
    assert document is None
    assert [finding.code for finding in findings] == [code]


def test_a_json_fault_names_its_line() -> None:
    _, findings = read_text('{\n  "a": 1,\n  "b" 2\n}')
    assert "line 3, column 7" in str(findings[0])


def test_a_key_that_stands_twice_is_named() -> None:
    raw = GOOD.replace('"add": ["a"]', '"add": ["a"], "add": ["b"]')
    assert codes(raw) == [("document.twice", "nodes[1].config.add")]


def test_nesting_is_bounded() -> None:
    deep: object = "x"
    for _ in range(DEEPEST):
        deep = [deep]
    assert codes({**flow(), "name": deep}) == [("document.deep", "name" + "[0]" * (DEEPEST - 1))]


def test_a_rule_may_be_nested_sixty_levels() -> None:
    rule: object = {"tag": "x"}
    for _ in range(30):
        rule = {"all": [{"not": rule}, {"tag": "y"}]}
    raw = flow(node("if", "branch.rule", cases=[{"port": "yes", "when": rule}]), node("b", "contact.tag", add=["a"]))
    raw["edges"][1]["port"] = "yes"
    sound(raw)


def test_long_texts_and_texts_that_no_database_takes_are_found() -> None:
    raw = flow(node("a", "contact.tag", add=["x"]))
    raw["nodes"][1]["note"] = "é" * 40_000
    raw["name"] = "nul \0"
    raw["description"] = "half \ud800"
    assert codes(raw) == [
        ("document.characters", "description"),
        ("document.characters", "name"),
        ("document.long", "nodes[1].note"),
    ]


def test_too_many_nodes_are_refused() -> None:
    many = [node(f"n{number}", "trigger.manual") for number in range(2_001)]
    document, findings = read_document({**flow(), "nodes": many, "edges": []})
    assert document is None
    assert [str(finding) for finding in findings] == ["nodes: has 2001 entries, and 2000 are the most; split the flow"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["dripline", "key", "nodes", "edges", "settings", "id", "type", "config", "from", "to"])
            | st.text(max_size=3),
            inner,
            max_size=6,
        )
    ),
    max_leaves=25,
)


@given(JSON)
def test_nothing_makes_the_reader_fail(raw: object) -> None:
    document, findings = read_document(raw)
    assert findings or document is not None


@given(
    st.fixed_dictionaries(
        {
            "dripline": st.just(1) | JSON,
            "key": st.just("k") | JSON,
            "nodes": st.lists(
                st.fixed_dictionaries(
                    {
                        "id": st.sampled_from(["a", "b", "start"]) | JSON,
                        "type": st.sampled_from(["wait.until", "branch.rule", "split.ab", "send.email"]) | JSON,
                        "config": st.dictionaries(
                            st.sampled_from(["day", "at", "cases", "variants", "subject", "text", "date"]), JSON
                        ),
                    }
                )
                | st.just(TRIGGER),
                max_size=4,
            ),
            "edges": st.lists(
                st.dictionaries(st.sampled_from(["from", "to", "port"]), st.text(max_size=2)), max_size=4
            ),
        }
    )
)
def test_nothing_makes_the_checker_fail(raw: object) -> None:
    codes(raw)
