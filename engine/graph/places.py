"""Where rules and other named things stand in a document."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial

from engine.contract.fields import fields_of
from engine.graph.model import Document, NodeDoc
from engine.graph.text import join
from engine.rules.model import All, Any_, Not, Rule


@dataclass(frozen=True)
class Place:
    """A value that means something, its path, and the node it belongs to (None for the flow's own settings)."""

    path: str
    hint: str
    value: object
    node: NodeDoc | None


@dataclass(frozen=True)
class RulePlace:
    """A rule, or a part of one, with its path."""

    path: str
    rule: Rule
    node: NodeDoc | None

    @property
    def of(self) -> str | None:
        """The id of the node it belongs to."""
        return None if self.node is None else self.node.id


def places(document: Document) -> list[Place]:
    """List every meaningful value of the document's settings and nodes."""
    found = [Place(join("settings", each.path), each.hint, each.value, None) for each in fields_of(document.settings)]
    for node in document.nodes:
        found += node.remember("places", None, partial(_of_node, node))
    return found


def _of_node(node: NodeDoc) -> list[Place]:
    path = f"{node.path}.config"
    return [Place(join(path, each.path), each.hint, each.value, node) for each in node.fields]


def rules(found: Iterable[Place]) -> Iterator[RulePlace]:
    """Visit every rule of the document as a whole."""
    for place in found:
        if place.hint == "rule":
            yield RulePlace(place.path, place.value, place.node)  # type: ignore[arg-type] # the hint says so


def parts(place: RulePlace) -> Iterator[RulePlace]:
    """Visit a rule and everything in it."""
    yield place
    match place.rule:
        case All(inner):
            for number, part in enumerate(inner):
                yield from parts(RulePlace(f"{place.path}.all[{number}]", part, place.node))
        case Any_(inner):
            for number, part in enumerate(inner):
                yield from parts(RulePlace(f"{place.path}.any[{number}]", part, place.node))
        case Not(part):
            yield from parts(RulePlace(f"{place.path}.not", part, place.node))
        case _:
            pass
