"""What hands did to drafts."""

from typing import Any

from sqlalchemy import CheckConstraint, Index
from sqlmodel import Field, SQLModel

from engine.store.types import data, instant, key, one_of, words


class GestureDone(SQLModel, table=True):
    """One row is a gesture that changed a draft, or a burst of like ones, and the revision that it led to.

    ``change`` is the difference it made, as JSON text; ``touched`` names what. What is ``done`` can be undone by its
    user, what is ``undone`` redone; the rest is ``over``: undoing and redoing themselves, and what was undone before
    its user did something else.
    """

    __tablename__ = "gesture"
    __table_args__ = (
        CheckConstraint(one_of("state", "done", "undone", "over"), name="ck_gesture_state"),
        Index("ix_gesture_actor", "flow_id", "actor", "state"),
    )

    flow_id: int = Field(sa_column=key())
    revision: int = Field(sa_column=key())
    actor: str = Field(sa_column=words())
    hand: str = Field(sa_column=words())
    kind: str = Field(sa_column=words())
    burst: str | None = Field(sa_column=words(nullable=True))
    touched: Any = Field(sa_column=data())
    change: str = Field(sa_column=words())
    at: int = Field(sa_column=instant())
    state: str = Field(sa_column=words())
