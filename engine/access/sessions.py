"""Sessions: browsers in which a user is signed in. They live in the store, so signing out ends them everywhere."""

import hashlib
import hmac
import secrets
from typing import Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from engine.store.tables import Session, User
from engine.terms import HOUR, MINUTE, Micros

SESSION: sa.Table = Session.__table__  # type: ignore[attr-defined]
USER: sa.Table = User.__table__  # type: ignore[attr-defined]

IDLE: Final = 30 * MINUTE
"""So long a session lives without a request."""

LONGEST: Final = 12 * HOUR
NOTED: Final = MINUTE
"""A request is noted at most so often, so that pages do not write all the time."""


def start(connection: Connection, user_id: int, *, now: Micros, place: str) -> str:
    """Begin a session; give what its cookie says, which is not kept."""
    text = secrets.token_urlsafe(32)
    row = {"digest": _digest(text), "user_id": user_id, "opened_at": now, "seen_at": now, "place": place}
    connection.execute(SESSION.insert().values(**row))
    connection.execute(SESSION.delete().where(SESSION.c.opened_at < now - LONGEST))
    return text


def holder(connection: Connection, text: str, *, now: Micros) -> tuple[int, bool] | None:
    """Tell whose session this is, and whether its use should be noted again; nothing when it is over."""
    mine = sa.and_(SESSION.c.digest == _digest(text), USER.c.id == SESSION.c.user_id, USER.c.disabled_at.is_(None))
    row = connection.execute(sa.select(SESSION).where(mine)).one_or_none()
    if row is None or now >= row.opened_at + LONGEST or now >= row.seen_at + IDLE:
        return None
    return row.user_id, now >= row.seen_at + NOTED


def note(connection: Connection, text: str, *, now: Micros) -> None:
    """Note that a session was used."""
    connection.execute(SESSION.update().values(seen_at=now).where(SESSION.c.digest == _digest(text)))


def end(connection: Connection, text: str) -> None:
    """End a session."""
    connection.execute(SESSION.delete().where(SESSION.c.digest == _digest(text)))


def end_all(connection: Connection, user_id: int, *, but: str = "") -> None:
    """End all sessions of a user, or all but one."""
    kept = SESSION.c.digest != _digest(but)
    connection.execute(SESSION.delete().where(SESSION.c.user_id == user_id, kept))


def csrf_token(text: str) -> str:
    """Derive the word that a session's own pages send with every change, and no other page can know."""
    return hmac.new(text.encode(), b"dripline csrf", hashlib.sha256).hexdigest()


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
