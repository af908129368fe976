"""Enrollments that were taken to another version of their flow, and where they were before."""

from typing import Any

from sqlalchemy import CheckConstraint
from sqlmodel import Field, SQLModel

from engine.store.tables.people import CLUSTERED
from engine.store.types import data, instant, key, number, one_of, words


class Changeover(SQLModel, table=True):
    """One row is an act that took a flow's enrollments to one of its versions.

    ``mapping`` is what was chosen for nodes, by id; ``finished_at`` is NULL while batches are still to come, or when
    a crash came between; ``undone_at`` is set once it was taken back.
    """

    __tablename__ = "changeover"

    id: int = Field(sa_column=key())
    flow_id: int = Field(sa_column=number())
    version_id: int = Field(sa_column=number())
    by: str = Field(sa_column=words())
    at: int = Field(sa_column=instant())
    mapping: dict[str, Any] = Field(sa_column=data())
    finished_at: int | None = Field(sa_column=instant(nullable=True))
    undone_at: int | None = Field(sa_column=instant(nullable=True))


class Transfer(SQLModel, table=True):
    """One row is a token that a changeover took along, as it was before.

    ``to_version`` is NULL where its enrollment ended by it. Journal rows up to ``seq`` were written in
    ``from_version``; ``wave`` is the act's number among the part's waves. ``rest`` was the token's
    state; ``back_at`` is when it was taken back.
    """

    __tablename__ = "transfer"
    __table_args__ = (
        CheckConstraint(one_of("rest", "waiting", "joining", "held", "failed"), name="ck_transfer_rest"),
        CLUSTERED,
    )

    part: int = Field(sa_column=key())
    contact_id: int = Field(sa_column=key())
    token_id: int = Field(sa_column=key())
    changeover_id: int = Field(sa_column=key())
    enrollment_id: int = Field(sa_column=number())
    from_version: int = Field(sa_column=number())
    to_version: int | None = Field(sa_column=number(nullable=True))
    at: int = Field(sa_column=instant())
    wave: int = Field(sa_column=number())
    node: int
    rest: str = Field(sa_column=words())
    due_at: int | None = Field(sa_column=instant(nullable=True))
    since: int = Field(sa_column=instant())
    woken: int
    seq: int
    back_at: int | None = Field(sa_column=instant(nullable=True))
