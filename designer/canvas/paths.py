"""Ways of edges: corners between the port and the node it leads to, and the SVG path through them.

``static/canvas/paths.js`` draws the same path while a hand moves a node; a test compares the two.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Final

from engine.graph.sizes import Box, Point

RADIUS: Final = 12
DROP: Final = 24
"""How far an edge goes straight before it turns."""

ASIDE: Final = 20
"""How far from a card an edge goes past it."""

_BAND: Final = 128


class Ground:
    """All cards of a drawing, found by where they lie."""

    def __init__(self, boxes: Iterable[Box]) -> None:
        self._bands: dict[int, list[Box]] = defaultdict(list)
        for box in boxes:
            for band in range(int(box.y // _BAND), int(box.bottom // _BAND) + 1):
                self._bands[band].append(box)

    def on_the_way(self, x: float, top: float, bottom: float) -> list[Box]:
        """List the cards that a line straight down would cross."""
        found: dict[int, Box] = {}
        for band in range(int(top // _BAND), int(bottom // _BAND) + 1):
            for box in self._bands.get(band, ()):
                if box.x - 6 < x < box.right + 6 and box.y < bottom and top < box.bottom:
                    found[id(box)] = box
        return list(found.values())


def route(start: Point, end: Point, ground: Ground) -> list[Point]:
    """Find the corners of an edge: down, aside, down; past the cards that lie between."""
    (x1, y1), (x2, y2) = start, end
    if y2 < y1 + 2 * DROP:
        return _simple(start, end) if y2 > y1 + 8 else _around(start, end, [])
    first, last = y1 + DROP, y2 - DROP
    if last - first <= 2 * DROP:
        return _simple(start, end)
    if not ground.on_the_way(x1, y1 + 1, last):
        return _turned(start, end, last) if abs(x1 - x2) >= 1 else [start, end]
    if not ground.on_the_way(x2, first, y2 - 1):
        return _turned(start, end, first)
    return _around(start, end, ground.on_the_way(x1, first, last) + ground.on_the_way(x2, first, last))


def _simple(start: Point, end: Point) -> list[Point]:
    return [start, end] if abs(start[0] - end[0]) < 1 else _turned(start, end, (start[1] + end[1]) / 2)


def _turned(start: Point, end: Point, y: float) -> list[Point]:
    return [start, (start[0], y), (end[0], y), end]


def _around(start: Point, end: Point, between: Sequence[Box]) -> list[Point]:
    (x1, y1), (x2, y2) = start, end
    lefts = [box.x for box in between] or [min(x1, x2) - 130]
    rights = [box.right for box in between] or [max(x1, x2) + 130]
    ways = (min(lefts) - ASIDE, max(rights) + ASIDE)
    x = min(ways, key=lambda way: abs(way - x1) + abs(way - x2))
    return [start, (x1, y1 + DROP), (x, y1 + DROP), (x, y2 - DROP), (x2, y2 - DROP), end]


def path(points: Sequence[Point]) -> str:
    """Write the SVG path through corners, rounded."""
    said = [f"M{_write(points[0])}"]
    for place in range(1, len(points) - 1):
        before, here, after = points[place - 1 : place + 2]
        radius = min(RADIUS, _length(before, here) / 2, _length(here, after) / 2)
        said.append(f"L{_write(_towards(here, before, radius))}Q{_write(here)} {_write(_towards(here, after, radius))}")
    return "".join(said) + f"L{_write(points[-1])}"


def middle(points: Sequence[Point]) -> Point:
    """Say where the middle of a way is: where its number stands."""
    rest = sum(_length(first, second) for first, second in pairwise(points)) / 2
    for first, second in pairwise(points):
        length = _length(first, second)
        if rest <= length:
            return _towards(first, second, rest)
        rest -= length
    return points[-1]


def _length(first: Point, second: Point) -> float:
    return abs(first[0] - second[0]) + abs(first[1] - second[1])


def _towards(here: Point, there: Point, by: float) -> Point:
    length = _length(here, there)
    share = by / length if length else 0
    return here[0] + (there[0] - here[0]) * share, here[1] + (there[1] - here[1]) * share


def _write(point: Point) -> str:
    # Halves go up, as in paths.js.
    return " ".join(f"{math.floor(value * 10 + 0.5) / 10:.1f}".rstrip("0").rstrip(".") for value in point)
