"""Rows that the tests of this room begin with, written plainly."""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from engine.channels.base import MessageKey
from engine.store.session import Store
from engine.store.tables import (
    Account,
    Consent,
    Contact,
    Delivery,
    Enrollment,
    Event,
    Flow,
    FlowVersion,
    Inbox,
    Message,
    Suppression,
    Workspace,
)
from engine.terms import DAY, HOUR, contact_hash, parse_instant, part_of, to_micros

CONTACT: sa.Table = Contact.__table__  # type: ignore[attr-defined]
MESSAGE: sa.Table = Message.__table__  # type: ignore[attr-defined]
CONSENT: sa.Table = Consent.__table__  # type: ignore[attr-defined]
SUPPRESSION: sa.Table = Suppression.__table__  # type: ignore[attr-defined]
EVENT: sa.Table = Event.__table__  # type: ignore[attr-defined]
ACCOUNT: sa.Table = Account.__table__  # type: ignore[attr-defined]
DELIVERY: sa.Table = Delivery.__table__  # type: ignore[attr-defined]
INBOX: sa.Table = Inbox.__table__  # type: ignore[attr-defined]
ENROLLMENT: sa.Table = Enrollment.__table__  # type: ignore[attr-defined]
FLOW: sa.Table = Flow.__table__  # type: ignore[attr-defined]
VERSION: sa.Table = FlowVersion.__table__  # type: ignore[attr-defined]
WORKSPACE: sa.Table = Workspace.__table__  # type: ignore[attr-defined]

START = to_micros(parse_instant("2026-03-02T10:00:00Z"))

__all__ = ["DAY", "HOUR", "START"]


def add_contact(connection: Connection, store: Store, number: int, **columns: Any) -> MessageKey:
    """Add a contact with an enrollment and give the key of its first message from node 1."""
    key = f"c{number}"
    part = part_of(contact_hash(key), store.parts)
    row: dict[str, Any] = {
        "part": part, "id": number, "workspace_id": 1, "key": key, "hash": contact_hash(key),
        "email": f"{key}@example.com", "phone": None, "timezone": None, "locale": None, "stage": None,
        "account_id": None, "attributes": {}, "created_at": START - DAY, "restricted": False, "changed": 0,
    }  # fmt: skip
    connection.execute(CONTACT.insert().values(row | columns))
    connection.execute(
        ENROLLMENT.insert().values(
            part=part, contact_id=number, id=number, flow_id=1, version_id=1, ordinal=1, state="active",
            started_at=START - HOUR,
        )
    )  # fmt: skip
    return MessageKey(part, number, number, 1, 1)


def add_message(connection: Connection, key: MessageKey, **columns: Any) -> MessageKey:
    """Owe a contact a message."""
    row: dict[str, Any] = {
        **key._asdict(), "version_id": 1, "channel": "email", "topic": "marketing", "state": "queued",
        "due_at": START, "not_before": START, "attempt": 0,
    }  # fmt: skip
    connection.execute(MESSAGE.insert().values(row | columns))
    return key


def add_event(connection: Connection, key: MessageKey, number: int, name: str, **columns: Any) -> None:
    """Add an event of a contact."""
    row: dict[str, Any] = {
        "part": key.part, "id": number, "workspace_id": 1, "contact_id": key.contact_id, "name": name, "at": START,
        "received_at": START, "source": "test", "message_id": f"m{number}", "properties": {},
    }  # fmt: skip
    connection.execute(EVENT.insert().values(row | columns))


def add_consent(connection: Connection, key: MessageKey, **columns: Any) -> None:
    """Write a word of consent down."""
    row = {
        "part": key.part, "contact_id": key.contact_id, "topic": "*", "channel": "*", "state": "withdrawn",
        "source": "test", "at": START - HOUR,
    }  # fmt: skip
    connection.execute(CONSENT.insert().values(row | columns))
    restrict(connection, key)


def restrict(connection: Connection, key: MessageKey) -> None:
    """Say that a contact has rows of consent or suppression."""
    connection.execute(
        CONTACT.update().values(restricted=True).where(CONTACT.c.part == key.part, CONTACT.c.id == key.contact_id)
    )


def add_flow(connection: Connection, *, number: int = 1, state: str = "live") -> None:
    """Add a flow with a version of the same number."""
    connection.execute(
        FLOW.insert().values(
            id=number, workspace_id=1, key=f"flow-{number}", name="Flow", state=state, live_version_id=number,
            created_at=START,
        )
    )  # fmt: skip
    connection.execute(
        VERSION.insert().values(id=number, flow_id=number, number=1, document="{}", digest="", published_at=START)
    )


def set_settings(connection: Connection, settings: Mapping[str, Any]) -> None:
    """Set the workspace's settings."""
    connection.execute(WORKSPACE.update().values(settings=dict(settings)))


def message(connection: Connection, key: MessageKey) -> Any:
    """Read a message back."""
    return connection.execute(sa.select(MESSAGE).where(*(MESSAGE.c[n] == v for n, v in key._asdict().items()))).one()


def owed(store: Store, count: int = 1, *, contact: dict[str, Any] | None = None, **columns: Any) -> list[MessageKey]:
    with store.write() as connection:
        add_flow(connection)
        keys = [add_contact(connection, store, number, **(contact or {})) for number in range(1, count + 1)]
        for key in keys:
            add_message(connection, key, **columns)
    return keys


def state(store: Store, key: MessageKey) -> tuple[str, str | None]:
    with store.read() as connection:
        row = message(connection, key)
    return row.state, row.reason


def deliveries(store: Store) -> list[tuple[int, str, str]]:
    with store.read() as connection:
        rows = connection.execute(sa.select(DELIVERY).order_by(DELIVERY.c.contact_id, DELIVERY.c.attempt)).all()
    return [(row.attempt, row.outcome, row.answer) for row in rows]
