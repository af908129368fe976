"""Accounts: one row per part that holds a contact of it, and one in the part that its own number leads to."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import orjson
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from engine.people.changes import number_changes
from engine.people.contacts import CONTACT, NOTHING, Place
from engine.store.attributes import note_attributes
from engine.store.dialect import insert_ignore
from engine.store.rowsets import numbers, pack, rowset
from engine.store.tables import Account
from engine.store.types import JSON_TYPE
from engine.terms import Json, part_of

ACCOUNT: sa.Table = Account.__table__  # type: ignore[attr-defined]


class AccountRow(NamedTuple):
    """What is known from outside about one account; attributes are merged by name."""

    key: str
    name: str | None = None
    attributes: Mapping[str, Json] = NOTHING


@lru_cache(maxsize=65_536)
def account_id(workspace_id: int, key: str) -> int:
    """Derive an account's number from its key, the same in every part."""
    return int.from_bytes(hashlib.sha256(f"{workspace_id}/{key}".encode()).digest()[:8]) >> 1


def ensure(connection: Connection, parts: int, workspace_id: int, wanted: Iterable[tuple[int, str]]) -> None:
    """See to it that each account exists in each of these parts, as a copy of the one in its own part.

    Cost: at most four statements, however many accounts.
    """
    copies = {(part, account_id(workspace_id, key)): key for part, key in wanted}
    missing = _missing(connection, copies)
    if not missing:
        return
    homes = {(part_of(id_, parts), id_): key for (_, id_), key in missing.items()}
    added = [(part, id_, workspace_id, key, None, "{}") for (part, id_), key in homes.items()]
    _insert(connection, added)
    rows = _copies(connection, homes)
    _insert(connection, [(part, *rows[id_]) for part, id_ in missing if part != part_of(id_, parts)])


def key_of(connection: Connection, part: int, id_: int) -> str | None:
    """Find an account's key by its number, where a contact of it is."""
    key: str | None = connection.scalar(sa.select(ACCOUNT.c.key).where(ACCOUNT.c.part == part, ACCOUNT.c.id == id_))
    return key


def update(connection: Connection, parts: int, workspace_id: int, rows: Sequence[AccountRow]) -> int:
    """Change accounts in all their copies, make those that are new, and tell how many changed.

    Their contacts count as changed. Cost: at most twelve statements, however many accounts.
    """
    ids = {row.key: account_id(workspace_id, row.key) for row in rows}
    ensure(connection, parts, workspace_id, ((part_of(id_, parts), key) for key, id_ in ids.items()))
    note_attributes(connection, workspace_id, (row.attributes for row in rows), of_accounts=True)
    known = _copies(connection, {(part_of(id_, parts), id_): key for key, id_ in ids.items()})
    changed: dict[int, tuple[str | None, str]] = {}
    for row in rows:
        id_ = ids[row.key]
        name, attributes = changed.get(id_) or known[id_][3:]
        merged = {**orjson.loads(attributes), **row.attributes}
        after = (row.name if row.name is not None else name, orjson.dumps(merged).decode())
        if after != (name, orjson.dumps(orjson.loads(attributes)).decode()):
            changed[id_] = after
    if changed:
        values = pack((id_, *facts) for id_, facts in changed.items())
        connection.execute(_update(connection.dialect.name, parts), {"changes": values})
        number_changes(connection, _contacts(connection, parts, changed))
    return len(changed)


def _missing(connection: Connection, copies: Mapping[tuple[int, int], str]) -> dict[tuple[int, int], str]:
    if not copies:
        return {}
    found = {(row.part, row.id) for row in connection.execute(_here(connection.dialect.name), _asked(copies))}
    return {place: key for place, key in copies.items() if place not in found}


def _copies(connection: Connection, homes: Mapping[tuple[int, int], str]) -> dict[int, tuple[Any, ...]]:
    """Give id, workspace, key, name and attributes as they stand in the accounts' own parts."""
    found = connection.execute(_here(connection.dialect.name), _asked(homes))
    return {
        row.id: (row.id, row.workspace_id, row.key, row.name, orjson.dumps(row.attributes).decode()) for row in found
    }


def _asked(copies: Iterable[tuple[int, int]]) -> dict[str, str]:
    return {"asked": pack(sorted(copies))}


@lru_cache(maxsize=2)
def _here(dialect: str) -> sa.Select[Any]:
    asked = rowset(dialect, "asked", part=sa.BigInteger, id=sa.BigInteger)
    return sa.select(ACCOUNT).join(asked, sa.and_(ACCOUNT.c.part == asked.c.part, ACCOUNT.c.id == asked.c.id))


def _insert(connection: Connection, rows: Sequence[tuple[Any, ...]]) -> None:
    if rows:
        connection.execute(_insertion(connection.dialect.name), {"added": pack(sorted(rows, key=lambda row: row[:2]))})


@lru_cache(maxsize=2)
def _insertion(dialect: str) -> sa.Insert:
    columns: dict[str, Any] = {column.name: column.type for column in ACCOUNT.columns}
    added = rowset(dialect, "added", **{**columns, "attributes": JSON_TYPE})
    statement: sa.Insert = insert_ignore(ACCOUNT, dialect).from_select(list(columns), sa.select(added).where(sa.true()))
    return statement


@lru_cache(maxsize=8)
def _update(dialect: str, parts: int) -> sa.Update:
    changes = rowset(dialect, "changes", id=sa.BigInteger, name=sa.Text, attributes=JSON_TYPE)
    mine = sa.and_(ACCOUNT.c.part.in_(range(parts)), ACCOUNT.c.id == changes.c.id)
    return ACCOUNT.update().values(name=changes.c.name, attributes=changes.c.attributes).where(mine)


def _contacts(connection: Connection, parts: int, ids: Iterable[int]) -> list[Place]:
    members = sa.and_(
        CONTACT.c.part.in_(range(parts)), CONTACT.c.account_id.in_(numbers(connection.dialect.name, "ids"))
    )
    found = connection.execute(sa.select(CONTACT.c.part, CONTACT.c.id).where(members), {"ids": pack(ids)})
    return [(part, contact_id) for part, contact_id in found]


def row_of(key: str, facts: Mapping[str, Json]) -> AccountRow:
    """Make a row of loose facts, of which ``name`` has a column of its own."""
    others = {name: value for name, value in facts.items() if name != "name"}
    name = facts.get("name")
    return AccountRow(key, name if isinstance(name, str) or name is None else orjson.dumps(name).decode(), others)
