"""Events and what was refused of them."""

from typing import Any

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from engine.store.tables.people import CLUSTERED
from engine.store.types import data, instant, key, number, words


class Event(SQLModel, table=True):
    """One row is an immutable fact that happened to a contact.

    ``id`` counts the events of a part in the order in which they were committed, so that a cursor over it
    misses none. ``at`` is when it happened, corrected for the sender's clock; ``received_at`` when we heard.
    """

    __tablename__ = "event"
    __table_args__ = (
        UniqueConstraint("part", "source", "message_id", name="uq_event_message"),
        Index("ix_event_contact", "part", "contact_id", "name", "at"),
        CLUSTERED,
    )

    part: int = Field(sa_column=key())
    id: int = Field(sa_column=key())
    workspace_id: int
    contact_id: int = Field(sa_column=number())
    name: str = Field(sa_column=words())
    at: int = Field(sa_column=instant())
    received_at: int = Field(sa_column=instant())
    source: str = Field(sa_column=words())
    message_id: str = Field(sa_column=words())
    properties: dict[str, Any] = Field(sa_column=data())


class EventAhead(SQLModel, table=True):
    """One row is an event that was told before it happens; it acts at its instant."""

    __tablename__ = "event_ahead"
    __table_args__ = (Index("ix_event_ahead_at", "part", "at"), CLUSTERED)

    part: int = Field(sa_column=key())
    id: int = Field(sa_column=key())
    at: int = Field(sa_column=instant())


class EventRefusal(SQLModel, table=True):
    """One row is a call, or one item of a batch, that was refused, and why."""

    __tablename__ = "event_refusal"

    id: str = Field(sa_column=words(primary_key=True))
    workspace_id: int
    at: int = Field(sa_column=instant())
    source: str = Field(sa_column=words())
    position: int = Field(sa_column=number())
    reason: str = Field(sa_column=words())
    payload: str = Field(sa_column=words())
