"""Typed attributes: which names and values are allowed, and which kinds each name was seen with."""

import re
from collections.abc import Iterable, Mapping
from itertools import chain
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from engine.store.tables import Workspace
from engine.terms import Json

COLUMNS: Final = ("email", "phone", "timezone", "locale", "stage")
"""Facts that have a column of their own."""

MIXED: Final = "mixed"
OTHERS: Final = frozenset(("id", *COLUMNS, "tags", "account"))
"""Names that mean something else than an attribute of their own."""

ACCOUNT_PREFIX: Final = "account."
"""What names of the account's attributes begin with."""

LIST_MARK: Final = "[]"
"""What a column of a CSV file ends in that holds lists; no attribute's name ends so."""

_NAME: Final = re.compile(r'[^"\\\x00-\x1f\ud800-\udfff]{1,100}')
_KINDS: Final[dict[type, str]] = {str: "text", int: "number", float: "number", bool: "bool", list: "list"}
_DEPTH: Final = 4
_WORKSPACE: sa.Table = Workspace.__table__  # type: ignore[attr-defined]


def is_name(name: str, *, of_account: bool = False) -> bool:
    """Tell whether an attribute may be called so: short, safe inside a JSON path, and meaning nothing else."""
    if name.endswith(LIST_MARK) or _NAME.fullmatch(name) is None:
        return False
    return name != "id" if of_account else name not in OTHERS and not name.startswith(ACCOUNT_PREFIX)


def is_text(text: str) -> bool:
    """Tell whether both databases can hold a text: no NUL, no half of a surrogate pair."""
    return "\x00" not in text and (text.isascii() or not any("\ud800" <= sign <= "\udfff" for sign in text))


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


def types_of(rows: Iterable[Mapping[str, Json]]) -> dict[str, set[type]]:
    """Tell of which Python types the values of each attribute are."""
    given = [row for row in rows if row]
    names = chain.from_iterable(given)
    types: dict[str, set[type]] = {}
    for name, kind in set(zip(names, map(type, chain.from_iterable(row.values() for row in given)), strict=True)):
        types.setdefault(name, set()).add(kind)
    return types


def _word(types: Iterable[type]) -> str | None:
    words = {_KINDS[kind] for kind in types if kind in _KINDS}
    return MIXED if len(words) > 1 else next(iter(words), None)


def note(connection: Connection, workspace_id: int, types: Mapping[str, Iterable[type]]) -> dict[str, str]:
    """Remember the kinds of attributes in the workspace's settings and give all that are known.

    A kind is ``text``, ``number``, ``bool``, ``list``, or ``mixed``; somebody else may have said ``date`` of a text.

    Cost: one statement; two more when something is new.
    """
    kinds = {name: word for name, found in types.items() if (word := _word(found)) is not None}
    statement = sa.select(_WORKSPACE.c.settings).where(_WORKSPACE.c.id == workspace_id)
    known: dict[str, str] = (connection.scalar(statement) or {}).get("attributes", {})
    if all(_covers(known.get(name), kind) for name, kind in kinds.items()):
        return known
    settings: dict[str, Any] = connection.scalar(statement.with_for_update()) or {}
    known = settings.get("attributes", {})
    known = known | {name: _joined(known.get(name), kind) for name, kind in kinds.items()}
    change = {"settings": {**settings, "attributes": known}}
    connection.execute(_WORKSPACE.update().where(_WORKSPACE.c.id == workspace_id).values(change))
    return known


def _covers(known: str | None, kind: str) -> bool:
    # Dates are written as text.
    return known in (kind, MIXED) or (known == "date" and kind == "text")


def _joined(known: str | None, kind: str) -> str:
    if known is None:
        return kind
    return known if _covers(known, kind) else MIXED
