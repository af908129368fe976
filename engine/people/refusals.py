"""Calls that were not accepted, kept so that somebody can see what a sender does wrong."""

import secrets
from collections.abc import Sequence
from typing import Final, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from engine.people.segment_api import CALL_BYTES, Refusal
from engine.store.tables import EventRefusal
from engine.terms import DAY, Micros

REFUSAL: sa.Table = EventRefusal.__table__  # type: ignore[attr-defined]

KEPT_FOR: Final = 30 * DAY


class RefusalLine(NamedTuple):
    """A refused call as it is listed."""

    at: Micros
    source: str
    position: int
    reason: str
    payload: str


def keep(connection: Connection, workspace_id: int, source: str, refused: Sequence[Refusal], *, now: Micros) -> None:
    """Keep refused calls with their place in the request, the reason and what was sent, as far as a call may be long.

    Cost: one call of the driver.
    """
    if refused:
        common = {"workspace_id": workspace_id, "at": now, "source": source}
        connection.execute(
            REFUSAL.insert(),
            [
                {
                    **common,
                    "id": secrets.token_hex(12),
                    "position": each.position,
                    "reason": f"{each.code}: {_held(each.reason)}",
                    "payload": _held(each.payload[:CALL_BYTES]),
                }
                for each in refused
            ],
        )


def latest(connection: Connection, workspace_id: int = 1, limit: int = 100) -> list[RefusalLine]:
    """List refused calls, the latest first."""
    columns = (REFUSAL.c[name] for name in RefusalLine._fields)
    chosen = sa.select(*columns).where(REFUSAL.c.workspace_id == workspace_id).order_by(REFUSAL.c.at.desc())
    return [RefusalLine._make(row) for row in connection.execute(chosen.limit(limit))]


def _held(text: str) -> str:
    # What no database can hold is why some calls are refused.
    return text.replace("\x00", "\ufffd").encode("utf-8", "replace").decode()
