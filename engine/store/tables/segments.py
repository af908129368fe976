"""Segments and who is in them."""

from typing import Any

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from engine.store.tables.people import CLUSTERED
from engine.store.types import data, instant, key, words


class Segment(SQLModel, table=True):
    """One row is a named rule. One made for a trigger's own rule has a key that starts with ``@``."""

    __tablename__ = "segment"

    id: int = Field(sa_column=key())
    workspace_id: int
    key: str = Field(sa_column=words(unique=True))
    name: Any = Field(sa_column=data())
    rule: Any = Field(sa_column=data())
    created_at: int = Field(sa_column=instant())


class Membership(SQLModel, table=True):
    """One row is one stay of a contact in a segment; open while ``left_at`` is empty."""

    __tablename__ = "membership"
    __table_args__ = (CLUSTERED,)

    part: int = Field(sa_column=key())
    contact_id: int = Field(sa_column=key())
    segment_id: int = Field(sa_column=key())
    entered_at: int = Field(sa_column=key())
    left_at: int | None = Field(sa_column=instant(nullable=True))


class Recheck(SQLModel, table=True):
    """One row is the next instant at which time alone may change whether a contact matches.

    ``subject`` is a segment's id, or that of a date trigger (negative; see ``engine.run.calendar``).
    """

    __tablename__ = "recheck"
    __table_args__ = (Index("ix_recheck_due", "part", "due_at"), CLUSTERED)

    part: int = Field(sa_column=key())
    contact_id: int = Field(sa_column=key())
    subject: int = Field(sa_column=key())
    due_at: int = Field(sa_column=instant())
    note: str | None = Field(sa_column=words(nullable=True))
