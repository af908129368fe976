import re
import sys
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from babel.messages import Catalog
from babel.messages.catalog import Message
from babel.messages.pofile import read_po

from designer.language import DEFAULT, LANGUAGES, catalogues, choose_language, speak
from tests.law.sources import ROOT

sys.path.append(str(ROOT / ".ci"))

import words

FACTS = re.compile(r"%\((\w+)\)[sd]")
SHANGHAI = ZoneInfo("Asia/Shanghai")
NOON = datetime(2026, 12, 2, 4, 0, tzinfo=UTC)
TRANSLATED = [tag for tag in LANGUAGES if tag != DEFAULT]


@pytest.fixture(scope="module")
def texts() -> dict[str, Catalog]:
    return words.extracted()


@pytest.mark.parametrize("tag", TRANSLATED)
def test_every_text_is_translated(tag: str, texts: dict[str, Catalog]) -> None:
    assert sum(len(room) for room in texts.values()) > 100
    said = _said(tag)
    marked = {(message.id, message.context) for room in texts.values() for message in room if message.id}
    assert {each for each in marked if each not in said or not words.is_said(said[each].string)} == set()


@pytest.mark.parametrize("tag", TRANSLATED)
def test_no_translation_is_left_over_or_guessed(tag: str, texts: dict[str, Catalog]) -> None:
    marked = {(message.id, message.context) for room in texts.values() for message in room if message.id}
    assert set(_said(tag)) - marked == set()
    assert [message.id for message in _said(tag).values() if message.fuzzy] == []


@pytest.mark.parametrize("tag", TRANSLATED)
def test_translations_put_in_the_same_facts(tag: str) -> None:
    wrong = []
    for message in _said(tag).values():
        wanted = {name for text in _forms(message.id) for name in FACTS.findall(text)}
        # A plural form may leave out its number, never add something.
        wrong += [text for text in _forms(message.string) if not set(FACTS.findall(text)) <= wanted]
        if isinstance(message.id, str):
            wrong += [message.id] if set(FACTS.findall(str(message.string))) != wanted else []
    assert wrong == []


@pytest.mark.parametrize("tag", TRANSLATED)
def test_no_text_is_said_in_two_ways(tag: str) -> None:
    """All rooms' catalogues become one: the last would silently win."""
    ways = defaultdict(set)
    for message in _messages(tag):
        ways[message.id, message.context].add(str(message.string))
    assert {text: said for text, said in ways.items() if len(said) > 1} == {}


@pytest.mark.parametrize("shunned", ["流程", "静默时段", "端口", "频率上限", "「", "你"])
def test_chinese_has_one_word_for_a_thing(shunned: str) -> None:
    assert [message.id for message in _messages("zh-CN") if shunned in str(message.string)] == []


def test_a_text_without_translation_is_seen() -> None:
    assert not words.is_said("")
    assert not words.is_said(("one", ""))
    assert words.is_said(("多",))


def test_texts_belong_to_rooms(texts: dict[str, Catalog]) -> None:
    assert texts["pages"].get("Flows")
    assert {"pages"} <= set(texts)


@pytest.mark.parametrize(
    ("asked", "kept", "accepted", "chosen"),
    [
        ("zh-CN", "en", "en", "zh-CN"),
        (None, "zh-CN", "en", "zh-CN"),
        (None, None, "zh-TW,zh;q=0.9", "zh-CN"),
        (None, None, "fr, en-GB;q=0.5", "en"),
        ("tlh", "tlh", "fr", "en"),
    ],
)
def test_the_language_asked_for_comes_first(asked: str | None, kept: str | None, accepted: str, chosen: str) -> None:
    assert choose_language(asked, kept, accepted) == chosen


@pytest.mark.parametrize(
    ("tag", "count", "percent", "at", "weekday"),
    [
        ("en", "1,284,310", "16.7%", "Dec 2, 2026 12:00", "Wed, Dec 2"),
        ("zh-CN", "1,284,310", "16.7%", "2026年12月2日 12:00", "12月2日周三"),
    ],
)
def test_numbers_and_dates_are_written_as_people_do(tag: str, count: str, percent: str, at: str, weekday: str) -> None:
    language = speak(tag)
    assert language.count(1_284_310) == count
    assert language.percent(0.16684) == percent
    assert language.percent(0.5) == "50%"
    assert language.at(NOON, SHANGHAI) == at
    assert language.weekday(date(2026, 12, 2)) == weekday


def test_what_is_near_is_told_by_its_distance() -> None:
    english, chinese = speak("en"), speak("zh-CN")
    assert english.ago(NOON - timedelta(minutes=4), NOON, SHANGHAI) == "4 minutes ago"
    assert chinese.ago(NOON - timedelta(minutes=4), NOON, SHANGHAI) == "4分钟前"
    assert english.ago(NOON + timedelta(hours=3), NOON, SHANGHAI) == "in 3 hours"
    assert english.ago(NOON - timedelta(days=40), NOON, SHANGHAI) == "Oct 23, 2026"
    assert english.length(timedelta(days=2)) == "2 days"


def test_texts_of_flows_fall_back_to_english() -> None:
    assert speak("zh-CN").text({"en": "Wait", "zh-CN": "等待"}) == "等待"
    assert speak("zh-CN").text({"en": "Wait"}) == "Wait"
    assert speak("en").text(None) == ""


def _said(tag: str) -> dict[tuple[object, str | None], Message]:
    return {(message.id, message.context): message for message in _messages(tag)}


def _messages(tag: str) -> Iterator[Message]:
    for file in catalogues(tag):
        with file.open("rb") as lines:
            yield from (message for message in read_po(lines, locale=tag.replace("-", "_")) if message.id)


def _forms(text: str | tuple[str, ...] | list[str] | None) -> tuple[str, ...]:
    return (text,) if isinstance(text, str) else tuple(text or ())
