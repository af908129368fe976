"""Civil time: zones, local times, working days, waits, quiet hours and cron, as pure functions.

Instants come in aware (any zone) and go out in UTC. Nothing here reads a clock.
"""

from engine.civil.calendars import add_working_days, is_working_day, known_calendar
from engine.civil.cron import check_cron, next_cron
from engine.civil.local import (
    format_local_time,
    local_day,
    next_daily,
    parse_local_time,
    quiet_until,
    resolve_local,
)
from engine.civil.moments import Moment, parse_moment
from engine.civil.waits import WEEKDAYS, WaitUntil, date_trigger_instant, resolve_wait
from engine.civil.zones import effective_zone, zone

__all__ = [
    "WEEKDAYS",
    "Moment",
    "WaitUntil",
    "add_working_days",
    "check_cron",
    "date_trigger_instant",
    "effective_zone",
    "format_local_time",
    "is_working_day",
    "known_calendar",
    "local_day",
    "next_cron",
    "next_daily",
    "parse_local_time",
    "parse_moment",
    "quiet_until",
    "resolve_local",
    "resolve_wait",
    "zone",
]
