from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from designer.forms.inputs import Inputs
from designer.messages.bricks import KINDS, read_bricks
from designer.messages.mjml import letter_from, mail_of
from designer.messages.texts import content_of, read_texts
from designer.rendering.mail import text_of, typeset
from designer.rendering.renderer import JinjaRenderer

BLOCKS: list[dict[str, Any]] = [
    {"block": "heading", "words": "Hi {{ contact.name }} & <co>"},
    {
        "block": "text",
        "text": "**Bold** [here](https://example.com/{{ contact.id }})\n\n{% if contact.n < 3 %}\n\nfew\n\n{% endif %}",
    },
    {"block": "button", "words": "Go", "link": 'https://example.com/?a={{ contact.x | default("q") }}&b=1'},
    {"block": "image", "src": "https://example.com/i.png", "alt": 'A "cat" \\ ❤️'},
    {"block": "divider"},
    {
        "block": "columns",
        "left": {"heading": "L", "text": "left"},
        "right": {"words": "More", "link": "https://r.example"},
    },
]


def rendered(html: Any) -> str:
    context: dict[str, Any] = {"contact": {"id": "7", "n": 1, "name": "Ann"}, "unsubscribe_url": "#out"}
    return JinjaRenderer().render(html, context, html=True)


def test_blocks_become_a_mail_whose_braces_are_its_own() -> None:
    html = rendered(mail_of(BLOCKS))
    assert ">Hi Ann &amp; &lt;co&gt;</h1>" in html
    assert "few" in html
    assert 'alt="A &quot;cat&quot; \\ ❤️"' in html
    mail: Any = typeset(html)
    parts = mail["parts"]
    assert 'segoe=""' not in "".join(parts), "a style is one attribute"
    assert parts[1::2] == ["https://example.com/7", "https://example.com/?a=q&b=1", "https://r.example", "#out"]


def test_the_text_part_has_no_trace_of_the_layout() -> None:
    text = text_of(rendered(mail_of(BLOCKS)))
    assert "|" not in text
    assert "[Go](<https://example.com/?a=q&b=1>)" in text
    assert text_of("<table><tr><td>a</td><td>b</td></tr></table>").count("|") == 2, "other tables are as they were"


def test_every_language_that_something_is_written_in_has_a_mail() -> None:
    bricks: list[dict[str, Any]] = [
        {"block": "heading", "words": {"en": "Hello", "zh-CN": "你好"}},
        {"block": "text", "text": "Ann"},
    ]
    html = mail_of(bricks)
    assert isinstance(html, dict)
    assert {tag: ("你好" in each, "退订" in each, "Ann" in each) for tag, each in html.items()} == {
        "en": (False, False, True),
        "zh-CN": (True, True, True),
    }
    assert "退订" in str(mail_of([{"block": "text", "text": "你好"}]))
    own = [{"block": "text", "text": "[bye]({{ unsubscribe_url }})"}]
    assert str(mail_of(own)).count("unsubscribe_url") == 1
    assert mail_of([]) == ""


@given(words=st.text(max_size=40), kind=st.sampled_from(sorted(KINDS)))
def test_no_words_break_a_mail(words: str, kind: str) -> None:
    names = [*KINDS[kind].model.model_fields]
    brick: dict[str, Any] = {"block": kind, **{name: words for name in names if name not in ("left", "right")}}
    if kind == "columns":
        brick |= {"left": {"text": words, "words": words, "link": words, "src": words}, "right": {}}
    html = str(mail_of([brick]))
    assert "<script" not in html.lower()
    assert "PUT-" not in html.replace(words, "")


@pytest.mark.parametrize("words", ["<script>alert(1)</script>", '"><svg onload=alert(1)>', "[x](javascript:alert(1))"])
def test_blocks_hold_no_markup_of_their_own(words: str) -> None:
    bricks = [{"block": kind, **dict.fromkeys(("words", "text", "alt", "src"), words)} for kind in KINDS]
    html = str(mail_of(bricks))
    assert "<script>alert" not in html
    assert "<svg" not in html
    assert 'href="javascript' not in html


def test_blocks_are_moved_dropped_and_added() -> None:
    posted = [("b.n", "3"), ("b.0.block", "heading"), ("b.0.words", "A"), ("b.1.block", "text"), ("b.1.text", "B")]
    posted += [("b.2.block", "nonsense")]

    def read(*press: str) -> list[str]:
        pressed = [("press", each) for each in press]
        return [brick["block"] for brick in read_bricks(Inputs.of([*posted, *pressed]), "b")]

    assert read() == ["heading", "text"]
    assert read("down b.0") == ["text", "heading"]
    assert read("drop b.0") == ["text"]
    assert read("add b divider") == ["heading", "text", "divider"]
    assert read("add b nonsense") == ["heading", "text"]


def test_a_mail_changes_between_its_ways_of_being_written() -> None:
    posted = [("channel", "email"), ("manner", "blocks"), ("key", "k"), ("t.subject", "S"), ("t.blocks.n", "1")]
    posted += [("t.blocks.0.block", "text"), ("t.blocks.0.text", "Hello")]
    document = read_texts(Inputs.of(posted))
    assert "Hello" in document["html"]
    as_html = content_of(read_texts(Inputs.of([*posted, ("press", "as_html t")])))
    assert set(as_html) == {"subject", "html"}
    as_letter = read_texts(Inputs.of([*posted, ("press", "as_letter t")]))
    assert (as_letter["markdown"], "html" in as_letter, "blocks" in as_letter) == ("Hello", False, False)
    letter = [("channel", "email"), ("manner", "letter"), ("t.markdown", "Hi"), ("press", "as_blocks t")]
    assert read_texts(Inputs.of(letter))["blocks"] == [{"block": "text", "text": "Hi"}]
    written = letter_from(BLOCKS)
    assert isinstance(written, str)
    assert written.startswith("# Hi {{ contact.name }}")
    assert "---" in written
    assert "**[More](https://r.example)**" in written
