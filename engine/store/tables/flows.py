"""Flows, their drafts, versions and message templates."""

from typing import Any

from sqlalchemy import CheckConstraint, UniqueConstraint
from sqlmodel import Field, SQLModel

from engine.store.types import data, instant, key, number, one_of, words


class Flow(SQLModel, table=True):
    """One row is a flow's identity and whether it is live.

    What came due up to ``dropped_until``, in a pause whose backlog was dropped, moves on without sending anything.
    """

    __tablename__ = "flow"
    __table_args__ = (
        CheckConstraint(one_of("state", "draft", "live", "paused", "archived"), name="ck_flow_state"),
        UniqueConstraint("workspace_id", "key", name="uq_flow_key"),
    )

    id: int = Field(sa_column=key())
    workspace_id: int
    key: str = Field(sa_column=words())
    name: Any = Field(sa_column=data())
    state: str = Field(sa_column=words())
    live_version_id: int | None = Field(sa_column=number(nullable=True))
    created_at: int = Field(sa_column=instant())
    paused_at: int | None = Field(sa_column=instant(nullable=True))
    dropped_until: int | None = Field(sa_column=instant(nullable=True))


class Draft(SQLModel, table=True):
    """One row is a flow's editable document with its revision; a draft may be wrong.

    ``document`` is JSON as text: the order of keys has a meaning in places, and PostgreSQL's JSON forgets it.
    """

    __tablename__ = "draft"

    flow_id: int = Field(sa_column=key())
    revision: int = Field(sa_column=number())
    document: str = Field(sa_column=words())
    changed_at: int = Field(sa_column=instant())


class FlowVersion(SQLModel, table=True):
    """One row is an immutable published document: canonical JSON and its SHA-256."""

    __tablename__ = "flow_version"
    __table_args__ = (UniqueConstraint("flow_id", "number", name="uq_flow_version_number"),)

    id: int = Field(sa_column=key())
    flow_id: int = Field(sa_column=number())
    number: int = Field(sa_column=number())
    document: str = Field(sa_column=words())
    digest: str = Field(sa_column=words())
    published_at: int = Field(sa_column=instant())


class Template(SQLModel, table=True):
    """One row is a reusable message: subject, HTML and text, each per language."""

    __tablename__ = "template"
    __table_args__ = (CheckConstraint("channel IN ('email','sms','wecom')", name="ck_template_channel"),)

    workspace_id: int = Field(sa_column=key())
    key: str = Field(sa_column=words(primary_key=True))
    channel: str = Field(sa_column=words())
    name: Any = Field(sa_column=data())
    content: dict[str, Any] = Field(sa_column=data())
    changed_at: int = Field(sa_column=instant())
