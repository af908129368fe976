import pytest

from designer.forms.inputs import Inputs
from designer.messages.checklist import check
from designer.messages.frames import MOST, Frames, in_the_dark, with_gaps
from designer.messages.letter import letter_of
from designer.messages.meter import columns, segments_of
from designer.messages.texts import read_texts
from designer.rendering.renderer import JinjaRenderer
from engine.api.messages import Preview


@pytest.mark.parametrize(
    ("text", "count", "length", "left"),
    [
        ("", 1, 0, 160),
        ("a" * 160, 1, 160, 0),
        ("a" * 161, 2, 161, 145),
        ("a" * 306, 2, 306, 0),
        ("a" * 307, 3, 307, 152),
        ("[" * 80, 1, 160, 0),
        ("[" * 81, 2, 162, 144),
        ("中" * 70, 1, 70, 0),
        ("中" * 71, 2, 71, 63),
        ("中" * 134, 2, 134, 0),
        ("中" * 135, 3, 135, 66),
        ("😀" * 35, 1, 70, 0),
        ("😀" * 36, 2, 72, 62),
        ("a" * 70 + "中", 2, 71, 63),
    ],
)
def test_short_messages_are_counted_as_they_are_billed(text: str, count: int, length: int, left: int) -> None:
    weight = segments_of(text)
    assert (weight.count, weight.length, weight.left) == (count, length, left)


def test_wide_letters_take_two_columns() -> None:
    assert columns("Hi 你好") == 7


def test_letters_leave_braces_alone() -> None:
    html = letter_of(
        'Hi {{ contact.name | default("there") }} & co\n\n{% if contact.plan == "pro" %}\n\n**Pro**\n\n{% endif %}'
    )
    assert '{{ contact.name | default("there") }} &amp; co' in html
    assert '{% if contact.plan == "pro" %}\n<p><strong>Pro</strong></p>\n{% endif %}' in html
    seen = JinjaRenderer().render(
        html, {"contact": {"plan": "pro", "name": "<Ann>"}, "unsubscribe_url": "#"}, html=True
    )
    assert "&lt;Ann&gt; &amp; co" in seen


def test_a_link_in_bold_alone_is_a_button() -> None:
    html = letter_of("**[Start](https://example.com/{{ contact.id }})**\n\nor **[read](https://example.com)** first")
    assert '<p><a class="button" href="https://example.com/{{ contact.id }}">Start</a></p>' in html
    assert html.count('class="button"') == 1


def test_letters_have_a_way_out_in_their_language() -> None:
    assert '<a href="{{ unsubscribe_url }}">Unsubscribe</a>' in letter_of("Hello")
    assert ">退订</a>" in letter_of("你好")
    assert ">退订</a>" in letter_of("Hello", "zh-CN")
    assert letter_of("[bye]({{ unsubscribe_url }})").count("unsubscribe_url") == 1


def test_the_dark_is_shown_by_asking_for_it() -> None:
    assert "@media all {" in in_the_dark(letter_of("Hello"))


def test_letters_hold_no_markup_of_their_own() -> None:
    assert "<script" not in letter_of("<script>alert(1)</script>\n\n[x](javascript:alert(1))")
    assert 'href="javascript' not in letter_of("[x](javascript:alert(1))")


def test_a_letter_becomes_html_and_html_a_letter() -> None:
    posted = [("channel", "email"), ("manner", "letter"), ("key", "k"), ("t.subject", "S"), ("t.markdown", "# Hi")]
    document = read_texts(Inputs.of(posted))
    assert "<h1>Hi</h1>" in document["html"]
    assert document["markdown"] == "# Hi"
    as_html = read_texts(Inputs.of([*posted, ("press", "as_html t")]))
    assert "markdown" not in as_html
    assert "<h1>Hi</h1>" in as_html["html"]
    source = [("channel", "email"), ("manner", "html"), ("key", "k"), ("t.html", "<p>x</p>"), ("t.text", "plain")]
    assert read_texts(Inputs.of(source))["html"] == "<p>x</p>"
    again = read_texts(Inputs.of([*source, ("press", "as_letter t")]))
    assert again["markdown"] == "plain"
    assert "html" not in again


def test_letters_in_several_languages() -> None:
    posted = [("channel", "email"), ("manner", "letter"), ("t.markdown.tags", "en,zh-CN")]
    document = read_texts(Inputs.of([*posted, ("t.markdown.in.en", "Hello"), ("t.markdown.in.zh-CN", "你好")]))
    assert {tag: "你好" in html for tag, html in document["html"].items()} == {"en": False, "zh-CN": True}


def tones(channel: str, **facts: object) -> dict[str, str]:
    return {point.words: point.tone for point in check(channel, Preview(**facts))}  # type: ignore[arg-type]


def test_what_speaks_against_a_mail() -> None:
    html = '<p>Buy <a href="http://example.com">now</a><img src="x"></p>'
    found = check(
        "email", Preview(subject="BUY NOW!! ACT", html=html, text="Buy now", links=("http://example.com", ""))
    )
    said = [(point.tone, point.words.split("%")[0].strip()) for point in found]
    assert said[0] == ("err", "The link")
    assert ("warn", "The subject is all in capitals") in said
    assert ("warn", "The subject has several exclamation marks") in said
    assert ("warn", "Words that spam filters look for:") in said
    assert ("warn", "Pictures without a text for those who do not see them:") in said
    assert [tone for tone, _ in said] == sorted((tone for tone, _ in said), key=("err", "warn", "ok").index)


def test_nothing_speaks_against_a_plain_mail() -> None:
    facts = {
        "subject": "Your trial",
        "preheader": "Three steps",
        "html": "<p>Hi</p>",
        "text": "Hi",
        "has_way_out": True,
    }
    assert set(tones("email", **facts, links=("#unsubscribe", "https://example.com/x")).values()) == {"ok"}


def test_what_speaks_against_a_short_message() -> None:
    assert "err" in tones("sms").values()
    long = tones("sms", text="您" * 80)
    assert set(long.values()) == {"warn", "ok"}
    assert set(tones("sms", text="【Acme】您好").values()) == {"ok"}
    assert tones("sms", text="see https://bit.ly/x")["The link %(link)s hides where it leads"] == "warn"
    assert "err" in tones("wecom", text="x", missing=("contact.name",)).values()


def test_gaps_are_shown_outside_of_tags_only() -> None:
    html = with_gaps('<a href="https://x/⟦contact.id⟧">⟦contact.name⟧</a>')
    assert html.startswith('<a href="https://x/⟦contact.id⟧"><mark')
    assert html.endswith(">contact.name</mark></a>")


def test_old_previews_make_room() -> None:
    frames = Frames()
    names = [frames.keep(f"<p>{number}</p>") for number in range(MOST + 1)]
    assert frames.find(names[0]) is None
    assert frames.find(names[-1]) == f"<p>{MOST}</p>"
    assert frames.keep("<p>5</p>") == names[5]
