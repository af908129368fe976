"""When a wait for a day, a date or a time of day is over."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from engine.civil.calendars import add_working_days, is_working_day
from engine.civil.local import MIDNIGHT, local_day, resolve_local, shift_day
from engine.civil.moments import Moment, as_day, as_instant, shift_instant, split_offset

WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
"""The short names of weekdays; the place of each is its number in ``WaitUntil.weekday``."""

_DEFAULT_CALENDAR: Final = "CN"
_HORIZON_DAYS: Final = 5 * 366


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitUntil:
    """What a wait asks for; whatever is given must hold together.

    ``date`` is read from its attribute already; ``date_missing`` says that it was asked for and is not there.
    """

    day: int | None = None
    weekday: frozenset[int] | None = None
    at: time | None = None
    date: Moment | None = None
    date_missing: bool = False
    offset: timedelta | None = None
    business_days: int | None = None
    calendar: str | None = None


def resolve_wait(spec: WaitUntil, *, now: datetime, entered: datetime, tz: ZoneInfo) -> datetime | None:
    """Find the first instant that satisfies all that a wait asks for.

    Shape: an instant before ``now`` is past. ``None`` when there is no such instant: the date is missing, or no day
    fits. Without day, date or working days it is the next occurrence, never before ``now``.
    """
    if spec.date_missing:
        return None
    if spec.day is None and spec.date is None and spec.business_days is None:
        return _next_occurrence(spec, now, tz)
    instants: list[datetime | None] = []
    if spec.day is not None:
        instants.append(_land(spec, shift_day(local_day(entered, tz), spec.day - 1), tz))
    if spec.business_days is not None:
        calendar = spec.calendar or _DEFAULT_CALENDAR
        instants.append(_land(spec, add_working_days(local_day(now, tz), spec.business_days, calendar), tz))
    if spec.date is not None:
        instants.append(_from_date(spec, spec.date, tz))
    if len(instants) == 1:
        return instants[0]
    found = [instant for instant in instants if instant is not None]
    return max(found) if len(found) == len(instants) else None


def date_trigger_instant(
    value: Moment | None, offset: timedelta | None, at: time | None, tz: ZoneInfo
) -> datetime | None:
    """Find the instant that lies ``offset`` from a date; ``None`` without a date.

    Shape: an instant without ``at`` is taken exactly and shifted by exact time. Otherwise its local date is taken:
    whole days shift the date, and ``at`` (00:00 when absent) is its local time; any other offset shifts the result.
    """
    return None if value is None else _from_date(WaitUntil(date=value, offset=offset, at=at), value, tz)


def _from_date(spec: WaitUntil, value: Moment, tz: ZoneInfo) -> datetime | None:
    if isinstance(value, datetime) and spec.at is None:
        return _not_before(spec, shift_instant(as_instant(value, tz), spec.offset or timedelta(0)), tz)
    days, length = split_offset(spec.offset)
    instant = _land(spec, shift_day(as_day(value, tz), days), tz)
    return instant if instant is None or length is None else shift_instant(instant, length)


def _land(spec: WaitUntil, day: date, tz: ZoneInfo) -> datetime | None:
    """Take the first day from this one on that fits, at the local time asked for."""
    fit = _fitting(spec, day)
    return None if fit is None else resolve_local(fit, spec.at or MIDNIGHT, tz)


def _not_before(spec: WaitUntil, instant: datetime, tz: ZoneInfo) -> datetime | None:
    """Take an exact instant if its local day fits, else the start of the next day that does."""
    day = local_day(instant, tz)
    return instant if _fitting(spec, day) == day else _land(spec, shift_day(day, 1), tz)


def _next_occurrence(spec: WaitUntil, now: datetime, tz: ZoneInfo) -> datetime | None:
    if spec.at is None and spec.weekday is None:
        return _not_before(spec, now.astimezone(UTC), tz)
    # From the day before: a gap over midnight can push yesterday's time into today.
    day = _fitting(spec, shift_day(local_day(now, tz), -1))
    while day is not None:
        instant = resolve_local(day, spec.at or MIDNIGHT, tz)
        if instant >= now:
            return instant
        day = _fitting(spec, shift_day(day, 1))
    return None


def _fitting(spec: WaitUntil, day: date) -> date | None:
    calendar = spec.calendar if spec.business_days is None else None
    if spec.weekday is None and calendar is None:
        return day
    return _first_fitting(day, spec.weekday, calendar)


@lru_cache(maxsize=16_384)
def _first_fitting(day: date, weekday: frozenset[int] | None, calendar: str | None) -> date | None:
    for count in range(_HORIZON_DAYS):
        candidate = shift_day(day, count)
        if (weekday is None or candidate.weekday() in weekday) and (
            calendar is None or is_working_day(candidate, calendar)
        ):
            return candidate
    return None
