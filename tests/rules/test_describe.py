"""Rules in words."""

from typing import Any

import pytest
from hypothesis import given

from engine.rules.describe import describe
from engine.rules.model import Rule
from engine.rules.parse import parse_rule
from tests.rules.grid import conditions
from tests.rules.worlds import rules

# ruff: noqa: RUF001 - Chinese has parentheses and commas of its own


@pytest.mark.parametrize(
    ("raw", "english", "chinese"),
    [
        ({"all": []}, "everyone", "所有人"),
        ({"any": []}, "nobody", "没有人"),
        ({"any": [{"tag": "vip"}]}, "has the tag “vip”", "有标签“vip”"),
        (
            {"all": [{"stage": "mql"}, {"any": [{"tag": "a"}, {"not": {"tag": "b"}}]}]},
            "is in the stage “mql” and (has the tag “a” or not (has the tag “b”))",
            "处于阶段“mql” 且 （有标签“a” 或 并非（有标签“b”））",
        ),
        ({"attr": "plan", "op": "in", "value": ["pro", 5]}, "plan is one of “pro”, 5", "plan 是 “pro”、5 之一"),
        ({"attr": "seats", "op": "between", "value": [1, 5]}, "seats from 1 to 5", "seats 在 1 到 5 之间"),
        (
            {"attr": "renewal", "op": "within_next", "value": "1w"},
            "renewal in the next 7 days",
            "renewal 在未来 7 天内",
        ),
        (
            {"event": "paid", "count": {"op": "gte", "value": 3}, "within": "90m"},
            "did “paid” at least 3 times in the last 90 minutes",
            "最近 90 分钟内“paid”至少 3 次",
        ),
        ({"no_event": "paid", "within": "30d"}, "no “paid” in the last 30 days", "最近 30 天内没有“paid”"),
        (
            {"event": "a", "not_followed_by": {"event": "b"}, "within": "1d"},
            "“a” not followed by “b” within 1 day",
            "“a”之后 1 天内没有“b”",
        ),
        ({"message": "day1", "did": "opened"}, "the message of “day1” was opened", "“day1”的消息已打开"),
        ({"consent": "news"}, "may be sent “news”", "可接收“news”"),
        ({"segment": "s"}, "is in the segment “s”", "属于分群“s”"),
    ],
)
def test_words(raw: dict[str, Any], english: str, chinese: str) -> None:
    assert describe(parse_rule(raw), "en") == english
    assert describe(parse_rule(raw), "zh-CN") == chinese
    assert describe(parse_rule(raw), "de") == english


@given(rules)
def test_every_rule_has_words(rule: Rule) -> None:
    assert describe(rule, "en")
    assert describe(rule, "zh-CN")


def test_every_condition_has_words() -> None:
    for raw in conditions():
        for language in ("en", "zh"):
            assert "x" in describe(parse_rule({"attr": "x", **raw}), language)
