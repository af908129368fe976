"""Letters from Markdown: a plain, wide-spread HTML that mail programs show as it is meant, also in the dark.

A paragraph that is nothing but a link in bold becomes a button. What stands between braces is left as it is.
"""

import re
from typing import Final

from markdown_it import MarkdownIt

from designer.messages.braces import Braces
from engine.api.messages import WAY_OUT
from engine.terms import text_in

_BUTTON: Final = re.compile(r"<p><strong><a href=\"([^\"]*)\">(.*?)</a></strong></p>", re.DOTALL)
_ALONE: Final = re.compile(r"<p>(\ue000\d+\ue001)</p>")

_FOOT: Final = '<p class="foot"><a href="{{{{ unsubscribe_url }}}}">{}</a></p>\n'

_STYLES: Final = """
body { margin: 0; padding: 0; background: #f4f5f8; }
.letter { max-width: 600px; margin: 0 auto; padding: 32px 28px; background: #ffffff; color: #1b1f27;
  font: 16px/1.65 -apple-system, "Segoe UI", "PingFang SC", "Microsoft YaHei", "Noto Sans SC", Arial, sans-serif; }
.letter h1 { margin: 0 0 16px; font-size: 24px; line-height: 1.35; }
.letter h2 { margin: 24px 0 8px; font-size: 18px; }
.letter p, .letter ul, .letter ol { margin: 0 0 16px; }
.letter a { color: #3d4fd0; }
.letter img { max-width: 100%; height: auto; border-radius: 8px; }
.letter blockquote { margin: 0 0 16px; padding: 2px 0 2px 16px; border-left: 3px solid #c9cef7; color: #565d6d; }
.letter hr { margin: 24px 0; border: 0; border-top: 1px solid #e4e7ec; }
.letter a.button { display: inline-block; padding: 12px 22px; border-radius: 8px; background: #3d4fd0; color: #ffffff;
  font-weight: 600; text-decoration: none; }
.letter p.foot { margin: 32px 0 0; font-size: 12px; }
.letter p.foot a { color: #646b7a; }
@media (prefers-color-scheme: dark) {
  body { background: #0e1014 !important; }
  .letter { background: #16191f !important; color: #eceef3 !important; }
  .letter a { color: #98a4ff !important; }
  .letter blockquote { color: #b0b6c3 !important; }
  .letter p.foot a { color: #8e95a5 !important; }
  .letter a.button { background: #4c57d6 !important; color: #ffffff !important; }
}
"""

_MARKDOWN: Final = MarkdownIt("commonmark", {"html": False, "breaks": True}).enable("table")


def letter_of(markdown: str, language: str = "") -> str:
    """Write a Markdown text as the HTML of a mail, with a way to unsubscribe at its foot unless it has one."""
    braces = Braces()
    body = _BUTTON.sub(r'<p><a class="button" href="\1">\2</a></p>', markup_of(braces.hide(markdown), braces))
    body = braces.show(body)
    foot = "" if "unsubscribe_url" in markdown else _FOOT.format(text_in(WAY_OUT, language or language_of(markdown)))
    return f'<html><head><style>{_STYLES}</style></head><body><div class="letter">\n{body}{foot}</div></body></html>\n'


def markup_of(hidden: str, braces: Braces) -> str:
    """Write a Markdown text as HTML; braces are hidden in both."""
    body = _MARKDOWN.render(hidden)
    # A line of the template's own grammar, such as a condition, is no paragraph.
    return _ALONE.sub(lambda found: found[1] if braces.is_statement(found[1]) else found[0], body)


def language_of(text: str) -> str:
    """Tell in which of the two languages that we write a text is."""
    return "zh-CN" if any("\u4e00" <= sign <= "\u9fff" for sign in text) else "en"
