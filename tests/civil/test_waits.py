from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from engine.civil import (
    WEEKDAYS,
    WaitUntil,
    add_working_days,
    is_working_day,
    local_day,
    parse_local_time,
    parse_moment,
    resolve_local,
    resolve_wait,
)
from tests.civil.worlds import HOUR, MINUTE, instant, minutes_of_day, moments, shows, zoned_moments, zones

SHANGHAI = "Asia/Shanghai"
BERLIN = "Europe/Berlin"


def spec(**given_: Any) -> WaitUntil:
    if "at" in given_:
        given_["at"] = parse_local_time(given_["at"])
    if "date" in given_:
        given_["date"] = parse_moment(given_["date"])
    if "weekday" in given_:
        given_["weekday"] = frozenset(WEEKDAYS.index(name) for name in given_["weekday"].split())
    return WaitUntil(**given_)


def resolve(wanted: WaitUntil, name: str, now: str, entered: str | None = None) -> datetime | None:
    return resolve_wait(wanted, now=instant(now), entered=instant(entered or now), tz=ZoneInfo(name))


# Monday 2026-03-02, 15:00 in Shanghai, is "now" and the entry, unless said.
NOW = "2026-03-02T15:00+08:00"

CASES = [
    # The n-th day of the enrollment, the day of entry being day 1.
    (spec(day=1), "2026-03-02T00:00+08:00"),
    (spec(day=1, at="10:00"), "2026-03-02T10:00+08:00"),
    (spec(day=2), "2026-03-03T00:00+08:00"),
    (spec(day=2, at="10:00"), "2026-03-03T10:00+08:00"),
    (spec(day=8, at="10:00"), "2026-03-09T10:00+08:00"),
    # A time of day: its next occurrence, now included.
    (spec(at="14:59"), "2026-03-03T14:59+08:00"),
    (spec(at="15:00"), "2026-03-02T15:00+08:00"),
    (spec(at="15:01"), "2026-03-02T15:01+08:00"),
    # Weekdays: likewise, at 00:00 unless said.
    (spec(weekday="mon"), "2026-03-09T00:00+08:00"),
    (spec(weekday="tue"), "2026-03-03T00:00+08:00"),
    (spec(weekday="mon wed"), "2026-03-04T00:00+08:00"),
    (spec(weekday="mon", at="15:00"), "2026-03-02T15:00+08:00"),
    (spec(weekday="mon", at="14:00"), "2026-03-09T14:00+08:00"),
    (spec(weekday="sat sun", at="09:00"), "2026-03-07T09:00+08:00"),
    # Working days after today.
    (spec(business_days=0), "2026-03-02T00:00+08:00"),
    (spec(business_days=0, at="16:00"), "2026-03-02T16:00+08:00"),
    (spec(business_days=1), "2026-03-03T00:00+08:00"),
    (spec(business_days=5, at="09:00"), "2026-03-09T09:00+08:00"),
    (spec(business_days=24), "2026-04-03T00:00+08:00"),
    (spec(business_days=25), "2026-04-07T00:00+08:00"),  # over the Qingming holidays
    (spec(business_days=25, calendar="US"), "2026-04-06T00:00+08:00"),
    (spec(business_days=1, weekday="fri"), "2026-03-06T00:00+08:00"),
    (
        spec(business_days=1, weekday="sat", calendar="CN"),
        "2026-03-07T00:00+08:00",
    ),  # the count alone asks the calendar
    # A calendar without a count: the first working day.
    (spec(calendar="CN"), "2026-03-02T15:00+08:00"),
    (spec(calendar="CN", at="09:00"), "2026-03-03T09:00+08:00"),
    (spec(calendar="CN", weekday="sat", at="09:00"), "2026-05-09T09:00+08:00"),  # a Saturday that is worked
    (spec(calendar="CN", day=34), "2026-04-07T00:00+08:00"),
    (spec(calendar="US", weekday="sat"), None),  # no such day
    # Dates.
    (spec(date="2026-03-10"), "2026-03-10T00:00+08:00"),
    (spec(date="2026-03-10", at="08:30"), "2026-03-10T08:30+08:00"),
    (spec(date="2026-02-10", at="08:30"), "2026-02-10T08:30+08:00"),  # past
    (spec(date="2026-03-10", offset=-timedelta(days=3), at="08:30"), "2026-03-07T08:30+08:00"),
    (spec(date="2026-03-10", offset=-timedelta(hours=3), at="08:30"), "2026-03-10T05:30+08:00"),
    (spec(date="2026-03-10", offset=-timedelta(hours=3)), "2026-03-09T21:00+08:00"),
    (spec(date="2026-03-10", weekday="mon"), "2026-03-16T00:00+08:00"),
    (spec(date="2026-03-10", weekday="tue"), "2026-03-10T00:00+08:00"),
    (spec(date="2026-03-10", offset=-timedelta(days=1), weekday="mon"), "2026-03-09T00:00+08:00"),
    (spec(date="2026-04-04", calendar="CN", at="09:00"), "2026-04-07T09:00+08:00"),
    (spec(date="2026-04-04", calendar="CN", offset=-timedelta(hours=1), at="09:00"), "2026-04-07T08:00+08:00"),
    # Instants.
    (spec(date="2026-03-10T10:30:30Z"), "2026-03-10T18:30:30+08:00"),
    (spec(date="2026-03-10T10:30Z", offset=-timedelta(days=1)), "2026-03-09T18:30+08:00"),
    (spec(date="2026-03-10T10:30Z", offset=-timedelta(minutes=10)), "2026-03-10T18:20+08:00"),
    (spec(date="2026-03-10T22:30Z", at="09:00"), "2026-03-11T09:00+08:00"),
    (spec(date="2026-03-10T22:30Z", at="09:00", offset=timedelta(days=1)), "2026-03-12T09:00+08:00"),
    (spec(date="2026-03-10T10:30Z", weekday="tue"), "2026-03-10T18:30+08:00"),
    (spec(date="2026-03-10T10:30Z", weekday="wed"), "2026-03-11T00:00+08:00"),
    (spec(date="2026-03-10T18:30"), "2026-03-10T18:30+08:00"),
    # Several: the latest holds them all.
    (spec(day=3, date="2026-03-03"), "2026-03-04T00:00+08:00"),
    (spec(day=3, business_days=5, at="09:00"), "2026-03-09T09:00+08:00"),
    (spec(day=3, date="2026-03-10T10:30Z"), "2026-03-10T18:30+08:00"),
    (spec(day=3, weekday="mon", at="09:00"), "2026-03-09T09:00+08:00"),
    # A date that is not there.
    (WaitUntil(date_missing=True), None),
    (WaitUntil(date_missing=True, day=3, at=time(9)), None),
    # Nothing asked for: now.
    (WaitUntil(), "2026-03-02T15:00+08:00"),
]


@pytest.mark.parametrize(("wanted", "expected"), CASES)
def test_waits_in_shanghai(wanted: WaitUntil, expected: str | None) -> None:
    found = resolve(wanted, SHANGHAI, NOW)
    assert found == (None if expected is None else instant(expected))
    assert found is None or found.utcoffset() == timedelta(0)


def test_days_count_from_the_local_day_of_entry() -> None:
    # 2026-03-01 16:30 UTC is the 2nd in Shanghai, at +14 too, and the 1st at -12.
    for name, expected in [
        (SHANGHAI, "2026-03-03T10:00+08:00"),
        ("Pacific/Kiritimati", "2026-03-03T10:00+14:00"),
        ("Etc/GMT+12", "2026-03-02T10:00-12:00"),
    ]:
        found = resolve(spec(day=2, at="10:00"), name, "2026-03-05T00:00Z", entered="2026-03-01T16:30Z")
        assert found == instant(expected)


def test_a_working_day_counts_from_today_and_not_from_the_entry() -> None:
    found = resolve(spec(business_days=1), SHANGHAI, "2025-09-30T23:00+08:00", entered="2025-09-01T10:00+08:00")
    assert found == instant("2025-10-09T00:00+08:00")


@pytest.mark.parametrize(
    ("wanted", "now", "expected"),
    [
        # The skipped half hour of the 29th of March, and the hour that comes twice on the 25th of October.
        (spec(at="02:30"), "2026-03-28T12:00+01:00", "2026-03-29T03:00+02:00"),
        (spec(at="02:30"), "2026-03-29T03:00+02:00", "2026-03-29T03:00+02:00"),
        (spec(at="02:30"), "2026-03-29T03:01+02:00", "2026-03-30T02:30+02:00"),
        (spec(day=2, at="02:30"), "2026-03-28T12:00+01:00", "2026-03-29T03:00+02:00"),
        (spec(at="02:30"), "2026-10-25T02:10+02:00", "2026-10-25T02:30+02:00"),
        (spec(at="02:30"), "2026-10-25T02:10+01:00", "2026-10-26T02:30+01:00"),
        (spec(weekday="sun", at="02:30"), "2026-03-28T12:00+01:00", "2026-03-29T03:00+02:00"),
        # A calendar day is 23 or 25 hours long then.
        (spec(day=2, at="09:00"), "2026-03-28T09:00+01:00", "2026-03-29T07:00Z"),
        (spec(day=2, at="09:00"), "2026-10-24T09:00+02:00", "2026-10-25T08:00Z"),
        # Leap days.
        (spec(day=2), "2028-02-28T09:00+01:00", "2028-02-29T00:00+01:00"),
        (spec(day=3), "2028-02-28T09:00+01:00", "2028-03-01T00:00+01:00"),
        (spec(day=2), "2027-02-28T09:00+01:00", "2027-03-01T00:00+01:00"),
        (spec(day=367), "2028-02-28T09:00+01:00", "2029-02-28T00:00+01:00"),
    ],
)
def test_waits_around_clock_changes_and_leap_days(wanted: WaitUntil, now: str, expected: str) -> None:
    assert resolve(wanted, BERLIN, now) == instant(expected)


def test_a_missing_day_ends_at_its_gap() -> None:
    now = "2011-12-29T13:00-10:00"
    assert resolve(spec(at="12:00"), "Pacific/Apia", now) == instant("2011-12-31T00:00+14:00")
    assert resolve(spec(day=2), "Pacific/Apia", now) == instant("2011-12-31T00:00+14:00")
    assert resolve(spec(at="12:00"), "Pacific/Apia", "2011-12-31T00:00+14:00") == instant("2011-12-31T00:00+14:00")


def test_one_wait_lasts_the_same_wall_time_for_zones_apart() -> None:
    found = {
        name: resolve(spec(weekday="mon", at="09:00"), name, "2026-01-01T00:00Z")
        for name in ("Pacific/Kiritimati", "UTC", "Etc/GMT+12")
    }
    assert found["Pacific/Kiritimati"] == instant("2026-01-04T19:00Z")
    assert found["UTC"] == instant("2026-01-05T09:00Z")
    assert found["Etc/GMT+12"] == instant("2026-01-05T21:00Z")


# Properties


@st.composite
def weekdays(draw: st.DrawFn) -> frozenset[int]:
    return draw(st.frozensets(st.integers(0, 6), min_size=1))


@st.composite
def floating(draw: st.DrawFn) -> WaitUntil:
    """Draw a wait without day, date or count: a next occurrence."""
    return WaitUntil(
        at=draw(st.none() | minutes_of_day()),
        weekday=draw(st.none() | weekdays()),
        calendar=draw(st.sampled_from([None, None, "CN", "DE"])),
    )


@st.composite
def anchored(draw: st.DrawFn, tz: ZoneInfo) -> WaitUntil:
    """Draw a wait with at least one of day, date and count."""
    when: datetime | date | None = draw(
        st.none()
        | moments(tz)
        | moments(tz).map(lambda at: local_day(at, tz))
        | moments(tz).map(lambda at: shows(at, tz))
    )
    wanted = WaitUntil(
        day=draw(st.none() | st.integers(1, 400)),
        date=when,
        business_days=draw(st.none() | st.integers(0, 30)),
        offset=draw(st.none() | st.integers(-2000, 2000).map(lambda hours: hours * HOUR)),
        at=draw(st.none() | minutes_of_day()),
        weekday=draw(st.none() | weekdays()),
        calendar=draw(st.sampled_from([None, "CN", "DE"])),
    )
    assume(wanted.day is not None or wanted.date is not None or wanted.business_days is not None)
    return wanted


def in_a_gap(day: date, at: time, tz: ZoneInfo) -> bool:
    return shows(resolve_local(day, at, tz), tz) != datetime.combine(day, at)


@given(zoned_moments(), floating())
def test_a_next_occurrence_is_never_past_and_fits(drawn: tuple[ZoneInfo, datetime], wanted: WaitUntil) -> None:
    tz, now = drawn
    found = resolve_wait(wanted, now=now, entered=now, tz=tz)
    assume(found is not None)
    assert found is not None
    assert found >= now
    wall = shows(found, tz)
    if wanted.at is None and wanted.weekday is None:
        assert found == now or wall.time() == time(0) or in_a_gap(wall.date(), time(0), tz)
    elif wall.time() != (wanted.at or time(0)):
        days = (wall.date(), wall.date() - timedelta(days=1))
        assert any(in_a_gap(day, wanted.at or time(0), tz) for day in days)
        return
    assert wanted.weekday is None or wall.weekday() in wanted.weekday
    assert wanted.calendar is None or is_working_day(wall.date(), wanted.calendar)


@given(zoned_moments(), floating(), st.integers(0, 20_000))
def test_a_next_occurrence_stays_the_same_until_it_comes(
    drawn: tuple[ZoneInfo, datetime], wanted: WaitUntil, minutes: int
) -> None:
    tz, now = drawn
    found = resolve_wait(wanted, now=now, entered=now, tz=tz)
    assume(found is not None)
    assert found is not None
    # Reckoned again when it comes, it is the same; reckoned later, it is never earlier.
    assert resolve_wait(wanted, now=found, entered=now, tz=tz) == found
    later = now + minutes * MINUTE
    again = resolve_wait(wanted, now=later, entered=now, tz=tz)
    assert again is not None
    assert again >= found
    assert (again == found) == (later <= found)


@given(st.data(), zones())
def test_days_and_dates_do_not_depend_on_now(data: st.DataObject, tz: ZoneInfo) -> None:
    entered = data.draw(moments(tz))
    wanted = data.draw(anchored(tz))
    assume(wanted.business_days is None)
    one = resolve_wait(wanted, now=entered, entered=entered, tz=tz)
    two = resolve_wait(wanted, now=entered + data.draw(st.integers(0, 500)) * HOUR, entered=entered, tz=tz)
    assert one == two


@given(st.data(), zones())
def test_what_is_asked_for_has_come_when_the_wait_is_over(data: st.DataObject, tz: ZoneInfo) -> None:
    entered = data.draw(moments(tz))
    wanted = data.draw(anchored(tz))
    now = entered + data.draw(st.integers(0, 500)) * HOUR
    found = resolve_wait(wanted, now=now, entered=entered, tz=tz)
    if found is None:
        assert wanted.weekday is not None
        assert wanted.calendar is not None
        return
    today = local_day(found, tz)
    if wanted.day is not None:
        assert today >= local_day(entered, tz) + timedelta(days=wanted.day - 1)
    if wanted.business_days is not None:
        assert today >= add_working_days(local_day(now, tz), wanted.business_days, wanted.calendar or "CN")
    if isinstance(wanted.date, datetime) and wanted.date.tzinfo is not None and wanted.at is None:
        assert found >= wanted.date + (wanted.offset or timedelta(0))


@given(st.data(), zones())
def test_a_single_day_is_hit_exactly(data: st.DataObject, tz: ZoneInfo) -> None:
    entered = data.draw(moments(tz))
    n = data.draw(st.integers(1, 800))
    at = data.draw(minutes_of_day())
    found = resolve_wait(WaitUntil(day=n, at=at), now=entered, entered=entered, tz=tz)
    day = local_day(entered, tz) + timedelta(days=n - 1)
    assert found == resolve_local(day, at, tz)
    assert in_a_gap(day, at, tz) or shows(found, tz) == datetime.combine(day, at)


@given(
    st.one_of(st.dates(), st.datetimes(), st.datetimes(timezones=st.just(UTC))),
    st.none() | st.timedeltas(-timedelta(days=36_525), timedelta(days=36_525)),
    st.none() | st.times(),
    st.none() | st.frozensets(st.integers(0, 6)),
    st.none() | st.integers(1, 10**9),
    zones(),
)
def test_no_wait_raises(
    when: date,
    offset: timedelta | None,
    at: time | None,
    weekday: frozenset[int] | None,
    day: int | None,
    tz: ZoneInfo,
) -> None:
    wanted = WaitUntil(date=when, offset=offset, at=at, weekday=weekday, day=day)
    now = instant("2026-03-02T15:00Z")
    found = resolve_wait(wanted, now=now, entered=now, tz=tz)
    # No day is listed, or the calendar ends before one comes.
    assert found is not None or weekday == frozenset() or (weekday is not None and (day or 0) > 2_000_000)
    assert found is None or found.utcoffset() == timedelta(0)
