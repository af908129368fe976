"""Working days of countries, from the library ``holidays``.

A calendar is named by its ISO 3166 country code (``CN``, ``DE``) or with a subdivision (``DE-BY``).
A listed holiday beats a listed working day, which beats the weekday.
"""

import re
from bisect import bisect_left, bisect_right
from datetime import date, timedelta
from functools import lru_cache
from typing import Final, Protocol

import holidays

from engine.civil.local import FIRST_DAY, LAST_DAY

_CODE: Final = re.compile(r"([A-Z]{2})(?:-([A-Z0-9]{1,3}))?")


class Listing(Protocol):
    """What a country publishes: its holidays, the weekend days it works, and its weekend."""

    weekend_workdays: set[date]

    def __contains__(self, day: object, /) -> bool:
        """Tell whether the day is a listed holiday."""

    def is_weekend(self, key: date) -> bool:
        """Tell whether the day falls on the country's weekend."""


def works(day: date, listing: Listing) -> bool:
    """Tell whether a day is worked: not on a holiday, on a moved working day, else by the weekday."""
    if day in listing:
        return False
    return day in listing.weekend_workdays or not listing.is_weekend(day)


@lru_cache(maxsize=1024)
def known_calendar(code: str) -> bool:
    """Tell whether working days are known under this code."""
    found = _CODE.fullmatch(code)
    if found is None:
        return False
    # The library is asked by doing: its list of what it supports leaves out older codes that it takes, such as NZ-CA.
    try:
        holidays.country_holidays(found[1], subdiv=found[2])
    except RuntimeError:  # of that kind is what the library raises for a country or subdivision that it does not have
        return False
    return True


@lru_cache(maxsize=512)
def _working_days(calendar: str, year: int) -> tuple[int, ...]:
    """List a year's working days as ordinals, in order."""
    if not known_calendar(calendar):
        raise ValueError(f"{calendar!r} is not a known calendar; use a country code such as CN, US or DE-BY")
    country, _, subdivision = calendar.partition("-")
    # With its neighbours: a schedule published for one year moves working days of the years beside it.
    listing = holidays.country_holidays(
        country, subdiv=subdivision or None, years=(year - 1, year, year + 1), expand=False
    )
    first = date(year, 1, 1)
    days = (first + timedelta(days=count) for count in range((date(year + 1, 1, 1) - first).days))
    return tuple(day.toordinal() for day in days if works(day, listing))


@lru_cache(maxsize=16_384)
def is_working_day(day: date, calendar: str) -> bool:
    """Tell whether a day is a working day of a calendar.

    Cost: a year is worked out once (milliseconds), then a look-up.
    Errors: ``ValueError`` for an unknown calendar.
    """
    day = min(max(day, FIRST_DAY), LAST_DAY)
    days = _working_days(calendar, day.year)
    place = bisect_left(days, day.toordinal())
    return place < len(days) and days[place] == day.toordinal()


@lru_cache(maxsize=16_384)
def add_working_days(day: date, n: int, calendar: str) -> date:
    """Count ``n`` working days after a day; 0 gives the day itself if it is one, else the next.

    Shape: a negative ``n`` counts before the day; the count stops at the ends of the calendar.
    Errors: ``ValueError`` for an unknown calendar.
    """
    day = min(max(day, FIRST_DAY), LAST_DAY)
    year = day.year
    days = _working_days(calendar, year)
    place = bisect_right(days, day.toordinal()) + n - 1 if n > 0 else bisect_left(days, day.toordinal()) + n
    while place >= len(days):
        if year == LAST_DAY.year:
            return LAST_DAY
        place -= len(days)
        year += 1
        days = _working_days(calendar, year)
    while place < 0:
        if year == FIRST_DAY.year:
            return FIRST_DAY
        year -= 1
        days = _working_days(calendar, year)
        place += len(days)
    return date.fromordinal(days[place])
