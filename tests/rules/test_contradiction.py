"""What is said to hold for nobody holds for nobody; and the common contradictions are found."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.rules.contradiction import covered_by, never_holds
from engine.rules.evaluate import holds
from engine.rules.facts import Facts
from engine.rules.model import All, Any_, Not, Rule
from engine.rules.parse import parse_rule
from tests.rules.worlds import NOW, SEGMENT_RULES, conditions, facts, leaves, rules

EVENT = {"event": "paid"}


def attr(op: str, value: Any = None, name: str = "plan") -> dict[str, Any]:
    return {"attr": name, "op": op, **({} if value is None else {"value": value})}


def paid(op: str, value: Any, **more: Any) -> dict[str, Any]:
    return {"event": "paid", "count": {"op": op, "value": value}, **more}


CONTRADICTIONS: list[Any] = [
    {"any": []},
    {"not": {"all": []}},
    {"all": [{"tag": "a"}, {"not": {"tag": "a"}}]},
    {"all": [{"stage": "a"}, {"stage": "b"}]},
    {"all": [{"stage": "a"}, attr("is", "b", "stage")]},
    {"all": [{"stage": "a"}, attr("missing", name="stage")]},
    {"all": [attr("is", "x"), attr("is", "y")]},
    {"all": [attr("is", "x"), attr("is_not", "X")]},
    {"all": [attr("is", "x"), attr("is", 1)]},
    {"all": [attr("is", True), attr("is", 1)]},
    {"all": [attr("gt", 10), attr("lt", 5)]},
    {"all": [attr("gt", 5), attr("lte", 5)]},
    {"all": [attr("between", [1, 5]), attr("between", [6, 9])]},
    {"all": [attr("between", [1, 5]), attr("is", 6)]},
    {"all": [attr("exists"), attr("missing")]},
    {"all": [attr("gt", 1), attr("missing")]},
    {"all": [attr("gt", 1), attr("contains", "a")]},
    {"all": [attr("in", ["a", "b"]), attr("in", ["c", "d"])]},
    {"all": [attr("in", ["a", "b"]), attr("not_in", ["A", "b", "c"])]},
    {"all": [attr("in", ["ab", "cd"]), attr("starts_with", "x")]},
    {"all": [attr("starts_with", "ab"), attr("starts_with", "b")]},
    {"all": [attr("starts_with", "ab"), {"not": attr("starts_with", "a")}]},
    {"all": [attr("ends_with", "ab"), attr("not_contains", "B")]},
    {"all": [attr("gt", "m"), attr("lt", "c")]},
    {"all": [attr("before", "2026-01-01"), attr("after", "2026-02-01")]},
    {"all": [attr("before", "3d"), attr("within_last", "2d")]},
    {"all": [attr("within_last", "3d"), attr("within_next", "3d")]},
    {"all": [attr("within_last", "2026-01-01"), attr("before", "2025-12-01")]},
    {"all": [attr("within_last", "2026-01-01"), attr("after", "1d")]},
    {"all": [attr("before", "3d", "created_at"), attr("within_last", "2d", "created_at")]},
    {"all": [attr("is", "2026-01-01", "created_at"), attr("gt", "2026-01-01", "created_at")]},
    {"all": [attr("before", "3d"), attr("is", "soon")]},
    attr("missing", name="created_at"),
    attr("missing", name="id"),
    attr("gt", 3, "email"),
    attr("has_any", ["a"], "account.name"),
    attr("in", []),
    attr("has_any", []),
    {"all": [attr("has_all", ["a", "b"]), attr("has_none", ["B"])]},
    {"all": [attr("has_any", ["a", "b"]), attr("has_none", ["A", "b", "c"])]},
    {"all": [attr("has_any", ["a"]), attr("is", "a")]},
    {"all": [attr("has_all", ["a", "b"]), {"not": attr("has_any", ["a"])}]},
    {"all": [EVENT, paid("lt", 1)]},
    {"all": [EVENT, {"not": EVENT}]},
    {"all": [{**EVENT, "within": "3d"}, paid("is", 0)]},
    {"all": [{**EVENT, "within": "3d"}, {"no_event": "paid", "within": "1w"}]},
    {"all": [{**EVENT, "where": {"x": {"op": "exists"}}}, {"not": EVENT}]},
    {"all": [paid("gte", 3, within="1d"), paid("lt", 3, within="2d")]},
    {"all": [paid("between", [1, 2]), paid("gt", 2)]},
    paid("lt", 0),
    {"event": "paid", "within": "0s"},
    {"event": "paid", "where": {"x": {"op": "in", "value": []}}},
    {"all": [{"event": "a", "followed_by": EVENT, "within": "1d"}, {"not": {"event": "a"}}]},
    {"all": [{"event": "a", "followed_by": EVENT, "within": "1d"}, paid("is", 0)]},
    {"all": [{"event": "a", form: EVENT, "within": "1d"} for form in ("followed_by", "not_followed_by")]},
    {"all": [{"message": "m", "did": "opened"}, {"not": {"message": "m", "did": "sent"}}]},
    {"all": [{"consent": "news"}, {"not": {"consent": "news"}}]},
    {"all": [{"any": [{"tag": "a"}, {"tag": "b"}]}, {"not": {"tag": "a"}}, {"not": {"tag": "b"}}]},
    {"all": [{"any": [attr("gt", 9), attr("lt", 1)]}, attr("between", [1, 9])]},
    {"not": {"any": [{"tag": "a"}, {"not": {"tag": "a"}}]}},
]

OPEN: list[Any] = [
    {"all": []},
    {"all": [{"tag": "a"}, {"not": {"tag": "A"}}]},
    {"all": [attr("is", "x"), attr("is", "X")]},
    {"all": [attr("is_not", 5), attr("is", True)]},
    {"all": [{"stage": "a"}, attr("is", "A", "stage")]},
    {"all": [attr("gte", 5), attr("lte", 5)]},
    {"all": [attr("gt", 1), attr("lt", 2)]},
    {"all": [attr("not_contains", "a"), attr("not_in", ["a"]), attr("missing")]},
    {"all": [attr("has_any", ["a", "b"]), attr("has_none", ["a"])]},
    {"all": [{"no_event": "paid", "within": "1d"}, EVENT]},
    {"all": [{"not": {"no_event": "paid", "within": "1d"}}, paid("is", 0)]},
    {
        "all": [
            paid("is", 0, where={"x": {"op": "is", "value": 1}}),
            paid("gte", 1, where={"x": {"op": "is", "value": True}}),
        ]
    },
    {"all": [{"segment": "one"}, {"not": {"segment": "two"}}]},
    {"all": [attr("before", "3d"), attr("after", "2026-01-01")]},
    {"all": [attr("starts_with", "a"), attr("ends_with", "b"), attr("contains", "c")]},
]


@pytest.mark.parametrize("raw", CONTRADICTIONS, ids=json.dumps)
def test_contradictions_are_found(raw: Any) -> None:
    assert never_holds(parse_rule(raw))


@pytest.mark.parametrize("raw", OPEN, ids=json.dumps)
def test_what_may_hold_is_left_alone(raw: Any) -> None:
    assert not never_holds(parse_rule(raw))


@pytest.mark.parametrize(
    ("later", "earlier"),
    [
        ({"tag": "a"}, [{"tag": "a"}]),
        ({"all": [{"tag": "a"}, {"tag": "b"}]}, [{"tag": "b"}]),
        (attr("gt", 10), [attr("gt", 5)]),
        (attr("gte", 5), [attr("gt", 5), attr("is", 5)]),
        (attr("is", "x"), [attr("in", ["X", "y"])]),
        (attr("is", "pro plan"), [attr("starts_with", "Pro")]),
        ({"tag": "a"}, [{"tag": "b"}, {"not": {"tag": "b"}}]),
        ({**EVENT, "within": "1d"}, [{**EVENT, "within": "2d"}]),
        ({**EVENT, "where": {"x": {"op": "is", "value": 1}}}, [EVENT]),
        ({"any": [{"stage": "a"}, {"stage": "b"}]}, [attr("in", ["a", "b"], "stage")]),
        ({"segment": "one"}, [{"tag": "one"}]),
        ({"tag": "t"}, [{"any": [{"segment": "one"}, {"not": {"tag": "one"}}]}]),
        ({"any": []}, []),
    ],
)
def test_covered_cases_are_found(later: Any, earlier: list[Any]) -> None:
    segments = {"one": parse_rule({"tag": "one"})}
    assert covered_by(parse_rule(later), [parse_rule(raw) for raw in earlier], segments)


def test_cases_that_are_not_covered_are_left_alone() -> None:
    for later, earlier in (
        (attr("gt", 5), attr("gt", 10)),
        (attr("is_not", "x"), attr("is", "y")),
        (EVENT, {**EVENT, "within": "1d"}),
    ):
        assert not covered_by(parse_rule(later), [parse_rule(earlier)])


def test_a_message_within_a_segment_is_never_there() -> None:
    sent = parse_rule({"message": "day1", "did": "sent"})
    assert never_holds(parse_rule({"segment": "s"}), {"s": sent})
    assert not never_holds(sent)


def test_a_segment_that_contains_itself_is_left_alone() -> None:
    circle = {"a": parse_rule({"segment": "b"}), "b": parse_rule({"segment": "a"})}
    assert not never_holds(parse_rule({"segment": "a"}), circle)


def test_large_rules_take_little_time() -> None:
    pairs = [{"any": [{"tag": f"a{n}"}, {"tag": f"b{n}"}]} for n in range(300)]
    denied = [{"not": {"all": [{"tag": f"a{n}"}, {"tag": f"b{n + 1}"}]}} for n in range(300)]
    never_holds(parse_rule({"all": [*pairs, *denied]}))
    doubling = {f"s{n}": parse_rule({"any": [{"segment": f"s{n + 1}"}] * 2}) for n in range(100)}
    never_holds(parse_rule({"segment": "s0"}), doubling)


# Few names, so that conditions meet.
_close = st.builds(
    lambda name, condition: {"attr": name, **condition}, st.sampled_from(("plan", "created_at", "stage")), conditions
)
_crowds = st.lists((_close | leaves).map(parse_rule), min_size=2, max_size=4)
sound = settings(max_examples=80, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


@sound
@given(_crowds, st.lists(facts, min_size=4, max_size=4))
def test_nobody_matches_what_never_holds(crowd: list[Rule], people: list[Facts]) -> None:
    for rule in (All(tuple(crowd)), All((crowd[0], *(Not(rule) for rule in crowd[1:]))), Not(Any_(tuple(crowd)))):
        if never_holds(rule, SEGMENT_RULES):
            assert not any(holds(rule, person, NOW) for person in people)


@sound
@given(rules, st.lists(rules, min_size=1, max_size=3), st.lists(facts, min_size=4, max_size=4))
def test_who_matches_a_covered_rule_matches_an_earlier_one(
    rule: Rule, earlier: list[Rule], people: list[Facts]
) -> None:
    if covered_by(rule, earlier, SEGMENT_RULES):
        for person in people:
            assert not holds(rule, person, NOW) or any(holds(other, person, NOW) for other in earlier)
