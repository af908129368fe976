"""The built-in inbox: what was delivered there while no mail server is set."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from engine.channels.base import MessageKey
from engine.errors import NotFound
from engine.people.contacts import find
from engine.store.partwise import of_each_part
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
    """List what was delivered, the latest first; to one contact, or to all.

    Cost: one statement by the index of what is there, and a small one before it for one contact's.
    """
    with wiring.store.read() as connection:
        wanted: tuple[sa.ColumnElement[bool], ...] = ()
        parts = range(wiring.store.parts)
        if contact is not None:
            facts = find(connection, wiring.store.parts, contact, wiring.workspace_id)
            if facts is None:
                return InboxPage((), None)
            # Keys of messages begin with whose they are.
            whose = f"{facts.part}-{facts.id}"
            wanted = (INBOX.c.message_key > f"{whose}-", INBOX.c.message_key < f"{whose}.")
            parts = range(facts.part, facts.part + 1)
        rows = connection.execute(_latest(wiring.store.name, parts, before, wanted, limit + 1)).all()
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


def _latest(
    dialect: str, parts: range, before: str | None, wanted: Sequence[sa.ColumnElement[bool]], limit: int
) -> sa.Select[Any]:
    """Choose the latest, part by part in the order of the index: each part gives no more than a page."""

    def choose(part: sa.ColumnElement[int]) -> sa.Select[Any]:
        chosen = sa.select(*_LINE).where(INBOX.c.part == part, *wanted, *_before(before))
        return chosen.order_by(INBOX.c.at.desc(), INBOX.c.message_key.desc()).limit(limit)

    each = of_each_part(dialect, parts, choose)
    order = (each.c.at.desc(), each.c.part.desc(), each.c.message_key.desc())
    first = sa.select(each).order_by(*order).limit(limit).subquery("first")
    mine = sa.and_(CONTACT.c.part == first.c.part, CONTACT.c.id == first.c.contact_id)
    chosen = sa.select(first, CONTACT.c.key.label("contact")).select_from(first.outerjoin(CONTACT, mine))
    return chosen.order_by(*(first.c[name].desc() for name in ("at", "part", "message_key")))


def _before(mark: str | None) -> tuple[sa.ColumnElement[bool], ...]:
    """Choose what comes after the end of a page."""
    if not mark:
        return ()
    at, last, key = mark.split("~", 2)
    further = sa.and_(INBOX.c.part == int(last), INBOX.c.message_key < key)
    # The first bound is what the index is entered by.
    return (INBOX.c.at <= int(at), sa.or_(INBOX.c.at < int(at), INBOX.c.part < int(last), further))


_LINE: Final = tuple(
    INBOX.c[name] for name in ("part", "message_key", "contact_id", "channel", "at", "address", "subject")
)


def _chosen() -> sa.Select[Any]:
    mine = sa.and_(CONTACT.c.part == INBOX.c.part, CONTACT.c.id == INBOX.c.contact_id)
    return sa.select(*_LINE, CONTACT.c.key.label("contact")).select_from(INBOX.outerjoin(CONTACT, mine))


def _line(row: Any) -> InboxLine:
    contact = row.contact if row.contact is not None else ""
    return InboxLine(row.message_key, contact, row.channel, from_micros(row.at), row.address, row.subject)
