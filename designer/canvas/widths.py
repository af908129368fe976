"""Cut texts to a width on the screen: cards do not clip, for clipping costs a layer each."""

import unicodedata


def columns(text: str) -> int:
    """Count the columns of a text; a Chinese character takes two."""
    return len(text) if text.isascii() else sum(_width(character) for character in text)


def cut(text: str, most: int) -> str:
    """Cut a text to so many columns, with an ellipsis; never inside of a character with its marks."""
    text = " ".join(text.split())
    if columns(text) <= most:
        return text
    width, kept = 1, 0
    for place, character in enumerate(text):
        width += _width(character)
        if width > most:
            break
        kept = place + 1
    while kept < len(text) and kept and _joins(text[kept - 1], text[kept]):
        kept -= 1
    return text[:kept].rstrip() + "…"


def _width(character: str) -> int:
    is_mark = unicodedata.combining(character) or unicodedata.category(character) in ("Mn", "Me", "Cf")
    if is_mark or "\U0001f3fb" <= character <= "\U0001f3ff":  # a skin tone colours the sign before it
        return 0
    return 2 if unicodedata.east_asian_width(character) in ("W", "F") else 1


def _joins(before: str, after: str) -> bool:
    """Tell whether two characters belong to one sign."""
    return _width(after) == 0 or before == "\N{ZERO WIDTH JOINER}"
