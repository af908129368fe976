import pytest

from designer.forms.saying import say_setting
from designer.language import speak


@pytest.mark.parametrize(
    ("text", "chinese"),
    [
        ("Wait for", "等待"),
        ("needs either segment or when", "需要分群或规则"),
        ("is missing", "未填写"),
        ("must be at least 1", "不能小于 1"),
        ("is needs a value", "is 需要填写值"),
        ("100% of a plug-in's own %(words)s", "100% of a plug-in's own %(words)s"),
    ],
)
def test_words_of_settings_and_checks_are_said_in_the_readers_language(text: str, chinese: str) -> None:
    assert say_setting(text, speak("zh-CN")) == chinese
    assert say_setting(text, speak("en")) == text
