from collections import Counter
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from designer.canvas.pressure import HEIGHT, WIDTH, charts
from designer.language import speak
from engine.simulate.pressure import Pressure, pressure_of
from engine.terms import format_instant

HOUR = 3_600_000_000
DAY = 24 * HOUR
START = 1_772_409_600_000_000  # 2026-03-02 00:00 UTC


def sent(contact: str, hours: float) -> dict[str, Any]:
    return {"at": format_instant(START + int(hours * HOUR)), "contact": contact, "enrollment": 1, "message": "sent"}


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 400)), max_size=60), st.integers(1, 100))
def test_the_most_in_a_window_is_the_most_in_any_window(lines: list[tuple[str, int]], length: int) -> None:
    found = pressure_of([sent(contact, hours) for contact, hours in lines], timedelta(hours=length))
    expected: Counter[int] = Counter()
    for contact in {contact for contact, _ in lines}:
        mine = [hours for each, hours in lines if each == contact]
        expected[max(sum(end - length < at <= end for at in mine) for end in mine)] += 1
    assert found.most == expected
    assert sum(found.hours.values()) == len(lines)


def test_only_what_was_sent_counts() -> None:
    lines = [
        sent("ann", 9),
        {**sent("ann", 10), "message": "suppressed"},
        {"at": "2026-03-02T00:00:00Z", "end": "goal"},
    ]
    found = pressure_of(lines, timedelta(days=7))
    assert (sum(found.hours.values()), found.most) == (1, {1: 1})
    assert charts(Pressure({}, {}, timedelta(1)), None, speak("en"), ZoneInfo("UTC")) == ()


@pytest.mark.parametrize(("tag", "words"), [("en", "1 contacts would get more than the 2"), ("zh-CN", "1 位联系人")])
def test_the_cap_is_drawn_and_told(tag: str, words: str) -> None:
    lines = [sent("ann", 9), sent("ann", 10), sent("ann", 11), sent("bob", 30)]
    found = pressure_of(lines, timedelta(days=7))
    day, contacts = charts(found, {"messages": 2, "per": "7d"}, speak(tag), ZoneInfo("Asia/Shanghai"))
    assert [bar.height > 0 for bar in day.columns].index(True) == 17
    assert len(day.columns) == 24
    assert words in contacts.note
    assert [bar.is_over for bar in contacts.columns] == [False, False, True]
    assert (contacts.is_over, contacts.limit) == (True, WIDTH * 2 / 3)
    for bar in (*day.columns, *contacts.columns):
        assert 0 <= bar.x <= bar.x + bar.width <= WIDTH
        assert 0 <= bar.y <= bar.y + bar.height <= HEIGHT


def test_a_cap_that_nobody_meets() -> None:
    found = pressure_of([sent("ann", 9)], timedelta(days=7))
    _, contacts = charts(found, {"messages": 5, "per": "7d"}, speak("en"), ZoneInfo("UTC"))
    assert (contacts.is_over, contacts.limit) == (False, None)
    assert contacts.note.startswith("Nobody gets more than the 5")
    _, without = charts(found, None, speak("en"), ZoneInfo("UTC"))
    assert "no frequency cap" in without.note


def test_many_messages_stand_in_the_last_bar() -> None:
    found = pressure_of([sent("ann", number) for number in range(40)], timedelta(days=7))
    _, contacts = charts(found, None, speak("en"), ZoneInfo("UTC"))
    assert [bar.label for bar in contacts.columns][-1] == "12+"
    assert contacts.columns[-1].height > 0
