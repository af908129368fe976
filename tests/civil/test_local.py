from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.civil import format_local_time, local_day, next_daily, parse_local_time, quiet_until, resolve_local
from tests.civil.worlds import (
    HOUR,
    MINUTE,
    changes,
    first_showing,
    instant,
    minutes_of_day,
    moments,
    shows,
    zoned_moments,
    zones,
)

VECTORS = [
    ("Europe/Berlin", "2026-03-29", "02:30", "2026-03-29T01:00:00Z"),
    ("Europe/Berlin", "2026-10-25", "02:30", "2026-10-25T00:30:00Z"),
    ("America/New_York", "2026-03-08", "02:30", "2026-03-08T07:00:00Z"),
    ("America/New_York", "2026-11-01", "01:30", "2026-11-01T05:30:00Z"),
    ("Australia/Lord_Howe", "2026-10-04", "02:15", "2026-10-03T15:30:00Z"),
    ("Australia/Lord_Howe", "2026-04-05", "01:45", "2026-04-04T14:45:00Z"),
    ("America/Santiago", "2026-09-06", "00:30", "2026-09-06T04:00:00Z"),
    ("Africa/Cairo", "2026-04-24", "00:30", "2026-04-23T22:00:00Z"),
    ("Asia/Beirut", "2026-03-29", "00:30", "2026-03-28T22:00:00Z"),
    ("Asia/Beirut", "2026-03-29", "00:00", "2026-03-28T22:00:00Z"),
    ("Pacific/Apia", "2011-12-30", "12:00", "2011-12-30T10:00:00Z"),
    ("Africa/Casablanca", "2026-02-15", "02:30", "2026-02-15T01:30:00Z"),
    ("Asia/Shanghai", "2026-07-01", "00:00", "2026-06-30T16:00:00Z"),
    ("Asia/Shanghai", "1988-04-17", "02:30", "1988-04-16T18:00:00Z"),
    ("Pacific/Kiritimati", "2026-01-01", "00:00", "2025-12-31T10:00:00Z"),
    ("Etc/GMT+12", "2026-01-01", "00:00", "2026-01-01T12:00:00Z"),
    ("Europe/Berlin", "2028-02-29", "09:00", "2028-02-29T08:00:00Z"),
]


@pytest.mark.parametrize(("name", "day", "at", "expected"), VECTORS)
def test_known_local_times(name: str, day: str, at: str, expected: str) -> None:
    found = resolve_local(date.fromisoformat(day), parse_local_time(at), ZoneInfo(name))
    assert found == instant(expected)
    assert found.utcoffset() == timedelta(0)


def test_a_calendar_day_is_not_always_24_hours() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    before = resolve_local(date(2026, 3, 28), time(9), berlin)
    assert resolve_local(date(2026, 3, 29), time(9), berlin) == instant("2026-03-29T07:00Z")
    assert before + timedelta(hours=24) == instant("2026-03-29T08:00Z")


@given(zoned_moments(), minutes_of_day())
def test_a_local_time_is_the_first_instant_that_shows_it(drawn: tuple[ZoneInfo, datetime], at: time) -> None:
    tz, moment = drawn
    day = local_day(moment, tz)
    assert resolve_local(day, at, tz) == first_showing(day, at, tz)


@given(zoned_moments(), minutes_of_day(), minutes_of_day())
def test_later_local_times_are_never_earlier_instants(drawn: tuple[ZoneInfo, datetime], one: time, two: time) -> None:
    tz, moment = drawn
    day = local_day(moment, tz)
    low, high = sorted((one, two))
    assert resolve_local(day, low, tz) <= resolve_local(day, high, tz)
    assert resolve_local(day, high, tz) <= resolve_local(day + timedelta(days=1), low, tz)


@given(st.dates(), st.times(), zones())
def test_every_day_of_the_calendar_resolves(day: date, at: time, tz: ZoneInfo) -> None:
    assert resolve_local(day, at, tz).utcoffset() == timedelta(0)


def test_the_drawn_zones_change_in_both_directions() -> None:
    assert len(changes("Europe/Berlin")) == 42
    assert instant("2011-12-30T10:00Z") in changes("Pacific/Apia")
    assert changes("Asia/Shanghai") == ()


@pytest.mark.parametrize("text", ["00:00", "09:05", "23:59"])
def test_a_local_time_is_read_and_written(text: str) -> None:
    assert format_local_time(parse_local_time(text)) == text


@pytest.mark.parametrize(
    "text",
    ["24:00", "9:00", "09:60", "09:00:00", "0900", " 09:00", "09:00\n", "", "\u0660\u0669:\u0660\u0660", "-1:00"],
)
def test_other_spellings_of_a_local_time_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a local time; write it as HH:MM"):
        parse_local_time(text)


@given(zoned_moments(), minutes_of_day())
def test_the_next_daily_time_is_later_and_none_lies_between(drawn: tuple[ZoneInfo, datetime], at: time) -> None:
    tz, after = drawn
    found = next_daily(at, tz, after)
    assert after < found <= after + 49 * HOUR
    assert next_daily(at, tz, found - MINUTE) == found
    days = {local_day(after, tz) + timedelta(days=count) for count in range(-1, 3)}
    assert found == min(then for day in days if (then := resolve_local(day, at, tz)) > after)


def test_a_daily_time_fires_once_on_the_day_it_occurs_twice() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    first = next_daily(time(2, 30), berlin, instant("2026-10-24T12:00Z"))
    assert first == instant("2026-10-25T00:30Z")
    assert next_daily(time(2, 30), berlin, first) == instant("2026-10-26T01:30Z")


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("2026-01-10T20:59+08:00", None),
        ("2026-01-10T21:00+08:00", "2026-01-11T09:00+08:00"),
        ("2026-01-10T23:59+08:00", "2026-01-11T09:00+08:00"),
        ("2026-01-11T00:00+08:00", "2026-01-11T09:00+08:00"),
        ("2026-01-11T08:59:59+08:00", "2026-01-11T09:00+08:00"),
        ("2026-01-11T09:00+08:00", None),
        ("2028-02-28T22:00+08:00", "2028-02-29T09:00+08:00"),
    ],
)
def test_quiet_hours_over_midnight(now: str, expected: str | None) -> None:
    found = quiet_until(instant(now), time(21), time(9), ZoneInfo("Asia/Shanghai"))
    assert found == (None if expected is None else instant(expected))


@pytest.mark.parametrize(
    ("now", "from_", "to", "expected"),
    [
        ("2026-03-28T22:00+01:00", "21:00", "02:30", "2026-03-29T03:00+02:00"),  # their end is skipped
        ("2026-10-24T22:00+02:00", "21:00", "02:30", "2026-10-25T02:30+02:00"),  # their end comes twice: the first
        ("2026-10-25T02:15+01:00", "21:00", "02:30", "2026-10-25T02:30+01:00"),  # and is still to come again
        ("2026-10-25T02:45+01:00", "21:00", "02:30", None),
        ("2026-03-29T01:00+01:00", "03:00", "02:30", "2026-03-30T02:30+02:00"),  # the only loud half hour is skipped
        ("2026-05-05T12:30+02:00", "12:00", "14:00", "2026-05-05T14:00+02:00"),
        ("2026-05-05T14:00+02:00", "12:00", "14:00", None),
        ("2026-05-05T12:30+02:00", "12:30", "12:30", None),  # two equal times: never quiet
    ],
)
def test_quiet_hours_around_clock_changes(now: str, from_: str, to: str, expected: str | None) -> None:
    found = quiet_until(instant(now), parse_local_time(from_), parse_local_time(to), ZoneInfo("Europe/Berlin"))
    assert found == (None if expected is None else instant(expected))


def test_quiet_hours_outlast_a_missing_day() -> None:
    found = quiet_until(instant("2011-12-29T22:00-10:00"), time(21), time(9), ZoneInfo("Pacific/Apia"))
    assert found == instant("2011-12-31T09:00+14:00")


@given(zoned_moments(), minutes_of_day(), minutes_of_day())
def test_nothing_is_quiet_when_quiet_hours_end(drawn: tuple[ZoneInfo, datetime], from_: time, to: time) -> None:
    tz, now = drawn

    def loud(at: datetime) -> bool:
        clock = shows(at, tz).time()
        return not (from_ <= clock < to if from_ <= to else clock >= from_ or clock < to)

    found = quiet_until(now, from_, to, tz)
    assert (found is None) == loud(now)
    if found is None:
        return
    assert found > now
    assert quiet_until(found, from_, to, tz) is None
    first_loud = now
    while not loud(first_loud):
        first_loud += MINUTE
    assert found >= first_loud
    turned_back = any(now <= change <= found for change in changes(tz.key))
    assert found == first_loud or turned_back


@given(st.data(), zones())
def test_quiet_hours_are_the_same_at_every_moment_of_them(data: st.DataObject, tz: ZoneInfo) -> None:
    now = data.draw(moments(tz))
    found = quiet_until(now, time(21), time(9), tz)
    if found is not None:
        between = now + data.draw(st.floats(0, 1, exclude_max=True)) * (found - now)
        assert quiet_until(between, time(21), time(9), tz) == (None if between == found else found)
