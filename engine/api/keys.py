"""Write keys: make, list, revoke."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from engine.access import keys
from engine.access.keys import KeyLine
from engine.access.rights import Right
from engine.api.acting import needs, note
from engine.errors import AccessError
from engine.terms import format_instant, from_micros
from engine.wiring import Wiring

LONGEST_NAME = 100


@dataclass(frozen=True)
class NewKey:
    """A key that was just made; ``key`` is never shown again."""

    id: str
    name: str
    key: str


@dataclass(frozen=True)
class ListedKey:
    """A key as it is listed, without what is secret."""

    id: str
    name: str
    scope: str
    created_at: datetime
    used_at: datetime | None
    revoked_at: datetime | None

    def as_json(self) -> dict[str, Any]:
        """Give it to programs."""
        moments = {"created": self.created_at, "used": self.used_at, "revoked": self.revoked_at}
        told = {name: None if moment is None else format_instant(moment) for name, moment in moments.items()}
        return {"id": self.id, "name": self.name, "scope": self.scope, **told}


@needs(Right.MANAGE)
def create_key(wiring: Wiring, name: str) -> NewKey:
    """Make a write key.

    Errors: ``AccessError`` for one without a name.
    """
    if not 0 < len(name.strip()) <= LONGEST_NAME:
        raise AccessError(f"a key needs a name of at most {LONGEST_NAME} signs")
    with wiring.store.write() as connection:
        made = keys.create(connection, name.strip(), now=wiring.clock.micros(), workspace_id=wiring.workspace_id)
        note(wiring, connection, "key.create", made.id)
    return NewKey(made.id, name.strip(), made.text)


@needs(Right.MANAGE)
def list_keys(wiring: Wiring) -> list[ListedKey]:
    """List the write keys, oldest first, also revoked ones."""
    with wiring.store.read() as connection:
        return [_listed(row) for row in keys.listed(connection, wiring.workspace_id)]


@needs(Right.MANAGE)
def revoke_key(wiring: Wiring, key_id: str) -> None:
    """Make a write key invalid.

    Errors: ``NotFound``.
    """
    with wiring.store.write() as connection:
        keys.revoke(connection, key_id, now=wiring.clock.micros(), workspace_id=wiring.workspace_id)
        note(wiring, connection, "key.revoke", key_id)


def _listed(row: KeyLine) -> ListedKey:
    used = None if row.used_at is None else from_micros(row.used_at)
    revoked = None if row.revoked_at is None else from_micros(row.revoked_at)
    return ListedKey(row.id, row.name, row.scope, from_micros(row.created_at), used, revoked)
