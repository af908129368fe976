"""Zones with all kinds of clock changes, instants beside those changes, and a slow reading of local time."""

from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

NAMES = (
    "UTC",
    "Asia/Shanghai",
    "Asia/Kathmandu",
    "Europe/Berlin",
    "Europe/Dublin",
    "America/New_York",
    "America/St_Johns",
    "America/Havana",
    "America/Santiago",
    "America/Nuuk",
    "Africa/Cairo",
    "Africa/Casablanca",
    "Asia/Beirut",
    "Asia/Gaza",
    "Asia/Tehran",
    "Atlantic/Azores",
    "Australia/Lord_Howe",
    "Antarctica/Troll",
    "Pacific/Chatham",
    "Pacific/Apia",
    "Pacific/Kiritimati",
    "Etc/GMT+12",
)

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


def instant(text: str) -> datetime:
    """Read an ISO instant."""
    found = datetime.fromisoformat(text)
    assert found.tzinfo is not None
    return found.astimezone(UTC)


@cache
def changes(name: str) -> tuple[datetime, ...]:
    """List the instants of 2010 to 2030 at which the zone's clock changes, to the minute."""
    tz = ZoneInfo(name)
    found: list[datetime] = []
    at = instant("2010-01-01T00:00Z")
    while at < instant("2031-01-01T00:00Z"):
        then = at + 12 * HOUR
        if at.astimezone(tz).utcoffset() != then.astimezone(tz).utcoffset():
            found.append(_narrow(at, then, tz))
        at = then
    return tuple(found)


def _narrow(early: datetime, late: datetime, tz: ZoneInfo) -> datetime:
    before = early.astimezone(tz).utcoffset()
    while late - early > MINUTE:
        middle = early + (late - early) // 2 // MINUTE * MINUTE
        if middle.astimezone(tz).utcoffset() == before:
            early = middle
        else:
            late = middle
    return late


def shows(at: datetime, tz: ZoneInfo) -> datetime:
    """Read the wall clock at an instant, as a naive local time."""
    return at.astimezone(tz).replace(tzinfo=None, fold=0)


def first_showing(day: date, at: time, tz: ZoneInfo) -> datetime:
    """Walk minute by minute to the first instant at which the clock shows this time of this day, or more."""
    wall = datetime.combine(day, at)
    now = wall.replace(tzinfo=UTC) - 15 * HOUR
    assert shows(now, tz) < wall
    while shows(now, tz) < wall:
        now += MINUTE
    return now


def zones() -> st.SearchStrategy[ZoneInfo]:
    """Draw a zone."""
    return st.sampled_from(NAMES).map(ZoneInfo)


def minutes_of_day() -> st.SearchStrategy[time]:
    """Draw a local time, often near midnight or in the hours in which clocks change."""
    small_hours = st.integers(0, 240)
    return st.one_of(small_hours, st.integers(0, 1439)).map(lambda minute: time(minute // 60, minute % 60))


@st.composite
def moments(draw: st.DrawFn, tz: ZoneInfo) -> datetime:
    """Draw an instant to the minute, mostly within two days of a clock change, a midnight or a leap day."""
    anchors = [
        *changes(tz.key),
        instant("2024-02-29T12:00Z"),
        instant("2028-02-29T00:00Z"),
        instant("2025-12-31T23:59Z"),
    ]
    return draw(st.sampled_from(anchors)) + draw(st.integers(-2880, 2880)) * MINUTE


def zoned_moments() -> st.SearchStrategy[tuple[ZoneInfo, datetime]]:
    """Draw a zone and an instant beside one of its changes."""
    return zones().flatmap(lambda tz: st.tuples(st.just(tz), moments(tz)))
