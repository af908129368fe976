"""Working days. The schedules of China are those that its State Council published for the year."""

from collections.abc import Iterator
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.civil import add_working_days, is_working_day, known_calendar
from engine.civil.calendars import works

# Year: days off, and weekend days that are worked.
CHINA = {
    2024: (
        ("01-01", "02-10..02-17", "04-04..04-06", "05-01..05-05", "06-10", "09-15..09-17", "10-01..10-07"),
        ("02-04", "02-18", "04-07", "04-28", "05-11", "09-14", "09-29", "10-12"),
    ),
    2025: (
        ("01-01", "01-28..02-04", "04-04..04-06", "05-01..05-05", "05-31..06-02", "10-01..10-08"),
        ("01-26", "02-08", "04-27", "09-28", "10-11"),
    ),
    2026: (
        (
            "01-01..01-03",
            "02-15..02-23",
            "04-04..04-06",
            "05-01..05-05",
            "06-19..06-21",
            "09-25..09-27",
            "10-01..10-07",
        ),
        ("01-04", "02-14", "02-28", "05-09", "09-20", "10-10"),
    ),
}


def days(year: int, spans: tuple[str, ...]) -> Iterator[date]:
    for span in spans:
        first, _, last = span.partition("..")
        day = date.fromisoformat(f"{year}-{first}")
        while day <= date.fromisoformat(f"{year}-{last or first}"):
            yield day
            day += timedelta(days=1)


@pytest.mark.parametrize("year", CHINA)
def test_every_day_of_the_published_years_of_china(year: int) -> None:
    off, moved = (set(days(year, spans)) for spans in CHINA[year])
    for day in days(year, ("01-01..12-31",)):
        expected = day not in off and (day in moved or day.weekday() < 5)
        assert is_working_day(day, "CN") == expected, day


def test_a_year_without_a_schedule_yet_has_its_fixed_holidays() -> None:
    assert not is_working_day(date(2040, 10, 1), "CN")
    assert is_working_day(date(2040, 10, 10), "CN")
    assert not is_working_day(date(2040, 10, 13), "CN")


class Listed:
    """A country in which the 3rd of January 2026, a Saturday, is listed as a holiday and as a working day."""

    def __init__(self) -> None:
        self.weekend_workdays = {date(2026, 1, 3), date(2026, 1, 4)}

    def __contains__(self, day: object, /) -> bool:
        return day in {date(2026, 1, 1), date(2026, 1, 3)}

    def is_weekend(self, key: date) -> bool:
        return key.weekday() >= 5


@pytest.mark.parametrize(
    ("day", "worked"),
    [
        (date(2026, 1, 1), False),  # a holiday on a Thursday
        (date(2026, 1, 2), True),  # a Friday
        (date(2026, 1, 3), False),  # listed twice: the holiday holds
        (date(2026, 1, 4), True),  # a Sunday that is worked
        (date(2026, 1, 10), False),  # a Saturday
    ],
)
def test_a_holiday_beats_a_moved_day_which_beats_the_weekday(day: date, worked: bool) -> None:
    assert works(day, Listed()) == worked


def test_a_day_that_china_listed_twice_was_a_holiday() -> None:
    # 2020-02-01: first a working Saturday, then part of the prolonged Spring Festival.
    assert not is_working_day(date(2020, 2, 1), "CN")
    assert is_working_day(date(2020, 1, 19), "CN")


@pytest.mark.parametrize(
    ("calendar", "day", "worked"),
    [
        ("US", date(2026, 7, 3), False),  # Independence Day, a Saturday, is kept on Friday
        ("US", date(2026, 11, 26), False),
        ("GB", date(2026, 12, 28), False),  # Boxing Day, a Saturday, is kept on Monday
        ("DE", date(2026, 6, 4), True),
        ("DE-BY", date(2026, 6, 4), False),  # Corpus Christi
        ("JP", date(2026, 5, 6), False),
        ("CN", date(2026, 7, 3), True),
        ("SA", date(2026, 7, 3), False),  # a Friday, which is the weekend there
        ("SA", date(2026, 7, 5), True),
    ],
)
def test_other_countries(calendar: str, day: date, worked: bool) -> None:
    assert is_working_day(day, calendar) == worked


@pytest.mark.parametrize(
    ("day", "n", "expected"),
    [
        ("2025-09-26", 0, "2025-09-26"),
        ("2025-09-26", 1, "2025-09-28"),  # a Sunday, worked
        ("2025-09-26", 3, "2025-09-30"),
        ("2025-09-30", 1, "2025-10-09"),
        ("2025-10-01", 0, "2025-10-09"),
        ("2025-10-01", 1, "2025-10-09"),
        ("2025-10-09", 2, "2025-10-11"),  # a Saturday, worked
        ("2025-10-10", 2, "2025-10-13"),
        ("2025-12-31", 1, "2026-01-04"),  # into the next year, on a worked Sunday
        ("2026-02-13", 2, "2026-02-24"),
        ("2026-02-24", -1, "2026-02-14"),
        ("2026-01-04", -2, "2025-12-30"),
        ("2028-02-28", 1, "2028-02-29"),
        ("2028-02-28", 2, "2028-03-01"),
    ],
)
def test_counting_working_days_in_china(day: str, n: int, expected: str) -> None:
    assert add_working_days(date.fromisoformat(day), n, "CN") == date.fromisoformat(expected)


@given(
    st.dates(date(2010, 1, 1), date(2027, 12, 31)), st.integers(0, 300), st.sampled_from(["CN", "US", "SA", "DE-BY"])
)
def test_so_many_working_days_lie_between(day: date, n: int, calendar: str) -> None:
    found = add_working_days(day, n, calendar)
    assert is_working_day(found, calendar)
    between = [day + timedelta(days=count + 1) for count in range((found - day).days)]
    if n > 0:
        assert sum(is_working_day(each, calendar) for each in between) == n
        if is_working_day(day, calendar):
            assert add_working_days(found, -n, calendar) == day
    else:
        assert found == day or (not is_working_day(day, calendar) and found == add_working_days(day, 1, calendar))


def test_the_ends_of_the_calendar_hold() -> None:
    assert add_working_days(date.max, 5, "CN") == date(9998, 12, 31)
    assert add_working_days(date.min, -5, "CN") == date(2, 1, 1)
    assert is_working_day(date.max, "CN") is not None


@pytest.mark.parametrize("code", ["CN", "US", "DE", "GB", "JP", "HK", "DE-BY", "US-CA", "GB-SCT"])
def test_known_calendars(code: str) -> None:
    assert known_calendar(code)


@pytest.mark.parametrize("code", ["", "XX", "cn", "CHN", "DE-XX", "DE-", "CN ", "China", "DE-BY-X", "os", "__class__"])
def test_unknown_calendars(code: str) -> None:
    assert not known_calendar(code)
    with pytest.raises(ValueError, match="is not a known calendar"):
        is_working_day(date(2026, 1, 1), code)
