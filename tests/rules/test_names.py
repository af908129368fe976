"""What a rule speaks of."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from engine.rules.evaluate import flip_instants, holds
from engine.rules.facts import EventFact, Facts
from engine.rules.model import Rule
from engine.rules.names import (
    attribute_names,
    enabling_names,
    event_names,
    message_nodes,
    reads_contact,
    reads_time,
    segment_keys,
)
from engine.rules.parse import parse_rule
from tests.rules.worlds import EVENTS, NOW, SEGMENT_RULES, facts, rules

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


@pytest.mark.parametrize(
    ("raw", "enabling"),
    [
        ({"event": "a"}, {"a"}),
        ({"event": "a", "count": {"op": "lt", "value": 3}}, {"a"}),
        ({"not": {"event": "a", "count": {"op": "gte", "value": 3}}}, set()),
        ({"not": {"event": "a", "count": {"op": "lt", "value": 3}}}, {"a"}),
        ({"no_event": "a", "within": "1d"}, set()),
        ({"not": {"no_event": "a", "within": "1d"}}, {"a"}),
        ({"not": {"event": "a", "followed_by": {"event": "b"}, "within": "1d"}}, {"a", "b"}),
        ({"all": [{"no_event": "a", "within": "1d"}, {"any": [{"event": "b"}]}]}, {"b"}),
        ({"segment": "quiet"}, set()),
        ({"not": {"segment": "quiet"}}, {"opened_app"}),
        ({"segment": "unknown"}, set()),
    ],
)
def test_what_may_make_a_rule_hold(raw: dict[str, Any], enabling: set[str]) -> None:
    assert enabling_names(parse_rule(raw), SEGMENT_RULES) == enabling


@given(rules, facts, st.sampled_from(EVENTS), st.floats(0, 1, exclude_max=True))
def test_an_event_that_enables_nothing_makes_no_rule_hold_until_its_next_flip(
    rule: Rule, person: Facts, name: str, share: float
) -> None:
    assume(name not in enabling_names(rule, SEGMENT_RULES))
    before = replace(person, events=[event for event in person.events if event.at <= NOW])
    flips = flip_instants(rule, before, NOW)
    at = NOW + int(share * ((flips[0] if flips else 1 << 60) - NOW))
    after = replace(before, events=[*before.events, EventFact(NOW, 1_000, name)])
    assert holds(rule, before, NOW) or not holds(rule, after, at)
