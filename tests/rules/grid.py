"""Every operator with many constants: to be asked of every kind of value."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from engine.rules.parse import read_rule
from tests.rules.worlds import DATES, DURATIONS, LISTS, NUMBERS, TEXTS

PIECES = (
    "ro",
    "RO",
    "\N{CYRILLIC SMALL LETTER O}",
    "Ф",
    "ς",
    "İ",
    "i",
    "\N{LATIN SMALL LETTER DOTLESS I}",
    "стан",
    "%",
    "_",
    "\\",
    '"',
    "'",
    "文",
    " ",
    "é",
    "00",
    "Z",
    "😀",
)


def conditions() -> Iterator[dict[str, Any]]:
    """Give every condition that can be read."""
    for op, value in _pairs():
        raw = {"op": op, "value": value}
        if read_rule({"attr": "x", **raw})[0] is not None:
            yield raw


def _pairs() -> Iterator[tuple[str, Any]]:
    scalars = (*TEXTS, *DATES, *NUMBERS, True, False)
    for value in scalars:
        yield from ((op, value) for op in ("is", "is_not", "gt", "gte", "lt", "lte"))
    for value in (*TEXTS, *PIECES, *DATES[:3]):
        yield from ((op, value) for op in ("contains", "not_contains", "starts_with", "ends_with"))
    for one, other in pairwise(scalars):
        yield from ((op, [one, other]) for op in ("in", "not_in", "has_any", "has_all", "has_none"))
        yield "between", [one, other]
        yield "between", [other, one]
    mixed: tuple[list[Any], ...] = ([1, "pro", True], ["5", 5.0, False, "中文字符", "free"], [5, 5, "pro", "PRO"])
    for members in (*LISTS, *mixed):
        yield from ((op, members) for op in ("in", "not_in", "has_any", "has_all", "has_none"))
    for given in (*DURATIONS, *DATES):
        yield from ((op, given) for op in ("before", "after", "within_last", "within_next"))
    yield from ((op, None) for op in ("exists", "missing"))
