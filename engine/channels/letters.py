"""The last touches on rendered mail: styles inlined, links signed, a way out, a text beside the HTML."""

import html as markup
import re
from collections.abc import Callable

import html2text
from css_inline import CSSInliner

from engine.channels.base import MessageKey
from engine.channels.links import Links, is_web_address
from engine.terms import Text, text_in

# No style sheet is ever loaded: neither from the web nor from a file.
_INLINER = CSSInliner(load_remote_stylesheets=False, keep_at_rules=True)
_ANCHOR = re.compile(r"""<(?:a|area)\s(?:[^>"']|"[^"]*"|'[^']*')*>""", re.IGNORECASE)
_HREF = re.compile(r"""(\shref=)("[^"]*"|'[^']*')""", re.IGNORECASE)
_BODY_END = re.compile(r"</body>", re.IGNORECASE)

WAY_OUT: Text = {"en": "Unsubscribe", "zh-CN": "退订"}


def finish_html(html: str, key: MessageKey, links: Links, unsubscribe_url: str, locale: str) -> str:
    """Make rendered HTML fit for mail clients and let it tell of opens and clicks.

    Shape: a whole document; a link to unsubscribe is added when the message has none of its own.
    """
    if unsubscribe_url not in markup.unescape(html):
        words = markup.escape(text_in(WAY_OUT, locale))
        html = _before_end(html, f'<p><a href="{markup.escape(unsubscribe_url)}">{words}</a></p>')
    document = track_clicks(_INLINER.inline(html), lambda target: links.click(key, target), links.owns)
    pixel = f'<img src="{markup.escape(links.pixel(key))}" width="1" height="1" alt="">'
    return _before_end(document, pixel)


def _before_end(html: str, addition: str) -> str:
    ends = list(_BODY_END.finditer(html))
    place = ends[-1].start() if ends else len(html)
    return html[:place] + addition + html[place:]


def track_clicks(html: str, signed: Callable[[str], str], owned: Callable[[str], bool]) -> str:
    """Put signed links in the place of all links to the web that are not ours already."""

    def link(found: re.Match[str]) -> str:
        target = markup.unescape(found[2][1:-1]).strip()
        if not is_web_address(target) or owned(target):
            return found[0]
        return f'{found[1]}"{markup.escape(signed(target))}"'

    return _ANCHOR.sub(lambda anchor: _HREF.sub(link, anchor[0], count=1), html)


def finish_text(text: str, unsubscribe_url: str, locale: str) -> str:
    """Add a way to unsubscribe to a plain text that has none."""
    if unsubscribe_url in text:
        return text
    return f"{text.rstrip()}\n\n{text_in(WAY_OUT, locale)}: {unsubscribe_url}\n"


def text_of(html: str) -> str:
    """Write HTML as plain text, for readers who want no other."""
    writer = html2text.HTML2Text(bodywidth=0)
    writer.ignore_images = True
    writer.unicode_snob = True
    writer.protect_links = True
    return writer.handle(html).strip() + "\n"
