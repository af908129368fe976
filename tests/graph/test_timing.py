"""Time along the paths."""

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.graph.documents import codes, delay, flow, found, mail, node

PAST = [("wait.past", "nodes[1].config")]


def until(name: str, /, **config: Any) -> dict[str, Any]:
    return node(name, "wait.until", **config)


def daily(days: int, **until_day: Any) -> dict[str, Any]:
    """Draw a message on each of a number of days."""
    nodes = [mail("mail1")]
    for day in range(2, days + 1):
        nodes += [until(f"to{day}", day=day, **until_day), mail(f"mail{day}")]
    return flow(*nodes)


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"date": "2026-03-01"}, PAST),
        ({"date": "2020-01-01T00:00:00Z"}, PAST),
        ({"date": "2026-03-20", "offset": "-30d"}, PAST),
        ({"date": "2026-03-20", "offset": "-3d"}, []),
        ({"date": "2026-03-04"}, []),
        ({"date": "2026-03-03", "at": "23:00"}, []),
        ({"date": "2026-03-04T09:29:59Z"}, PAST),
        ({"date": "2026-03-04T09:30:00Z"}, []),
        ({"date": {"attribute": "webinar_at"}}, []),
        ({"day": 1}, PAST),
        ({"day": 1, "at": "00:01"}, []),
        ({"day": 2}, []),
        ({"weekday": ["mon"], "at": "10:00"}, []),
        ({"business_days": 0, "at": "00:00"}, []),
        ({"at": "00:00"}, []),
    ],
)
def test_waits_that_are_over(config: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    assert codes(flow(until("wait", **config))) == expected


def test_a_day_that_cannot_be_reached_in_time() -> None:
    assert codes(flow(until("a", day=3), until("b", day=2))) == [("wait.past", "nodes[2].config")]
    assert codes(flow(delay("a", "36h"), until("b", day=2, at="10:00"))) == [("wait.past", "nodes[2].config")]
    assert codes(flow(delay("a", "36h"), until("b", day=2, at="13:00"))) == []


def test_the_shorter_of_two_ways_counts() -> None:
    split = node("if", "branch.rule", cases=[{"port": "yes", "when": {"tag": "x"}}])
    raw = flow(split, delay("a", "3d"), until("b", day=2), edges="start>if if:yes>a if:else>b a>b")
    assert codes(raw) == []


def test_time_over_takes_its_time() -> None:
    wait = node("wait", "wait.event", event="bought", timeout="3d")
    assert codes(flow(wait, until("b", day=2), edges="start>wait wait:timeout>b")) == [("wait.past", "nodes[2].config")]
    assert codes(flow(wait, until("b", day=2), edges="start>wait wait:happened>b")) == []


def test_a_daily_drip_of_eight_days_is_not_too_much() -> None:
    assert codes(daily(8, at="10:00")) == []
    assert codes(daily(8)) == []
    assert codes(daily(30, at="10:00")) == []


def test_a_second_message_on_one_day_is() -> None:
    raw = daily(8, at="10:00")
    raw["nodes"].append(mail("more"))
    raw["edges"].append({"from": "mail5", "to": "more"})
    raw["edges"] = [
        edge if edge["from"] != "mail5" or edge["to"] == "more" else {"from": "more", "to": edge["to"]}
        for edge in raw["edges"]
    ]
    assert [code for code, _ in codes(raw)] == ["messages.many"]
    assert codes(raw, most_messages=8) == []


@pytest.mark.parametrize(("hours", "expected"), [(24, []), (23, [("messages.many", "nodes[15]")])])
def test_messages_after_fixed_waits(hours: int, expected: list[tuple[str, str]]) -> None:
    nodes = [mail("mail1")]
    for number in range(2, 10):
        nodes += [delay(f"wait{number}", f"{hours}h"), mail(f"mail{number}")]
    assert codes(flow(*nodes)) == expected


def test_only_messages_to_the_contact_count() -> None:
    hooks = [node(f"hook{number}", "send.webhook", url="https://a.example/") for number in range(9)]
    assert codes(flow(*hooks)) == []
    texts = [node(f"sms{number}", "send.sms", text=str(number)) for number in range(8)]
    assert codes(flow(*texts)) == [("messages.many", "nodes[8]")]


def test_ways_apart_do_not_add_up() -> None:
    split = node("if", "branch.rule", cases=[{"port": "yes", "when": {"tag": "x"}}])
    left = [mail(f"left{number}") for number in range(5)]
    right = [mail(f"right{number}") for number in range(5)]
    chain = " ".join(f"{side}{n}>{side}{n + 1}" for side in ("left", "right") for n in range(4))
    raw = flow(split, *left, *right, edges=f"start>if if:yes>left0 if:else>right0 {chain}")
    assert codes(raw) == []


def test_a_local_time_that_has_come_already_makes_no_wait() -> None:
    nodes: list[dict[str, Any]] = []
    for number in range(8):
        nodes += [until(f"ten{number}", at="10:00"), mail(f"mail{number}")]
    assert [code for code, _ in codes(flow(*nodes))] == ["messages.many"]


def test_a_schedule_that_is_over() -> None:
    raw = flow(mail("hello"))
    raw["nodes"][0] = node("start", "trigger.schedule", at="2026-03-01T00:00:00Z", segment="all")
    assert codes(raw) == [("schedule.past", "nodes[0].config.at")]
    assert found(raw, now=datetime(2026, 2, 1, tzinfo=UTC)) == []


def test_a_circle_does_not_hide_what_lies_behind_it() -> None:
    texts = [mail(f"mail{number}") for number in range(8)]
    chain = " ".join(f"mail{n}>mail{n + 1}" for n in range(7))
    assert codes(flow(*texts, edges=f"start>mail0 {chain} mail3>mail2")) == [
        ("graph.cycle", "nodes[3]"),
        ("messages.many", "nodes[8]"),
    ]
