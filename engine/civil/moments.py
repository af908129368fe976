"""Dates and instants as people store them in attributes, and how they are read."""

import re
from datetime import UTC, date, datetime, timedelta
from typing import Final, TypeAlias
from zoneinfo import ZoneInfo

from engine.civil.local import FIRST_DAY, LAST_DAY, MIDNIGHT, local_day, resolve_local

Moment: TypeAlias = datetime | date
"""An aware instant, a naive local time of the contact's zone, or a calendar date."""

_ONE_DAY: Final = timedelta(days=1)
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIME: Final = re.compile(
    _DATE.pattern + r"[T ](?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:\.[0-9]{1,9})?)?"
    r"(?:Z|[+-][0-9]{2}(?::?[0-9]{2})?)?"
)


def parse_moment(value: object) -> Moment | None:
    """Read an attribute as an instant, a calendar date or a local time.

    Shape: ISO text with an offset is an aware instant in UTC; ``YYYY-MM-DD`` a date; a date with a time but no
    offset a naive ``datetime``, meant in the contact's zone. Anything else, numbers too, is ``None``.
    """
    try:
        if isinstance(value, str):
            value = _parse_text(value)
        if isinstance(value, datetime):
            return value if value.tzinfo is None else value.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return value if isinstance(value, date) else None


def _parse_text(text: str) -> Moment | None:
    if _DATE.fullmatch(text):
        return date.fromisoformat(text)
    return datetime.fromisoformat(text) if _TIME.fullmatch(text) else None


def shift_instant(instant: datetime, offset: timedelta) -> datetime:
    """Add a length of time to an instant, stopping at the ends of the calendar."""
    earliest = datetime.combine(FIRST_DAY, MIDNIGHT, tzinfo=UTC)
    latest = datetime.combine(LAST_DAY, MIDNIGHT, tzinfo=UTC)
    try:
        return min(max(instant + offset, earliest), latest)
    except OverflowError:
        return latest if offset > timedelta(0) else earliest


def as_day(value: Moment, tz: ZoneInfo) -> date:
    """Take the local date of a moment."""
    if not isinstance(value, datetime):
        return value
    return value.date() if value.tzinfo is None else local_day(value, tz)


def as_instant(value: datetime, tz: ZoneInfo) -> datetime:
    """Take the instant of a moment that has a time."""
    return resolve_local(value.date(), value.time(), tz) if value.tzinfo is None else value.astimezone(UTC)


def split_offset(offset: timedelta | None) -> tuple[int, timedelta | None]:
    """Part an offset into calendar days, when it is whole days, or else a length of time."""
    if offset is None:
        return 0, None
    days, rest = divmod(offset, _ONE_DAY)
    return (0, offset) if rest else (days, None)
