"""What of a document stands as it did when the document was read before: it need not be read again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from engine.graph.model import Document, Edge, NodeDoc
from engine.graph.text import is_same

T = TypeVar("T", NodeDoc, Edge)


@dataclass(frozen=True)
class Unchanged:
    """Nodes and edges that are as they were, and in which nothing was wrong, by their places in the document."""

    nodes: Mapping[int, NodeDoc] = field(default_factory=dict)
    edges: Mapping[int, Edge] = field(default_factory=dict)

    @classmethod
    def of(cls, raw: Mapping[str, Any], before: Document | None) -> "Unchanged":
        """Compare JSON with the document that was read before."""
        if before is None:
            return cls()
        return cls(
            _same(before.nodes, raw.get("nodes"), before.raw.get("nodes"), before.faulty),
            _same(before.edges, raw.get("edges"), before.raw.get("edges"), before.faulty),
        )

    def rest(self, raw: Mapping[str, Any]) -> dict[str, Any]:
        """Give the JSON without them."""
        return {
            **raw,
            **{
                name: [each for place, each in enumerate(raw[name]) if place not in found]
                for name, found in (("nodes", self.nodes), ("edges", self.edges))
                if found
            },
        }


def _same(read: Sequence[T], now: object, then: object, faulty: frozenset[str]) -> dict[int, T]:
    if not isinstance(now, list) or not isinstance(then, list):
        return {}
    length = min(len(now), len(then))
    return {
        each.index: each
        for each in read
        if each.index < length
        and (now[each.index] is then[each.index] or is_same(now[each.index], then[each.index]))
        and each.path not in faulty
    }
