"""Each shipped flow, played by the engine: 120 days, the same funnel as ever, and nobody is written to too often."""

import re
from datetime import time

import pytest

from tests.flows.rehearsal import FEW, MANY, busiest_week, kept, play
from tests.flows.shipped import KEYS, flow, nodes, ports, sends

few = pytest.mark.parametrize("key", KEYS)
many = pytest.mark.parametrize(
    "key", [pytest.param(key, marks=[pytest.mark.long, pytest.mark.timeout(900)]) for key in KEYS]
)

# Ports that no rehearsal reaches: waits whose moment passes only while a flow is paused, and doors for other worlds.
UNREACHED = {
    "ab-promote": {"tomorrow.past"},
    "dormancy-30-60-90": {
        "recency.60d",  # contacts of a rehearsal are new at its start
        "recency.90d",
        "not_yet.timeout",
        "workday90.past",  # only when the clocks change in those four days
        "may90b.else",  # so few withdraw consent in those four days
        "moment30.past",
        "moment60.past",
        "moment90.past",
        "wait_checkin.past",
        "wait60.past",
    },
    "new-lead-nurture": {"content.out", "to_p1.past", "to_s1.past", "to_s2.past", "to_d1.past", "to_d2.past"},
    "trial-day1-8": {*(f"to_day{day}.past" for day in (3, 4, 5, 6, 7, 8, 10, 12)), "to_end.past"},
    "webinar": {"to_after.past", "day_1.past", "day_2.past", "day_3.past"},
}


@few
def test_the_funnel_is_as_ever(key: str) -> None:
    assert play(key, FEW).golden() == kept(key, FEW)


@many
def test_the_funnel_of_a_thousand_is_as_ever(key: str) -> None:
    assert play(key, MANY).golden() == kept(key, MANY)


@many
def test_every_port_is_taken_that_can_be(key: str) -> None:
    funnel = play(key, MANY).funnel
    unreached = {
        f"{name}.{port}" for name, node in nodes(key).items() for port in ports(node) if not funnel[name].get(port)
    }
    assert unreached - UNREACHED[key] == set()


@few
def test_nobody_gets_more_than_seven_messages_in_seven_days(key: str) -> None:
    sent = play(key, FEW).sent
    assert len(sent) > FEW / 2
    assert max(busiest_week([at for at, _ in messages]) for messages in sent.values()) <= 7


@few
def test_messages_are_suppressed_for_the_contacts_reasons_only(key: str) -> None:
    assert set(play(key, FEW).suppressed) <= {"no_address", "unsubscribed"}


@few
def test_nothing_is_sent_in_quiet_hours(key: str) -> None:
    quiet = flow(key)["settings"].get("quiet_hours")
    if quiet is None:
        assert key == "webinar"
        return
    begin, end = time.fromisoformat(quiet["from"]), time.fromisoformat(quiet["to"])
    for messages in play(key, FEW).sent.values():
        assert [at for at, _ in messages if at.time() >= begin or at.time() < end] == []


def test_a_trial_brings_one_message_a_day_at_ten() -> None:
    for messages in play("trial-day1-8", FEW).sent.values():
        days = [at.date() for at, _ in messages]
        assert len(set(days)) == len(days)
        assert {at.time() for at, node in messages if node != "day1"} <= {time(10)}


def test_each_daily_message_comes_on_its_day() -> None:
    for messages in play("trial-day1-8", FEW).sent.values():
        began = next((at for at, node in messages if node == "day1"), None)
        for at, node in messages:
            day = re.match(r"day(\d+)_", node)
            if began is not None and day is not None:
                # Those who began in the evening got the first message on the second day.
                assert (at.date() - began.date()).days in {int(day[1]) - 1, int(day[1]) - 2}


@few
def test_every_email_is_sent_to_somebody(key: str) -> None:
    sent = {node for messages in play(key, FEW).sent.values() for _, node in messages}
    rare = {"obstacle_1", "obstacle_2", "obstacle_3", "join_now", "day10_value", "last90", "return90", "preferences"}
    assert {send["id"] for send in sends(key)} - sent <= rare
