"""Users, their sessions, refused sign-ins, and the log of what users changed."""

from typing import Any

from sqlalchemy import CheckConstraint, Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from engine.store.types import data, instant, key, number, words


class User(SQLModel, table=True):
    """One row is somebody who signs in to the designer.

    ``password`` is an argon2id hash; nothing before an invitation is taken up, of which ``invitation`` is the SHA-256.
    """

    __tablename__ = "designer_user"
    __table_args__ = (
        CheckConstraint(
            "role = 'viewer' OR role = 'editor' OR role = 'approver' OR role = 'admin'", name="ck_designer_user_role"
        ),
        UniqueConstraint("email", name="uq_designer_user_email"),
    )

    id: int = Field(sa_column=key())
    workspace_id: int = Field(sa_column=number())
    email: str = Field(sa_column=words())
    name: str = Field(sa_column=words())
    role: str = Field(sa_column=words())
    password: str | None = Field(sa_column=words(nullable=True))
    invitation: str | None = Field(sa_column=words(nullable=True))
    invited_until: int | None = Field(sa_column=instant(nullable=True))
    language: str | None = Field(sa_column=words(nullable=True))
    created_at: int = Field(sa_column=instant())
    signed_in_at: int | None = Field(sa_column=instant(nullable=True))
    disabled_at: int | None = Field(sa_column=instant(nullable=True))


class Session(SQLModel, table=True):
    """One row is a browser in which a user is signed in; only the SHA-256 of what its cookie says is kept."""

    __tablename__ = "designer_session"
    __table_args__ = (Index("ix_designer_session_user", "user_id"),)

    digest: str = Field(sa_column=words(primary_key=True))
    user_id: int = Field(sa_column=number())
    opened_at: int = Field(sa_column=instant())
    seen_at: int = Field(sa_column=instant())
    place: str = Field(sa_column=words())


class Refusal(SQLModel, table=True):
    """One row is an account or an address from which sign-ins failed lately, and until when it has to wait."""

    __tablename__ = "sign_in_refusal"

    subject: str = Field(sa_column=words(primary_key=True))
    failures: int = Field(sa_column=number())
    last_at: int = Field(sa_column=instant())
    waits_until: int = Field(sa_column=instant())


class AuditEntry(SQLModel, table=True):
    """One row is something a user changed; ``digest`` covers the row and the digest of the one before it."""

    __tablename__ = "audit_entry"

    id: int = Field(sa_column=key())
    workspace_id: int = Field(sa_column=number())
    at: int = Field(sa_column=instant())
    user_id: int | None = Field(sa_column=number(nullable=True))
    action: str = Field(sa_column=words())
    subject: str = Field(sa_column=words())
    detail: dict[str, Any] = Field(sa_column=data())
    previous: str = Field(sa_column=words())
    digest: str = Field(sa_column=words())
