"""How values of settings are read from JSON. What cannot be read is refused with what to write instead."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, Final, NamedTuple

from pydantic_core import PydanticCustomError

from engine.civil import (
    WEEKDAYS,
    Moment,
    check_cron,
    format_local_time,
    known_calendar,
    parse_local_time,
    parse_moment,
)
from engine.rules.conditions import write_length
from engine.terms import length_micros, parse_duration, parse_instant

_TEMPLATED: Final = re.compile(r"\{[{%]")


class Refused(NamedTuple):
    """What is wrong below a value, where, and how to mend it."""

    path: str
    message: str
    mend: str = ""


def refuse(faults: Iterable[Refused]) -> PydanticCustomError:
    """Make one error of several faults below a value; raise it in a validator."""
    listed = [fault._asdict() for fault in faults]
    return PydanticCustomError("faults", "{reason}", {"reason": listed[0]["message"], "faults": listed})


def wrong(message: str) -> PydanticCustomError:
    """Make the error of a value that cannot be read; the message may hold braces."""
    return PydanticCustomError("value", "{reason}", {"reason": message})


@dataclass(frozen=True)
class FromAttribute:
    """A date that stands in an attribute of the contact."""

    attribute: str


def duration(value: object) -> timedelta:
    """Read a length of time that counts forwards."""
    return _length(value, signed=False)


def offset(value: object) -> timedelta:
    """Read a length of time in either direction."""
    return _length(value, signed=True)


def _length(value: object, *, signed: bool) -> timedelta:
    if isinstance(value, timedelta):
        return value
    if not isinstance(value, str):
        raise wrong('is no duration; write a text like "3d" or "12h"')
    try:
        return parse_duration(value, signed=signed)
    except ValueError as error:
        raise wrong(str(error)) from None


def write_duration(length: timedelta) -> str:
    """Write a length the short way, in its largest whole unit."""
    sign = "-" if length < timedelta(0) else ""
    return sign + write_length(length_micros(abs(length)))


def clock(value: object) -> time:
    """Read a local time."""
    if isinstance(value, time):
        return value
    try:
        return parse_local_time(value if isinstance(value, str) else repr(value))
    except ValueError as error:
        raise wrong(str(error)) from None


def weekdays(value: object) -> frozenset[int]:
    """Read a list of days of the week."""
    if isinstance(value, frozenset):
        return value
    if not isinstance(value, list) or not value:
        raise wrong('weekdays are a list like ["mon", "fri"]')
    unknown = [day for day in value if day not in WEEKDAYS]
    if unknown:
        raise wrong(f"{unknown[0]!r} is no weekday; use mon, tue, wed, thu, fri, sat, sun")
    return frozenset(WEEKDAYS.index(day) for day in value)


def write_weekdays(days: frozenset[int]) -> list[str]:
    """Write days of the week in their order."""
    return [WEEKDAYS[day] for day in sorted(days)]


def text(value: object) -> object:
    """Read a text for people: one string, or one per language."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict) and value and all(isinstance(k, str) and isinstance(v, str) for k, v in value.items()):
        return value
    raise wrong('a text is a string, or an object like {"en": "…", "zh-CN": "…"}')


def day_or_instant(value: object) -> Moment | FromAttribute:
    """Read a calendar date, an instant with its offset, or ``{"attribute": name}``."""
    if isinstance(value, date | FromAttribute):
        return value
    if isinstance(value, dict):
        name = value.get("attribute")
        if set(value) != {"attribute"} or not isinstance(name, str) or not name:
            raise wrong('a date from an attribute is written {"attribute": "name"}')
        return FromAttribute(name)
    moment = parse_moment(value) if isinstance(value, str) else None
    if moment is None:
        raise wrong(f'{value!r} is no date; write "2026-03-01", "2026-03-01T09:00:00+08:00" or {{"attribute": "name"}}')
    if isinstance(moment, datetime) and moment.tzinfo is None:
        raise wrong(f"{value!r} has no offset from UTC; write it like 2026-03-01T09:00:00+08:00")
    return moment


def write_day(value: Moment | FromAttribute) -> Any:
    """Write a date the way it is read."""
    if isinstance(value, FromAttribute):
        return {"attribute": value.attribute}
    return value.isoformat()


def calendar(value: object) -> str:
    """Read the name of a calendar of working days."""
    if isinstance(value, str) and known_calendar(value):
        return value
    raise wrong(f"{value!r} is not a known calendar; use a country code such as CN, US or DE-BY")


def cron(value: object) -> str:
    """Read a cron expression of five fields."""
    if not isinstance(value, str):
        raise wrong("a cron expression is a text like '0 9 * * mon-fri'")
    if (fault := check_cron(value)) is not None:
        raise wrong(fault)
    return value


def is_templated(value: str) -> bool:
    """Tell whether a text has something that is filled in for each contact."""
    return _TEMPLATED.search(value) is not None


def schedule_time(value: object) -> str:
    """Read a daily local time or an instant, and keep it as it is written."""
    if not isinstance(value, str):
        raise wrong('is no time; write "10:00", or an instant like 2026-03-01T09:00:00+08:00')
    try:
        return format_local_time(parse_local_time(value)) if len(value) == len("HH:MM") else _instant(value)
    except ValueError as error:
        raise wrong(str(error)) from None


def _instant(value: str) -> str:
    parse_instant(value)
    return value


def url(value: object) -> str:
    """Read an address to call, which may hold variables."""
    if isinstance(value, str) and (value.startswith(("http://", "https://")) or is_templated(value[:2])):
        return value
    raise wrong(f"{value!r} is no web address; it begins with https:// or http://")
