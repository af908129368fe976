"""Workspaces and what belongs to them as a whole."""

from typing import Any

from sqlalchemy import CheckConstraint, UniqueConstraint
from sqlmodel import Field, SQLModel

from engine.store.types import data, instant, key, words


class Meta(SQLModel, table=True):
    """One row is one fact about this database, such as its number of parts."""

    __tablename__ = "meta"

    name: str = Field(sa_column=words(primary_key=True))
    value: str = Field(sa_column=words())


class Workspace(SQLModel, table=True):
    """One row is a tenant with its defaults.

    ``settings`` holds ``frequency_cap`` ({"messages", "per", "on_excess": "skip"|"delay"}), ``teams``
    ({name: [user, ...]}), ``attributes`` ({name: type}) and ``quiet_hours``.
    """

    __tablename__ = "workspace"

    id: int = Field(sa_column=key())
    key: str = Field(sa_column=words(unique=True))
    name: str = Field(sa_column=words())
    timezone: str = Field(sa_column=words())
    settings: dict[str, Any] = Field(sa_column=data())


class Topic(SQLModel, table=True):
    """One row is a subject that contacts can unsubscribe from."""

    __tablename__ = "topic"

    workspace_id: int = Field(sa_column=key())
    key: str = Field(sa_column=words(primary_key=True))
    name: Any = Field(sa_column=data())


class WriteKey(SQLModel, table=True):
    """One row is a key that may send events; only its SHA-256 is kept."""

    __tablename__ = "write_key"
    __table_args__ = (
        CheckConstraint("scope IN ('ingest')", name="ck_write_key_scope"),
        UniqueConstraint("digest", name="uq_write_key_digest"),
    )

    id: str = Field(sa_column=words(primary_key=True))
    workspace_id: int
    name: str = Field(sa_column=words())
    digest: str = Field(sa_column=words())
    scope: str = Field(sa_column=words())
    created_at: int = Field(sa_column=instant())
    revoked_at: int | None = Field(sa_column=instant(nullable=True))
    used_at: int | None = Field(sa_column=instant(nullable=True))
