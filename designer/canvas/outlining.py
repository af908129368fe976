"""The outline: the same draft as a nested list, read from top to bottom, with a form for everything."""

from collections.abc import Sequence
from dataclasses import dataclass

from designer.canvas.scene import Card, Scene
from engine.api.drawing import Sheet
from engine.graph.model import Document
from engine.graph.order import order_of
from engine.graph.sizes import ports_of

DEEPEST = 6


@dataclass(frozen=True)
class Exit:
    """One way out of a node: its port, its words, and where it leads."""

    port: str
    label: str
    targets: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Entry:
    """One line of the outline.

    Shape: ``way`` says by which port of the node above one comes here, where there are several; ``legal`` lists the
    nodes that an edge may lead to.
    """

    card: Card
    deep: int
    way: str
    exits: tuple[Exit, ...]
    legal: tuple[tuple[str, str], ...]


def outline_of(sheet: Sheet, scene: Scene) -> Sequence[Entry]:
    """List the nodes as one reads them: what a way leads to stands below it, deeper where ways part."""
    if sheet.document is None:
        return []
    return _Walk(sheet.document, scene).entries()


class _Walk:
    def __init__(self, document: Document, scene: Scene) -> None:
        self.document = document
        self.scene = scene
        self.ancestors = order_of(document).ancestors
        self.found: dict[str, Entry] = {}

    def entries(self) -> list[Entry]:
        entered = {edge.target for edge in self.document.edges}
        roots = [node.id for node in self.document.nodes if node.id not in entered]
        waiting = [(name, 0, "") for name in (*roots, *(node.id for node in self.document.nodes))][::-1]
        while waiting:
            name, deep, way = waiting.pop()
            if name in self.found:
                continue
            entry = self._entry(name, deep, way)
            self.found[name] = entry
            several = sum(bool(each.targets) for each in entry.exits) > 1
            below = [
                (target, min(deep + several, DEEPEST), each.label if several else "")
                for each in entry.exits
                for target, _ in each.targets
            ]
            waiting.extend(reversed(below))
        return list(self.found.values())

    def _entry(self, name: str, deep: int, way: str) -> Entry:
        node, card = self.document.by_id[name], self.scene.cards[name]
        labels = {each.key: each.label for each in card.ways}
        exits = tuple(
            Exit(
                port.key,
                labels.get(port.key) or port.key,
                tuple((target, self._title(target)) for target in self.document.targets(name, port.key)),
            )
            for port in ports_of(self.document, node)
        )
        barred = self.ancestors[name] | {name}
        legal = tuple(
            (each.id, self._title(each.id))
            for each in self.document.nodes
            if each.id not in barred and not each.is_trigger
        )
        return Entry(card, deep, way, exits, legal)

    def _title(self, name: str) -> str:
        return self.scene.cards[name].title
