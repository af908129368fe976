"""The shipped messages: in both languages, with one thing to do each, and nothing that could be missing."""

import re
from html.parser import HTMLParser

import pytest

from designer.rendering.renderer import JinjaRenderer
from engine.terms import Json
from tests.flows.shipped import LANGUAGES, Tree, messages

MESSAGES = messages()
CHINESE = re.compile(r"[\u4e00-\u9fff]")
GAP = re.compile(r"(^|>)(Hi)? ?[,\uff0c]|(?<!\n)  |None", re.MULTILINE)
PARTS = ("subject", "html", "text")
PEOPLE: tuple[dict[str, Json], ...] = (
    {},
    {"name": "", "industry": "", "webinar_when": "", "webinar_title": "", "webinar_url": ""},
    {"name": "<b> 李雷", "industry": "制造业", "webinar_when": "15:00", "webinar_title": "A & B"},
)

each = pytest.mark.parametrize("key", MESSAGES)


@each
def test_a_message_is_named_like_its_file(key: str) -> None:
    assert set(MESSAGES[key]) == {"key", "name", "channel", *PARTS}
    assert (MESSAGES[key]["key"], MESSAGES[key]["channel"]) == (key, "email")
    assert re.fullmatch(r"[a-z0-9-]{1,64}", key)


@each
def test_every_part_is_there_in_every_language(key: str) -> None:
    for part in ("name", *PARTS):
        assert set(MESSAGES[key][part]) == LANGUAGES
        assert CHINESE.search(MESSAGES[key][part]["zh-CN"])
        assert not CHINESE.search(MESSAGES[key][part]["en"])


@each
def test_nothing_can_be_missing(key: str) -> None:
    renderer = JinjaRenderer()
    for part, language, source in _sources(MESSAGES[key]):
        assert renderer.check(source, html=part == "html") == [], (part, language)
        assert renderer.variables(source) == frozenset(), (part, language)
        for person in PEOPLE:
            words = renderer.render(source, {"contact": person}, html=part == "html")
            assert "{" not in words
            assert not GAP.search(words), (part, language)
            assert part != "html" or "<b>" not in words


@each
def test_one_button_is_one_thing_to_do_and_stands_in_both_parts(key: str) -> None:
    for language in LANGUAGES:
        found = _Links()
        found.feed(MESSAGES[key]["html"][language])
        found.close()
        assert len(found.links) == 1
        assert found.open == []
        assert found.links[0] in MESSAGES[key]["text"][language]


@each
def test_links_lead_to_the_reserved_domain(key: str) -> None:
    for _, _, source in _sources(MESSAGES[key]):
        assert all(link.startswith("https://example.com/") for link in re.findall(r"https?://[^\s\"'<]+", source))


def test_subjects_are_short_and_differ() -> None:
    for language, longest in (("en", 70), ("zh-CN", 32)):
        subjects = [message["subject"][language] for message in MESSAGES.values()]
        assert [subject for subject in subjects if len(subject) > longest] == []
        assert len(set(subjects)) == len(subjects)


def _sources(message: Tree) -> list[tuple[str, str, str]]:
    return [(part, language, message[part][language]) for part in PARTS for language in LANGUAGES]


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag != "br":
            self.open.append(tag)
        if tag == "a":
            self.links.append(dict(attrs)["href"] or "")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag
