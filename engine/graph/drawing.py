"""A document while a gesture works on it."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

from engine.contract.node import NodeType
from engine.contract.registry import Registry
from engine.errors import FlowError
from engine.graph.delta import Key, name_of
from engine.graph.document import read_document
from engine.graph.fresh import fresh_id
from engine.graph.layout import place_all
from engine.graph.model import Document, NodeDoc
from engine.graph.sizes import Box, Point, boxes


class Drawing:
    """A document's nodes and edges, free to be changed; what they were is left as it was.

    What is not changed stays the same object: whoever compares or reads the document next need not look into it.
    ``document`` is what the JSON was read to, if it was; one of another JSON is passed over.
    """

    def __init__(self, raw: Mapping[str, Any], registry: Registry, document: Document | None = None) -> None:
        if document is None or document.raw != raw:
            document, _ = read_document(dict(raw), registry)
        if document is None:
            raise FlowError("this cannot be drawn; import a document that can be read")
        self.registry = registry
        self.before: Document = document
        self.raw = dict(raw)
        self.nodes: dict[str, dict[str, Any]] = {}
        self.edges: dict[Key, dict[str, Any]] = {}
        self.places: dict[str, Point] = place_all(document)
        self.odd: list[Any] = []
        self.new: list[str] = []
        self.dropped: list[str] = []
        self._take(raw)

    def _take(self, raw: Mapping[str, Any]) -> None:
        """Take nodes and edges over; nodes without an id of their own get one, edges without ends are kept apart."""
        for index, value in enumerate(_list(raw, "nodes")):
            if not isinstance(value, dict):
                continue
            key = name_of("node", value)
            name = key[1] if key is not None and key[1] not in self.nodes else None
            if name is None:
                name = fresh_id(str(value.get("type", "node")), self.nodes.keys() | self.before.by_id.keys())
                self.places.setdefault(name, self.places.get(f"nodes[{index}]", (0.0, 0.0)))
            self.nodes[name] = value if value.get("id") == name else {**value, "id": name}
        for value in _list(raw, "edges"):
            key = name_of("edge", value)
            if key is None:
                self.odd.append(value)
            else:
                self.edges.setdefault(key, value)

    def document(self) -> dict[str, Any]:
        """Give the document as it is now; every node stands where it was seen."""
        made = {**self.raw, "nodes": [], "edges": [*self.edges.values(), *self.odd]}
        for name, node in self.nodes.items():
            place = [_number(part) for part in self.places[name]]
            made["nodes"].append(node if node.get("at") == place else {**node, "at": place})
        return made

    @cached_property
    def boxes(self) -> dict[str, Box]:
        """Where the nodes lay when the gesture began."""
        return boxes(self.before, self.places)

    def node(self, name: object) -> dict[str, Any]:
        """Find a node, not to be changed.

        Errors: ``FlowError``.
        """
        if not isinstance(name, str) or name not in self.nodes:
            raise FlowError(f"there is no node {name!r} any more", node=name)
        return self.nodes[name]

    def change(self, name: object) -> dict[str, Any]:
        """Find a node that is free to be changed.

        Errors: ``FlowError``.
        """
        node = dict(self.node(name))
        self.nodes[str(name)] = node
        return node

    def known(self, name: str) -> NodeDoc:
        """Give a node as it was read when the gesture began."""
        self.node(name)
        return self.before.by_id[name]

    def type_of(self, name: str) -> NodeType[Any] | None:
        """Find the type of a node."""
        return self.registry.find(str(self.node(name).get("type")))

    def leaving(self, name: str, port: str | None = None) -> list[Key]:
        """List the edges that leave a node, or one of its ports."""
        return [key for key in self.edges if key[1] == name and port in (None, key[2])]

    def entering(self, name: str) -> list[Key]:
        """List the edges that lead to a node."""
        return [key for key in self.edges if key[3] == name]

    def draw(self, source: str, port: str, target: str, instead: Key | None = None) -> None:
        """Draw an edge; with ``instead`` it takes another one's place in the document.

        Errors: ``FlowError`` for an edge that no drawing may have.
        """
        self.allow(source, target, without=instead)
        key = ("edge", source, port, target)
        if key in self.edges and key != instead:
            raise FlowError("this edge is there already")
        value = {"from": source, "to": target} if port == "out" else {"from": source, "port": port, "to": target}
        if instead is None:
            self.edges[key] = value
        else:
            changed = [(key, value) if each == instead else (each, old) for each, old in self.edges.items()]
            self.edges = dict(changed)

    def allow(self, source: str, target: str, without: Key | None = None) -> None:
        """See that an edge between two nodes makes sense.

        Errors: ``FlowError``.
        """
        node_type = self.type_of(target)
        self.node(source)
        if node_type is not None and node_type.family == "trigger":
            raise FlowError("a trigger has no way in; contacts enter there")
        if source in self.reached([target], without):
            raise FlowError("this would go round in a circle; contacts only ever move on")

    def reached(self, starts: Iterable[str], without: Key | None = None) -> set[str]:
        """Find all nodes that can be come to, the starts included."""
        following: dict[str, list[str]] = {}
        for key in self.edges:
            if key != without:
                following.setdefault(key[1], []).append(key[3])
        found: set[str] = set()
        waiting = list(starts)
        while waiting:
            name = waiting.pop()
            if name not in found:
                found.add(name)
                waiting += following.get(name, ())
        return found

    def erase(self, key: Key) -> None:
        """Take an edge away.

        Errors: ``FlowError``.
        """
        if key not in self.edges:
            raise FlowError("this edge is not there any more")
        del self.edges[key]

    def leave_by(self, ports: Mapping[Key, str | None]) -> None:
        """Let edges leave by other ports, all at once; by none, they are taken away. Of two alike one is enough."""
        changed: dict[Key, dict[str, Any]] = {}
        for key, value in self.edges.items():
            port = ports.get(key, key[2])
            if port == key[2]:
                changed.setdefault(key, value)
            elif port is not None:
                named = {} if port == "out" else {"port": port}
                rest = {name: said for name, said in value.items() if name not in ("from", "port", "to")}
                changed.setdefault(("edge", key[1], port, key[3]), {"from": key[1], **named, "to": key[3], **rest})
        self.edges = changed

    def shift_down(self, names: Iterable[str], by: float) -> None:
        """Make room: move nodes down."""
        for name in names:
            x, y = self.places[name]
            self.places[name] = (x, y + by)


def edge_key(args: Mapping[str, Any], name: str = "edge") -> Key:
    """Read which edge is meant: ``[from, port, to]``.

    Errors: ``FlowError``.
    """
    value = args.get(name)
    if not isinstance(value, Sequence) or isinstance(value, str) or not all(isinstance(each, str) for each in value):
        raise FlowError(f"{name} must say which edge: from, port, to")
    if len(value) != 3:
        raise FlowError(f"{name} must say which edge: from, port, to")
    return ("edge", *value)


def point(args: Mapping[str, Any]) -> Point:
    """Read a place on the canvas.

    Errors: ``FlowError``.
    """
    x, y = number(args.get("x")), number(args.get("y"))
    return x, y


def number(value: object) -> float:
    """Read a coordinate.

    Errors: ``FlowError``.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not -1e7 <= value <= 1e7:
        raise FlowError(f"{value!r} is no place on the canvas")
    return float(round(value))


def _list(raw: Mapping[str, Any], name: str) -> list[Any]:
    values = raw.get(name)
    return values if isinstance(values, list) else []


def _number(value: float) -> int | float:
    return int(value) if value == int(value) else value
