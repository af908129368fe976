"""Search contacts, a page at a time: by how their key begins, then by how their address does, then by their name.

Beginnings are looked up in indexes. Names have none: a page goes through a part of the contacts only, and the mark on
which it ends lets the next one go on from there, however few were found.
"""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from engine.people.contacts import CONTACT, ERASED
from engine.store.expressions import json_text, lower_text, plain_lower_text, text_position

LAST: Final = "\U0010ffff"
"""Sorts behind every sign that a key or an address can have."""

SEARCHED: Final = 20_000
"""So many contacts are gone through for a page, where names are compared."""

BEGINNINGS: Final = ("key", "email")


class Search(NamedTuple):
    """What is looked for, in which workspace, and over how many parts contacts lie."""

    text: str
    workspace_id: int
    parts: int


def search(
    connection: Connection, asked: Search, columns: Sequence[Any], after: str | None, limit: int
) -> tuple[list[Any], str | None]:
    """Give some rows of ``columns``, and the mark after which the next page begins, nothing on the last one.

    Cost: two statements by index, and one that reads at most ``SEARCHED`` contacts.
    """
    rows: list[Any] = []
    name, place = _read(after)
    for field in BEGINNINGS[BEGINNINGS.index(name) :] if name in BEGINNINGS else ():
        rows += connection.execute(_beginning(asked, field, columns, place, limit + 1 - len(rows))).all()
        if len(rows) > limit:
            last = rows[limit - 1]
            return rows[:limit], f"{last.matched}~{last.part}~{last.id}~{getattr(last, last.matched)}"
        place = None
    part, number, _ = place if place is not None else (0, 0, "")
    end = connection.execute(_end(asked, part, number)).first()
    rows += connection.execute(_named(asked, columns, (part, number), end, limit + 1 - len(rows))).all()
    if len(rows) > limit:
        last = rows[limit - 1]
        at = (0, 0) if last.matched in BEGINNINGS else (last.part, last.id)
        return rows[:limit], f"name~{at[0]}~{at[1]}"
    return rows, None if end is None else f"name~{end.part}~{end.id}"


Place = tuple[int, int, str]
"""Where a page ends: part and number of its last contact, and the text by which it was found."""


def _read(after: str | None) -> tuple[str, Place | None]:
    name, part, number, text = [*(after or BEGINNINGS[0]).split("~", 3), "", "", ""][:4]
    return name, (int(part), int(number), text) if part else None


def _present(asked: Search) -> list[sa.ColumnElement[bool]]:
    return [CONTACT.c.workspace_id == asked.workspace_id, ~CONTACT.c.key.startswith(ERASED)]


def _begins(field: str, text: str) -> sa.ColumnElement[bool]:
    return sa.and_(CONTACT.c[field] >= text, CONTACT.c[field] < text + LAST)


def _beginning(asked: Search, field: str, columns: Sequence[Any], place: Place | None, limit: int) -> sa.Select[Any]:
    """Choose whose field begins so, in the order of the index, part by part: each part gives no more than a page."""
    found: list[sa.Select[Any]] = []
    for part in range(place[0] if place else 0, asked.parts):
        wanted = [CONTACT.c.part == part, *_present(asked)]
        if place and part == place[0]:
            # The index is entered where the page ended; several may have one address.
            wanted += [CONTACT.c[field] >= place[2], CONTACT.c[field] < asked.text + LAST]
            wanted.append(sa.or_(CONTACT.c[field] > place[2], CONTACT.c.id > place[1]))
        else:
            wanted.append(_begins(field, asked.text))
        # Who was told before by the key is not told again by the address.
        wanted += [~_begins(before, asked.text) for before in BEGINNINGS[: BEGINNINGS.index(field)]]
        chosen = sa.select(*columns, sa.literal(field).label("matched")).where(*wanted)
        chosen = chosen.order_by(CONTACT.c[field], CONTACT.c.id)
        found.append(sa.select(chosen.limit(limit).subquery()))
    both = sa.union_all(*found).subquery()
    return sa.select(both).order_by(both.c.part, both.c[field], both.c.id).limit(limit)


def _end(asked: Search, part: int, number: int) -> sa.Select[Any]:
    """Find the last contact that is gone through after a place; nothing when fewer are left."""
    after = sa.tuple_(CONTACT.c.part, CONTACT.c.id) > sa.tuple_(part, number)
    order = (CONTACT.c.part, CONTACT.c.id)
    return sa.select(*order).where(after).order_by(*order).offset(SEARCHED - 1).limit(1)


def _named(asked: Search, columns: Sequence[Any], after: tuple[int, int], end: Any, limit: int) -> sa.Select[Any]:
    place = sa.tuple_(CONTACT.c.part, CONTACT.c.id)
    name, wished = sa.func.coalesce(json_text(CONTACT.c.attributes, "name"), ""), asked.text.lower()
    folded = plain_lower_text(name, wished) if wished.isascii() else lower_text(name)
    wanted = [*_present(asked), place > sa.tuple_(*after), text_position(folded, sa.literal(wished, sa.Text)) > 0]
    wanted += [~sa.func.coalesce(_begins(field, asked.text), sa.false()) for field in BEGINNINGS]
    if end is not None:
        wanted.append(place <= sa.tuple_(end.part, end.id))
    chosen = sa.select(*columns, sa.literal("name").label("matched")).where(*wanted)
    return chosen.order_by(CONTACT.c.part, CONTACT.c.id).limit(limit)
