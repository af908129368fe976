from typing import Any

import pytest

from designer.rendering.mail import text_of, typeset
from designer.rendering.process import DEATHS, ConfinedRenderer
from designer.rendering.renderer import JinjaRenderer
from engine.errors import RenderError


def parts(html: str) -> list[str]:
    found: Any = typeset(html)
    return list(found["parts"])


@pytest.mark.parametrize(
    ("html", "targets"),
    [
        ('<a href="https://a.example/?x=1&amp;y=2">go</a>', ["https://a.example/?x=1&y=2"]),
        ("<a class=x href='http://a.example/' id=y>go</a>", ["http://a.example/"]),
        ('<A title="a > b" HREF=" https://a.example ">go</A>', ["https://a.example"]),
        ('<map><area href="https://a.example"></map>', ["https://a.example"]),
        ('<a href="#top">t</a><a>n</a><a href="mailto:a@b.c">m</a>', ["#top", "mailto:a@b.c"]),
        ('<a data-href="https://a.example">d</a><abbr href="https://a.example">d</abbr>', []),
        ("<a title='href=\"https://a.example\"'>d</a>https://a.example", []),
        ('<a href="https://a.example">broken', ["https://a.example"]),
    ],
)
def test_links_are_found_where_they_stand(html: str, targets: list[str]) -> None:
    found = parts(html)
    assert found[1::2] == targets
    assert found[0].startswith("<html>")
    assert found[-1].endswith("</body></html>")


def test_styles_are_inlined_and_nothing_is_loaded() -> None:
    (html,) = parts(
        '<link rel="stylesheet" href="file:///etc/passwd"><link rel="stylesheet" href="http://127.0.0.1:1/x.css">'
        "<style>p { color: red } @media (max-width: 9px) { p { color: blue } }</style><p>x</p>"
    )
    assert '<p style="color: red' in html
    assert "@media" in html
    assert "passwd" not in html


def test_html_as_text() -> None:
    go = '<p><a href="https://a.example/?a=1&amp;b=2">Go</a></p>'
    text = text_of("<h1>您好</h1><p>Long " + "word " * 60 + f'</p><img src="x">{go}')
    assert "您好" in text
    assert "[Go](<https://a.example/?a=1&b=2>)" in text
    assert "word word word" in text
    assert "!" not in text


def test_nothing_makes_nothing() -> None:
    assert typeset(" \n") == {"parts": [], "text": ""}
    assert JinjaRenderer().render_many([([("mail", "{% if contact.x %}x{% endif %}")], {"contact": {}})]) == [
        [{"parts": [], "text": ""}]
    ]


HOSTILE = ["<div>", "<a ", "<!--", "<a x='", "</", '<a href="x" ', "<table><tr><td>", "<b><i>", "&", '<a title="<a ">']


def test_hostile_html_harms_nobody_else() -> None:
    renderer = ConfinedRenderer(seconds=20)
    jobs: list[Any] = [([("mail", unit * (60_000 // len(unit)))], {}) for unit in HOSTILE]
    good: Any = ([("mail", "<p>{{ contact.name }}</p>")], {"contact": {"name": "A"}})
    results = renderer.render_many([good, *jobs, good])
    renderer.close()
    for result in (results[0], results[-1]):
        assert isinstance(result, list)
    # Deep nesting overflows the stack of a parser: it took the child with it, and nothing else.
    assert isinstance(results[1], RenderError)


def test_templates_that_end_the_child_again_and_again_are_not_tried_again() -> None:
    renderer = ConfinedRenderer(seconds=20)
    deadly: Any = ([("mail", "<div>" * 12_000)], {})
    good: Any = ([("text", "ok")], {})
    for _ in range(DEATHS):
        assert isinstance(renderer.render_many([deadly])[0], RenderError)
    child = renderer._living()
    results = renderer.render_many([good, deadly, good, deadly])
    assert renderer._living() is child
    assert [isinstance(result, RenderError) for result in results] == [False, True, False, True]
    renderer.close()
