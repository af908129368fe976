"""Field types: what is read, how it is written, what is refused, and how values are found again."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, TypeAdapter, ValidationError

from engine.contract import fields
from engine.contract.fields import AttributeName, HtmlText, RuleField, TemplateValue, Where, fields_of
from engine.contract.node import NodeConfig
from engine.contract.readers import FromAttribute, write_duration
from engine.rules.model import HasTag
from engine.terms import parse_duration

READ: list[tuple[Any, Any, Any]] = [
    (fields.Duration, "90s", timedelta(seconds=90)),
    (fields.Duration, "2w", timedelta(weeks=2)),
    (fields.Duration, "P1DT2H", timedelta(hours=26)),
    (fields.Duration, "0s", timedelta(0)),
    (fields.Offset, "-7d", timedelta(days=-7)),
    (fields.Offset, "-PT10M", timedelta(minutes=-10)),
    (fields.LocalTime, "09:05", time(9, 5)),
    (fields.LocalTime, "23:59", time(23, 59)),
    (fields.Weekdays, ["sun", "mon"], frozenset({0, 6})),
    (fields.DateField, "2026-03-01", date(2026, 3, 1)),
    (fields.DateField, "2026-03-01T09:00:00+08:00", datetime(2026, 3, 1, 1, tzinfo=UTC)),
    (fields.DateField, {"attribute": "ends_on"}, FromAttribute("ends_on")),
    (fields.ScheduleTime, "10:00", "10:00"),
    (fields.ScheduleTime, "2026-03-01T09:00:00Z", "2026-03-01T09:00:00Z"),
    (fields.Cron, "0 9 * * mon-fri", "0 9 * * mon-fri"),
    (fields.Calendar, "DE-BY", "DE-BY"),
    (fields.RuleField, {"tag": "vip"}, HasTag("vip")),
    (fields.Label, "Hello", "Hello"),
    (fields.Label, {"en": "Hello", "zh-CN": "你好"}, {"en": "Hello", "zh-CN": "你好"}),
    (fields.UrlText, "{{ contact.hook }}", "{{ contact.hook }}"),
    (fields.Weight, 3, 3),
    (fields.Share, 0.2, 0.2),
    (fields.PortKey, "30d", "30d"),
    (fields.PortKey, "是", "是"),
]
REFUSED: list[tuple[Any, Any, str]] = [
    (fields.Duration, "3 days", "'3 days' is not a duration"),
    (fields.Duration, "-3d", "is negative"),
    (fields.Duration, "P1M", "is not a duration"),
    (fields.Duration, 3, 'is no duration; write a text like "3d"'),
    (fields.Duration, "40000d", "longer than 100 years"),
    (fields.LocalTime, "9:05", "is not a local time"),
    (fields.LocalTime, "24:00", "is not a local time"),
    (fields.LocalTime, 9, "is not a local time"),
    (fields.Weekdays, [], "weekdays are a list"),
    (fields.Weekdays, "mon", "weekdays are a list"),
    (fields.Weekdays, ["Monday"], "'Monday' is no weekday"),
    (fields.Weekdays, [1], "1 is no weekday"),
    (fields.DateField, "2026-02-30", "is no date"),
    (fields.DateField, "2026-03-01T09:00:00", "has no offset from UTC"),
    (fields.DateField, {"attribute": ""}, "a date from an attribute is written"),
    (fields.DateField, {"attribute": "a", "x": 1}, "a date from an attribute is written"),
    (fields.DateField, 20260301, "is no date"),
    (fields.ScheduleTime, "25:00", "is not a local time"),
    (fields.ScheduleTime, "2026-03-01", "has no offset"),
    (fields.ScheduleTime, 10, "is no time"),
    (fields.Cron, "0 9 * *", "has 4 fields"),
    (fields.Cron, 5, "a cron expression is a text"),
    (fields.Calendar, "XX", "is not a known calendar"),
    (fields.RuleField, {}, "the form of the rule is missing"),
    (fields.Where, [], "where is an object"),
    (fields.Label, {"en": 1}, "a text is a string"),
    (fields.UrlText, "ftp://a.example/", "is no web address"),
    (fields.UrlText, "javascript:alert(1)", "is no web address"),
    (fields.Weight, -1, "greater than or equal to 0"),
    (fields.Weight, "1", "valid number"),
    (fields.Weight, True, "valid number"),
    (fields.Count, 1.5, "valid integer"),
    (fields.Count, True, "valid integer"),
    (fields.Switch, 1, "valid boolean"),
    (fields.PortKey, " yes", "pattern"),
    (fields.PortKey, "", "pattern"),
    (fields.AttributeName, 'na"me', "pattern"),
]


@pytest.mark.parametrize(("field", "raw", "value"), READ)
def test_what_is_read(field: Any, raw: Any, value: Any) -> None:
    adapter = TypeAdapter(field)
    assert adapter.validate_python(raw) == value
    assert adapter.validate_python(adapter.dump_python(value, mode="json")) == value


@pytest.mark.parametrize(("field", "raw", "words"), REFUSED)
def test_what_is_refused(field: Any, raw: Any, words: str) -> None:
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(field).validate_python(raw)
    assert words in str(caught.value)


@given(st.timedeltas(min_value=timedelta(days=-9_999), max_value=timedelta(days=9_999)))
def test_a_length_is_written_so_that_it_is_read_again(length: timedelta) -> None:
    assert parse_duration(write_duration(length), signed=True) == length


class Inner(NodeConfig):
    """A part."""

    when: RuleField = Field(title="When", description="When.")


class Outer(NodeConfig):
    """Everything at once."""

    html: HtmlText | None = None
    inner: tuple[Inner, ...] = ()
    only: Inner | None = None
    values: dict[AttributeName, TemplateValue] = Field({}, alias="with")
    where: Where = Field({})
    plain: int = 1


def test_values_are_found_with_hint_and_path() -> None:
    config = Outer.model_validate(
        {
            "html": {"en": "<p>", "de": "<b>"},
            "inner": [{"when": {"tag": "a"}}, {"when": {"tag": "b"}}],
            "only": {"when": {"tag": "c"}},
            "with": {"n": 1, "text": "{{ x }}", "deep": {"list": ["y"]}},
            "where": {"plan": {"op": "exists"}},
        }
    )
    found = [(each.path, each.hint, each.value) for each in fields_of(config)]
    assert found == [
        ("html", "html", {"en": "<p>", "de": "<b>"}),
        ("inner[0].when", "rule", HasTag("a")),
        ("inner[1].when", "rule", HasTag("b")),
        ("only.when", "rule", HasTag("c")),
        ("with.n", "value", 1),
        ("with.text", "template", "{{ x }}"),
        ("with.deep.list[0]", "template", "y"),
        ("where", "where", config.where),
    ]
    assert [each.path for each in fields_of(Outer())] == ["where"]
