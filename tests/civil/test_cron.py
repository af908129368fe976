from datetime import datetime, time
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.civil import check_cron, next_cron, next_daily
from tests.civil.worlds import HOUR, instant, minutes_of_day, shows, zoned_moments


@pytest.mark.parametrize(
    ("expr", "after", "expected"),
    [
        ("0 9 * * mon", "2026-03-02T09:00+01:00", "2026-03-09T09:00+01:00"),  # strictly later
        ("0 9 * * mon", "2026-03-02T08:59:59+01:00", "2026-03-02T09:00+01:00"),
        ("0 9 * * 1", "2026-03-23T12:00+01:00", "2026-03-30T09:00+02:00"),
        ("30 2 * * *", "2026-03-28T12:00+01:00", "2026-03-29T03:00+02:00"),  # skipped: the first instant after
        ("30 2 * * *", "2026-03-29T03:00+02:00", "2026-03-30T02:30+02:00"),
        ("30 2 * * *", "2026-10-24T12:00+02:00", "2026-10-25T02:30+02:00"),  # twice: the first
        ("30 2 * * *", "2026-10-25T02:30+02:00", "2026-10-26T02:30+01:00"),
        ("45 2 * * *", "2026-10-25T02:30+01:00", "2026-10-26T02:45+01:00"),  # asked in the second passing
        ("*/20 2 * * *", "2026-03-29T00:00+01:00", "2026-03-29T03:00+02:00"),
        ("*/20 2 * * *", "2026-10-25T02:40+02:00", "2026-10-26T02:00+01:00"),
        ("0 * * * *", "2026-10-25T02:00+02:00", "2026-10-25T02:00+01:00"),  # every hour is an hour apart
        ("0 0-23 * * *", "2026-10-25T02:00+02:00", "2026-10-25T02:00+01:00"),
        ("0 * * * *", "2026-03-29T01:00+01:00", "2026-03-29T03:00+02:00"),
        ("0 0 29 2 *", "2026-01-01T00:00+01:00", "2028-02-29T00:00+01:00"),
        ("0 0 L * *", "2028-02-01T00:00+01:00", "2028-02-29T00:00+01:00"),
        ("0 0 1 1 *", "2026-01-01T00:00+01:00", "2027-01-01T00:00+01:00"),
        ("0 12 13 * fri", "2026-03-01T00:00+01:00", "2026-03-06T12:00+01:00"),  # either day, as cron has it
    ],
)
def test_the_next_time_in_berlin(expr: str, after: str, expected: str) -> None:
    assert next_cron(expr, ZoneInfo("Europe/Berlin"), instant(after)) == instant(expected)


def test_midnight_that_does_not_exist() -> None:
    beirut = ZoneInfo("Asia/Beirut")
    assert next_cron("0 0 * * *", beirut, instant("2026-03-28T12:00Z")) == instant("2026-03-28T22:00Z")
    assert next_cron("0 0 * * *", beirut, instant("2026-03-28T22:00Z")) == instant("2026-03-29T21:00Z")


@given(zoned_moments(), minutes_of_day())
def test_a_daily_expression_is_the_daily_time(drawn: tuple[ZoneInfo, datetime], at: time) -> None:
    tz, after = drawn
    assert next_cron(f"{at.minute} {at.hour} * * *", tz, after) == next_daily(at, tz, after)


@given(zoned_moments(), st.integers(0, 59))
def test_an_hourly_expression_leaves_no_hour_out(drawn: tuple[ZoneInfo, datetime], minute: int) -> None:
    tz, after = drawn
    for _ in range(5):
        found = next_cron(f"{minute} * * * *", tz, after)
        assert found is not None
        assert after < found <= after + 1.5 * HOUR
        assert shows(found, tz).minute == minute
        after = found


@given(
    zoned_moments(),
    st.sampled_from(["*/7 * * * *", "0 */2 * * *", "15,45 0-3 * * *", "*/30 1-3 * * sun", "0 0 1,15 * *", "5 * * * 0"]),
)
def test_times_come_in_order_and_each_once(drawn: tuple[ZoneInfo, datetime], expr: str) -> None:
    tz, after = drawn
    times = [after]
    for _ in range(12):
        found = next_cron(expr, tz, times[-1])
        assert found is not None
        times.append(found)
    assert times == sorted(set(times))
    halfway = times[3] + (times[4] - times[3]) / 2
    assert next_cron(expr, tz, halfway) == times[4]


@pytest.mark.parametrize("expr", ["0 9 * * *", "*/5 8-18 * * mon-fri", "0 9 1 jan,jul *", "0 9 * * 5L", "0 9 LW * *"])
def test_good_expressions(expr: str) -> None:
    assert check_cron(expr) is None


@pytest.mark.parametrize(
    ("expr", "word"),
    [
        ("", "five"),
        ("@daily", "five"),
        ("0 9 * *", "five"),
        ("0 0 9 * * *", "five"),
        ("60 9 * * *", "minute"),
        ("0 24 * * *", "hour"),
        ("0 9 0 * *", "day-of-month"),
        ("0 9 31 4,6 *", "day-of-month"),
        ("0 9 30 2 *", "day-of-month"),
        ("0 9 * 13 *", "month"),
        ("0 9 * * 8", "day-of-week"),
        ("*/0 9 * * *", "minute"),
        ("0 9-8 * * *", "hour"),
        ("0 \u0669 * * *", "hour"),
    ],
)
def test_bad_expressions_are_explained(expr: str, word: str) -> None:
    fault = check_cron(expr)
    assert fault is not None
    assert word in fault
    with pytest.raises(ValueError, match=r"cron expression|field"):
        next_cron(expr, ZoneInfo("UTC"), instant("2026-01-01T00:00Z"))


@given(st.text(), st.text(alphabet="0123456789*/-,L#W MONSUNJA", max_size=30))
def test_no_text_raises(anything: str, alike: str) -> None:
    for expr in (anything, alike):
        fault = check_cron(expr)
        assert fault is None or len(fault) > 10
