"""Rendered HTML made fit for mail: styles inlined, links found, a plain text beside it.

The parsers below can be led astray by hostile HTML (one crashes on deep nesting, the other takes time that grows with
the square of the length), so this runs in the rendering child when it matters.
"""

import html as markup
import re

import html2text
from css_inline import CSSInliner

from engine.terms import Json

# No style sheet is ever loaded: neither from the web nor from a file.
_INLINER = CSSInliner(load_remote_stylesheets=False, keep_at_rules=True)
_ANCHOR = re.compile(r"""<(?:a|area)\s(?:[^>"']|"[^"]*"|'[^']*')*>""", re.IGNORECASE)
_HREF = re.compile(r"""\shref="([^"]*)\"""", re.IGNORECASE)
_LAYOUT = 'aria-roledescription="email"'
"""By this one knows a mail whose tables are nothing but layout, as MJML writes it."""


def typeset(html: str, *, with_text: bool = True) -> Json:
    """Turn rendered HTML into what a mail needs.

    Shape: ``parts`` are pieces of one whole document in turn with the targets of its links (the second, the fourth …),
    so that whoever knows the keys can sign them; ``text`` is the same to read without HTML, or empty where nobody wants
    it. Nothing makes nothing.
    """
    if not html.strip():
        return {"parts": [], "text": ""}
    document = _INLINER.inline(html)
    return {"parts": list(_split(document)), "text": text_of(document) if with_text else ""}


def _split(document: str) -> list[Json]:
    """Cut a document at the targets of its links."""
    parts: list[Json] = []
    place = 0
    for anchor in _ANCHOR.finditer(document):
        href = _HREF.search(anchor[0])
        if href is not None:
            start, end = anchor.start() + href.start(1), anchor.start() + href.end(1)
            parts += [document[place:start], markup.unescape(href[1]).strip()]
            place = end
    return [*parts, document[place:]]


def text_of(html: str) -> str:
    """Write HTML as plain text, for readers who want no other."""
    writer = html2text.HTML2Text(bodywidth=0)
    writer.ignore_images = True
    writer.ignore_tables = _LAYOUT in html
    writer.unicode_snob = True
    writer.protect_links = True
    return writer.handle(html).strip() + "\n"
