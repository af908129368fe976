"""The oracle, line by line of the format."""

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given

from engine.errors import RuleError
from engine.rules.evaluate import flip_instants, holds
from engine.rules.facts import AccountFact, ConsentFact, EventFact, Facts, MessageFact
from engine.rules.model import Not, Rule
from engine.rules.parse import parse_rule
from engine.terms import DAY, HOUR, Json
from tests.rules.worlds import NOW, contact, facts, rules


def ask(raw: dict[str, Any], person: Facts) -> bool:
    return holds(parse_rule(raw), person, NOW)


def test_parts_are_joined() -> None:
    vip, nobody = contact(tags=frozenset({"vip"})), contact()
    tagged = {"tag": "vip"}
    assert ask({"all": []}, nobody)
    assert not ask({"any": []}, nobody)
    assert ask({"all": [tagged, {"not": {"any": [{"tag": "other"}]}}]}, vip)
    assert not ask({"all": [tagged, {"tag": "other"}]}, vip)
    assert ask({"any": [tagged, {"tag": "other"}]}, vip)
    assert ask({"not": tagged}, nobody)


def test_tags_and_stages_are_exact() -> None:
    person = contact(tags=frozenset({"vip"}), stage="mql")
    assert [ask({"tag": tag}, person) for tag in ("vip", "VIP", "")[:2]] == [True, False]
    assert [ask({"stage": stage}, person) for stage in ("mql", "MQL")] == [True, False]
    assert ask({"attr": "stage", "op": "is", "value": "MQL"}, person)


YES, NO = True, False


@pytest.mark.parametrize(
    ("value", "op", "wanted", "yes"),
    [
        ("Pro", "is", "pRO", YES),
        ("5", "is", 5, NO),
        (5, "is", "5", NO),
        (5, "is", 5.0, YES),
        (True, "is", 1, NO),
        (1, "is", True, NO),
        (True, "is", True, YES),
        (None, "is", "x", NO),
        (["x"], "is", "x", NO),
        (None, "is_not", "x", YES),
        (5, "is_not", "5", YES),
        ("b", "in", ["A", "B"], YES),
        (1, "in", [True, "1"], NO),
        (None, "in", ["a"], NO),
        (None, "not_in", ["a"], YES),
        ("a", "not_in", ["A"], NO),
        ("Hello", "contains", "ELL", YES),
        ("100%", "contains", "0%", YES),
        ("1000", "contains", "0%", NO),
        ("a_b", "contains", "a_b", YES),
        ("axb", "contains", "a_b", NO),
        ("anything", "contains", "", YES),
        (["ell"], "contains", "ell", NO),
        (["ell"], "not_contains", "ell", YES),
        (None, "not_contains", "x", YES),
        (15, "contains", "5", NO),
        ("Hello", "starts_with", "he", YES),
        ("he", "starts_with", "hello", NO),
        ("Hello", "ends_with", "LO", YES),
        ("o", "ends_with", "lo", NO),
        (6, "gt", 5, YES),
        (5, "gt", 5, NO),
        (5, "gte", 5.0, YES),
        (4.5, "lt", 5, YES),
        (5, "lte", 5, YES),
        ("6", "gt", 5, NO),
        (True, "gt", 0, NO),
        ("b", "gt", "A", YES),
        (None, "lt", 5, NO),
        (5, "between", [5, 6], YES),
        (6, "between", [5, 6], YES),
        (6.1, "between", [5, 6], NO),
        ("b", "between", ["A", "C"], YES),
        ("", "exists", None, YES),
        (False, "exists", None, YES),
        (None, "exists", None, NO),
        (None, "missing", None, YES),
        (0, "missing", None, NO),
        ("2026-03-07", "before", "3d", YES),
        ("2026-03-07T12:00:00Z", "before", "3d", NO),
        ("2026-03-13T12:00:00.000001Z", "after", "3d", YES),
        ("2026-03-13T12:00:00Z", "after", "3d", NO),
        ("2026-03-10", "before", "2026-03-10T08:00:01+08:00", YES),
        ("2026-03-10", "after", "2026-03-09", YES),
        ("2026-03-10", "within_last", "12h", NO),
        ("2026-03-10T00:00:00.000001Z", "within_last", "12h", YES),
        ("2026-03-10T12:00:00Z", "within_last", "12h", YES),
        ("2026-03-10T12:00:00Z", "within_next", "12h", NO),
        ("2026-03-11", "within_next", "12h", YES),
        ("2026-03-09", "within_last", "2026-03-09", YES),
        ("2026-03-11", "within_last", "2026-03-09", NO),
        ("2026-03-11", "within_next", "2026-03-11", YES),
        ("soon", "before", "3d", NO),
        (20260301, "before", "3d", NO),
        (None, "before", "3d", NO),
        (["A", "b"], "has_any", ["a", "c"], YES),
        (["a"], "has_all", ["a", "b"], NO),
        (["A", "b", "c"], "has_all", ["a", "b"], YES),
        (["a"], "has_none", ["b"], YES),
        (["a"], "has_none", ["A"], NO),
        (None, "has_none", ["a"], YES),
        ("a", "has_any", ["a"], NO),
        ("a", "has_none", ["a"], YES),
        ([1, True], "has_any", ["1"], NO),
        ([5.0], "has_any", [5], YES),
    ],
)
def test_operators(value: Json, op: str, wanted: Json, yes: bool) -> None:
    assert ask({"attr": "x", "op": op, "value": wanted}, contact(attributes={"x": value})) is yes
    event = EventFact(NOW, 1, "e", {"x": value})
    assert ask({"event": "e", "where": {"x": {"op": op, "value": wanted}}}, contact(events=[event])) is yes


def test_a_missing_value_is_as_one_of_null() -> None:
    for op in ("is_not", "not_in", "not_contains", "has_none"):
        value = "x" if op in ("is_not", "not_contains") else ["x"]
        assert ask({"attr": "x", "op": op, "value": value}, contact())
    assert ask({"attr": "x", "op": "missing"}, contact())


def test_where_attributes_are_found() -> None:
    person = contact(
        key="U1",
        email="A@b.cn",
        attributes={"fit": 3, "value": 7, "email": "other"},
        account=AccountFact("acme", "ACME", {"size": 200}),
    )
    found = {name: person.value(name) for name in ("id", "email", "score", "score.fit", "account.id", "account.name")}
    assert list(found.values()) == ["U1", "A@b.cn", 7, 3, "acme", "ACME"]
    assert ask({"attr": "account.size", "op": "gte", "value": 200}, person)
    assert ask({"attr": "account.size", "op": "is_not", "value": 200}, contact())
    assert ask({"attr": "created_at", "op": "before", "value": "99d"}, person)


def paid(*hours: int, **properties: Json) -> list[EventFact]:
    return [EventFact(NOW - hour * HOUR, seq, "paid", properties) for seq, hour in enumerate(hours, 1)]


def test_windows_leave_their_beginning_out_and_take_their_end_in() -> None:
    within = {"event": "paid", "within": "24h"}
    assert ask(within, contact(events=paid(0)))
    assert not ask(within, contact(events=paid(24)))
    assert ask({"event": "paid"}, contact(events=paid(24)))
    assert not ask({"event": "paid"}, contact(events=paid(-1)))


@pytest.mark.parametrize(
    ("op", "value", "yes"),
    [
        ("is", 2, YES),
        ("is_not", 2, NO),
        ("gt", 1, YES),
        ("gte", 3, NO),
        ("lt", 3, YES),
        ("lte", 1, NO),
        ("between", [2, 5], YES),
    ],
)
def test_counts(op: str, value: Json, yes: bool) -> None:
    rule = {"event": "paid", "count": {"op": op, "value": value}, "where": {"plan": {"op": "is", "value": "pro"}}}
    person = contact(events=[*paid(1, 2, plan="pro"), EventFact(NOW, 9, "paid", {})])
    assert ask(rule, person) is yes
    assert ask({**rule, "count": {"op": "between", "value": [2, 5]}}, person)
    assert not ask({**rule, "count": {"op": "between", "value": [3, 5]}}, person)


def test_a_new_contact_is_not_dormant() -> None:
    silence = {"no_event": "paid", "within": "30d"}
    assert ask(silence, contact(created_at=NOW - 30 * DAY))
    assert not ask(silence, contact(created_at=NOW - 30 * DAY + 1))
    assert not ask(silence, contact(events=paid(24)))
    assert ask(silence, contact(events=paid(24 * 30)))


def trail(*steps: tuple[int, str]) -> Facts:
    return contact(events=[EventFact(NOW - hour * HOUR, seq, name) for seq, (hour, name) in enumerate(steps, 1)])


@pytest.mark.parametrize(
    ("steps", "followed", "not_followed"),
    [
        ([], NO, NO),
        ([(30, "a")], NO, YES),
        ([(24, "a")], NO, YES),
        ([(23, "a")], NO, NO),
        ([(30, "a"), (6, "b")], YES, NO),
        ([(30, "a"), (5, "b")], NO, YES),
        ([(30, "b"), (30, "a")], NO, YES),
        ([(30, "a"), (30, "b")], YES, NO),
        ([(30, "a"), (29, "b"), (25, "a")], NO, YES),
        ([(30, "a"), (29, "b"), (2, "a")], NO, NO),
        ([(10, "a"), (9, "b")], YES, NO),
    ],
)
def test_sequences(steps: list[tuple[int, str]], followed: bool, not_followed: bool) -> None:
    for form, yes in (("followed_by", followed), ("not_followed_by", not_followed)):
        assert ask({"event": "a", form: {"event": "b"}, "within": "24h"}, trail(*steps)) is yes


def test_messages() -> None:
    sent = {"message": "day1", "did": "sent"}
    opened = {"message": "day1", "did": "opened"}
    assert not ask(sent, contact())
    assert not ask(sent, contact(messages=[MessageFact("day1", suppressed=True)]))
    assert ask(sent, contact(messages=[MessageFact("day1")]))
    assert not ask(opened, contact(messages=[MessageFact("day1"), MessageFact("day2", receipts={"opened": NOW})]))
    assert ask(opened, contact(messages=[MessageFact("day1"), MessageFact("day1", receipts={"opened": NOW})]))
    assert not ask(opened, contact(messages=[MessageFact("day1", receipts={"opened": NOW + 1})]))


def said(*words: tuple[str, str, bool, int]) -> Facts:
    return contact(consents=[ConsentFact(topic, channel, granted, NOW + at) for topic, channel, granted, at in words])


@pytest.mark.parametrize(
    ("words", "yes"),
    [
        ([], YES),
        ([("news", "*", NO, 0)], NO),
        ([("*", "*", NO, 0)], NO),
        ([("other", "*", NO, 0)], YES),
        ([("news", "email", NO, 0)], YES),
        ([("news", "*", NO, 0), ("news", "email", YES, 1)], NO),
        ([("*", "*", NO, 0), ("news", "*", YES, 1)], YES),
        ([("news", "*", YES, 0), ("*", "*", NO, 1)], NO),
        ([("news", "*", YES, 0), ("*", "*", NO, 0)], NO),
    ],
)
def test_the_last_word_on_a_topic_counts(words: list[tuple[str, str, bool, int]], yes: bool) -> None:
    assert ask({"consent": "news"}, said(*words)) is yes


def test_segments_are_their_rules() -> None:
    segments = {"s": parse_rule({"any": [{"tag": "vip"}, {"message": "day1", "did": "sent"}]})}
    assert ask({"segment": "s"}, contact(segments=segments, tags=frozenset({"vip"})))
    # A segment knows of no enrollment.
    assert not ask({"segment": "s"}, contact(segments=segments, messages=[MessageFact("day1")]))


def test_unknown_and_circular_segments_are_refused() -> None:
    circle = {"a": parse_rule({"segment": "b"}), "b": parse_rule({"not": {"segment": "a"}})}
    for key in ("a", "none"):
        with pytest.raises(RuleError):
            ask({"segment": key}, contact(segments=circle))


@given(rules, facts)
def test_a_rule_or_its_negation_holds(rule: Rule, person: Facts) -> None:
    assert holds(rule, person, NOW) is not holds(Not(rule), person, NOW)


@given(rules, facts)
def test_nothing_changes_between_flips(rule: Rule, person: Facts) -> None:
    edges = [NOW, *flip_instants(rule, person, NOW), NOW + 400 * DAY]
    for start, end in pairwise(edges):
        inside = {start, (start + end) // 2, end - 1}
        assert len({holds(rule, person, instant) for instant in inside}) == 1
