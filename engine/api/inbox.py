"""The built-in inbox: what was delivered there while no mail server is set."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from engine.channels.base import MessageKey
from engine.errors import NotFound
from engine.store.tables import Contact, Inbox
from engine.terms import from_micros
from engine.wiring import Wiring

INBOX: sa.Table = Inbox.__table__  # type: ignore[attr-defined]
CONTACT: sa.Table = Contact.__table__  # type: ignore[attr-defined]

PAGE: Final = 50


@dataclass(frozen=True)
class InboxLine:
    """A message in the list; ``key`` names it."""

    key: str
    contact: str
    channel: str
    at: datetime
    address: str
    subject: str


@dataclass(frozen=True)
class InboxPage:
    """Some messages, the latest first; ``before`` is where the next page begins, nothing on the last one."""

    messages: tuple[InboxLine, ...]
    before: str | None


@dataclass(frozen=True)
class Mail:
    """A message as it was delivered."""

    line: InboxLine
    sender: str
    html: str
    text: str


def list_inbox(wiring: Wiring, before: str | None = None, contact: str | None = None, limit: int = PAGE) -> InboxPage:
    """List what was delivered, the latest first; to one contact, or to all."""
    chosen = _chosen().order_by(INBOX.c.at.desc(), INBOX.c.part.desc(), INBOX.c.message_key.desc())
    if contact is not None:
        chosen = chosen.where(CONTACT.c.key == contact)
    if before:
        at, part, key = before.split("~", 2)
        place = sa.tuple_(INBOX.c.at, INBOX.c.part, INBOX.c.message_key)
        chosen = chosen.where(place < sa.tuple_(int(at), int(part), key))
    with wiring.store.read() as connection:
        rows = connection.execute(chosen.limit(limit + 1)).all()
    last = rows[limit - 1] if len(rows) > limit else None
    mark = None if last is None else f"{last.at}~{last.part}~{last.message_key}"
    return InboxPage(tuple(_line(row) for row in rows[:limit]), mark)


def read_mail(wiring: Wiring, key: str) -> Mail:
    """Give one message.

    Errors: ``NotFound``.
    """
    try:
        part = MessageKey.parse(key).part
    except (TypeError, ValueError):
        raise NotFound(f"there is no message {key!r} in the inbox", mail=key) from None
    mine = (INBOX.c.part == part, INBOX.c.message_key == key)
    with wiring.store.read() as connection:
        row = connection.execute(_chosen().add_columns(INBOX.c.body).where(*mine)).first()
    if row is None:
        raise NotFound(f"there is no message {key!r} in the inbox", mail=key)
    body: dict[str, Any] = row.body
    return Mail(_line(row), str(body.get("from", "")), str(body.get("html", "")), str(body.get("text", "")))


def _chosen() -> sa.Select[Any]:
    mine = sa.and_(CONTACT.c.part == INBOX.c.part, CONTACT.c.id == INBOX.c.contact_id)
    columns = (INBOX.c[name] for name in ("part", "message_key", "channel", "at", "address", "subject"))
    return sa.select(*columns, CONTACT.c.key.label("contact")).select_from(INBOX.outerjoin(CONTACT, mine))


def _line(row: Any) -> InboxLine:
    contact = row.contact if row.contact is not None else ""
    return InboxLine(row.message_key, contact, row.channel, from_micros(row.at), row.address, row.subject)
