"""Charts as SVG, drawn by the server: rates day by day, and the lift with its always-valid interval as a band."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

WIDTH, HEIGHT = 640, 200
LEFT, BELOW, ABOVE = 44, 22, 10
WIDEST: Final = 1.0
"""A lift of more than this, or less than minus this, is drawn at the edge."""

Point = tuple[float, float]


@dataclass(frozen=True)
class Line:
    """One way's curve: its name, its path, and where its end is labelled."""

    key: str
    path: str
    end: Point


@dataclass(frozen=True)
class Chart:
    """What a template draws: lines or a band, marks on the axis beside, days below."""

    lines: tuple[Line, ...]
    band: str
    marks: tuple[tuple[float, float], ...]
    days: tuple[tuple[float, str], ...]
    zero: float | None = None

    @property
    def box(self) -> str:
        """The view box of the drawing."""
        return f"0 0 {WIDTH} {HEIGHT}"


def rates_chart(days: Sequence[Mapping[str, Any]], ways: Sequence[str]) -> Chart | None:
    """Draw the rate of each way, of all that is mature by each day."""
    if len(days) < 2:
        return None
    rates = [[day["rates"].get(way) for day in days] for way in ways]
    highest = max((rate for row in rates for rate in row if rate is not None), default=0.0) or 1.0
    top = _round_up(highest)
    lines = []
    for way, row in zip(ways, rates, strict=True):
        points = [(_across(place, len(days)), _up(rate / top)) for place, rate in enumerate(row) if rate is not None]
        if points:
            lines.append(Line(way, _path(points), points[-1]))
    marks = tuple((_up(part), top * part) for part in (0.0, 0.5, 1.0))
    return Chart(tuple(lines), "", marks, _days(days))


def lift_chart(days: Sequence[Mapping[str, Any]]) -> Chart | None:
    """Draw between which values the lift lies after each day; the whole height where nothing is known."""
    known = [(day.get("low"), day.get("high")) for day in days]
    if len(days) < 2 or any(low is None for low, _ in known):
        return None
    lows = [_bounded((low or 0.0) - 1) for low, _ in known]
    highs = [WIDEST if high is None else _bounded(high - 1) for _, high in known]
    upper = [(_across(place, len(days)), _middle(value)) for place, value in enumerate(highs)]
    lower = [(_across(place, len(days)), _middle(value)) for place, value in enumerate(lows)]
    band = f"{_path(upper)} L{' L'.join(_spot(point) for point in reversed(lower))} Z"
    marks = tuple((_middle(value), value) for value in (-WIDEST, -0.5, 0.0, 0.5, WIDEST))
    return Chart((), band, marks, _days(days), _middle(0.0))


def _bounded(value: float) -> float:
    return max(-WIDEST, min(WIDEST, value))


def _across(place: int, count: int) -> float:
    return LEFT + (WIDTH - LEFT - 30) * place / max(1, count - 1)


def _up(part: float) -> float:
    return ABOVE + (HEIGHT - ABOVE - BELOW) * (1 - part)


def _middle(value: float) -> float:
    return _up((value + WIDEST) / (2 * WIDEST))


def _spot(point: Point) -> str:
    return f"{point[0]:.1f},{point[1]:.1f}"


def _path(points: Sequence[Point]) -> str:
    return "M" + " L".join(_spot(point) for point in points)


def _days(days: Sequence[Mapping[str, Any]]) -> tuple[tuple[float, str], ...]:
    chosen = sorted({0, len(days) // 2, len(days) - 1})
    return tuple((_across(place, len(days)), str(days[place]["day"])) for place in chosen)


def _round_up(value: float) -> float:
    scale = 1.0
    while scale > value:
        scale /= 10
    return next(scale * step for step in (1, 1.5, 2, 3, 4, 5, 6, 8, 10) if scale * step >= value)
