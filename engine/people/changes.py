"""Tell the segments which contacts changed: each change from outside gets the next number of its part."""

from collections import Counter
from collections.abc import Iterable
from functools import lru_cache

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from engine.people.contacts import CONTACT, Place
from engine.people.numbering import take_each
from engine.store.rowsets import pack, rowset

CHANGE = "change"
"""The sequence that counts changes."""


def number_changes(connection: Connection, places: Iterable[Place]) -> None:
    """Give each of these contacts a change number of its own.

    Cost: two statements, however many contacts.
    """
    changed = sorted(set(places))
    if not changed:
        return
    following = take_each(connection, CHANGE, Counter(part for part, _ in changed))
    rows = []
    for part, contact_id in changed:
        rows.append((part, contact_id, following[part]))
        following[part] += 1
    connection.execute(_numbered(connection.dialect.name), {"changes": pack(rows)})


@lru_cache(maxsize=2)
def _numbered(dialect: str) -> sa.Update:
    changes = rowset(dialect, "changes", part=sa.BigInteger, id=sa.BigInteger, changed=sa.BigInteger)
    mine = sa.and_(CONTACT.c.part == changes.c.part, CONTACT.c.id == changes.c.id)
    return CONTACT.update().values(changed=changes.c.changed).where(mine)
