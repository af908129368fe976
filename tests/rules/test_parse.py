"""Every fault of a raw rule is named with its path; what is read is written back the same."""

import json
from typing import Any

import pytest
from hypothesis import given

from engine.errors import RuleError
from engine.rules.model import Not, Rule, walk
from engine.rules.parse import DEEPEST, LARGEST_RULE, parse_rule, read_conditions, read_rule, to_json
from tests.rules.grid import conditions
from tests.rules.worlds import raw_rules, rules


@given(rules)
def test_what_is_written_reads_the_same(rule: Rule) -> None:
    written = json.dumps(to_json(rule))
    again = parse_rule(json.loads(written))
    assert again == rule
    assert json.dumps(to_json(again)) == written


def test_every_condition_reads_the_same() -> None:
    for raw in conditions():
        rule = parse_rule({"attr": "x", **raw})
        again = parse_rule(json.loads(json.dumps(to_json(rule))))
        assert (again, json.dumps(to_json(again))) == (rule, json.dumps(to_json(rule)))


@given(raw_rules)
def test_all_parts_are_walked(raw: dict[str, Any]) -> None:
    rule = parse_rule(raw)
    # Each part writes one object with a form of its own.
    forms = sum(json.dumps(to_json(part)) != "" for part in walk(rule))
    assert forms == len(list(walk(rule))) >= 1
    assert list(walk(Not(rule)))[1:] == list(walk(rule))


EVENT = {"event": "paid"}
FAULTS: list[tuple[Any, str, str | None]] = [
    # shape
    (None, "", None),
    ("vip", "", None),
    ([{"tag": "a"}], "", None),
    ({}, "", None),
    ({"op": "is", "value": 1}, "", None),
    ({"atr": "x", "op": "is", "value": 1}, "atr", "attr"),
    ({"Tag": "x"}, "Tag", "tag"),
    ({"tag": "a", "stage": "b"}, "", None),
    ({"all": [], "any": []}, "", None),
    ({"event": "a", "no_event": "a", "within": "1d"}, "", None),
    ({"all": {"tag": "a"}}, "all", None),
    ({"not": [{"tag": "a"}]}, "not", None),
    ({"any": [{"tag": "a"}, 5]}, "any[1]", None),
    ({"all": [{"not": {"any": [{"tag": ""}]}}]}, "all[0].not.any[0].tag", None),
    # unknown keys
    ({"tag": "a", "op": "is"}, "op", None),
    ({"event": "a", "cuont": {"op": "is", "value": 1}}, "cuont", "count"),
    ({"event": "a", "durration": "3d"}, "durration", None),
    ({"event": "a", "where": {"x": {"op": "is", "vlaue": 1, "value": 2}}}, "where.x.vlaue", "value"),
    ({"event": "a", "count": {"op": "is", "value": 1, "within": "1d"}}, "count.within", None),
    ({"event": "a", "followed_by": {"event": "b", "within": "1d"}, "within": "1d"}, "followed_by.within", None),
    ({"event": "a", "followed_by": {"event": "b", "count": 1}, "within": "1d"}, "followed_by.count", None),
    # names
    ({"tag": " "}, "tag", None),
    ({"stage": ""}, "stage", None),
    ({"segment": 5}, "segment", None),
    ({"consent": None}, "consent", None),
    ({"event": ""}, "event", None),
    ({"message": "", "did": "sent"}, "message", None),
    ({"tag": "a\0b"}, "tag", None),
    ({"tag": "\ud800"}, "tag", None),
    ({"tag": "x" * 201}, "tag", None),
    ({"attr": 'say "x"', "op": "exists"}, "attr", None),
    ({"attr": "a\\b", "op": "exists"}, "attr", None),
    ({"attr": "a\nb", "op": "exists"}, "attr", None),
    ({"attr": "account.", "op": "exists"}, "attr", None),
    ({"event": "a", "where": {"": {"op": "exists"}}}, "where.", None),
    # operators
    ({"attr": "x"}, "op", None),
    ({"attr": "x", "op": "contain", "value": "a"}, "op", "contains"),
    ({"attr": "x", "op": "==", "value": "a"}, "op", "is"),
    ({"attr": "x", "op": ["is"], "value": "a"}, "op", None),
    ({"event": "a", "count": {"op": "contains", "value": 1}}, "count.op", None),
    ({"message": "m"}, "did", None),
    ({"message": "m", "did": "open"}, "did", "opened"),
    # values
    ({"attr": "x", "op": "is"}, "value", None),
    ({"attr": "x", "op": "is", "value": None}, "value", "missing"),
    ({"attr": "x", "op": "is_not", "value": None}, "value", "exists"),
    ({"attr": "x", "op": "is", "value": ["a"]}, "value", "in"),
    ({"attr": "x", "op": "is", "value": {"a": 1}}, "value", None),
    ({"attr": "x", "op": "is", "value": 1 << 63}, "value", None),
    ({"attr": "x", "op": "is", "value": 1e300}, "value", None),
    ({"attr": "x", "op": "is", "value": float("nan")}, "value", None),
    ({"attr": "x", "op": "is", "value": "a\0"}, "value", None),
    ({"attr": "x", "op": "in", "value": "a"}, "value", "is"),
    ({"attr": "x", "op": "in", "value": ["a", None]}, "value[1]", None),
    ({"attr": "x", "op": "in", "value": [0] * 10_001}, "value", None),
    ({"attr": "x", "op": "has_any", "value": "a"}, "value", None),
    ({"attr": "x", "op": "has_all", "value": [["a"]]}, "value[0]", None),
    ({"attr": "x", "op": "contains", "value": 5}, "value", None),
    ({"attr": "x", "op": "contains", "value": ["a"]}, "value", "has_any"),
    ({"attr": "x", "op": "gt", "value": True}, "value", None),
    ({"attr": "x", "op": "gt", "value": [1]}, "value", None),
    ({"attr": "x", "op": "between", "value": 5}, "value", None),
    ({"attr": "x", "op": "between", "value": [1]}, "value", None),
    ({"attr": "x", "op": "between", "value": [3, 1]}, "value", None),
    ({"attr": "x", "op": "between", "value": ["b", "a"]}, "value", None),
    ({"attr": "x", "op": "between", "value": [1, "a"]}, "value", None),
    ({"attr": "x", "op": "between", "value": [1, None]}, "value[1]", None),
    ({"attr": "x", "op": "before", "value": 5}, "value", None),
    ({"attr": "x", "op": "before", "value": "soon"}, "value", None),
    ({"attr": "x", "op": "before", "value": "2026-02-30"}, "value", None),
    ({"attr": "x", "op": "after", "value": "2026-02-03T09:00:00"}, "value", None),
    ({"attr": "x", "op": "within_last", "value": "-3d"}, "value", None),
    ({"attr": "x", "op": "before", "value": "9999-12-31T23:00:00-05:00"}, "value", None),
    ({"attr": "x", "op": "before", "value": "1000-01-01T00:00:00+05:00"}, "value", None),
    ({"attr": "x", "op": "exists", "value": False}, "value", "missing"),
    ({"event": "a", "where": {"x": 5}}, "where.x", None),
    ({"event": "a", "where": [5]}, "where", None),
    ({"event": "a", "where": {"x": {"op": "gte"}}}, "where.x.value", None),
    # counts and windows
    ({"event": "a", "count": 3}, "count", None),
    ({"event": "a", "count": {"op": "gte"}}, "count.value", None),
    ({"event": "a", "count": {"op": "gte", "value": -1}}, "count.value", None),
    ({"event": "a", "count": {"op": "gte", "value": 1.5}}, "count.value", None),
    ({"event": "a", "count": {"op": "gte", "value": "3"}}, "count.value", None),
    ({"event": "a", "count": {"op": "between", "value": 3}}, "count.value", None),
    ({"event": "a", "count": {"op": "between", "value": [3, 1]}}, "count.value", None),
    ({"event": "a", "count": {"op": "between", "value": [3, "x"]}}, "count.value[1]", None),
    ({"event": "a", "within": "3 days"}, "within", None),
    ({"event": "a", "within": 3}, "within", None),
    ({"event": "a", "within": "P1M"}, "within", None),
    ({"no_event": "a"}, "within", None),
    ({"event": "a", "followed_by": EVENT}, "within", None),
    ({"event": "a", "followed_by": "paid", "within": "1d"}, "followed_by", None),
    ({"event": "a", "followed_by": {"where": {}}, "within": "1d"}, "followed_by", None),
    ({"event": "a", "followed_by": EVENT, "count": {"op": "gte", "value": 1}, "within": "1d"}, "count", None),
    ({"event": "a", "followed_by": EVENT, "not_followed_by": EVENT, "within": "1d"}, "", None),
]


@pytest.mark.parametrize(("raw", "path", "suggestion"), FAULTS, ids=lambda given: repr(given)[:60])
def test_a_fault_is_named(raw: Any, path: str, suggestion: str | None) -> None:
    for outer in ("", "nodes[3].config.when"):
        rule, faults = read_rule(raw, outer)
        assert rule is None
        joined = outer + ("." if outer and path and not path.startswith("[") else "") + path
        assert [(fault.path, fault.suggestion) for fault in faults] == [(joined, suggestion)]
        assert faults[0].message
        assert str(faults[0]).startswith(f"{joined or 'rule'}: ")


def test_all_faults_are_named_at_once() -> None:
    raw = {
        "all": [
            {"tag": ""},
            {"any": [{"stage": 5}, {"event": "a", "witin": "1d", "count": {"op": "gt", "value": -1}}]},
            {"attr": "", "op": "equals", "value": 1},
        ]
    }
    _, faults = read_rule(raw, "when")
    assert [fault.path for fault in faults] == [
        "when.all[0].tag",
        "when.all[1].any[0].stage",
        "when.all[1].any[1].witin",
        "when.all[1].any[1].count.value",
        "when.all[2].attr",
        "when.all[2].op",
    ]
    with pytest.raises(RuleError) as caught:
        parse_rule(raw, "when")
    assert caught.value.facts["faults"] == faults


def test_depth_is_bounded() -> None:
    raw: dict[str, Any] = {"tag": "a"}
    for _ in range(DEEPEST - 1):
        raw = {"not": raw}
    assert read_rule(raw)[1] == []
    _, faults = read_rule({"not": raw})
    assert [fault.path for fault in faults] == [".".join(["not"] * DEEPEST)]


def test_size_is_bounded() -> None:
    assert read_rule({"any": [{"tag": "a"}] * (LARGEST_RULE - 1)})[1] == []
    assert len(read_rule({"any": [{"tag": "a"}] * (LARGEST_RULE + 100)})[1]) == 1


@pytest.mark.parametrize(
    ("raw", "written"),
    [
        ({"attr": "x", "op": "is", "value": 5.0}, {"attr": "x", "op": "is", "value": 5}),
        ({"attr": "x", "op": "exists", "value": True}, {"attr": "x", "op": "exists"}),
        ({"attr": "x", "op": "missing", "value": None}, {"attr": "x", "op": "missing"}),
        ({"event": "a", "within": "24h"}, {"event": "a", "within": "1d"}),
        ({"event": "a", "within": "P1DT1S"}, {"event": "a", "within": "86401s"}),
        ({"event": "a", "within": "PT0.25S"}, {"event": "a", "within": "PT0.250000S"}),
        ({"event": "a", "within": "0s"}, {"event": "a", "within": "0s"}),
        ({"event": "a", "where": {}}, {"event": "a"}),
        ({"event": "a", "count": {"op": "is", "value": 2.0}}, {"event": "a", "count": {"op": "is", "value": 2}}),
        (
            {"attr": "x", "op": "before", "value": "2026-03-01"},
            {"attr": "x", "op": "before", "value": "2026-03-01T00:00:00Z"},
        ),
        (
            {"attr": "x", "op": "before", "value": "2026-03-01T08:00:00.5+08:00"},
            {"attr": "x", "op": "before", "value": "2026-03-01T00:00:00.500000+00:00"},
        ),
    ],
    ids=repr,
)
def test_one_meaning_is_written_one_way(raw: dict[str, Any], written: dict[str, Any]) -> None:
    assert to_json(parse_rule(raw)) == written
    assert parse_rule(written) == parse_rule(raw)


def test_conditions_by_themselves() -> None:
    where, faults = read_conditions({"plan": {"op": "is", "value": "pro"}}, "config.where")
    assert list(where or {}) == ["plan"]
    assert faults == []
    where, faults = read_conditions({"plan": {"op": "was"}, "x": None}, "config.where")
    assert where is None
    assert [fault.path for fault in faults] == ["config.where.plan.op", "config.where.x"]
