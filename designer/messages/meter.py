"""How long texts are: in the columns of a list of mails, and in the segments that a short message is billed by.

Source: 3GPP TS 23.038, the default alphabet of short messages.
"""

import unicodedata
from dataclasses import dataclass
from typing import Final

_BASIC: Final = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENDED: Final = frozenset("^{}\\[~]|€\f")
_LENGTHS: Final = {True: (160, 153), False: (70, 67)}


@dataclass(frozen=True)
class Segments:
    """What a short message weighs: its length in units, the units of one segment, and the number of segments."""

    length: int
    room: int
    count: int
    is_basic: bool

    @property
    def left(self) -> int:
        """How many units fit into the last segment still."""
        return self.room * self.count - self.length


def segments_of(text: str) -> Segments:
    """Count the segments of a short message: 160 or 70 letters in one, 153 or 67 in each of several."""
    is_basic = all(sign in _BASIC or sign in _EXTENDED for sign in text)
    # Beyond the basic alphabet letters count as UTF-16 has them: a picture takes two.
    length = len(text) + sum(sign in _EXTENDED if is_basic else sign > "\uffff" for sign in text)
    single, several = _LENGTHS[is_basic]
    if length <= single:
        return Segments(length, single, 1, is_basic)
    return Segments(length, several, -(-length // several), is_basic)


def columns(text: str) -> int:
    """Count the columns that a text takes: two for each wide letter."""
    return sum(2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in text)
