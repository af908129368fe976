"""The last touches on a typeset mail: links signed, a way out, a picture that tells of its opening."""

import re
from collections.abc import Sequence
from html import escape

from engine.channels.base import MessageKey
from engine.channels.links import Links, is_web_address
from engine.terms import Text, text_in

WAY_OUT: Text = {"en": "Unsubscribe", "zh-CN": "退订"}

_END = "</body></html>"
_BODY = re.compile(r"<body\b[^>]*>", re.IGNORECASE)
_BLANKS = "&#847;&zwnj;&nbsp;" * 60


def with_preheader(parts: Sequence[str], preheader: str) -> Sequence[str]:
    """Put what mail programs show behind the subject at the beginning of a mail, where no reader sees it.

    Shape: ``parts`` as in ``finish_html``; blanks behind it keep the mail's own first words out of the list of mails.
    """
    if not parts or not preheader.strip():
        return parts
    hidden = f'<div style="display:none;max-height:0;overflow:hidden">{escape(preheader)}{_BLANKS}</div>'
    found = _BODY.search(parts[0])
    place = found.end() if found is not None else 0
    return [parts[0][:place] + hidden + parts[0][place:], *parts[1:]]


def finish_html(parts: Sequence[str], key: MessageKey, links: Links, unsubscribe_url: str, locale: str) -> str:
    """Sign the links to the web that are not ours already, and add what a mail must have.

    Shape: ``parts`` are pieces of HTML in turn with the targets of links. A link to unsubscribe is added when the
    message has none of its own.
    """
    added = f'<img src="{escape(links.pixel(key))}" width="1" height="1" alt="">'
    if unsubscribe_url not in parts[1::2]:
        added = f'<p><a href="{escape(unsubscribe_url)}">{escape(text_in(WAY_OUT, locale))}</a></p>{added}'
    written = list(parts)
    written[1::2] = [escape(_signed(target, key, links)) for target in parts[1::2]]
    html = "".join(written)
    return html.removesuffix(_END) + added + _END if html.endswith(_END) else html + added


def _signed(target: str, key: MessageKey, links: Links) -> str:
    return links.click(key, target) if not links.owns(target) and is_web_address(target) else target


def finish_text(text: str, unsubscribe_url: str, locale: str) -> str:
    """Add a way to unsubscribe to a plain text that has none."""
    if unsubscribe_url in text:
        return text
    return f"{text.rstrip()}\n\n{text_in(WAY_OUT, locale)}: {unsubscribe_url}\n"
