"""Tags of contacts, given and taken from outside."""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, Final, TypeAlias

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from engine.people.attributes import is_text
from engine.people.changes import number_changes
from engine.store.dialect import insert_ignore
from engine.store.rowsets import pack, rowset
from engine.store.tables import ContactTag

TAG: sa.Table = ContactTag.__table__  # type: ignore[attr-defined]
COLUMNS: Final = ("part", "contact_id", "tag")
LENGTH: Final = 100

TagOf: TypeAlias = tuple[int, int, str]
"""A contact's part and id, and a tag of it."""


def is_tag(tag: str) -> bool:
    """Tell whether a text may be a tag; ``|`` parts tags in CSV files."""
    return 0 < len(tag) <= LENGTH and is_text(tag) and "|" not in tag


def add(connection: Connection, given: Iterable[TagOf]) -> int:
    """Give tags to contacts and tell how many they had not.

    Cost: at most four statements, however many tags.
    """
    rows = missing(connection, given)
    insert(connection, rows)
    number_changes(connection, ((part, contact_id) for part, contact_id, _ in rows))
    return len(rows)


def remove(connection: Connection, taken: Iterable[TagOf]) -> int:
    """Take tags from contacts and tell how many they had.

    Cost: at most four statements, however many tags.
    """
    rows = _present(connection, set(taken))
    if rows:
        connection.execute(_removal(connection.dialect.name), {"given": pack(sorted(rows))})
        number_changes(connection, ((part, contact_id) for part, contact_id, _ in rows))
    return len(rows)


def missing(connection: Connection, given: Iterable[TagOf]) -> list[TagOf]:
    """Choose the tags that their contacts have not."""
    wanted = set(given)
    return sorted(wanted - _present(connection, wanted))


def insert(connection: Connection, rows: Sequence[TagOf]) -> None:
    """Insert tags; those that came meanwhile are passed over."""
    if rows:
        connection.execute(_insertion(connection.dialect.name), {"given": pack(rows)})


def _present(connection: Connection, wanted: set[TagOf]) -> set[TagOf]:
    if not wanted:
        return set()
    found = connection.execute(_presence(connection.dialect.name), {"given": pack(sorted(wanted))})
    return {(part, contact_id, tag) for part, contact_id, tag in found}


def _given(dialect: str) -> sa.Subquery:
    return rowset(dialect, "given", part=sa.BigInteger, contact_id=sa.BigInteger, tag=sa.Text)


def _same(given: sa.Subquery) -> sa.ColumnElement[bool]:
    return sa.and_(*(TAG.c[name] == given.c[name] for name in COLUMNS))


@lru_cache(maxsize=2)
def _presence(dialect: str) -> sa.Select[Any]:
    given = _given(dialect)
    return sa.select(TAG).join(given, _same(given))


@lru_cache(maxsize=2)
def _removal(dialect: str) -> sa.Delete:
    given = _given(dialect)
    # Not EXISTS: SQLite would go through all tags for it.
    keys = sa.tuple_(*(TAG.c[name] for name in COLUMNS))
    return TAG.delete().where(keys.in_(sa.select(*(given.c[name] for name in COLUMNS))))


@lru_cache(maxsize=2)
def _insertion(dialect: str) -> sa.Insert:
    statement: sa.Insert = insert_ignore(TAG, dialect).from_select(
        list(COLUMNS), sa.select(_given(dialect)).where(sa.true())
    )
    return statement
