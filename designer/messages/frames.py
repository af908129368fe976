"""Rendered mails on their way into the frame of a preview: a stranger's page, which must not stand in ours."""

import hashlib
import re
from collections import OrderedDict
from dataclasses import dataclass, field
from threading import Lock
from typing import Final

MOST: Final = 64
_TAGS: Final = re.compile(r"(<[^>]*>)")
_DARK: Final = re.compile(r"\(\s*prefers-color-scheme\s*:\s*dark\s*\)", re.IGNORECASE)
_GAPS: Final = re.compile(r"⟦([^⟧]*)⟧")
_MARKED: Final = r'<mark style="background:#fdedeb;color:#b8322a;border-radius:3px;padding:0 3px">\1</mark>'


@dataclass
class Frames:
    """The latest previews, by the digest of what is in them."""

    _kept: OrderedDict[str, str] = field(default_factory=OrderedDict)
    _lock: Lock = field(default_factory=Lock)

    def keep(self, html: str) -> str:
        """Keep a mail for its frame; give the name by which the frame asks for it."""
        name = hashlib.sha256(html.encode()).hexdigest()[:32]
        with self._lock:
            self._kept[name] = html
            self._kept.move_to_end(name)
            while len(self._kept) > MOST:
                self._kept.popitem(last=False)
        return name

    def find(self, name: str) -> str | None:
        """Give a mail that was kept, if it still is."""
        with self._lock:
            return self._kept.get(name)


def in_the_dark(html: str) -> str:
    """Show a mail as a mail program does that is dark: a frame of ours has the page's own scheme otherwise."""
    return _DARK.sub("all", html)


def with_gaps(html: str) -> str:
    """Show variables without a value as such; those inside of tags stay as they are."""
    parts = _TAGS.split(html)
    parts[::2] = [_GAPS.sub(_MARKED, words) for words in parts[::2]]
    return "".join(parts)
