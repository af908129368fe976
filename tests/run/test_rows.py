from datetime import time, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.civil import WaitUntil, effective_zone, quiet_until, resolve_wait
from engine.run.rows import SLOT, quiet_end, target_instant
from engine.terms import DAY, from_micros, parse_instant, to_micros

ZONES = ("Asia/Shanghai", "America/New_York", "Europe/Berlin", "Asia/Kathmandu", "Australia/Lord_Howe", "Africa/Cairo")
BEGIN = to_micros(parse_instant("2026-01-01T00:00:00Z"))

# Mostly near the beginning of a slot, where answers change; Cairo's and New York's clock changes are among the days.
instants = st.builds(
    lambda day, slot, off: BEGIN + day * DAY + slot * SLOT + off,
    st.integers(0, 800),
    st.integers(0, 95),
    st.one_of(st.integers(-2, 2), st.integers(0, SLOT - 1)),
)
clocks = st.times(time(0), time(23, 59)).map(lambda clock: clock.replace(second=0, microsecond=0)) | st.sampled_from(
    (time(0), time(2, 30), time(9), time(21, 7), time(23, 45))
)
weekdays = st.frozensets(st.integers(0, 6), min_size=1)
waits: st.SearchStrategy[dict[str, Any]] = st.one_of(
    st.builds(lambda day, at: {"day": day, "at": at}, st.integers(1, 9), st.none() | clocks),
    st.builds(lambda at, days: {"at": at, "weekday": days}, clocks, st.none() | weekdays),
    st.builds(lambda days, at: {"business_days": days, "at": at}, st.integers(0, 5), st.none() | clocks),
    st.builds(lambda at: {"at": at, "calendar": "CN"}, st.none() | clocks),
)


@given(asked=waits, zone=st.sampled_from(ZONES), now=instants, age=st.integers(0, 9 * DAY))
def test_a_wait_is_over_when_it_is_by_itself(asked: dict[str, Any], zone: str, now: int, age: int) -> None:
    spec, started = WaitUntil(**asked), now - age
    tz = effective_zone(zone, None, "UTC")
    until = resolve_wait(spec, now=from_micros(now), entered=from_micros(started), tz=tz)
    assert target_instant(spec, None, "UTC", zone, now, started) == (None if until is None else to_micros(until))


@given(begins=clocks, ends=clocks, zone=st.sampled_from(ZONES), now=instants)
def test_quiet_hours_end_when_they_do_by_themselves(begins: time, ends: time, zone: str, now: int) -> None:
    until = quiet_until(from_micros(now), begins, ends, effective_zone(zone, None, "UTC"))
    assert quiet_end((begins, ends), None, "UTC", zone, now, now) == (None if until is None else to_micros(until))


@pytest.mark.parametrize("zone", ZONES)
def test_offsets_are_multiples_of_a_slot(zone: str) -> None:
    tz = effective_zone(zone, None, "UTC")
    for day in range(0, 800, 7):
        offset = from_micros(BEGIN + day * DAY).astimezone(tz).utcoffset()
        assert offset is not None
        assert offset % timedelta(microseconds=SLOT) == timedelta(0)
