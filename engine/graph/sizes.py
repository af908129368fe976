"""How big nodes are on the canvas, and where their ports and edges are. Pixels; ``at`` is the upper left corner."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeAlias

from pydantic import ValidationError

from engine.contract.node import OUT, Family, NodeType, Port
from engine.graph.model import Document, NodeDoc

WIDTH: Final = 248
CARD: Final = 64
PILL: Final = 40
PORT_ROOM: Final = 62
"""Width that a port needs with its label."""

LEAST_GAP: Final = 32

Point: TypeAlias = tuple[float, float]


class Box(NamedTuple):
    """Where a node lies."""

    x: float
    y: float
    width: float
    height: float

    @property
    def bottom(self) -> float:
        """The lower border."""
        return self.y + self.height

    @property
    def right(self) -> float:
        """The right border."""
        return self.x + self.width

    @property
    def middle(self) -> float:
        """The centre from left to right."""
        return self.x + self.width / 2

    def meets(self, other: "Box", room: float = 0) -> bool:
        """Tell whether two boxes overlap, or come closer than ``room``."""
        return (
            self.x < other.right + room
            and other.x < self.right + room
            and self.y < other.bottom + room
            and other.y < self.bottom + room
        )


def shown_ports(node: NodeDoc, used: Sequence[str] = ()) -> tuple[Port, ...]:
    """Name the ports to draw: those there are; of a node that cannot be read, the usual ones and those in use."""
    if node.ports is not None:
        known = [port.key for port in node.ports]
        return (*node.ports, *(Port(key) for key in dict.fromkeys(used) if key not in known))
    usual = () if node.node_type is None else _usual(node.node_type)
    names = {port.key: port for port in usual}
    if used and not set(used) <= set(names):
        names = {}
    return tuple((names | {key: names.get(key, Port(key)) for key in used}).values()) or (OUT,)


def ports_with(node_type: NodeType[Any], config: Mapping[str, Any]) -> tuple[Port, ...]:
    """Name the ports of a node type with settings as JSON; the usual ones when these cannot be read."""
    try:
        return tuple(node_type.ports(node_type.config_type.model_validate(config)))
    except ValidationError:
        return _usual(node_type)


def _usual(node_type: NodeType[Any]) -> tuple[Port, ...]:
    example = next(iter(node_type.examples), {})
    return tuple(node_type.ports(node_type.config_type.model_validate(example)))


def is_pill(node_type: NodeType[Any] | None) -> bool:
    """Tell whether a node is drawn as a pill on the line: waits and joins, that hold contacts and do nothing."""
    return node_type is not None and node_type.family in (Family.WAIT, Family.PATH)


def size_of(node_type: NodeType[Any] | None, ports: int = 1) -> tuple[float, float]:
    """Give a node's width and height."""
    return max(WIDTH, PORT_ROOM * ports), PILL if is_pill(node_type) else CARD


def boxes(document: Document, places: Mapping[str, Point]) -> dict[str, Box]:
    """Say where every node lies that has a place."""
    found = {}
    for node in document.nodes:
        if node.id in places:
            width, height = size_of(node.node_type, len(ports_of(document, node)))
            found[node.id] = Box(*places[node.id], width, height)
    return found


def ports_of(document: Document, node: NodeDoc) -> tuple[Port, ...]:
    """Name the ports to draw of a node in its document."""
    leaving = document.leaving[node.id]
    return node.remember("shown_ports", leaving, lambda: shown_ports(node, [edge.port for edge in leaving]))


def port_at(box: Box, place: int, count: int) -> Point:
    """Say where a port lies on the lower border."""
    return box.x + box.width * (2 * place + 1) / (2 * count), box.bottom


def entry_at(box: Box) -> Point:
    """Say where edges come in."""
    return box.middle, box.y
