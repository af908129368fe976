"""Over which time pages count: where a period begins."""

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from typing import Final

from engine.api import workspaces
from engine.civil.local import MIDNIGHT, local_day, resolve_local
from engine.civil.zones import effective_zone
from engine.terms import HOUR, Micros, length_micros, to_micros
from engine.wiring import Wiring


class Period(StrEnum):
    """Over which time is counted: the workspace's day, so much time up to now, or ever."""

    TODAY = "today"
    DAY = "24h"
    WEEK = "7d"
    MONTH = "30d"
    EVER = "all"


_LENGTHS: Final[Mapping[Period, timedelta]] = {
    Period.DAY: timedelta(days=1),
    Period.WEEK: timedelta(days=7),
    Period.MONTH: timedelta(days=30),
}


def begin_of(wiring: Wiring, period: Period) -> Micros:
    """Tell where a period begins: at a full hour, as passages are counted by the hour."""
    now = wiring.clock.now()
    if period is Period.EVER:
        return 0
    if period is Period.TODAY:
        tz = effective_zone(workspaces.read_workspace(wiring).timezone)
        began = to_micros(resolve_local(local_day(now, tz), MIDNIGHT, tz))
    else:
        began = wiring.clock.micros() - length_micros(_LENGTHS[period])
    return began - began % HOUR
