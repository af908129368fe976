from typing import Any

import orjson
import pytest

from engine.people.accounts import AccountRow
from engine.people.contacts import ContactRow
from engine.people.segment_api import CALL_BYTES, Envelope, IncomingEvent, Refused, read_batch, read_call, read_single
from engine.terms import DAY, HOUR, SECOND
from tests.people.sights import NOW

LIVE = Envelope("key", NOW, message_id=lambda call: "made")


def read(call: dict[str, Any], envelope: Envelope = LIVE, kind: str | None = "track") -> IncomingEvent:
    return read_call({"userId": "ann", "event": "used", **call}, envelope, kind)


def refused(call: Any, kind: str | None = "track") -> str:
    with pytest.raises(Refused) as caught:
        read_call(call, LIVE, kind)
    assert caught.value.reason
    return caught.value.code


def test_a_track_call_is_an_event() -> None:
    row = read({"properties": {"plan": "pro"}, "messageId": "m1", "anonymousId": "anon"})
    assert row == IncomingEvent(
        "track", "ann", "m1", NOW, NOW, "key", 1, "used", {"plan": "pro"}, "anon", None, None, None
    )


def test_a_message_id_is_made_when_there_is_none() -> None:
    assert read({}).message_id == "made"
    assert Envelope("key", NOW).message_id({}) != Envelope("key", NOW).message_id({})


def test_numbers_may_name_users() -> None:
    assert read({"userId": 17}).key == "17"
    assert read({"userId": None, "anonymousId": " x "}).key == "x"


@pytest.mark.parametrize(
    ("call", "code"),
    [
        ([], "json"),
        ({"event": "used"}, "user"),
        ({"event": "used", "userId": ""}, "user"),
        ({"event": "used", "userId": " "}, "user"),
        ({"event": "used", "userId": True}, "user"),
        ({"event": "used", "userId": {"id": 1}}, "user"),
        ({"event": "used", "userId": "x" * 256}, "user"),
        ({"event": "used", "userId": "erased:1"}, "user"),
        ({"userId": "a"}, "event"),
        ({"userId": "a", "event": "  "}, "event"),
        ({"userId": "a", "event": 5}, "event"),
        ({"userId": "a", "event": "used", "properties": []}, "properties"),
        ({"userId": "a", "event": "used", "timestamp": "yesterday"}, "timestamp"),
        ({"userId": "a", "event": "used", "timestamp": 1772355600}, "timestamp"),
        ({"userId": "a", "event": "used", "timestamp": "2026-03-01", "sentAt": "x"}, "timestamp"),
        ({"userId": "a", "event": "used", "messageId": 5}, "message_id"),
        ({"userId": "a", "event": "used", "messageId": "x" * 300}, "message_id"),
        ({"userId": "a", "event": "used", "context": "x"}, "context"),
    ],
)
def test_what_is_refused(call: Any, code: str) -> None:
    assert refused(call) == code


def test_more_that_is_refused() -> None:
    assert refused({"userId": "a", "type": "trackk"}, None) == "type"
    assert refused({"userId": "a"}, None) == "type"
    assert refused({"userId": "a"}, "group") == "group"
    assert refused({"userId": "a"}, "alias") == "previous"
    assert refused({"userId": "a", "traits": "x"}, "identify") == "traits"
    assert refused({"userId": "a", "traits": {"email": "not an address"}}, "identify") == "email"
    deep: dict[str, Any] = {}
    for _ in range(40):
        deep = {"deeper": [deep]}
    assert refused({"userId": "a", "event": "used", "properties": deep}) == "properties"


# ---------------------------------------------------------------- time


@pytest.mark.parametrize(
    ("call", "ago"),
    [
        ({}, 0),
        ({"timestamp": "2026-03-01T08:00:00Z"}, HOUR),
        ({"timestamp": "2026-03-01T16:00:00+08:00"}, HOUR),
        ({"timestamp": "2026-03-01T08:00:00.000"}, HOUR),
        ({"originalTimestamp": "2026-03-01T08:00:00Z"}, HOUR),
        # The device's clock is a day late: what counts is that it happened two seconds before it was sent.
        ({"timestamp": "2026-02-28T09:00:00Z", "sentAt": "2026-02-28T09:00:02Z"}, 2 * SECOND),
        # A day early, and in 1970.
        ({"timestamp": "2026-03-02T09:00:00Z", "sentAt": "2026-03-02T09:00:02Z"}, 2 * SECOND),
        ({"timestamp": "1970-01-01T00:00:00Z", "sentAt": "1970-01-01T00:00:02Z"}, 2 * SECOND),
        # A live event is never in the future.
        ({"timestamp": "2027-01-01T00:00:00Z"}, 0),
        ({"timestamp": "2026-03-01T09:00:05Z", "sentAt": "2026-03-01T09:00:00Z"}, 0),
        # Both instants: somebody corrected it before us.
        (
            {
                "timestamp": "2026-03-01T08:00:00Z",
                "originalTimestamp": "2026-02-01T08:00:00Z",
                "sentAt": "2026-02-01T08:00:01Z",
            },
            HOUR,
        ),
    ],
)
def test_when_it_happened(call: dict[str, Any], ago: int) -> None:
    assert read(call).at == NOW - ago


def test_a_batch_says_when_it_was_sent() -> None:
    envelope = LIVE._replace(sent_at=NOW - DAY)
    assert read({"timestamp": "2026-02-28T08:59:58Z"}, envelope).at == NOW - 2 * SECOND
    assert read({"timestamp": "2026-03-01T08:00:00Z", "sentAt": "2026-03-01T08:00:01Z"}, envelope).at == NOW - SECOND


def test_a_file_may_tell_the_future() -> None:
    envelope = LIVE._replace(is_live=False)
    assert read({"timestamp": "2026-03-02T09:00:00Z", "sentAt": "2020-01-01T00:00:00Z"}, envelope).at == NOW + DAY
    assert read({"timestamp": "1960-01-01T00:00:00Z"}, envelope).at == 0


# ---------------------------------------------------------------- kinds


def test_pages_and_screens_are_events() -> None:
    page = {"url": "https://example.com/", "title": "Home", "search": "?x"}
    row = read(
        {"name": "Home", "category": "docs", "properties": {"title": "Other"}, "context": {"page": page}}, kind="page"
    )
    assert row.name == "page_viewed"
    assert row.properties == {"url": "https://example.com/", "title": "Other", "name": "Home", "category": "docs"}
    assert read({"name": "Start"}, kind="screen")[7:9] == ("screen_viewed", {"name": "Start"})


def test_identify_says_facts() -> None:
    said = {
        "email": "ann@example.com",
        "phone": 49,
        "name": "Ann",
        "stage": "lead",
        "tags": ["vip", "a|b", 5],
        "company": {"id": 7, "name": "Acme", "plan": "pro"},
        "address": {"city": "Köln"},
        "id": "other",
        "seats": 5,
        'bad"name': 1,
    }
    row = read({"traits": said, "context": {"timezone": "Europe/Berlin", "locale": "de-DE"}}, kind="identify")
    assert row.facts == ContactRow(
        "ann", "ann@example.com", "49", "Europe/Berlin", "de-DE", "lead", "7", ("vip",),
        {"name": "Ann", "address.city": "Köln", "seats": 5},
    )  # fmt: skip
    assert row.account == AccountRow("7", "Acme", {"plan": "pro"})
    assert row.name == ""


def test_null_clears_a_fact() -> None:
    facts = read({"traits": {"email": None, "phone": ["x"]}}, kind="identify").facts
    assert facts is not None
    assert (facts.email, facts.phone) == ("", None)


def test_facts_say_more_than_the_context() -> None:
    context = {"timezone": "Europe/Berlin", "locale": "de"}
    facts = read({"traits": {"timezone": "Asia/Tokyo"}, "context": context}, kind="identify").facts
    assert facts is not None
    assert (facts.timezone, facts.locale) == ("Asia/Tokyo", "de")


@pytest.mark.parametrize("company", ["Acme", {"name": "Acme"}])
def test_a_company_may_have_a_name_only(company: Any) -> None:
    row = read({"traits": {"company": company}}, kind="identify")
    assert row.account == AccountRow("Acme", "Acme", {})
    assert read({"traits": {"company": {"size": 5}}}, kind="identify").account is None


def test_group_says_what_is_known_of_an_account() -> None:
    row = read({"groupId": "acme", "traits": {"name": "Acme", "email": "office@acme.example"}}, kind="group")
    assert row.account == AccountRow("acme", "Acme", {"email": "office@acme.example"})
    assert row.facts == ContactRow("ann", account="acme")


def test_alias_gives_a_key_up() -> None:
    assert read({"previousId": "anon"}, kind="alias").previous == "anon"


def test_timezone_and_locale_are_taken_over() -> None:
    context = {"timezone": "Asia/Shanghai", "locale": "zh-CN", "ip": "127.0.0.1"}
    assert read({"context": context}).facts == ContactRow("ann", timezone="Asia/Shanghai", locale="zh-CN")
    assert read({"context": {"timezone": "Mars/Base", "locale": 5}}).facts is None
    around = LIVE._replace(context=context)
    assert read({"context": {"locale": "en"}}, around).facts == ContactRow("ann", timezone="Asia/Shanghai", locale="en")


# ---------------------------------------------------------------- sizes


def body_of(call: Any) -> bytes:
    return orjson.dumps(call)


def test_a_call_may_not_be_too_long() -> None:
    call = {"userId": "a", "event": "used", "properties": {"x": "y" * (CALL_BYTES - 100)}}
    assert read_single(body_of(call), call, LIVE, "track").key == "a"
    call["event"] = "u" * 100
    with pytest.raises(Refused) as caught:
        read_single(body_of(call), call, LIVE, "track")
    assert caught.value.code == "too_large"


def test_texts_that_no_database_holds_are_refused() -> None:
    call = orjson.loads(b'{"userId": "a", "event": "used", "properties": {"x": ["\\u0000"]}}')
    with pytest.raises(Refused) as caught:
        read_single(body_of(call), call, LIVE, "track")
    assert caught.value.code == "text"
    harmless = orjson.loads(b'{"userId": "a", "event": "used", "properties": {"x": "\\\\u0000"}}')
    assert read_single(body_of(harmless), harmless, LIVE, "track").properties == {"x": "\\u0000"}


def test_each_call_of_a_batch_is_refused_by_itself() -> None:
    good = {"type": "track", "userId": "a", "event": "used"}
    long = {**good, "properties": {"x": "y" * CALL_BYTES}}
    calls: list[object] = [good, {**good, "event": ""}, long, good, 5]
    accepted, refusals = read_batch(body_of(calls), calls, LIVE)
    assert len(accepted) == 2
    assert [(each.position, each.code) for each in refusals] == [(1, "event"), (2, "too_large"), (4, "json")]
    assert orjson.loads(refusals[0].payload) == calls[1]
