"""Mails from blocks: written as MJML, which a library turns into the HTML that mail programs agree on.

Source: https://documentation.mjml.io; ``mrml`` is an implementation of it that needs no other program.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any, Final

import mrml

from designer.messages.braces import Braces
from designer.messages.bricks import tags_of
from designer.messages.letter import language_of, markup_of
from engine.api.messages import WAY_OUT
from engine.terms import Text, text_in

FONT: Final = "-apple-system, Segoe UI, PingFang SC, Microsoft YaHei, Noto Sans SC, Arial, sans-serif"
"""Without quotation marks: it stands in attributes."""

_STYLES: Final = """
.mail h1, .mail h2, .mail p, .mail ul, .mail ol { margin: 0 0 12px; }
.mail a { color: #3d4fd0; }
@media (prefers-color-scheme: dark) {
  body, .ground { background: #0e1014 !important; background-color: #0e1014 !important; }
  .mail, .mail > table { background: #16191f !important; background-color: #16191f !important; }
  .mail div { color: #eceef3 !important; }
  .mail .words a { color: #98a4ff !important; }
  .mail .foot, .mail .foot a { color: #8e95a5 !important; }
}
"""

_HEAD: Final = f"""<mj-head><mj-attributes>
<mj-all font-family="{FONT}" /><mj-text font-size="16px" line-height="1.65" color="#1b1f27" padding="6px 28px" />
<mj-button background-color="#3d4fd0" color="#ffffff" font-size="16px" font-weight="600" border-radius="8px"
  inner-padding="12px 22px" padding="10px 28px" />
<mj-image padding="10px 28px" border-radius="8px" /><mj-divider padding="14px 28px" border-width="1px"
  border-color="#e4e7ec" /><mj-section padding="0" background-color="#ffffff" css-class="mail" />
</mj-attributes><mj-style>{_STYLES}</mj-style></mj-head>"""

Brick = Mapping[str, Any]


def mail_of(bricks: Sequence[Brick]) -> Text:
    """Write blocks as the HTML of a mail, in every language in which something in them is written.

    Shape: one text when all is written once for all; a way to unsubscribe stands at the foot unless some block has one.
    """
    tags = tags_of(bricks)
    if not tags:
        said = " ".join(_texts(list(bricks)))
        return _html(bricks, language_of(said)) if bricks else ""
    return {tag: _html(bricks, tag) for tag in tags}


def letter_from(bricks: Sequence[Brick]) -> Text:
    """Write blocks as a letter in Markdown, as far as that goes: pictures become links, columns follow each other."""
    tags = tags_of(bricks)
    written = {tag: "\n\n".join(filter(None, _lines(bricks, tag))) for tag in tags or ["en"]}
    return written if tags else written["en"]


def _lines(bricks: Sequence[Brick], tag: str) -> Iterator[str]:
    for brick in bricks:
        said = _in(brick, tag)
        if brick["block"] == "divider":
            yield "---"
        elif brick["block"] == "columns":
            for side in ("left", "right"):
                column = _in(brick.get(side) or {}, tag)
                yield from _markdown({**column, "words": column.get("heading", ""), "link": ""}, 2)
                yield _button({"words": column.get("words", ""), "link": column.get("link", "")})
        elif brick["block"] == "button":
            yield _button(said)
        else:
            yield from _markdown(said, 2 if brick.get("size") == "small" else 1)


def _markdown(said: Mapping[str, str], level: int) -> Iterator[str]:
    yield f"[{said.get('alt') or said['src']}]({said['src']})" if said.get("src") else ""
    yield f"{'#' * level} {said['words']}" if said.get("words") else ""
    yield said.get("text", "")


def _button(said: Mapping[str, str]) -> str:
    return f"**[{said['words']}]({said.get('link', '')})**" if said.get("words") else ""


def _html(bricks: Sequence[Brick], tag: str) -> str:
    writer = _Writer(tag)
    body = "".join(writer.sections(bricks))
    if not any("unsubscribe_url" in text for text in _texts(list(bricks))):
        body += writer.foot()
    ground = '<mj-body background-color="#f4f5f8" css-class="ground">'
    html: str = mrml.to_html(f'<mjml lang="{escape(tag)}">{_HEAD}{ground}{body}</mj-body></mjml>').content
    return _PLACE.sub(lambda found: writer.put[int(found[1])], html)


class _Writer:
    """Writes blocks in one language.

    The library sees the layout only: whatever an author wrote is put in its place afterwards, because the library
    escapes some letters in attributes, and knows nothing of braces.
    """

    def __init__(self, tag: str) -> None:
        self.tag = tag
        self.put: list[str] = []

    def sections(self, bricks: Sequence[Brick]) -> Iterator[str]:
        """Write blocks: those that follow each other share a section, columns have one of their own."""
        together: list[str] = []
        for brick in bricks:
            if brick["block"] == "columns":
                yield from self._section(together)
                together = []
                columns = [self._column(_in(brick.get(side) or {}, self.tag)) for side in ("left", "right")]
                yield f'<mj-section padding="6px 0">{"".join(columns)}</mj-section>'
            else:
                together.append(self._block(brick, _in(brick, self.tag)))
        yield from self._section(together)

    def foot(self) -> str:
        """Write the way to unsubscribe."""
        words = escape(text_in(WAY_OUT, self.tag))
        link = self._later(f'<a href="{{{{ unsubscribe_url }}}}" style="color:#646b7a">{words}</a>')
        text = f'<mj-text font-size="12px" css-class="foot">{link}</mj-text>'
        return f'<mj-section padding="12px 0 20px"><mj-column>{text}</mj-column></mj-section>'

    def _section(self, written: list[str]) -> Iterator[str]:
        if any(written):
            yield f'<mj-section padding="14px 0"><mj-column>{"".join(written)}</mj-column></mj-section>'

    def _block(self, brick: Brick, said: Mapping[str, str]) -> str:
        align = "center" if brick.get("align") == "center" else "left"
        match brick["block"]:
            case "heading":
                return self._heading(said.get("words", ""), align, is_small=brick.get("size") == "small")
            case "text":
                return self._text(said.get("text", ""))
            case "button":
                return self._button(said, align)
            case "image":
                return self._picture(said, ("src", "alt", "link"))
            case "divider":
                return "<mj-divider />"
        return ""

    def _column(self, said: Mapping[str, str]) -> str:
        heading = self._heading(said.get("heading", ""), "left", is_small=True)
        parts = [self._picture(said, ("src", "alt")), heading, self._text(said.get("text", ""))]
        return f"<mj-column>{''.join(parts)}{self._button(said, 'left')}</mj-column>"

    def _heading(self, words: str, align: str, *, is_small: bool) -> str:
        if not words:
            return ""
        size, tag = ("18px", "h2") if is_small else ("24px", "h1")
        style = f"font-size:{size};line-height:1.35;margin:0"
        put = self._later(f'<{tag} style="{style}">{_escaped(words)}</{tag}>')
        return f'<mj-text align="{align}">{put}</mj-text>'

    def _text(self, text: str) -> str:
        if not text.strip():
            return ""
        braces = Braces()
        put = self._later(braces.show(markup_of(braces.hide(text), braces)))
        return f'<mj-text css-class="words">{put}</mj-text>'

    def _button(self, said: Mapping[str, str], align: str) -> str:
        if not said.get("words"):
            return ""
        link, words = said.get("link", "").strip(), self._later(_escaped(said["words"]))
        target = f' href="{self._later(_escaped(link))}"' if link else ""
        return f'<mj-button{target} align="{align}">{words}</mj-button>'

    def _picture(self, said: Mapping[str, str], names: Sequence[str]) -> str:
        if not said.get("src", "").strip():
            return ""
        given = [
            f'{"href" if name == "link" else name}="{self._later(_escaped(said[name].strip()))}"'
            for name in names
            if said.get(name)
        ]
        return f"<mj-image {' '.join(given)} />"

    def _later(self, html: str) -> str:
        self.put.append(html)
        return f"PUT-{len(self.put) - 1}-HERE"


_PLACE: Final = re.compile(r"PUT-(\d+)-HERE")


def _escaped(text: str) -> str:
    """Escape a text, but for what stands between braces."""
    braces = Braces()
    return braces.show(escape(braces.hide(text)))


def _in(brick: Brick, tag: str) -> dict[str, str]:
    """Take the texts of a block in a language."""
    return {name: text_in(value, tag) for name, value in brick.items() if name != "block" and _is_text(value)}


def _is_text(value: object) -> bool:
    return isinstance(value, str) or (isinstance(value, dict) and all(isinstance(each, str) for each in value.values()))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    else:
        for each in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
            yield from _texts(each)
