"""What a document uses of the workspace: segments and message templates, by their keys."""

from collections.abc import Iterator
from typing import Final, TypeAlias

from engine.graph.model import Document
from engine.graph.places import places
from engine.graph.text import walk as members
from engine.rules.model import InSegment, Rule, walk

SEGMENT: Final = "segment"
TEMPLATE: Final = "template"

Use: TypeAlias = tuple[str, str]
"""What is used, and its key: ``("segment", "vip")``."""

_HINTS: Final = {"segment": SEGMENT, "template_key": TEMPLATE}


def uses_of(document: Document) -> set[Use]:
    """List what settings and rules of a document name."""
    found: set[Use] = set()
    for place in places(document):
        if place.hint in _HINTS:
            found.add((_HINTS[place.hint], str(place.value)))
        elif place.hint == "rule":
            found |= set(uses_of_rule(place.value))  # type: ignore[arg-type] # the hint says so
    # Of settings that cannot be read, what looks like a use counts as one: better one too many than one too few.
    for node in document.nodes:
        if node.config is None:
            for path, value in members(document.raw["nodes"][node.index]):
                kind = path.rpartition(".")[2]
                if kind in (SEGMENT, TEMPLATE) and isinstance(value, str):
                    found.add((kind, value))
    return found


def uses_of_rule(rule: Rule) -> Iterator[Use]:
    """List the segments that a rule names."""
    yield from ((SEGMENT, part.key) for part in walk(rule) if isinstance(part, InSegment))
