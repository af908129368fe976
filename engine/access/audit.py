"""The audit log: who changed what, each entry sealed with the one before it, so that none goes unseen."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from engine.access.rights import Actor
from engine.store.tables import AuditEntry, User, Workspace
from engine.terms import Json, Micros

ENTRY: sa.Table = AuditEntry.__table__  # type: ignore[attr-defined]
USER: sa.Table = User.__table__  # type: ignore[attr-defined]
WORKSPACE: sa.Table = Workspace.__table__  # type: ignore[attr-defined]

FIRST: Final = "0" * 64
"""What stands before the first entry."""

_SEALED: Final = ("id", "workspace_id", "at", "user_id", "action", "subject", "detail", "previous")
PAGE: Final = 100


@dataclass(frozen=True)
class Entry:
    """Something a user changed. ``user`` is their name now, nothing for the command line."""

    number: int
    at: Micros
    user: str | None
    action: str
    subject: str
    detail: dict[str, Any]
    digest: str


def record(
    connection: Connection,
    actor: Actor,
    action: str,
    subject: str,
    detail: Mapping[str, Json] | None = None,
    *,
    now: Micros,
    workspace_id: int = 1,
) -> None:
    """Note a change in its own transaction; ``detail`` holds ids and values of settings, nothing personal.

    Cost: three small statements; one writer at a time per workspace.
    """
    connection.execute(sa.select(WORKSPACE.c.id).where(WORKSPACE.c.id == workspace_id).with_for_update())
    last = connection.execute(sa.select(ENTRY.c.id, ENTRY.c.digest).order_by(ENTRY.c.id.desc()).limit(1)).first()
    row = {
        "id": last.id + 1 if last else 1,
        "workspace_id": workspace_id,
        "at": now,
        "user_id": actor.user_id,
        "action": action,
        "subject": subject,
        "detail": dict(detail or {}),
        "previous": last.digest if last else FIRST,
    }
    connection.execute(ENTRY.insert().values(**row, digest=_seal(row)))


def entries(connection: Connection, before: int | None = None, limit: int = PAGE, workspace_id: int = 1) -> list[Entry]:
    """List what was changed, the latest first."""
    wanted = [ENTRY.c.workspace_id == workspace_id] + ([ENTRY.c.id < before] if before else [])
    chosen = sa.select(ENTRY, USER.c.name.label("user")).outerjoin(USER, USER.c.id == ENTRY.c.user_id).where(*wanted)
    rows = connection.execute(chosen.order_by(ENTRY.c.id.desc()).limit(limit))
    return [Entry(row.id, row.at, row.user, row.action, row.subject, row.detail, row.digest) for row in rows]


def broken(connection: Connection) -> int:
    """Count the entries that do not fit: changed, taken out before, or put in.

    Cost: reads the whole log.
    """
    return sum(1 for _ in _misfits(connection))


def _misfits(connection: Connection) -> Iterator[int]:
    number, digest = 0, FIRST
    for row in connection.execute(sa.select(ENTRY).order_by(ENTRY.c.id)).mappings():
        fits = row["id"] == number + 1 and row["previous"] == digest and row["digest"] == _seal(dict(row))
        if not fits:
            yield row["id"]
        number, digest = row["id"], row["digest"]


def _seal(row: Mapping[str, Any]) -> str:
    sealed = [row[name] for name in _SEALED]
    return hashlib.sha256(orjson.dumps(sealed, option=orjson.OPT_SORT_KEYS)).hexdigest()
