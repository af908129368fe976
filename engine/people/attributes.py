"""Typed attributes: which names and values are allowed."""

import re
from collections.abc import Mapping
from typing import Final

from engine.terms import Json

COLUMNS: Final = ("email", "phone", "timezone", "locale", "stage")
"""Facts that have a column of their own."""

OTHERS: Final = frozenset(("id", *COLUMNS, "tags", "account"))
"""Names that mean something else than an attribute of their own."""

ACCOUNT_PREFIX: Final = "account."
"""What names of the account's attributes begin with."""

LIST_MARK: Final = "[]"
"""What a column of a CSV file ends in that holds lists; no attribute's name ends so."""

_HALVES: Final = re.compile(r"[\ud800-\udfff]")
_NAME: Final = re.compile(r'[^"\\\x00-\x1f\ud800-\udfff]{1,100}')
_DEPTH: Final = 4


def is_name(name: str, *, of_account: bool = False) -> bool:
    """Tell whether an attribute may be called so: short, safe inside a JSON path, and meaning nothing else."""
    if name.endswith(LIST_MARK) or _NAME.fullmatch(name) is None:
        return False
    return name != "id" if of_account else name not in OTHERS and not name.startswith(ACCOUNT_PREFIX)


def is_text(text: str) -> bool:
    """Tell whether both databases can hold a text: no NUL, no half of a surrogate pair."""
    return "\x00" not in text and (text.isascii() or _HALVES.search(text) is None)


def has_nul(value: Json) -> bool:
    """Tell whether a NUL character hides in a JSON value, in a name or a text."""
    if isinstance(value, str):
        return "\x00" in value
    if isinstance(value, dict):
        return any("\x00" in name or has_nul(inner) for name, inner in value.items())
    return isinstance(value, list) and any(map(has_nul, value))


def flatten(values: Mapping[str, Json], *, of_account: bool = False, depth: int = _DEPTH) -> dict[str, Json]:
    """Turn nested objects into attributes of their own, joined by a dot; names that are not allowed are left out."""
    flat: dict[str, Json] = {}
    for name, value in values.items():
        if not isinstance(value, dict):
            flat[name] = value
        elif depth > 1:
            inner = flatten(value, of_account=True, depth=depth - 1)
            flat.update((f"{name}.{each}", found) for each, found in inner.items())
    return {name: value for name, value in flat.items() if is_name(name, of_account=of_account)}
