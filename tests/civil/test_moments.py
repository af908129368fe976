from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.civil import date_trigger_instant, parse_local_time, parse_moment
from tests.civil.worlds import instant


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2026-03-01", date(2026, 3, 1)),
        ("2028-02-29", date(2028, 2, 29)),
        ("2026-03-01T10:00:00Z", instant("2026-03-01T10:00Z")),
        ("2026-03-01T10:00+08:00", instant("2026-03-01T02:00Z")),
        ("2026-03-01T10:00:00.250+0800", instant("2026-03-01T02:00:00.25Z")),
        ("2026-03-01T10:00", datetime.fromisoformat("2026-03-01T10:00")),
        ("2026-03-01 10:00:05", datetime.fromisoformat("2026-03-01T10:00:05")),
        (date(2026, 3, 1), date(2026, 3, 1)),
        (instant("2026-03-01T10:00Z").astimezone(ZoneInfo("Asia/Tokyo")), instant("2026-03-01T10:00Z")),
    ],
)
def test_dates_instants_and_local_times_are_read(value: object, expected: object) -> None:
    found = parse_moment(value)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        "soon",
        "2027-02-29",
        "2026-3-1",
        "20260301",
        "2026-W09-1",
        "01/03/2026",
        "2026-03-01T10",
        "2026-03-01T24:00",
        "2026-03-01T10:00:00+25:00",
        "2026-03-01T10:00 Z",
        " 2026-03-01",
        "\uff12\uff10\uff12\uff16-03-01",
        "0001-01-01T00:00+14:00",
        1_767_225_600,
        20260301,
        True,
        ["2026-03-01"],
        {"date": "2026-03-01"},
    ],
)
def test_anything_else_is_no_date(value: object) -> None:
    assert parse_moment(value) is None


@given(st.one_of(st.text(), st.from_regex(r"[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(Z|[+-][0-9:]{1,6})?)?")))
def test_no_text_raises(text: str) -> None:
    parse_moment(text)


@given(st.datetimes(datetime.fromisoformat("0002-01-01"), datetime.fromisoformat("9998-12-31")), st.integers(-840, 840))
def test_instants_are_read_back(wall: datetime, minutes: int) -> None:
    aware = wall.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    assert parse_moment(aware.isoformat()) == aware
    assert parse_moment(wall.isoformat()) == wall
    assert parse_moment(wall.date().isoformat()) == wall.date()


@pytest.mark.parametrize(
    ("value", "offset", "at", "expected"),
    [
        ("2026-05-08", None, None, "2026-05-07T22:00Z"),  # midnight in Berlin
        ("2026-05-08", -timedelta(days=7), "09:00", "2026-05-01T07:00Z"),
        ("2026-03-30", -timedelta(days=2), "09:00", "2026-03-28T08:00Z"),  # days of the calendar, over a clock change
        ("2026-03-30", -timedelta(hours=36), "09:00", "2026-03-28T19:00Z"),  # exact hours, from 09:00 on
        ("2028-03-01", -timedelta(days=1), "09:00", "2028-02-29T08:00Z"),
        ("2027-03-01", -timedelta(days=1), "09:00", "2027-02-28T08:00Z"),
        ("2028-02-29", timedelta(days=365), None, "2029-02-27T23:00Z"),
        ("2026-05-08T20:30+00:00", -timedelta(hours=1), None, "2026-05-08T19:30Z"),  # an instant, used exactly
        ("2026-03-30T07:00+00:00", -timedelta(days=2), None, "2026-03-28T07:00Z"),  # and shifted by exact days
        ("2026-05-08T23:30+00:00", None, "09:00", "2026-05-09T07:00Z"),  # its local date is the 9th
        ("2026-05-08T23:30+00:00", -timedelta(days=1), "09:00", "2026-05-08T07:00Z"),
        ("2026-05-08T18:00", -timedelta(minutes=10), None, "2026-05-08T15:50Z"),  # no offset: local
        ("2026-03-29T02:30", None, None, "2026-03-29T01:00Z"),  # local, and skipped
    ],
)
def test_an_instant_from_a_date(value: str, offset: timedelta | None, at: str | None, expected: str) -> None:
    found = date_trigger_instant(
        parse_moment(value), offset, None if at is None else parse_local_time(at), ZoneInfo("Europe/Berlin")
    )
    assert found == instant(expected)


def test_no_date_gives_no_instant() -> None:
    assert date_trigger_instant(None, timedelta(days=1), None, ZoneInfo("UTC")) is None


@given(
    st.one_of(st.dates(), st.datetimes(), st.datetimes(timezones=st.just(UTC))),
    st.timedeltas(-timedelta(days=36_525), timedelta(days=36_525)),
    st.one_of(st.none(), st.times()),
    st.sampled_from(["Pacific/Kiritimati", "Etc/GMT+12", "UTC"]),
)
def test_the_ends_of_the_calendar_hold(value: date, offset: timedelta, at: None, name: str) -> None:
    found = date_trigger_instant(value, offset, at, ZoneInfo(name))
    assert found is not None
    assert found.utcoffset() == timedelta(0)
