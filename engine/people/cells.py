"""Cells of CSV files: typed values, and the guard that keeps spreadsheets from running them as formulas.

A guarded cell begins with an apostrophe. Reading takes it off again, so that every value survives a round trip.
"""

import re
from functools import lru_cache
from typing import Final, NamedTuple

import orjson

from engine.people.attributes import ACCOUNT_PREFIX, LIST_MARK
from engine.terms import Json

ID: Final = "id"
TAGS: Final = "tags"
COLUMNS: Final = (ID, "email", "phone", "timezone", "locale", TAGS, "stage", "account")
"""Columns with a meaning of their own; every other one is an attribute."""

TAG_SIGN: Final = "|"
GUARD: Final = "'"

# The last four are the full-width forms of the first four.
_FORMULA: Final = frozenset("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")
_QUOTES: Final = "'\" "
_SCALAR: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|true|false")


class Column(NamedTuple):
    """A column of attributes: whose they are, their name, and whether it holds lists."""

    of_account: bool
    name: str
    is_list: bool

    @classmethod
    def of(cls, title: str) -> "Column":
        """Read the title of a column."""
        name = title.removeprefix(ACCOUNT_PREFIX)
        return cls(name != title, name.removesuffix(LIST_MARK), name.endswith(LIST_MARK))

    @property
    def title(self) -> str:
        """Write the title of the column."""
        return (ACCOUNT_PREFIX if self.of_account else "") + self.name + (LIST_MARK if self.is_list else "")


def is_formula(text: str) -> bool:
    """Tell whether a spreadsheet might run a cell, also behind quotes."""
    return text.lstrip(_QUOTES)[:1] in _FORMULA


def guard(text: str) -> str:
    """Write a text of a built-in column."""
    return GUARD + text if is_formula(text) else text


def unguard(cell: str) -> str:
    """Read a text of a built-in column."""
    return cell[1:] if cell.startswith(GUARD) and is_formula(cell[1:]) else cell


def write_value(value: Json) -> str:
    """Write an attribute: numbers and booleans as JSON, texts so that they are read as texts again."""
    if isinstance(value, str):
        return GUARD + value if _is_ambiguous(value) else value
    return "" if value is None else orjson.dumps(value).decode()


@lru_cache(maxsize=8_192)
def read_value(cell: str) -> Json:
    """Read an attribute: a number or boolean of JSON, else a text."""
    if cell.startswith(GUARD) and _is_ambiguous(cell[1:]):
        return cell[1:]
    if _SCALAR.fullmatch(cell) is None:
        return cell
    try:
        value: Json = orjson.loads(cell)
    except orjson.JSONDecodeError:
        # A number beyond what a double can hold.
        return cell
    return value


def read_list(cell: str) -> list[Json] | None:
    """Read the JSON list of a cell; nothing when it is none."""
    try:
        value = orjson.loads(cell)
    except orjson.JSONDecodeError:
        return None
    return value if isinstance(value, list) else None


def _is_ambiguous(text: str) -> bool:
    # The same with and without quotes in front: that is what makes reading the inverse of writing.
    bare = text.lstrip(_QUOTES)
    return not bare or bare[0] in _FORMULA or _SCALAR.fullmatch(bare) is not None
