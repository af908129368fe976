"""Words for lines on cards, in the languages that Dripline speaks."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from engine.terms import Text, text_in

_UNITS: Final = (
    (86_400, "day", "天"),
    (3_600, "hour", "小时"),
    (60, "minute", "分钟"),
    (1, "second", "秒"),
)


def both(en: str, zh: str) -> dict[str, str]:
    """Say the same in English and in Chinese."""
    return {"en": en, "zh-CN": zh}


def length(value: timedelta) -> Mapping[str, str]:
    """Name a length of time in its two largest units."""
    rest = abs(int(value.total_seconds()))
    en: list[str] = []
    zh: list[str] = []
    for size, unit, sign in _UNITS:
        count, rest = divmod(rest, size)
        if count and len(en) < 2:
            en.append(f"{count} {unit}" + ("s" if count > 1 else ""))
            zh.append(f"{count} {sign}")
    return both(" ".join(en) or "0 seconds", " ".join(zh) or "0 秒")


def short(text: Text | None, language: str, limit: int = 60) -> str:
    """Take a text in a language, cut to fit on a card."""
    words = " ".join(text_in(text, language).split())
    return words if len(words) <= limit else words[: limit - 1].rstrip() + "…"


def quoted(text: Text | None) -> Mapping[str, str]:
    """Take a text in each language for a card."""
    return both(short(text, "en"), short(text, "zh-CN"))
