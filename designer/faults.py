"""What is wrong, in the reader's language: what faults and findings say is recognised by its pattern and said anew.

``make words`` reads every such text from the source, facts as ``%(a)s``, into the catalogue ``findings.po``.
"""

import re
from functools import cache, reduce
from typing import Final

from babel.messages.pofile import read_po

from designer.language import DEFAULT, Language, catalogues, mark

CATALOGUE: Final = "findings.po"

THINGS: Final = (
    *(mark("segment"), mark("template"), mark("topic"), mark("flow"), mark("a tag"), mark("a stage")),
    *(mark("a segment's key"), mark("a topic"), mark("a node's id"), mark("a property's name")),
    *(mark("an event's name"), mark("an attribute's name"), mark("Not Found"), mark("Method Not Allowed")),
)
"""Single words that stand in such texts as facts, and what the web itself says."""

JOINED: Final = mark("%(one)s; %(other)s")

_FACT: Final = re.compile(r"%\((\w)\)s")
_DEEPEST: Final = 4
"""A fact may be what another fault said; so many within each other are said anew."""


def say_fault(text: str, language: Language, deep: int = 0) -> str:
    """Say what is wrong, or how to mend it; what is not known is said as it is.

    Shape: of several that stand together, each is said.
    """
    if language.tag == DEFAULT or deep > _DEEPEST or not text:
        return text
    whole = _whole(text, language, deep)
    if whole is not None:
        return whole
    pieces = [_piece(piece, language, deep) for piece in text.split("; ")]
    return reduce(lambda one, other: language.say(JOINED, one=one, other=other), pieces)


def _whole(text: str, language: Language, deep: int) -> str | None:
    plain, patterns = _known()
    said = language.say(text) if text in plain or not deep else text
    if text in plain or said != text:
        return said
    for pattern, words in patterns:
        found = pattern.fullmatch(text)
        if found is not None:
            facts = {name: say_fault(fact, language, deep + 1) for name, fact in found.groupdict().items()}
            return language.say(words, **facts)
    return None


def _piece(text: str, language: Language, deep: int) -> str:
    """Say one of several: often there is a path before it."""
    said = _whole(text, language, deep)
    path, colon, rest = text.partition(": ")
    if said is None and colon:
        return f"{path}: {say_fault(rest, language, deep + 1)}"
    return text if said is None else said


@cache
def _known() -> tuple[frozenset[str], tuple[tuple[re.Pattern[str], str], ...]]:
    """Read the texts that there are; of two patterns that fit, the one that says more itself comes first."""
    texts = list(THINGS)
    for file in catalogues("zh-CN"):
        if file.name == CATALOGUE:
            with file.open("rb") as lines:
                texts += [message.id for message in read_po(lines) if message.id and isinstance(message.id, str)]
    facts = sorted((text for text in texts if _FACT.search(text)), key=lambda text: -len(_FACT.sub("", text)))
    return frozenset(texts).difference(facts), tuple((re.compile(_expression(text), re.DOTALL), text) for text in facts)


def _expression(words: str) -> str:
    parts = _FACT.split(words)
    return "".join(
        f"(?P<{part}>.+)" if place % 2 else re.escape(part.replace("%%", "%")) for place, part in enumerate(parts)
    )
