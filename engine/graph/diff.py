"""What differs between two documents, as people tell it: nodes and edges that came, went or changed."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from engine.graph.delta import ABSENT, Entry, delta


@dataclass(frozen=True)
class Field:
    """One field that changed; None is absent."""

    name: str
    was: Any
    now: Any


@dataclass(frozen=True)
class Difference:
    """One node, edge or setting of the flow that differs.

    Shape: ``id`` is a node's id, or ``(from, port, to)`` of an edge, or empty for the flow's own settings; ``node`` is
    the node as it is, or as it was when it is gone.
    """

    what: Literal["added", "removed", "changed"]
    kind: Literal["node", "edge", "flow"]
    id: tuple[str, ...]
    node: Mapping[str, Any] | None = None
    fields: tuple[Field, ...] = ()

    @property
    def only_moved(self) -> bool:
        """Tell whether nothing but its place on the canvas changed."""
        return self.what == "changed" and all(field.name == "at" for field in self.fields)


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[Difference, ...]:
    """List what differs, nodes first, in the order of the documents."""
    found: list[Difference] = []
    fields: dict[tuple[str, ...], list[Field]] = defaultdict(list)
    for entry in delta(before, after):
        if entry.key[0] == "flow":
            fields[("flow",)].append(_field(entry, 1))
        elif entry.key[0] == "edge" and len(entry.key) == 4:
            found.append(Difference(_what(entry), "edge", entry.key[1:]))
        elif len(entry.key) == 2:
            value = entry.was if entry.now is ABSENT else entry.now
            found.append(Difference(_what(entry), "node", entry.key[1:], value))
        elif entry.key[0] == "node":
            fields[entry.key[:2]].append(_field(entry, 2))
    nodes = {node.get("id"): node for node in after.get("nodes", []) if isinstance(node, dict)}
    for key, changed in fields.items():
        if key[0] == "flow":
            found.append(Difference("changed", "flow", (), None, tuple(changed)))
        else:
            found.append(Difference("changed", "node", key[1:], nodes.get(key[1]), tuple(changed)))
    order = ("node", "edge", "flow")
    return tuple(sorted(found, key=lambda each: order.index(each.kind)))


def _what(entry: Entry) -> Literal["added", "removed"]:
    return "added" if entry.was is ABSENT else "removed"


def _field(entry: Entry, start: int) -> Field:
    was, now = (None if value is ABSENT else value for value in (entry.was, entry.now))
    return Field(".".join(entry.key[start:]), was, now)
