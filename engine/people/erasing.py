"""Erase a contact on request: who it was goes everywhere, what happened stays to be counted.

The hashes of its addresses stay as suppressions, so that nobody writes to them again after the next import.
"""

import secrets
from collections.abc import Iterable
from typing import Any, Final

import orjson
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from engine.people import aliases, rekeying, suppressions
from engine.people.changes import number_changes
from engine.people.contacts import CONTACT, ERASED, MOVED, Facts, Place, hash_of, home, look_up
from engine.people.ending import ENROLLMENT, end_passages, one_at_a_time
from engine.people.suppressions import SuppressionRow
from engine.store.dialect import sha256_text
from engine.store.tables import EventRefusal
from engine.terms import Micros

REFUSAL: sa.Table = EventRefusal.__table__  # type: ignore[attr-defined]

_EMPTIED: Final[dict[str, dict[str, Any]]] = {
    "event": {"properties": {}},
    "inbox": {"address": "", "subject": "", "body": {}},
    "delivery": {"answer": ""},
    "task": {"title": ""},
}
"""What may tell who somebody is, and what stands there afterwards."""

_DROPPED: Final = ("contact_tag", "recheck")


def erase(connection: Connection, parts: int, key: str, *, now: Micros, workspace_id: int = 1) -> bool:
    """Erase a contact, found by its key or an alias; tell whether there was one.

    Its passages end as ``erased``; keys, addresses, attributes, tags and what its events said are gone for ever.
    Cost: some twenty-five statements, and one look through the refused calls.
    """
    one_at_a_time(connection)
    facts = look_up(connection, parts, workspace_id, [key], lock=True).get(key)
    if facts is None:
        return False
    place = (facts.part, facts.id)
    names = {facts.key, *(row.key for row in aliases.of_contact(connection, parts, place))}
    addresses = suppressions.addresses_of(facts.email, facts.phone, facts.attributes)
    active = sa.select(ENROLLMENT.c.id).where(rekeying.of_contact("enrollment", place), ENROLLMENT.c.state == "active")
    end_passages(connection, place, list(connection.scalars(active)), "erased", now)
    _hold_back(connection, place)
    suppressions.suppress(
        connection,
        [
            SuppressionRow(*place, channel, suppressions.hash_address(address), "suppressed", now)
            for channel, address in addresses.items()
        ],
    )
    _forget(connection, parts, place, now)
    words = {word for word in (*names, *addresses.values()) if not word.startswith(MOVED)}
    _hash_message_ids(connection, place, words)
    _empty_refusals(connection, workspace_id, words)
    _make_nobody(connection, parts, facts)
    number_changes(connection, [place])
    return True


def _hold_back(connection: Connection, place: Place) -> None:
    """Send nothing that is still owed, also by passages that are over."""
    message = rekeying.table("message")
    connection.execute(
        message.update()
        .values(state="suppressed", reason="suppressed")
        .where(rekeying.of_contact("message", place), message.c.state == "queued")
    )


def _forget(connection: Connection, parts: int, place: Place, now: Micros) -> None:
    for name, values in _EMPTIED.items():
        connection.execute(rekeying.table(name).update().values(values).where(rekeying.of_contact(name, place)))
    for name in _DROPPED:
        rekeying.remove(connection, name, place)
    stay = rekeying.table("membership")
    connection.execute(
        stay.update().values(left_at=now).where(rekeying.of_contact("membership", place), stay.c.left_at.is_(None))
    )
    aliases.drop(connection, parts, place)


def _hash_message_ids(connection: Connection, place: Place, words: Iterable[str]) -> None:
    """Hide what senders wrote into message ids; they stay different from each other."""
    event = rekeying.table("event")
    named = sa.or_(*(event.c.message_id.contains(word, autoescape=True) for word in words))
    connection.execute(
        event.update()
        .values(message_id=sha256_text(event.c.message_id))
        .where(rekeying.of_contact("event", place), named)
    )


def _empty_refusals(connection: Connection, workspace_id: int, words: Iterable[str]) -> None:
    """Empty the refused calls that name the contact."""
    # As JSON writes it, so that a short key is not found inside of other words.
    needles = [orjson.dumps(word).decode() for word in words]
    named = sa.or_(*(REFUSAL.c.payload.contains(needle, autoescape=True) for needle in needles))
    connection.execute(
        REFUSAL.update().values(payload="", reason="erased").where(REFUSAL.c.workspace_id == workspace_id, named)
    )


def _make_nobody(connection: Connection, parts: int, facts: Facts) -> None:
    """Give the contact a key that says nothing, and no facts."""
    key = ERASED + secrets.token_hex(8)
    while home(key, parts) != facts.part:
        key = ERASED + secrets.token_hex(8)
    nothing: dict[str, Any] = dict.fromkeys(("email", "phone", "timezone", "locale", "stage", "account_id"))
    nothing |= {"key": key, "hash": hash_of(key), "attributes": {}}
    connection.execute(CONTACT.update().values(nothing).where(CONTACT.c.part == facts.part, CONTACT.c.id == facts.id))
