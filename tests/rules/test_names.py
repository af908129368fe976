"""What a rule speaks of."""

from typing import Any

import pytest
from hypothesis import given

from engine.rules.evaluate import flip_instants
from engine.rules.facts import Facts
from engine.rules.model import Rule
from engine.rules.names import (
    attribute_names,
    event_names,
    message_nodes,
    reads_contact,
    reads_time,
    segment_keys,
)
from engine.rules.parse import parse_rule
from tests.rules.worlds import NOW, SEGMENT_RULES, facts, rules

EVERYTHING = parse_rule(
    {
        "all": [
            {"event": "a"},
            {"not": {"no_event": "b", "within": "1d"}},
            {"any": [{"event": "c", "followed_by": {"event": "d"}, "within": "1d"}]},
            {"message": "day1", "did": "clicked"},
            {"segment": "s"},
            {"attr": "account.size", "op": "exists"},
        ]
    }
)


def test_names() -> None:
    segments = {"s": parse_rule({"all": [{"event": "e"}, {"segment": "t"}]}), "t": parse_rule({"segment": "s"})}
    names = event_names(EVERYTHING, segments)
    assert {"a", "b", "c", "d", "e", "message_clicked", "Email Link Clicked", "email_clicked", "clicked"} <= names
    assert "message_opened" not in names
    assert segment_keys(EVERYTHING) == {"s"}
    assert message_nodes(EVERYTHING) == {"day1"}
    assert attribute_names(EVERYTHING) == {"account.size"}


def test_consent_is_changed_by_words() -> None:
    assert {"unsubscribed", "subscribed"} <= event_names(parse_rule({"consent": "news"}), {})


@pytest.mark.parametrize(
    ("raw", "of_contact", "of_time"),
    [
        ({"tag": "a"}, True, False),
        ({"stage": "a"}, True, False),
        ({"consent": "a"}, True, False),
        ({"attr": "a", "op": "exists"}, True, False),
        ({"attr": "a", "op": "before", "value": "2026-03-01"}, True, False),
        ({"attr": "a", "op": "before", "value": "3d"}, True, True),
        ({"attr": "a", "op": "within_last", "value": "2026-03-01"}, True, True),
        ({"event": "a"}, False, False),
        ({"event": "a", "within": "1d"}, False, True),
        ({"no_event": "a", "within": "1d"}, False, True),
        ({"event": "a", "followed_by": {"event": "b"}, "within": "1d"}, False, False),
        ({"event": "a", "not_followed_by": {"event": "b"}, "within": "1d"}, False, True),
        ({"event": "a", "where": {"x": {"op": "after", "value": "3d"}}}, False, True),
        ({"message": "a", "did": "opened"}, False, False),
        ({"message": "a", "did": "sent"}, True, False),
        ({"segment": "quiet"}, True, True),
        ({"segment": "nested"}, True, True),
    ],
)
def test_what_may_change_a_rule(raw: dict[str, Any], of_contact: bool, of_time: bool) -> None:
    rule = parse_rule(raw)
    assert reads_contact(rule, SEGMENT_RULES) is of_contact
    assert reads_time(rule, SEGMENT_RULES) is of_time


@given(rules, facts)
def test_a_rule_without_time_has_no_flips(rule: Rule, person: Facts) -> None:
    assert reads_time(rule, SEGMENT_RULES) or flip_instants(rule, person, NOW) == []
