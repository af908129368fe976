"""Words on cards."""

from datetime import timedelta

import pytest

from engine.contract.wording import length, quoted, short


@pytest.mark.parametrize(
    ("seconds", "en", "zh"),
    [
        (0, "0 seconds", "0 秒"),
        (1, "1 second", "1 秒"),
        (90, "1 minute 30 seconds", "1 分钟 30 秒"),
        (86_400, "1 day", "1 天"),
        (2 * 86_400 + 3_600 + 60, "2 days 1 hour", "2 天 1 小时"),
        (-3_600, "1 hour", "1 小时"),
    ],
)
def test_a_length_is_named_in_its_two_largest_units(seconds: int, en: str, zh: str) -> None:
    assert length(timedelta(seconds=seconds)) == {"en": en, "zh-CN": zh}


def test_a_text_is_cut_to_fit() -> None:
    assert short("one\n two", "en") == "one two"
    assert short("x" * 61, "en") == "x" * 59 + "…"
    assert quoted({"en": "Hi", "zh-CN": "你好"}) == {"en": "Hi", "zh-CN": "你好"}
    assert quoted("Hi") == {"en": "Hi", "zh-CN": "Hi"}
