"""Local times of a day, and the instants they stand for."""

import re
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

FIRST_DAY: Final = date(2, 1, 1)
LAST_DAY: Final = date(9998, 12, 31)
"""Days are held between these two, so that no zone can push an instant out of the calendar."""

MIDNIGHT: Final = time(0)

_SECOND: Final = timedelta(seconds=1)
_HHMM: Final = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])")


def parse_local_time(text: str) -> time:
    """Read a local time ``HH:MM`` from 00:00 to 23:59.

    Errors: ``ValueError`` says how to write it.
    """
    found = _HHMM.fullmatch(text)
    if found is None:
        raise ValueError(f'{text!r} is not a local time; write it as HH:MM from "00:00" to "23:59"')
    return time(int(found[1]), int(found[2]))


def format_local_time(at: time) -> str:
    """Write a local time as ``HH:MM``."""
    return f"{at.hour:02d}:{at.minute:02d}"


def local_day(instant: datetime, tz: ZoneInfo) -> date:
    """Tell the date that the calendar on the wall shows at an instant."""
    try:
        return instant.astimezone(tz).date()
    except OverflowError:
        return instant.date()


def shift_day(day: date, days: int) -> date:
    """Count calendar days from a day, stopping at the ends of the calendar."""
    try:
        shifted = day + timedelta(days)
    except OverflowError:
        return LAST_DAY if days > 0 else FIRST_DAY
    return shifted if FIRST_DAY <= shifted <= LAST_DAY else min(max(shifted, FIRST_DAY), LAST_DAY)


@lru_cache(maxsize=65_536)
def resolve_local(day: date, at: time, tz: ZoneInfo) -> datetime:
    """Find the first instant at which the local clock shows this time of this day, or has just skipped it.

    Shape: a time in a gap gives the first instant after the gap; one that occurs twice, the first of the two.
    """
    wall = datetime.combine(min(max(day, FIRST_DAY), LAST_DAY), at).replace(fold=0)
    first = _offset(wall, tz)
    second = _offset(wall.replace(fold=1), tz)
    if second > first:
        return _end_of_gap(wall, first, second, tz)
    return (wall - first).replace(tzinfo=UTC)


def _offset(wall: datetime, tz: ZoneInfo) -> timedelta:
    return wall.replace(tzinfo=tz).utcoffset() or timedelta(0)


def _end_of_gap(wall: datetime, before: timedelta, after: timedelta, tz: ZoneInfo) -> datetime:
    """Search the instant at which the offset changes; zones change theirs at whole seconds."""
    early = (wall - after).replace(tzinfo=UTC, microsecond=0)
    late = (wall - before).replace(tzinfo=UTC, microsecond=0)
    while late - early > _SECOND:
        middle = early + (late - early) // 2
        middle = middle.replace(microsecond=0)
        if middle.astimezone(tz).utcoffset() == before:
            early = middle
        else:
            late = middle
    return late


def next_daily(at: time, tz: ZoneInfo, after: datetime) -> datetime:
    """Find the next occurrence of a local time, later than the given instant."""
    day = local_day(after, tz)
    while (instant := resolve_local(day, at, tz)) <= after and day < LAST_DAY:
        day = shift_day(day, 1)
    return instant


def quiet_until(now: datetime, from_: time, to: time, tz: ZoneInfo) -> datetime | None:
    """Tell when the quiet hours ``[from_, to)`` that hold now will end; ``None`` when none hold.

    Shape: they may wrap midnight; two equal times mean never quiet. Nothing is quiet at the answer.
    """
    if from_ == to:
        return None
    end = now
    # More than one round only when a gap swallows the whole loud part of a day.
    for _ in range(4):
        local = end.astimezone(tz)
        clock = local.time()
        if not (from_ <= clock < to if from_ < to else clock >= from_ or clock < to):
            break
        end = _end_of_quiet(end, local, to, tz)
    return None if end is now else end


def _end_of_quiet(instant: datetime, local: datetime, to: time, tz: ZoneInfo) -> datetime:
    day = local.date() if local.time() < to else shift_day(local.date(), 1)
    end = resolve_local(day, to, tz)
    if end <= instant:
        # The hour is passing for the second time, and so will its end.
        end = datetime.combine(day, to, tzinfo=tz).replace(fold=1).astimezone(UTC)
    return end
