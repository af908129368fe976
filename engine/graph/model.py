"""What a document holds once it is read."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from typing import Any, TypeVar

from engine.contract.fields import Found, fields_of
from engine.contract.node import Family, NodeConfig, NodeType, Port
from engine.graph.shape import Settings
from engine.terms import Text

T = TypeVar("T")


@dataclass(frozen=True)
class Edge:
    """A way from a node's port to another node."""

    index: int
    source: str
    port: str
    target: str

    @cached_property
    def path(self) -> str:
        """Where the edge stands in the document."""
        return f"edges[{self.index}]"


@dataclass(frozen=True)
class NodeDoc:
    """One node of a document.

    ``node_type`` and ``config`` are None when they could not be read; such a node is a box of which nothing is known.
    """

    index: int
    id: str
    type: str
    node_type: NodeType[Any] | None
    config: NodeConfig | None
    name: Text | None = None
    note: Text | None = None
    at: tuple[float, float] | None = None
    memo: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)

    def remember(self, name: str, given: object, find: Callable[[], T]) -> T:
        """Give what was found in the node with the same other things given, else find it.

        While somebody draws, most nodes stay the same objects: they are not looked through again.
        """
        known: tuple[object, T] | None = self.memo.get(name)
        if known is None or known[0] != given:
            known = self.memo[name] = given, find()
        return known[1]

    @cached_property
    def path(self) -> str:
        """Where the node stands in the document."""
        return f"nodes[{self.index}]"

    @cached_property
    def ports(self) -> tuple[Port, ...] | None:
        """The ways out; None when they are not known."""
        if self.node_type is None or self.config is None:
            return None
        return tuple(self.node_type.ports(self.config))

    @cached_property
    def fields(self) -> tuple[Found, ...]:
        """The values of the settings that mean something."""
        return () if self.config is None else tuple(fields_of(self.config))

    @cached_property
    def is_trigger(self) -> bool:
        """Whether contacts come in here."""
        return self.node_type is not None and self.node_type.family is Family.TRIGGER

    @cached_property
    def sends(self) -> bool:
        """Whether it sends something."""
        return self.node_type is not None and self.node_type.channel is not None

    @cached_property
    def least_waits(self) -> Mapping[str, timedelta]:
        """How long a contact rests here at least that leaves by each of its ports."""
        if self.node_type is None or self.config is None:
            return {}
        return {port.key: self.node_type.least_wait(self.config, port.key) for port in self.ports or ()}


@dataclass(frozen=True)
class Document:
    """A flow as it is drawn.

    Shape: ``raw`` is the JSON that it was read from, lifted to the present version; ``faulty`` are the paths in it of
    nodes and edges in which something was wrong.
    """

    key: str
    name: Text
    description: Text | None
    settings: Settings
    nodes: tuple[NodeDoc, ...]
    edges: tuple[Edge, ...]
    raw: Mapping[str, Any] = field(compare=False, repr=False)
    faulty: frozenset[str] = field(default=frozenset(), compare=False, repr=False)

    @cached_property
    def by_id(self) -> Mapping[str, NodeDoc]:
        """The nodes by their ids."""
        return {node.id: node for node in self.nodes}

    @cached_property
    def leaving(self) -> Mapping[str, tuple[Edge, ...]]:
        """The edges that leave each node, in the order of the document."""
        found: dict[str, list[Edge]] = {node.id: [] for node in self.nodes}
        for edge in self.edges:
            found[edge.source].append(edge)
        return {node: tuple(edges) for node, edges in found.items()}

    def targets(self, node: str, port: str) -> tuple[str, ...]:
        """List where the edges of a port lead."""
        return tuple(edge.target for edge in self.leaving[node] if edge.port == port)
