"""The simulation's messages as bars: hour by hour on the busiest day, and by contact against the workspace's cap."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final
from zoneinfo import ZoneInfo

from designer.language import Language, mark
from engine.api.trial_runs import Pressure

WIDTH: Final = 264
HEIGHT: Final = 84
FOOT: Final = 16
MOST_BARS: Final = 12
"""Contacts to whom more messages come than this stand in the last bar."""


@dataclass(frozen=True)
class Column:
    """One bar: where it stands, how high it is, and what it says. ``is_over`` marks what is above the cap."""

    x: float
    y: float
    width: float
    height: float
    label: str
    words: str
    is_over: bool = False


@dataclass(frozen=True)
class Bars:
    """One chart. ``note`` says in a sentence what it shows; ``limit`` is where the cap's line stands."""

    title: str
    note: str
    columns: tuple[Column, ...]
    limit: float | None = None
    is_over: bool = False

    @property
    def box(self) -> str:
        """The view box of the drawing."""
        return f"0 0 {WIDTH} {HEIGHT}"


def charts(pressure: Pressure, cap: Mapping[str, Any] | None, language: Language, zone: ZoneInfo) -> tuple[Bars, ...]:
    """Draw what was sent; nothing when nothing was."""
    if not pressure.hours:
        return ()
    return _by_hour(pressure, language, zone), _by_contact(pressure, cap, language)


def _by_hour(pressure: Pressure, language: Language, zone: ZoneInfo) -> Bars:
    local = {at.astimezone(zone): count for at, count in pressure.hours.items()}
    days: dict[date, int] = {}
    for at, count in local.items():
        days[at.date()] = days.get(at.date(), 0) + count
    day = max(days, key=lambda each: (days[each], -each.toordinal()))
    counts = [0] * 24
    for at, count in local.items():
        if at.date() == day:
            counts[at.hour] += count
    labels = [str(hour) if hour % 6 == 0 else "" for hour in range(24)]
    words = [f"{hour:02}:00 · {language.count(count)}" for hour, count in enumerate(counts)]
    peak = max(range(24), key=lambda hour: counts[hour])
    note = language.say(
        mark("%(day)s: %(total)s messages, %(most)s of them from %(hour)s on"),
        day=language.weekday(day),
        total=language.count(days[day]),
        most=language.count(counts[peak]),
        hour=f"{peak:02}:00",
    )
    return Bars(language.say(mark("The busiest day, hour by hour")), note, _columns(counts, labels, words))


def _by_contact(pressure: Pressure, cap: Mapping[str, Any] | None, language: Language) -> Bars:
    top = min(max(pressure.most), MOST_BARS)
    counts = [0] * top
    for messages, contacts in pressure.most.items():
        counts[min(messages, top) - 1] += contacts
    limit = None if cap is None else int(cap["messages"])
    labels = [f"{number}+" if number == MOST_BARS < max(pressure.most) else str(number) for number in range(1, top + 1)]
    words = [f"{label} · {language.count(count)}" for label, count in zip(labels, counts, strict=True)]
    title = language.say(mark("Most messages to one contact within %(length)s"), length=language.length(pressure.per))
    columns = _columns(counts, labels, words, limit)
    if limit is None:
        return Bars(title, language.say(mark("The workspace has no frequency cap.")), columns)
    above = pressure.above(limit)
    told = mark("%(count)s contacts would get more than the %(cap)s that the frequency cap allows.")
    fine = mark("Nobody gets more than the %(cap)s that the frequency cap allows.")
    note = language.say(told if above else fine, cap=limit, **({"count": language.count(above)} if above else {}))
    line = None if limit >= top else WIDTH * limit / top
    return Bars(title, note, columns, line, bool(above))


def _columns(counts: list[int], labels: list[str], words: list[str], limit: int | None = None) -> tuple[Column, ...]:
    step, most = WIDTH / len(counts), max(counts) or 1
    found = []
    for place, count in enumerate(counts):
        height = round((HEIGHT - FOOT) * count / most, 1)
        x, width = round(place * step + step * 0.1, 1), round(step * 0.8, 1)
        is_over = limit is not None and place + 1 > limit
        found.append(Column(x, HEIGHT - FOOT - height, width, height, labels[place], words[place], is_over))
    return tuple(found)
