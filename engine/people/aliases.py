"""Further names of contacts: former keys, anonymous ids, and the numbers they had before a merge."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, TypeAlias

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from engine.people.contacts import ALIAS, CONTACT, ERASED, MOVED, Place
from engine.store.dialect import insert_ignore
from engine.store.rowsets import pack, rowset
from engine.store.tables import Message, Workspace

MESSAGE: sa.Table = Message.__table__  # type: ignore[attr-defined]
WORKSPACE: sa.Table = Workspace.__table__  # type: ignore[attr-defined]

MessagePlace: TypeAlias = tuple[int, int, int, int, int]
"""What tells one message from all others: part, contact, enrollment, node, passing."""

AliasRow: TypeAlias = tuple[int, str, int, int]
"""The part in which a name is looked for, the name, and the part and id of the contact."""

_MESSAGE_KEY: Final = ("part", "contact_id", "enrollment_id", "node", "passing")


def add(connection: Connection, workspace_id: int, rows: Sequence[AliasRow]) -> None:
    """Let contacts go by further names; one that is taken stays with who has it.

    Cost: one statement.
    """
    if rows:
        given = {"added": pack(sorted(rows)), "workspace": workspace_id}
        connection.execute(_addition(connection.dialect.name), given)


@lru_cache(maxsize=2)
def _addition(dialect: str) -> sa.Insert:
    types = {name: ALIAS.c[name].type for name in ("part", "key", "contact_part", "contact_id")}
    added = rowset(dialect, "added", **types)
    workspace = sa.bindparam("workspace", type_=sa.Integer())
    statement: sa.Insert = insert_ignore(ALIAS, dialect).from_select(
        ["workspace_id", *types], sa.select(workspace, added).where(sa.true())
    )
    return statement


def of_contact(connection: Connection, parts: int, place: Place) -> list[Any]:
    """List the rows of the names that a contact goes by besides its key."""
    return list(connection.execute(sa.select(ALIAS).where(_of(parts, place))))


def drop(connection: Connection, parts: int, place: Place) -> None:
    """Forget the names that a contact goes by besides its key."""
    connection.execute(ALIAS.delete().where(_of(parts, place)))


def _of(parts: int, place: Place) -> sa.ColumnElement[bool]:
    return sa.and_(ALIAS.c.part.in_(range(parts)), ALIAS.c.contact_part == place[0], ALIAS.c.contact_id == place[1])


def move(
    connection: Connection, parts: int, workspace_id: int, source: Place, target: Place, numbers: Mapping[int, int]
) -> None:
    """Let all names of one contact, and its place, lead to another; ``numbers`` says which number an enrollment got.

    Cost: four statements.
    """
    names = [(row.part, _renumbered(row.key, numbers)) for row in of_contact(connection, parts, source)]
    drop(connection, parts, source)
    names.append((source[0], _place_name(source)))
    names += [(source[0], f"{_place_name(source)}-{old}>{new}") for old, new in numbers.items()]
    add(connection, workspace_id, [(part, key, *target) for part, key in dict.fromkeys(names)])


def _place_name(place: Place) -> str:
    return f"{MOVED}{place[0]}-{place[1]}"


def _renumbered(key: str, numbers: Mapping[int, int]) -> str:
    before, arrow, number = key.partition(">")
    if not key.startswith(MOVED) or not arrow:
        return key
    return f"{before}>{numbers.get(int(number), int(number))}"


def follow(connection: Connection, part: int, contact_id: int) -> Place | None:
    """Find where a contact is that had this place: elsewhere after a merge, nowhere after its erasure.

    Cost: one or two statements.
    """
    here = sa.select(CONTACT.c.key).where(CONTACT.c.part == part, CONTACT.c.id == contact_id)
    key: str | None = connection.scalar(here)
    if key is not None:
        return None if key.startswith(ERASED) else (part, contact_id)
    found = connection.execute(
        sa.select(ALIAS.c.contact_part, ALIAS.c.contact_id).where(
            ALIAS.c.part == part,
            ALIAS.c.workspace_id.in_(sa.select(WORKSPACE.c.id)),
            ALIAS.c.key == _place_name((part, contact_id)),
        )
    ).first()
    return None if found is None else (found[0], found[1])


def follow_message(connection: Connection, parts: int, message: MessagePlace) -> MessagePlace | None:
    """Find where a message is that had this place: elsewhere after a merge of its contact, nowhere if there is none.

    Cost: one statement, or four after a merge.
    """
    part, contact_id, enrollment_id, node, passing = message
    if _is_there(connection, message):
        return message
    place = follow(connection, part, contact_id)
    if place is None or place == (part, contact_id):
        return None
    before = f"{_place_name((part, contact_id))}-{enrollment_id}>"
    names = (row.key for row in of_contact(connection, parts, place) if row.part == part)
    moved = next((int(name.removeprefix(before)) for name in names if name.startswith(before)), enrollment_id)
    found = (*place, moved, node, passing)
    return found if _is_there(connection, found) else None


def _is_there(connection: Connection, message: MessagePlace) -> bool:
    same = (MESSAGE.c[name] == number for name, number in zip(_MESSAGE_KEY, message, strict=True))
    return connection.scalar(sa.select(MESSAGE.c.part).where(*same)) is not None
