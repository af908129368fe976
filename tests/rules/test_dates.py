"""Dates and instants in attributes: what is read, what is not."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.rules.compare import fold
from engine.rules.dates import date_micros
from engine.terms import to_micros


@given(st.dates(date(1000, 1, 1)))
def test_every_day_is_read_as_its_midnight_in_utc(day: date) -> None:
    assert date_micros(day.isoformat()) == to_micros(datetime(day.year, day.month, day.day, tzinfo=UTC))


@given(
    st.datetimes(datetime.fromisoformat("1001-01-01"), datetime.fromisoformat("9998-01-01")),
    st.integers(-15 * 60, 15 * 60),
    st.sampled_from(("T", "t", " ")),
)
def test_every_instant_is_read(local: datetime, offset: int, between: str) -> None:
    hours, minutes = divmod(abs(offset), 60)
    written = f"{local.isoformat(sep=between)}{'-' if offset < 0 else '+'}{hours:02d}:{minutes:02d}"
    assert date_micros(written) == to_micros(local.replace(tzinfo=UTC) - timedelta(minutes=offset))
    assert date_micros(fold(written)) == date_micros(written)


@given(st.integers(0, 9999), st.integers(0, 19), st.integers(0, 39))
def test_days_that_do_not_exist_are_not_read(year: int, month: int, day: int) -> None:
    written = f"{year:04d}-{month:02d}-{day:02d}"
    try:
        exists = date.fromisoformat(written).year >= 1000
    except ValueError:
        exists = False
    assert (date_micros(written) is not None) is exists


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "soon",
            "2026",
            "2026-03",
            "20260301",
            "2026-W10-1",
            "2026-3-1",
            " 2026-03-01",
            "2026-03-01 ",
            "2026-03-01\n",
        ),
        *("2026-03-01T", "2026-03-01T09:00", "2026-03-01T09:00:00", "2026-03-01T24:00Z", "2026-03-01T09:60Z"),
        *("2026-03-01T09:00:60Z", "2026-03-01T09:00:00+16:00", "2026-03-01T09:00:00.Z", "2026-03-01T09:00:00,5Z"),
        *(
            "2026-03-01Z",
            "2026-03-01T09:00:00ZZ",
            "\N{FULLWIDTH DIGIT TWO}026-03-01",
            "0999-12-31",
            "-2026-03-01",
            "2026-03-01T09Z",
        ),
    ],
)
def test_anything_else_is_no_date(text: str) -> None:
    assert date_micros(text) is None


def test_what_is_finer_than_a_microsecond_is_dropped() -> None:
    assert date_micros("1970-01-01T00:00:00.0000019Z") == 1
    assert date_micros("1970-01-01T00:00:01.999999999Z") == 1_999_999
