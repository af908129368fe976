"""Every word that the pages say, in both languages; they stand in ``words.json``."""

import json
from importlib import resources
from typing import Final

from engine.terms import text_in

LANGUAGES: Final = {"en": "English", "zh-CN": "简体中文"}
DEFAULT: Final = "en"

WORDS: Final[dict[str, dict[str, str]]] = json.loads(
    (resources.files("designer") / "words.json").read_text(encoding="utf-8")
)


def say(key: str, language: str, **facts: object) -> str:
    """Give the words of a key in a language, with facts put in."""
    return text_in(WORDS[key], language, DEFAULT).format(**facts)


def choose_language(asked: str | None, kept: str | None, accepted: str) -> str:
    """Choose a language: the one asked for, else the one kept, else the browser's first that we speak."""
    for wanted in (asked, kept):
        if wanted in LANGUAGES:
            return wanted
    for part in accepted.split(","):
        tag = part.split(";")[0].strip().lower()
        if tag.startswith("zh"):
            return "zh-CN"
        if tag.startswith("en"):
            return "en"
    return DEFAULT
