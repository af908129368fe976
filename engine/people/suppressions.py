"""Addresses that must not be written to, whoever they belong to."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from engine.people.contacts import CONTACT, Place
from engine.rules.compare import fold
from engine.store.dialect import insert_ignore
from engine.store.rowsets import pack, rowset, texts
from engine.store.tables import Suppression
from engine.terms import Json, Micros

SUPPRESSION: sa.Table = Suppression.__table__  # type: ignore[attr-defined]

CHANNELS: Final = ("email", "sms", "wecom")
"""Channels that write to an address of the contact's own."""


class SuppressionRow(NamedTuple):
    """One address of one contact that must not be written to."""

    part: int
    contact_id: int
    channel: str
    address_hash: str
    reason: str
    at: Micros


def hash_address(address: str) -> str:
    """Hash an address: SHA-256 of its lower-cased text in hexadecimal, as ``engine.channels.policy`` does in SQL."""
    return hashlib.sha256(fold(address).encode()).hexdigest()


def addresses_of(email: str | None, phone: str | None, attributes: Mapping[str, Json]) -> dict[str, str]:
    """Give the address on each channel on which a contact has one."""
    given = (email, phone, attributes.get("wecom_id"))
    return {
        channel: address
        for channel, address in zip(CHANNELS, given, strict=True)
        if isinstance(address, str) and address
    }


def suppress(connection: Connection, rows: Sequence[SuppressionRow]) -> None:
    """Forbid addresses; what is forbidden already keeps its reason.

    Cost: two statements, however many rows.
    """
    if not rows:
        return
    connection.execute(insert_ignore(SUPPRESSION, connection.dialect.name), [row._asdict() for row in sorted(rows)])
    restrict(connection, [(row.part, row.contact_id) for row in rows])


def restrict(connection: Connection, places: Iterable[Place]) -> None:
    """Mark contacts of which a consent or a suppression exists, so that sending looks closer."""
    connection.execute(_restriction(connection.dialect.name), {"places": pack(sorted(set(places)))})


@lru_cache(maxsize=2)
def _restriction(dialect: str) -> sa.Update:
    places = rowset(dialect, "places", part=sa.BigInteger, id=sa.BigInteger)
    mine = sa.and_(CONTACT.c.part == places.c.part, CONTACT.c.id == places.c.id)
    return CONTACT.update().values(restricted=sa.true()).where(mine)


class Ban(NamedTuple):
    """What is known against an address, from any contact that had it."""

    address_hash: str
    channel: str
    reason: str
    at: Micros


def exist(connection: Connection) -> bool:
    """Tell whether any address is forbidden."""
    return connection.scalar(sa.select(SUPPRESSION.c.part).limit(1)) is not None


def bans_on(connection: Connection, parts: int, addresses: Iterable[str]) -> dict[str, list[Ban]]:
    """Find which of these addresses are forbidden, whoever had them: by their hashes.

    Cost: one statement, however many addresses.
    """
    hashes = pack({hash_address(address) for address in addresses})
    found: dict[str, list[Ban]] = {}
    for row in connection.execute(_bans(connection.dialect.name, parts), {"hashes": hashes}):
        found.setdefault(row[0], []).append(Ban._make(row))
    return found


@lru_cache(maxsize=8)
def _bans(dialect: str, parts: int) -> sa.Select[Any]:
    columns = (SUPPRESSION.c.address_hash, SUPPRESSION.c.channel)
    # An address may be known from several contacts; one reason is enough.
    reason, at = sa.func.min(SUPPRESSION.c.reason), sa.func.min(SUPPRESSION.c.at)
    anywhere = SUPPRESSION.c.part.in_(range(parts))
    return (
        sa.select(*columns, reason, at)
        .where(anywhere, SUPPRESSION.c.address_hash.in_(texts(dialect, "hashes")))
        .group_by(*columns)
    )
