import hashlib
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from engine.channels.base import MessageKey
from engine.channels.policy import Cap, Scope, cap_free_at, read_cap, suppression_reason
from engine.channels.variables import Trigger
from engine.store.prepared import Prepared, parameter
from engine.store.session import Store
from tests.channels.world import (
    ACCOUNT,
    CONTACT,
    DAY,
    HOUR,
    START,
    SUPPRESSION,
    add_consent,
    add_contact,
    add_event,
    add_message,
    restrict,
)

WEEK = 7 * DAY


def reason_of(store: Store, key: MessageKey, **options: Any) -> str | None:
    contact = CONTACT.alias()
    asked: dict[str, Any] = {
        "contact": contact,
        "part": parameter("part"),
        "now": parameter("now"),
        "channel": "email",
        "topic": None,
    }
    statement = sa.select(suppression_reason(**(asked | options))).where(
        contact.c.part == parameter("part"), contact.c.id == parameter("id")
    )
    with store.read() as connection:
        given = {"part": key.part, "id": key.contact_id, "now": START}
        value = Prepared(statement, store.name).run(connection, given).scalar_one()
        assert connection.execute(statement, given).scalar_one() == value
    return None if value is None else str(value)


def suppress(connection: sa.Connection, key: MessageKey, address: str, reason: str, channel: str = "email") -> None:
    digest = hashlib.sha256(address.lower().encode()).hexdigest()
    row = {"part": key.part, "contact_id": key.contact_id, "channel": channel, "address_hash": digest, "at": START}
    connection.execute(SUPPRESSION.insert().values(reason=reason, **row))
    restrict(connection, key)


def test_a_plain_contact_may_be_written_to(store: Store) -> None:
    with store.write() as connection:
        key = add_contact(connection, store, 1, phone="+8613", attributes={"wecom_id": "w"})
    for channel in ("email", "sms", "wecom", "webhook"):
        assert reason_of(store, key, channel=channel) is None
        assert reason_of(store, key, channel=sa.literal(channel)) is None


@pytest.mark.parametrize("column", [False, True])
def test_no_address(store: Store, column: bool) -> None:
    with store.write() as connection:
        key = add_contact(connection, store, 1, email=" ", phone="", attributes={"wecom_id": 5})
    for channel, reason in (("email", "no_address"), ("sms", "no_address"), ("wecom", "no_address"), ("webhook", None)):
        assert reason_of(store, key, channel=sa.literal(channel) if column else channel) == reason


WORDS: list[tuple[list[tuple[str, str, str, int]], str | None, str, str | None]] = [
    ([("*", "*", "withdrawn", 1)], None, "email", "unsubscribed"),
    ([("*", "*", "withdrawn", 1)], "news", "sms", "unsubscribed"),
    ([("*", "*", "withdrawn", 1)], None, "webhook", None),
    ([("news", "*", "withdrawn", 1)], None, "email", None),
    ([("news", "*", "withdrawn", 1)], "news", "email", "unsubscribed"),
    ([("marketing", "*", "withdrawn", 1)], None, "email", "unsubscribed"),
    ([("*", "sms", "withdrawn", 1)], None, "email", None),
    ([("*", "sms", "withdrawn", 1)], None, "sms", "unsubscribed"),
    ([("*", "*", "withdrawn", 1), ("news", "*", "granted", 2)], "news", "email", None),
    ([("*", "*", "withdrawn", 1), ("news", "*", "granted", 2)], None, "email", "unsubscribed"),
    ([("news", "email", "withdrawn", 1), ("*", "*", "granted", 2)], "news", "email", None),
    ([("news", "email", "granted", 1), ("*", "*", "withdrawn", 2)], "news", "email", "unsubscribed"),
    ([("news", "email", "granted", 1), ("*", "*", "withdrawn", 1)], "news", "email", "unsubscribed"),
]


def test_consent_is_the_last_word(store: Store) -> None:
    for number, (words, topic, channel, reason) in enumerate(WORDS, start=1):
        with store.write() as connection:
            key = add_contact(connection, store, number, phone="+86")
            for about, by, state, at in words:
                add_consent(connection, key, topic=about, channel=by, state=state, at=at)
        assert reason_of(store, key, topic=topic, channel=channel) == reason, words
        columns = {"topic": sa.literal(topic, sa.Text), "channel": sa.literal(channel)}
        assert reason_of(store, key, **columns) == reason, words


def test_a_bounced_address_is_not_written_to_but_a_new_one_is(store: Store) -> None:
    with store.write() as connection:
        bounced = add_contact(connection, store, 1, email="Old@Example.com", phone="+86")
        suppress(connection, bounced, "old@example.com", "bounced")
        complained = add_contact(connection, store, 2)
        suppress(connection, complained, "c2@example.com", "complained")
        moved = add_contact(connection, store, 3, email="new@example.com")
        suppress(connection, moved, "old@example.com", "bounced")
    assert reason_of(store, bounced) == "bounced"
    assert reason_of(store, bounced, channel="sms") is None
    assert reason_of(store, complained) == "suppressed"
    assert reason_of(store, moved) is None


def test_reasons_have_an_order(store: Store) -> None:
    late = {"late": timedelta(hours=1), "due": START - 2 * HOUR}
    cap = {"cap": Cap(0, DAY, delays=False)}
    with store.write() as connection:
        key = add_contact(connection, store, 1)
    assert reason_of(store, key, **late, **cap, requires=["contact.x"]) == "late"
    assert reason_of(store, key, **cap, requires=["contact.x"]) == "cap"
    assert reason_of(store, key, requires=["contact.x"]) == "missing_variable"
    with store.write() as connection:
        suppress(connection, key, "c1@example.com", "bounced")
    assert reason_of(store, key, **late, **cap, requires=["contact.x"]) == "bounced"
    with store.write() as connection:
        connection.execute(CONTACT.update().values(email=None))
    assert reason_of(store, key, **late, **cap) == "no_address"
    with store.write() as connection:
        add_consent(connection, key)
    assert reason_of(store, key, **late, **cap) == "unsubscribed"


def test_late_is_later_than_allowed(store: Store) -> None:
    with store.write() as connection:
        key = add_contact(connection, store, 1)
    hour = timedelta(hours=1)
    assert reason_of(store, key, late=hour, due=START - HOUR) is None
    assert reason_of(store, key, late=hour, due=START - HOUR - 1) == "late"
    assert reason_of(store, key, late=hour, due=START - HOUR - 1, channel="webhook") == "late"


PATHS = [
        ("contact.name", False), ("contact.blank", True), ("contact.wide", True), ("contact.null", True),
        ("contact.absent", True), ("contact.zero", False), ("contact.no", False), ("contact.list", False),
        ("contact.deep.er", False), ("contact.id", False), ("contact.created_at", False), ("contact.email", False),
        ("contact.phone", True), ("contact.locale", True), ("contact.score", False), ('contact.odd"name', True),
        ("account.id", False), ("account.name", False), ("account.size", False), ("account.absent", True),
        ("account", False), ("event", False), ("event.plan", False), ("event.absent", True), ("event.old", True),
        ("flow.name", False), ("unsubscribe_url", False), ("nonsense", True), ("nonsense.name", True),
]  # fmt: skip


def test_missing_variables(store: Store) -> None:
    attributes: dict[str, Any] = {
        "name": "王", "blank": " ", "wide": "\u3000\u2009", "null": None, "zero": 0, "no": False, "list": [],
        "deep": {"er": 1}, "value": 3,
    }  # fmt: skip
    with store.write() as connection:
        key = add_contact(connection, store, 1, attributes=attributes, account_id=7, phone=" ")
        connection.execute(
            ACCOUNT.insert().values(
                part=key.part, id=7, workspace_id=1, key="acme", name=None, attributes={"name": "ACME", "size": 5}
            )
        )
        add_event(connection, key, 1, "trial_started", at=START - 2 * HOUR, properties={"old": 1})
        add_event(connection, key, 2, "trial_started", at=START - HOUR, properties={"plan": "pro"})
        add_event(connection, key, 3, "trial_started", at=START, properties={"absent": 1})
        add_event(connection, key, 4, "other", at=START - HOUR, properties={"absent": 1})
    trigger = Trigger(("trial_started",), START - HOUR)
    for path, missing in PATHS:
        reason = reason_of(store, key, requires=["contact.name", path], trigger=trigger)
        assert reason == ("missing_variable" if missing else None), path


def test_without_a_trigger_events_are_missing_and_so_is_an_absent_account(store: Store) -> None:
    with store.write() as connection:
        key = add_contact(connection, store, 1)
    assert reason_of(store, key, requires=["event.plan"]) == "missing_variable"
    assert reason_of(store, key, requires=["account.name"]) == "missing_variable"
    assert reason_of(store, key, requires=["event"], trigger=Trigger(("x",), START)) == "missing_variable"


def cap_of(store: Store, key: MessageKey, cap: Cap, **options: Any) -> tuple[str | None, int | None]:
    scope = Scope(CONTACT, key.part, START, "email", cap=cap, **options)
    with store.read() as connection:
        free = connection.scalar(sa.select(cap_free_at(scope)).where(CONTACT.c.id == key.contact_id))
    return reason_of(store, key, cap=cap, **options), free


def test_the_cap_counts_what_was_sent_what_is_owed_and_what_is_in_doubt(store: Store) -> None:
    with store.write() as connection:
        key = add_contact(connection, store, 1)
        other = add_contact(connection, store, 2)
        ago = START - 3 * DAY
        add_message(connection, key, due_at=ago, not_before=ago, state="sent", sent_at=ago)
        add_message(connection, key._replace(node=2), state="in_doubt", not_before=START - HOUR)
        add_message(connection, key._replace(node=3), state="queued", channel="sms")
        add_message(connection, key._replace(node=4), state="suppressed", reason="cap")
        add_message(connection, key._replace(node=5), state="failed")
        add_message(connection, key._replace(node=6), state="queued", channel="webhook")
        add_message(connection, other, state="queued")
    assert cap_of(store, key, Cap(4, WEEK, delays=False)) == (None, None)
    assert cap_of(store, key, Cap(3, WEEK, delays=False)) == ("cap", START + 4 * DAY)
    assert cap_of(store, key, Cap(3, 3 * DAY, delays=False)) == (None, None)
    assert cap_of(store, key, Cap(3, 3 * DAY + 1, delays=False)) == ("cap", START + 1)
    assert cap_of(store, key, Cap(1, DAY, delays=False)) == ("cap", START + DAY)
    assert cap_of(store, key, Cap(0, DAY, delays=False)) == ("cap", START + DAY)
    assert cap_of(store, key, Cap(3, WEEK, delays=False), counted=("sent", "in_doubt")) == (None, None)
    assert reason_of(store, key, cap=Cap(1, DAY, delays=False), channel="webhook") is None


def test_the_cap_is_read_from_the_settings_of_the_workspace() -> None:
    assert read_cap({}) is None
    assert read_cap({"frequency_cap": {"messages": 3, "per": "7d"}}) == Cap(3, WEEK, delays=False)
    assert read_cap({"frequency_cap": {"messages": 3, "per": "7d", "on_excess": "delay"}}) == Cap(3, WEEK, delays=True)


def test_the_common_case_reads_no_other_table() -> None:
    reason = suppression_reason(contact=CONTACT, part=parameter("part"), now=parameter("now"), channel="email")
    looked_up = Prepared(sa.select(reason), "sqlite").sql.split("restricted")[0]
    assert "consent" not in looked_up
    assert "message" not in Prepared(sa.select(reason), "sqlite").sql
