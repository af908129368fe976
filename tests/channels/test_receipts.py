from typing import Any

import pytest
import sqlalchemy as sa

from engine.channels import receipts
from engine.channels.base import MessageKey
from engine.channels.policy import suppression_reason
from engine.rules.names import RECEIPTS
from engine.store.prepared import parameter
from engine.store.session import Store
from tests.channels.world import (
    CONSENT,
    CONTACT,
    EVENT,
    HOUR,
    START,
    SUPPRESSION,
    add_contact,
    add_event,
    add_message,
    message,
)

PLACES = receipts.pack_places([(1, 1, "day1", "trial"), (1, 2, "day2", "trial"), (2, 5, "day1", "other")])
ARRIVALS = (
    sa.select(EVENT.c.contact_id, EVENT.c.id, EVENT.c.name, EVENT.c.at, EVENT.c.properties)
    .where(EVENT.c.part == parameter("part"), EVENT.c.id >= parameter("first"))
    .subquery("arrived")
)
MARKS = ("delivered_at", "opened_at", "clicked_at", "bounced_at", "replied_at")


def arrive(store: Store, key: MessageKey, *events: tuple[str, dict[str, Any]], first: int = 1, at: int = START) -> None:
    with store.write() as connection:
        for place, (name, properties) in enumerate(events):
            add_event(connection, key, first + place, name, properties=properties, at=at + place)
        receipts.apply(connection, key.part, ARRIVALS, {"first": first}, PLACES)


def marks(store: Store, key: MessageKey) -> dict[str, int]:
    with store.read() as connection:
        row = message(connection, key)
    return {name.removesuffix("_at"): getattr(row, name) for name in MARKS if getattr(row, name) is not None}


def add(store: Store, *keys: MessageKey | None, **columns: Any) -> MessageKey:
    with store.write() as connection:
        key = add_contact(connection, store, 1)
        for other in keys or (None,):
            add_message(connection, other or key, **{"state": "sent", "sent_at": START} | columns)
    return key


def test_every_name_of_a_receipt_marks_its_message(store: Store) -> None:
    for number, name in enumerate(sorted(RECEIPTS), start=1):
        with store.write() as connection:
            key = add_contact(connection, store, number)
            add_message(connection, key, state="sent", sent_at=START)
        arrive(store, key, (name, {"node": "day1"}), first=number)
        did = RECEIPTS[name]
        assert marks(store, key) == ({} if did == "complained" else {did: START}), name
        assert name in receipts.RECEIPT_NAMES


def test_the_first_of_several_counts_and_repeats_change_nothing(store: Store) -> None:
    key = add(store)
    arrive(
        store, key, *(("message_opened", {"node": "day1"}) for _ in range(3)), ("email_clicked", {"message": "day1"})
    )
    assert marks(store, key) == {"opened": START, "clicked": START + 3}
    arrive(store, key, ("message_opened", {"node": "day1"}), first=10, at=START + HOUR)
    assert marks(store, key) == {"opened": START, "clicked": START + 3}


def test_the_latest_message_of_the_node_is_meant_that_was_not_suppressed(store: Store) -> None:
    with store.write() as connection:
        key = add_contact(connection, store, 1)
        old = add_message(connection, key, state="sent", sent_at=START, due_at=START - 2)
        new = add_message(connection, key._replace(passing=2), state="in_doubt", due_at=START - 1)
        add_message(connection, key._replace(passing=3), state="suppressed", reason="cap", due_at=START)
        elsewhere = add_message(connection, key._replace(node=2), state="sent", sent_at=START)
    arrive(store, key, ("message_opened", {"node": "day1"}))
    assert (marks(store, old), marks(store, new), marks(store, elsewhere)) == ({}, {"opened": START}, {})


def test_a_message_is_named_by_its_key_or_its_flow(store: Store) -> None:
    with store.write() as connection:
        key = add_contact(connection, store, 1)
        other = add_contact(connection, store, 2)
        old = add_message(connection, key, state="sent", sent_at=START, due_at=START - 2)
        new = add_message(connection, key._replace(node=5, enrollment_id=9), version_id=2, state="sent", sent_at=START)
        foreign = add_message(connection, other, state="sent", sent_at=START)
    arrive(
        store, key,
        ("message_opened", {"node": "day1", "flow": "trial"}),
        ("message_clicked", {"node": "day1"}),
        ("message_replied", {"message_key": str(old), "node": "day2"}),
        ("message_delivered", {"message_key": str(foreign)}),
        ("message_bounced", {}),
        ("message_bounced", {"node": "nowhere"}),
        ("message_bounced", {"node": "day1", "flow": "nowhere"}),
    )  # fmt: skip
    assert marks(store, old) == {"opened": START, "replied": START + 2}
    assert marks(store, new) == {"clicked": START + 1}
    assert marks(store, foreign) == {}


def reason(store: Store, key: MessageKey, **options: Any) -> str | None:
    asked: dict[str, Any] = {"contact": CONTACT, "part": key.part, "now": START, "channel": "email"}
    with store.read() as connection:
        found = sa.select(suppression_reason(**(asked | options))).where(CONTACT.c.id == key.contact_id)
        value = connection.scalar(found)
    return None if value is None else str(value)


def test_a_bounce_and_a_complaint_stop_further_messages_on_that_channel(store: Store) -> None:
    key = add(store)
    arrive(store, key, ("message_complained", {"node": "day1"}), ("message_bounced", {"node": "day1"}))
    with store.read() as connection:
        row = connection.execute(sa.select(SUPPRESSION)).one()
    assert (row.channel, row.reason, row.at) == ("email", "complained", START)
    assert reason(store, key) == "suppressed"
    assert reason(store, key, channel="sms") == "no_address"


def test_a_bounce_of_no_message_of_ours_stops_nothing(store: Store) -> None:
    key = add(store, state="suppressed", reason="cap", sent_at=None)
    arrive(store, key, ("message_bounced", {"node": "day1"}), ("message_bounced", {}))
    assert reason(store, key) is None
    with store.read() as connection:
        assert not connection.scalar(sa.select(CONTACT.c.restricted))


@pytest.mark.parametrize(
    ("events", "topic", "channel", "expected"),
    [
        ([("unsubscribed", {})], None, "email", "unsubscribed"),
        ([("Unsubscribed", {"topic": "news"})], "news", "email", "unsubscribed"),
        ([("Unsubscribed", {"topic": "news"})], None, "email", None),
        ([("unsubscribed", {"channel": "sms", "topic": ""})], None, "email", None),
        ([("unsubscribed", {}), ("subscribed", {})], None, "email", None),
        ([("unsubscribed", {}), ("subscribed", {"topic": "news"})], "news", "email", None),
        ([("subscribed", {}), ("unsubscribed", {})], None, "email", "unsubscribed"),
    ],
)
def test_words_of_consent_take_effect(
    store: Store, events: list[Any], topic: str | None, channel: str, expected: str | None
) -> None:
    key = add(store)
    arrive(store, key, *events)
    assert reason(store, key, topic=topic, channel=channel) == expected


def test_an_older_word_that_arrives_later_changes_nothing(store: Store) -> None:
    key = add(store)
    arrive(store, key, ("unsubscribed", {}))
    arrive(store, key, ("subscribed", {}), first=5, at=START - HOUR)
    assert reason(store, key) == "unsubscribed"
    with store.read() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(CONSENT)) == 1


def test_words_of_consent_alone(store: Store) -> None:
    key = add(store)
    with store.write() as connection:
        add_event(connection, key, 1, "unsubscribed")
        add_event(connection, key, 2, "message_bounced", properties={"node": "day1"})
        receipts.apply_consents(connection, key.part, ARRIVALS, {"first": 1})
    assert reason(store, key) == "unsubscribed"
    assert marks(store, key) == {}


def test_one_statement_when_there_are_no_receipts_and_few_otherwise(store: Store) -> None:
    with store.write() as connection:
        keys = [add_contact(connection, store, number) for number in range(20)]
        part = keys[0].part
        ours = [key for key in keys if key.part == part]
        for place, key in enumerate(ours):
            add_message(connection, key, state="sent", sent_at=START)
            add_event(connection, key, place + 1, "message_opened", properties={"node": "day1"})
            add_event(connection, key, place + 100, "message_bounced", properties={"node": "day1"})
            add_event(connection, key, place + 200, "unsubscribed")
            add_event(connection, key, place + 300, "page_viewed")
    counted: list[str] = []
    sa.event.listen(store.engine, "before_cursor_execute", lambda *args: counted.append(args[2]))
    with store.write() as connection:
        receipts.apply(connection, part, ARRIVALS, {"first": 300}, PLACES)
        assert len([text for text in counted if not text.startswith("BEGIN")]) == 1
        receipts.apply(connection, part, ARRIVALS, {"first": 1}, PLACES)
        assert len([text for text in counted if not text.startswith("BEGIN")]) == 6
        assert {message(connection, key).opened_at for key in ours} == {START}
        assert connection.scalar(sa.select(sa.func.count()).select_from(SUPPRESSION)) == len(ours)
