"""Single contacts on their way through the shipped flows, played by the reference interpreter."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.flows.shipped import flow
from tests.model.interpreter import interpret

START = datetime(2026, 3, 2, tzinfo=UTC)  # a Monday
ZONE = "Europe/Berlin"

TOLD = {"assign", "task", "day6_call", "task_close", "no_date", "give_up"}
"""Nodes that sales hears of, and the last one of the dormancy flow."""

Happening = tuple[str, str, dict[str, Any]]


def passage(key: str, *happenings: Happening, days: int = 120, **person: Any) -> list[str]:
    """Give what the contact gets and what sales hears, as ``03-02 15:00 day1``, and the end, by local time."""
    contact = {"id": "ann", "email": "ann@example.com", "timezone": ZONE, **person}
    events = [
        {"userId": "ann", "event": name, "timestamp": _instant(at).isoformat(), "properties": properties}
        for name, at, properties in happenings
    ]
    lines = interpret([flow(key)], [contact], events, START, days)
    return [f"{_local(line['at'])} {words}" for line in lines if (words := _words(line))]


def _words(line: dict[str, Any]) -> str:
    if "end" in line:
        return f"= {line['end']}"
    if "message" in line:
        return str(line["node"]) + ("" if line["message"] == "sent" else f" ({line['reason']})")
    return str(line["node"]) if line["node"] in TOLD else ""


def _instant(local: str) -> datetime:
    return datetime.fromisoformat(f"2026-{local}").replace(tzinfo=ZoneInfo(ZONE))


def _local(text: str) -> str:
    return datetime.fromisoformat(text).astimezone(ZoneInfo(ZONE)).strftime("%m-%d %H:%M")


def test_a_trial_that_never_begins() -> None:
    assert passage("trial-day1-8", ("trial_started", "03-02T15:00", {})) == [
        "03-02 15:00 day1",
        "03-03 10:00 day2_rescue",
        "03-04 10:00 day3_rescue",
        "03-05 10:00 day4_rescue",
        "03-06 10:00 day5_rescue",
        "03-07 10:00 day6_call",
        "03-08 10:00 day7_rescue",
        "03-09 10:00 day8_rescue",
        "03-13 10:00 day12_rescue",
        "03-17 10:00 over_quiet",
        "03-17 10:00 = completed",
    ]


def test_a_trial_that_begins_in_the_evening_skips_the_second_day() -> None:
    got = passage("trial-day1-8", ("trial_started", "03-02T22:30", {}), days=5)
    assert (
        got
        == [
            "03-03 09:00 day1",
            "03-04 10:00 day3_rescue",
            "03-05 10:00 day4_rescue",
            "03-06 10:00 day5_rescue",
            "03-07 10:00 day6_call",
        ][: len(got)]
    )
    assert len(got) >= 4


def test_a_trial_that_comes_to_life_and_is_of_interest_to_sales_once() -> None:
    price = {"path": "/pricing/teams"}
    assert passage(
        "trial-day1-8",
        ("trial_started", "03-02T15:00", {}),
        ("activated", "03-04T12:00", {}),
        ("page_viewed", "03-05T12:00", price),
        ("page_viewed", "03-05T12:10", price),
        ("page_viewed", "03-05T12:20", price),
        ("teammate_invited", "03-06T12:00", {}),
        ("product_used", "03-09T12:00", {"feature": "reports"}),
        ("product_used", "03-15T12:00", {"feature": "forms"}),
    ) == [
        "03-02 15:00 day1",
        "03-03 10:00 day2_rescue",
        "03-04 10:00 day3_rescue",
        "03-05 10:00 day4_value",
        "03-05 12:10 assign",
        "03-05 12:10 task",
        "03-06 10:00 day5_value",
        "03-07 10:00 day6_value",
        "03-09 10:00 day8_value",
        "03-11 10:00 day10_value",
        "03-13 10:00 day12_value",
        "03-17 10:00 over_using",
        "03-17 10:00 task_close",
        "03-17 10:00 = completed",
    ]


def test_a_purchase_ends_a_trial_at_once() -> None:
    started: Happening = ("trial_started", "03-02T15:00", {})
    bought: Happening = ("plan_purchased", "03-03T09:59", {})
    assert passage("trial-day1-8", started, bought) == ["03-02 15:00 day1", "03-03 09:59 = goal"]


def test_who_has_booked_a_demo_gets_no_further_rescue() -> None:
    started: Happening = ("trial_started", "03-02T15:00", {})
    booked: Happening = ("demo_booked", "03-05T17:00", {})
    got = passage("trial-day1-8", started, booked)
    assert [line.split()[-1] for line in got] == [
        *("day1", "day2_rescue", "day3_rescue", "day4_rescue"),
        *("day12_rescue", "over_quiet", "completed"),
    ]


def test_silence_from_the_first_to_the_last_email() -> None:
    assert passage("dormancy-30-60-90", title="Head of Sales", attributes={"title": "Head of Sales"}) == [
        "04-01 10:00 checkin",
        "04-07 10:00 value_decides",
        "05-05 10:00 content60",
        "05-11 10:00 preferences",  # five working days: Saturday the 9th is one in China
        "06-02 10:00 return90",
        "06-08 10:00 last90",  # four days later is a Saturday
        "06-11 10:00 give_up",
        "06-11 10:00 = completed",
    ]


@pytest.mark.parametrize("sign", ["page_viewed", "product_used", "message_clicked", "message_replied", "call_answered"])
def test_a_sign_of_life_ends_the_silence(sign: str) -> None:
    assert passage("dormancy-30-60-90", (sign, "04-02T12:00", {}), days=40) == [
        "04-01 10:00 checkin",
        "04-02 12:00 = goal",
    ]


def test_an_open_is_no_sign_of_life() -> None:
    got = passage("dormancy-30-60-90", ("message_opened", "04-02T12:00", {"node": "checkin"}), days=40)
    assert got == ["04-01 10:00 checkin", "04-07 10:00 value_does"]


def test_withdrawn_consent_ends_the_emails() -> None:
    got = passage("dormancy-30-60-90", ("unsubscribed", "04-02T12:00", {"topic": "winback"}), days=40)
    assert got == ["04-01 10:00 checkin", "04-07 10:00 = completed"]


def test_a_reader_goes_from_problem_to_product_and_to_the_sdr() -> None:
    def click(node: str, at: str) -> Happening:
        return "message_clicked", at, {"node": node, "flow": "new-lead-nurture"}

    assert passage(
        "new-lead-nurture",
        click("p1", "03-03T11:00"),
        click("s1_manufacturing", "03-05T11:00"),
        click("s2", "03-09T11:00"),
        click("d1", "03-11T11:00"),
        attributes={"industry": "制造业"},
    ) == [
        "03-03 10:00 p1",
        "03-05 10:00 s1_manufacturing",
        "03-09 10:00 s2",
        "03-11 10:00 d1",
        "03-11 11:00 assign",
        "03-11 11:00 task",
        "03-11 11:00 = exit",
    ]


def test_a_webinar_from_registration_to_the_last_obstacle() -> None:
    at = {"webinar_at": _instant("03-16T15:00").isoformat()}
    assert passage(
        "webinar",
        ("webinar_registered", "03-15T10:00", {}),
        ("webinar_attended", "03-16T16:00", {"percent": 95}),
        attributes=at,
    ) == [
        "03-15 10:00 confirm",
        "03-15 15:00 remind_1d",
        "03-16 14:00 remind_1h",
        "03-16 14:50 remind_10m",
        "03-16 17:00 thanks_stayed",
        "03-19 10:00 obstacle_1",
        "03-23 10:00 obstacle_2",
        "03-27 10:00 obstacle_3",
        "04-01 11:00 = completed",  # five times 24 hours, and summer time began
    ]


@pytest.mark.parametrize(
    ("registered", "first"),
    [
        ("03-15T18:00", ["confirm", "remind_1h", "remind_10m", "missed"]),
        ("03-16T14:30", ["confirm", "remind_10m", "missed"]),
        ("03-16T14:55", ["confirm", "missed"]),
        ("03-16T15:20", ["join_now", "missed"]),
        ("03-16T18:00", ["no_date"]),
    ],
)
def test_reminders_that_are_past_are_skipped(registered: str, first: list[str]) -> None:
    at = {"webinar_at": _instant("03-16T15:00").isoformat()}
    got = passage("webinar", ("webinar_registered", registered, {}), attributes=at, days=20)
    assert [line.split()[-1] for line in got][: len(first)] == first


def test_whoever_cancels_hears_nothing_more() -> None:
    at = {"webinar_at": _instant("03-16T15:00").isoformat()}
    registered: Happening = ("webinar_registered", "03-10T10:00", {})
    cancelled: Happening = ("webinar_cancelled", "03-12T10:00", {})
    assert passage("webinar", registered, cancelled, attributes=at) == ["03-10 10:00 confirm", "03-12 10:00 = exit"]


def test_one_invitation_and_a_demo() -> None:
    got = passage("ab-promote", ("guide_downloaded", "03-02T15:00", {}), ("demo_booked", "03-04T12:00", {}))
    assert got[0] in {f"03-03 10:00 invite_{variant}" for variant in "abc"}
    assert got[1:] == ["03-04 12:00 assign", "03-04 12:00 task", "03-04 12:00 = completed"]
