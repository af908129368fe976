from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import timedelta
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from designer.canvas.pressure import HEIGHT, WIDTH, charts
from designer.language import speak
from engine.channels.policy import MESSAGE
from engine.simulate.pressure import Pressure, pressure_of
from engine.store.session import Store
from engine.terms import from_micros

HOUR = 3_600_000_000
DAY = 24 * HOUR
START = 1_772_409_600_000_000  # 2026-03-02 00:00 UTC


Sent = tuple[str, int]
"""To whom, and how many hours after the start."""


def pressed(store: Store, sent: Sequence[Sent], length: int, state: str = "sent") -> Pressure:
    """Send messages, count them, and take them back."""
    plan = SimpleNamespace(version_id=7)
    with store.write() as connection:
        for number, (contact, hours) in enumerate(sent):
            known = {"part": 0, "contact_id": ord(contact), "enrollment_id": 1, "node": 1, "passing": number}
            told = {"version_id": plan.version_id, "channel": "email", "state": state, "reason": "cap", "attempt": 1}
            instants = {"due_at": START + hours * HOUR, "not_before": START, "sent_at": START}
            connection.execute(MESSAGE.insert().values(known | told | instants))
        found = pressure_of(connection, plan, timedelta(hours=length))  # type: ignore[arg-type]
        connection.execute(MESSAGE.delete())
    return found


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 400)), max_size=60), st.integers(1, 100))
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_most_in_a_window_is_the_most_in_any_window(store: Store, lines: list[Sent], length: int) -> None:
    found = pressed(store, lines, length)
    expected: Counter[int] = Counter()
    for contact in {contact for contact, _ in lines}:
        mine = [hours for each, hours in lines if each == contact]
        expected[max(sum(end - length < at <= end for at in mine) for end in mine)] += 1
    assert found.most == expected
    assert sum(found.hours.values()) == len(lines)


def test_only_what_was_sent_counts(store: Store) -> None:
    found = pressed(store, [("a", 9)], 24, state="suppressed")
    assert (found.hours, found.most) == ({}, {})
    assert charts(Pressure({}, {}, timedelta(1)), None, speak("en"), ZoneInfo("UTC")) == ()


def pressure(hours: Iterable[int], most: dict[int, int]) -> Pressure:
    return Pressure({from_micros(START + hour * HOUR): 1 for hour in hours}, most, timedelta(days=7))


@pytest.mark.parametrize(("tag", "words"), [("en", "1 contacts would get more than the 2"), ("zh-CN", "1 位联系人")])
def test_the_cap_is_drawn_and_told(tag: str, words: str) -> None:
    found = pressure([9, 10, 11, 30], {3: 1, 1: 1})
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
    found = pressure([9], {1: 1})
    _, contacts = charts(found, {"messages": 5, "per": "7d"}, speak("en"), ZoneInfo("UTC"))
    assert (contacts.is_over, contacts.limit) == (False, None)
    assert contacts.note.startswith("Nobody gets more than the 5")
    _, without = charts(found, None, speak("en"), ZoneInfo("UTC"))
    assert "no frequency cap" in without.note


def test_many_messages_stand_in_the_last_bar() -> None:
    found = pressure(range(40), {40: 1})
    _, contacts = charts(found, None, speak("en"), ZoneInfo("UTC"))
    assert [bar.label for bar in contacts.columns][-1] == "12+"
    assert contacts.columns[-1].height > 0
