"""What is owed to contacts and how its delivery went."""

from typing import Any

from sqlalchemy import CheckConstraint, Index, text
from sqlmodel import Field, SQLModel

from engine.store.tables.people import CLUSTERED, SOME_ROOM
from engine.store.types import data, instant, key, number, one_of, words

OPEN_STATES = "('queued','sending')"
UNCLEAR_STATES = "('failed','in_doubt')"


OPEN_MESSAGE = text(f"message.state IN {OPEN_STATES}")
"""What the index of open messages says of itself: without these very words SQLite does not use it."""

UNCLEAR_MESSAGE = text(f"message.state IN {UNCLEAR_STATES}")
"""The same of the index of messages that failed or are in doubt."""


class Message(SQLModel, table=True):
    """One row is what one send node owes to one contact, once per pass.

    ``queued`` → ``sending`` (intent committed) → ``sent`` · ``failed`` · ``in_doubt``, back to ``queued`` after a
    temporary refusal; ``suppressed`` says in ``reason`` why nothing was sent. ``due_at`` is when the step owed it,
    ``not_before`` when it may be handed over next; ``content`` overrides are data of the node, rendered at dispatch.
    """

    __tablename__ = "message"
    __table_args__ = (
        CheckConstraint(
            f"{one_of('state', 'queued', 'sending', 'sent', 'failed', 'in_doubt', 'suppressed')} "
            "AND (state <> 'suppressed' OR reason IS NOT NULL) AND (state <> 'sent' OR sent_at IS NOT NULL) "
            "AND (state <> 'sending' OR intent_at IS NOT NULL)",
            name="ck_message_state",
        ),
        Index(
            "ix_message_open",
            "part",
            "state",
            "channel",
            "not_before",
            sqlite_where=text(f"state IN {OPEN_STATES}"),
            postgresql_where=text(f"state IN {OPEN_STATES}"),
        ),
        Index(
            "ix_message_unclear",
            "part",
            "due_at",
            sqlite_where=text(f"state IN {UNCLEAR_STATES}"),
            postgresql_where=text(f"state IN {UNCLEAR_STATES}"),
        ),
        {**CLUSTERED, **SOME_ROOM},
    )

    part: int = Field(sa_column=key())
    contact_id: int = Field(sa_column=key())
    enrollment_id: int = Field(sa_column=key())
    node: int = Field(sa_column=key())
    passing: int = Field(sa_column=key())
    version_id: int = Field(sa_column=number())
    channel: str = Field(sa_column=words())
    topic: str | None = Field(sa_column=words(nullable=True))
    state: str = Field(sa_column=words())
    reason: str | None = Field(sa_column=words(nullable=True))
    due_at: int = Field(sa_column=instant())
    not_before: int = Field(sa_column=instant())
    attempt: int
    worker: str | None = Field(sa_column=words(nullable=True))
    intent_at: int | None = Field(sa_column=instant(nullable=True))
    sent_at: int | None = Field(sa_column=instant(nullable=True))
    delivered_at: int | None = Field(sa_column=instant(nullable=True))
    opened_at: int | None = Field(sa_column=instant(nullable=True))
    clicked_at: int | None = Field(sa_column=instant(nullable=True))
    bounced_at: int | None = Field(sa_column=instant(nullable=True))
    replied_at: int | None = Field(sa_column=instant(nullable=True))


class Delivery(SQLModel, table=True):
    """One row is one attempt to hand over a message, and what the provider answered."""

    __tablename__ = "delivery"
    __table_args__ = (
        CheckConstraint(one_of("outcome", "sent", "temporary", "permanent", "in_doubt"), name="ck_delivery_outcome"),
        CLUSTERED,
    )

    part: int = Field(sa_column=key())
    contact_id: int = Field(sa_column=key())
    enrollment_id: int = Field(sa_column=key())
    node: int = Field(sa_column=key())
    passing: int = Field(sa_column=key())
    attempt: int = Field(sa_column=key())
    at: int = Field(sa_column=instant())
    outcome: str = Field(sa_column=words())
    answer: str = Field(sa_column=words())


class Inbox(SQLModel, table=True):
    """One row is a message in the built-in inbox, where mail goes while no server is set."""

    __tablename__ = "inbox"
    __table_args__ = (Index("ix_inbox_at", "part", "at"), CLUSTERED)

    part: int = Field(sa_column=key())
    message_key: str = Field(sa_column=words(primary_key=True))
    contact_id: int = Field(sa_column=number())
    channel: str = Field(sa_column=words())
    at: int = Field(sa_column=instant())
    address: str = Field(sa_column=words())
    subject: str = Field(sa_column=words())
    body: dict[str, Any] = Field(sa_column=data())
