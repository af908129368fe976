"""Find contacts by their keys, also by those that a merge or an alias left behind."""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final, NamedTuple, TypeAlias

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from engine.people.attributes import is_text
from engine.store.rowsets import pack, rowset
from engine.store.tables import Contact, ContactAlias
from engine.terms import Json, Micros, contact_hash, part_of

CONTACT: sa.Table = Contact.__table__  # type: ignore[attr-defined]
ALIAS: sa.Table = ContactAlias.__table__  # type: ignore[attr-defined]

KEY_LENGTH: Final = 255
ERASED: Final = "erased:"
"""How the keys of erased contacts begin, and no other."""

MOVED: Final = "moved:"
"""How the aliases begin that are not keys but places where a contact was."""

_RESERVED: Final = (ERASED, MOVED)

NOTHING: Final[Mapping[str, Json]] = MappingProxyType({})

Place: TypeAlias = tuple[int, int]
"""Where a contact is: its part, and its id in it."""


class ContactRow(NamedTuple):
    """What is known from outside about one contact.

    Nothing leaves a fact as it is, an empty text clears it; attributes are merged by name, tags are added.
    """

    key: str
    email: str | None = None
    phone: str | None = None
    timezone: str | None = None
    locale: str | None = None
    stage: str | None = None
    account: str | None = None
    tags: Sequence[str] = ()
    attributes: Mapping[str, Json] = NOTHING
    created_at: Micros | None = None


class Facts(NamedTuple):
    """One contact as it stands."""

    key: str
    part: int
    id: int
    email: str | None
    phone: str | None
    timezone: str | None
    locale: str | None
    stage: str | None
    account_id: int | None
    attributes: dict[str, Json]
    restricted: bool
    changed: int
    created_at: Micros


_Columns: TypeAlias = tuple[sa.Column[Any], ...]

_FACTS: Final[_Columns] = tuple(CONTACT.c[name] for name in Facts._fields)
_PLACE: Final[_Columns] = (CONTACT.c.part, CONTACT.c.id)
_ANY_ALIAS: Final = sa.select(ALIAS.c.part).limit(1)


def is_key(key: str) -> bool:
    """Tell whether a contact may have this key."""
    return 0 < len(key) <= KEY_LENGTH and is_text(key) and not key.startswith(_RESERVED)


@lru_cache(maxsize=32_768)
def hash_of(key: str) -> int:
    """Hash a contact's key; the keys of a batch are asked for several times."""
    return contact_hash(key)


def home(key: str, parts: int) -> int:
    """Tell in which part a contact of this key begins."""
    return part_of(hash_of(key), parts) if parts > 1 else 0


def find(connection: Connection, parts: int, key: str, workspace_id: int = 1) -> Facts | None:
    """Find one contact by its key or by an alias of it.

    Cost: two statements.
    """
    return look_up(connection, parts, workspace_id, [key]).get(key)


def look_up(
    connection: Connection, parts: int, workspace_id: int, keys: Iterable[str], *, lock: bool = False
) -> dict[str, Facts]:
    """Find contacts by their keys or aliases; keys that nobody has are missing from the answer.

    With ``lock`` nobody else changes them until the transaction ends. Cost: two statements, however many keys.
    """
    found = _look_up(connection, parts, workspace_id, keys, _FACTS, lock=lock)
    return {row[0]: Facts._make(row[1:]) for row in found}


def places_of(connection: Connection, parts: int, workspace_id: int, keys: Iterable[str]) -> dict[str, Place]:
    """Find where contacts are by their keys or aliases.

    Cost: two statements, however many keys.
    """
    found = _look_up(connection, parts, workspace_id, keys, _PLACE, lock=False)
    return {key: (part, id_) for key, part, id_ in found}


def any_alias(connection: Connection) -> bool:
    """Tell whether any contact goes by another key too."""
    return connection.scalar(_ANY_ALIAS) is not None


def _look_up(
    connection: Connection, parts: int, workspace_id: int, keys: Iterable[str], columns: _Columns, *, lock: bool
) -> list[Any]:
    wanted = {(home(key, parts), key) for key in keys}
    if not wanted:
        return []
    dialect = connection.dialect.name
    # In order when rows are locked, so that two transactions never wait for each other.
    given = {"workspace": workspace_id, "wanted": pack(sorted(wanted) if lock else wanted)}
    found = list(connection.execute(_by_key(dialect, columns, lock), given).all())
    if len(found) < len(wanted) and any_alias(connection):
        known = {row[0] for row in found}
        given["wanted"] = pack(pair for pair in wanted if pair[1] not in known)
        found.extend(connection.execute(_by_alias(dialect, columns, lock), given).all())
    return found


@lru_cache(maxsize=16)
def _by_key(dialect: str, columns: _Columns, lock: bool) -> sa.Select[Any]:
    wanted = rowset(dialect, "wanted", part=sa.BigInteger, key=sa.Text)
    chosen = sa.select(wanted.c.key.label("asked"), *columns).join(
        wanted,
        sa.and_(
            CONTACT.c.part == wanted.c.part,
            CONTACT.c.workspace_id == sa.bindparam("workspace", type_=sa.Integer()),
            CONTACT.c.key == wanted.c.key,
        ),
    )
    return chosen.with_for_update(of=CONTACT) if lock else chosen


@lru_cache(maxsize=16)
def _by_alias(dialect: str, columns: _Columns, lock: bool) -> sa.Select[Any]:
    wanted = rowset(dialect, "wanted", part=sa.BigInteger, key=sa.Text)
    named = sa.and_(
        ALIAS.c.part == wanted.c.part,
        ALIAS.c.workspace_id == sa.bindparam("workspace", type_=sa.Integer()),
        ALIAS.c.key == wanted.c.key,
    )
    meant = sa.and_(CONTACT.c.part == ALIAS.c.contact_part, CONTACT.c.id == ALIAS.c.contact_id)
    source = wanted.join(ALIAS, named).join(CONTACT, meant)
    chosen = sa.select(wanted.c.key.label("asked"), *columns).select_from(source)
    return chosen.with_for_update(of=CONTACT) if lock else chosen
