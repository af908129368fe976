from typing import Any

import pytest

from engine.rules.evaluate import holds
from engine.rules.explain import explain
from engine.rules.facts import EventFact, Facts
from engine.rules.parse import parse_rule
from engine.terms import DAY

NOW = 100 * DAY
FACTS = Facts(
    key="ann",
    created_at=0,
    stage="mql",
    attributes={"plan": "pro", "seats": 7},
    tags=frozenset({"vip"}),
    events=[EventFact(NOW - DAY, 1, "used", {"feature": "forms"}), EventFact(NOW + DAY, 2, "used", {})],
    segments={"good": parse_rule({"tag": "vip"})},
)


def _told(rule: Any) -> list[tuple[int, bool, Any]]:
    return [(part.depth, part.holds, part.seen) for part in explain(parse_rule(rule), FACTS, NOW)]


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ({"attr": "plan", "op": "is", "value": "pro"}, [(0, True, "pro")]),
        ({"attr": "size", "op": "gte", "value": 2}, [(0, False, None)]),
        ({"stage": "sql"}, [(0, False, "mql")]),
        ({"tag": "vip"}, [(0, True, None)]),
        ({"event": "used"}, [(0, True, 1)]),
        ({"event": "used", "where": {"feature": {"op": "is", "value": "mail"}}}, [(0, False, 0)]),
        ({"segment": "good"}, [(0, True, None), (1, True, None)]),
    ],
)
def test_a_part_says_what_it_saw(rule: Any, told: list[tuple[int, bool, Any]]) -> None:
    assert _told(rule) == told


def test_groups_stand_before_their_parts() -> None:
    vip, big = {"tag": "vip"}, {"attr": "seats", "op": "gt", "value": 10}
    assert _told({"all": [vip, big]}) == [(0, True, None), (0, False, 7)]
    assert _told({"any": [vip, big]}) == [(0, True, None), (1, True, None), (1, False, 7)]
    assert _told({"not": {"any": [big]}}) == [(0, True, None), (1, False, None), (2, False, 7)]
    assert _told({"not": vip}) == [(0, False, None)]
    assert _told({"all": []}) == []


@pytest.mark.parametrize(
    "rule",
    [
        {"all": [{"tag": "vip"}, {"any": [{"stage": "sql"}, {"event": "used"}]}]},
        {"all": [{"tag": "none"}, {"not": {"stage": "sql"}}]},
        {"any": [{"tag": "none"}, {"stage": "sql"}]},
        {"not": {"all": [{"tag": "vip"}, {"segment": "good"}]}},
        {"no_event": "used", "within": "12h"},
        {"event": "used", "count": {"op": "gte", "value": 2}},
    ],
)
def test_what_is_told_agrees_with_what_holds(rule: Any) -> None:
    parts = explain(parse_rule(rule), FACTS, NOW)
    assert all(part.holds for part in parts if part.depth == 0) is holds(parse_rule(rule), FACTS, NOW)
    assert all(part.holds is holds(part.rule, FACTS, NOW) for part in parts)
