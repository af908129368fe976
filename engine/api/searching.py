"""Search contacts, a page at a time: by how their key begins, then by how their address does, then by their name.

Beginnings are looked up in indexes. Names have none: a page goes through as many contacts as it has time for, and the
mark on which it ends lets the next one go on from there, however few were found.
"""

import time
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from engine.people.contacts import CONTACT, ERASED
from engine.store.expressions import json_text, lower_text, plain_lower_text, text_position
from engine.store.partwise import of_each_part

LAST: Final = "\U0010ffff"
"""Sorts behind every sign that a key or an address can have."""

PIECE: Final = 2_500
"""So many contacts are gone through at a time, where names are compared."""

SECONDS: Final = 0.1
"""So long a page looks for names; after that it ends where it is."""

BEGINNINGS: Final = ("key", "email")


class Search(NamedTuple):
    """What is looked for, in which workspace, and over how many parts contacts lie."""

    text: str
    workspace_id: int
    parts: int


def search(
    connection: Connection,
    asked: Search,
    columns: Sequence[Any],
    after: str | None,
    limit: int,
    watch: Callable[[], float] = time.monotonic,
) -> tuple[list[Any], str | None]:
    """Give some rows of ``columns``, and the mark after which the next page begins, nothing on the last one.

    Cost: two statements by index, and two for each piece of the contacts, for as long as ``SECONDS``.
    """
    rows: list[Any] = []
    name, place = _read(after)
    for field in BEGINNINGS[BEGINNINGS.index(name) :] if name in BEGINNINGS else ():
        rows += connection.execute(
            _beginning(connection.dialect.name, asked, field, columns, place, limit + 1 - len(rows))
        ).all()
        if len(rows) > limit:
            last = rows[limit - 1]
            return rows[:limit], f"{last.matched}~{last.part}~{last.id}~{getattr(last, last.matched)}"
        place = None
    at = (0, 0) if place is None else place[:2]
    until = watch() + SECONDS
    while True:
        end = connection.execute(_end(at)).first()
        rows += connection.execute(_named(asked, columns, at, end, limit + 1 - len(rows))).all()
        if len(rows) > limit:
            last = rows[limit - 1]
            return rows[:limit], "name~0~0" if last.matched in BEGINNINGS else f"name~{last.part}~{last.id}"
        if end is None:
            return rows, None
        at = (end.part, end.id)
        if watch() > until:
            return rows, f"name~{end.part}~{end.id}"


Place = tuple[int, int, str]
"""Where a page ends: part and number of its last contact, and the text by which it was found."""


def _read(after: str | None) -> tuple[str, Place | None]:
    name, part, number, text = [*(after or BEGINNINGS[0]).split("~", 3), "", "", ""][:4]
    return name, (int(part), int(number), text) if part else None


def _present(asked: Search) -> list[sa.ColumnElement[bool]]:
    return [CONTACT.c.workspace_id == asked.workspace_id, ~CONTACT.c.key.startswith(ERASED)]


def _begins(field: str, text: str) -> sa.ColumnElement[bool]:
    return sa.and_(CONTACT.c[field] >= text, CONTACT.c[field] < text + LAST)


def _beginning(
    dialect: str, asked: Search, field: str, columns: Sequence[Any], place: Place | None, limit: int
) -> sa.Select[Any]:
    """Choose whose field begins so, in the order of the index, part by part: each part gives no more than a page."""
    # Who was told before by the key is not told again by the address.
    told = [~_begins(before, asked.text) for before in BEGINNINGS[: BEGINNINGS.index(field)]]
    every = sa.select(*columns, sa.literal(field).label("matched")).where(*_present(asked), *told)
    every = every.order_by(CONTACT.c[field], CONTACT.c.id).limit(limit)
    begins = _begins(field, asked.text)
    others = range(0 if place is None else place[0] + 1, asked.parts)
    found = [of_each_part(dialect, others, lambda part: every.where(CONTACT.c.part == part, begins))] if others else []
    if place is not None:
        part, number, text = place
        # The index is entered where the page ended; several may have one address.
        rest = (CONTACT.c[field] >= text, CONTACT.c[field] < asked.text + LAST)
        after = sa.or_(CONTACT.c[field] > text, CONTACT.c.id > number)
        found.append(every.where(CONTACT.c.part == part, *rest, after).subquery())
    both = sa.union_all(*map(sa.select, found)).subquery()
    return sa.select(both).order_by(both.c.part, both.c[field], both.c.id).limit(limit)


def _end(after: tuple[int, int]) -> sa.Select[Any]:
    """Find the last contact of the piece that begins after a place; nothing when fewer are left."""
    order = (CONTACT.c.part, CONTACT.c.id)
    return sa.select(*order).where(sa.tuple_(*order) > sa.tuple_(*after)).order_by(*order).offset(PIECE - 1).limit(1)


def _named(asked: Search, columns: Sequence[Any], after: tuple[int, int], end: Any, limit: int) -> sa.Select[Any]:
    place = sa.tuple_(CONTACT.c.part, CONTACT.c.id)
    name, wished = sa.func.coalesce(json_text(CONTACT.c.attributes, "name"), ""), asked.text.lower()
    folded = plain_lower_text(name, wished) if wished.isascii() else lower_text(name)
    # By the primary key, and not by the index of keys, which would be read for the whole part.
    wanted = [CONTACT.c.workspace_id + 0 == asked.workspace_id, ~CONTACT.c.key.startswith(ERASED)]
    wanted += [place > sa.tuple_(*after), text_position(folded, sa.literal(wished, sa.Text)) > 0]
    wanted += [~sa.func.coalesce(_begins(field, asked.text), sa.false()) for field in BEGINNINGS]
    if end is not None:
        wanted.append(place <= sa.tuple_(end.part, end.id))
    chosen = sa.select(*columns, sa.literal("name").label("matched")).where(*wanted)
    return chosen.order_by(CONTACT.c.part, CONTACT.c.id).limit(limit)
