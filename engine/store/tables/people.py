"""Contacts, accounts and what may be sent to them."""

from typing import Any

from sqlalchemy import Boolean, CheckConstraint, Column, Index, UniqueConstraint, false, text
from sqlmodel import Field, SQLModel

from engine.store.types import data, instant, key, number, one_of, words

CLUSTERED = {"sqlite_with_rowid": False}
SWEPT = {"autovacuum_vacuum_scale_factor": 0.01}
"""Rows are changed and deleted all the time: PostgreSQL sweeps the dead ones up when they are a hundredth."""

ROOM_FOR_CHANGES = {"postgresql_with": {"fillfactor": 50, **SWEPT}}
"""Rows are changed once soon after they were written: room on their page spares the indexes (a HOT update)."""

SOME_ROOM = {"postgresql_with": {"fillfactor": 70, **SWEPT}}
"""Rows move on: the next state of most finds room on the same page."""


class Contact(SQLModel, table=True):
    """One row is a person we may write to.

    ``hash`` is 31 bits of the key's SHA-256: it chooses the part and every share of a split. ``restricted`` is
    true when any consent or suppression row of the contact exists, so that sending need not look otherwise.
    ``changed`` is 0, or the part's ``change`` sequence number of the last change from outside a wave.
    """

    __tablename__ = "contact"
    __table_args__ = (
        UniqueConstraint("part", "workspace_id", "key", name="uq_contact_key"),
        Index("ix_contact_email", "part", "email"),
        Index(
            "ix_contact_changed",
            "part",
            "changed",
            sqlite_where=text("changed > 0"),
            postgresql_where=text("changed > 0"),
        ),
        Index(
            "ix_contact_account",
            "part",
            "account_id",
            sqlite_where=text("account_id IS NOT NULL"),
            postgresql_where=text("account_id IS NOT NULL"),
        ),
        CLUSTERED,
    )

    part: int = Field(sa_column=key())
    id: int = Field(sa_column=key())
    workspace_id: int
    key: str = Field(sa_column=words())
    hash: int = Field(sa_column=number())
    email: str | None = Field(sa_column=words(nullable=True))
    phone: str | None = Field(sa_column=words(nullable=True))
    timezone: str | None = Field(sa_column=words(nullable=True))
    locale: str | None = Field(sa_column=words(nullable=True))
    stage: str | None = Field(sa_column=words(nullable=True))
    account_id: int | None = Field(sa_column=number(nullable=True))
    attributes: dict[str, Any] = Field(sa_column=data())
    created_at: int = Field(sa_column=instant())
    restricted: bool = Field(sa_column=Column(Boolean, nullable=False, server_default=false()))
    changed: int = Field(sa_column=number(server_default=text("0")))


class ContactAlias(SQLModel, table=True):
    """One row says under which contact another key (merged, aliased or anonymous) is now found."""

    __tablename__ = "contact_alias"
    __table_args__ = (Index("ix_contact_alias_contact", "part", "contact_part", "contact_id"), CLUSTERED)

    part: int = Field(sa_column=key())
    workspace_id: int = Field(sa_column=key())
    key: str = Field(sa_column=words(primary_key=True))
    contact_part: int = Field(sa_column=number())
    contact_id: int = Field(sa_column=number())


class Account(SQLModel, table=True):
    """One row is a company, as seen from one part: every part that holds one of its contacts has a copy.

    ``id`` is derived from workspace and key, so that it is the same in every part.
    """

    __tablename__ = "account"
    __table_args__ = (UniqueConstraint("part", "workspace_id", "key", name="uq_account_key"), CLUSTERED)

    part: int = Field(sa_column=key())
    id: int = Field(sa_column=key())
    workspace_id: int
    key: str = Field(sa_column=words())
    name: str | None = Field(sa_column=words(nullable=True))
    attributes: dict[str, Any] = Field(sa_column=data())


class ContactTag(SQLModel, table=True):
    """One row is a tag that a contact has."""

    __tablename__ = "contact_tag"
    __table_args__ = (CLUSTERED,)

    part: int = Field(sa_column=key())
    contact_id: int = Field(sa_column=key())
    tag: str = Field(sa_column=words(primary_key=True))


class Consent(SQLModel, table=True):
    """One row is a contact's last word on a topic and a channel; ``*`` stands for all.

    No row means that writing is allowed.
    """

    __tablename__ = "consent"
    __table_args__ = (CheckConstraint(one_of("state", "granted", "withdrawn"), name="ck_consent_state"), CLUSTERED)

    part: int = Field(sa_column=key())
    contact_id: int = Field(sa_column=key())
    topic: str = Field(sa_column=words(primary_key=True))
    channel: str = Field(sa_column=words(primary_key=True))
    state: str = Field(sa_column=words())
    source: str = Field(sa_column=words())
    at: int = Field(sa_column=instant())


class Suppression(SQLModel, table=True):
    """One row is an address that must not be written to, whoever it belongs to.

    ``address_hash`` is the SHA-256 of the lower-cased address, so that erasing a contact keeps the promise.
    """

    __tablename__ = "suppression"
    __table_args__ = (
        CheckConstraint(one_of("reason", "bounced", "complained", "suppressed"), name="ck_suppression_reason"),
        Index("ix_suppression_address", "part", "address_hash"),
        CLUSTERED,
    )

    part: int = Field(sa_column=key())
    contact_id: int = Field(sa_column=key())
    channel: str = Field(sa_column=words(primary_key=True))
    address_hash: str = Field(sa_column=words(primary_key=True))
    reason: str = Field(sa_column=words())
    at: int = Field(sa_column=instant())


class AppliedCall(SQLModel, table=True):
    """One row remembers a call that changed facts but is no event, so that its repetition changes nothing.

    Forgotten after seven days; ``part`` is that of the contact it named.
    """

    __tablename__ = "applied_call"
    __table_args__ = (Index("ix_applied_call_at", "part", "at"), CLUSTERED)

    part: int = Field(sa_column=key())
    source: str = Field(sa_column=words(primary_key=True))
    message_id: str = Field(sa_column=words(primary_key=True))
    at: int = Field(sa_column=instant())
