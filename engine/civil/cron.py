"""Cron expressions of five fields, read by the library ``cronsim``, in local time."""

from datetime import UTC, datetime
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from engine.civil.local import resolve_local

_FIELDS: Final = ("minute", "hour", "day-of-month", "month", "day-of-week")
_HOUR: Final = 1
_EVERY_HOUR: Final = set(range(24))
_SOME_DAY: Final = datetime(2000, 1, 1, tzinfo=UTC)


@lru_cache(maxsize=1024)
def check_cron(expr: str) -> str | None:
    """Say what is wrong with a cron expression; ``None`` when it can be used."""
    fields = expr.split()
    if len(fields) != len(_FIELDS):
        return (
            f"{expr!r} has {len(fields)} fields; a cron expression has five: "
            "minute, hour, day of month, month, day of week"
        )
    try:
        next(CronSim(expr, _SOME_DAY))
    except StopIteration:
        return f"{expr!r} names a day that never comes"
    except (CronSimError, ValueError, AssertionError, OverflowError) as fault:
        return _explain(expr, fields, str(fault))
    return None


def _explain(expr: str, fields: list[str], fault: str) -> str:
    for name, field in zip(_FIELDS, fields, strict=True):
        if fault == f"Bad {name}":
            return f"the {name} field {field!r} of {expr!r} is not valid, or names a day that never comes"
    return f"{expr!r} is not a cron expression; write it like '0 9 * * mon-fri'"


def next_cron(expr: str, tz: ZoneInfo, after: datetime) -> datetime | None:
    """Find the next instant of a cron expression, later than the given one; ``None`` if it never comes.

    Shape: fields are local times: one in a gap fires at the first instant after it, one that occurs twice only the
    first time. With every hour asked for it follows elapsed time instead, so that no hour is left out.
    Errors: ``ValueError`` for an expression that ``check_cron`` refuses.
    """
    if (fault := check_cron(expr)) is not None:
        raise ValueError(fault)
    wall = after.astimezone(tz)
    walls = CronSim(expr, wall.replace(tzinfo=None))
    if walls.hours >= _EVERY_HOUR:
        fields = expr.split()
        fields[_HOUR] = "*"
        instants = (moment.astimezone(UTC) for moment in CronSim(" ".join(fields), wall))
    else:
        instants = (resolve_local(moment.date(), moment.time(), tz) for moment in walls)
    return next((instant for instant in instants if instant > after), None)
