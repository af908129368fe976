"""What tests of people look at: rows of tables as plain values, and the number of statements."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event

from engine.people.contacts import Facts, find
from engine.store.session import Store
from engine.store.tables import ContactTag, metadata

NOW = 1_772_355_600_000_000  # 2026-03-01T09:00:00Z
TAG: sa.Table = ContactTag.__table__  # type: ignore[attr-defined]


def rows_in(store: Store, name: str, *columns: str) -> list[tuple[Any, ...]]:
    """Give some columns of all rows of a table, sorted."""
    table = metadata.tables[name]
    with store.read() as connection:
        found = connection.execute(sa.select(*(table.c[column] for column in columns)))
        return sorted((tuple(row) for row in found), key=repr)


def contact(store: Store, key: str) -> Facts:
    """Give a contact that must be there."""
    found = maybe(store, key)
    assert found is not None, key
    return found


def maybe(store: Store, key: str) -> Facts | None:
    """Give a contact, or nothing."""
    with store.read() as connection:
        return find(connection, store.parts, key)


def tags_of(store: Store, key: str) -> set[str]:
    """Give the tags of a contact."""
    facts = contact(store, key)
    with store.read() as connection:
        mine = sa.select(TAG.c.tag).where(TAG.c.part == facts.part, TAG.c.contact_id == facts.id)
        return set(connection.scalars(mine))


@contextmanager
def counted(store: Store) -> Iterator[Callable[[], int]]:
    """Count the statements that run inside."""
    seen: list[str] = []

    def note(*given: Any) -> None:
        seen.append(given[2])

    event.listen(store.engine, "before_cursor_execute", note)
    try:
        yield lambda: len(seen)
    finally:
        event.remove(store.engine, "before_cursor_execute", note)
