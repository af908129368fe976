"""Gestures: everything that a hand can do to a drawing. Pure: a document goes in, another comes out.

Every gesture has an inverse, which is a gesture as well: ``restore``, with the difference the other way round.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from engine.contract.registry import Registry, installed
from engine.errors import FlowError
from engine.graph import gestures_of_edges as edges
from engine.graph import gestures_of_nodes as nodes
from engine.graph import gestures_of_pieces as pieces
from engine.graph.delta import Delta, apply_delta, delta, read_delta, reverse
from engine.graph.drawing import Drawing
from engine.graph.model import Document

Doer: TypeAlias = Callable[[Drawing, Mapping[str, Any]], None]

DOERS: Final[Mapping[str, Doer]] = {
    "add": nodes.add,
    "insert": nodes.insert,
    "delete": nodes.delete,
    "move": nodes.move,
    "configure": nodes.configure,
    "rename": nodes.rename,
    "annotate": nodes.annotate,
    "replace": nodes.replace,
    "tidy": nodes.tidy_up,
    "connect": edges.connect,
    "disconnect": edges.disconnect,
    "reconnect": edges.reconnect,
    "paste": pieces.paste,
    "duplicate": pieces.duplicate,
    "set": pieces.set_flow,
}


@dataclass(frozen=True)
class Gesture:
    """What a hand did: its kind and its arguments, as they came from outside."""

    kind: str
    args: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Done:
    """A drawing after a gesture.

    Shape: ``change`` leads from the document before to this one; ``new`` names nodes that came, ``dropped`` what could
    not be taken along.
    """

    document: dict[str, Any]
    change: Delta
    new: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()

    @property
    def inverse(self) -> Gesture:
        """The gesture that takes this one back."""
        return Gesture("restore", {"change": [each.as_json() for each in reverse(self.change)]})


def apply(
    document: Mapping[str, Any],
    gesture: Gesture,
    registry: Registry | None = None,
    read: Document | None = None,
) -> Done:
    """Do what a gesture says; ``read`` is what the document was read to, if it was.

    Errors: ``FlowError`` says why it cannot be done; ``Overtaken`` when it takes back what is not so any more.
    """
    if gesture.kind == "restore":
        change = read_delta(gesture.args["change"])
        return Done(apply_delta(document, change), change)
    drawing = _do(document, gesture, registry or installed(), read)
    made = drawing.document()
    return Done(made, delta(document, made), tuple(drawing.new), tuple(drawing.dropped))


def _do(document: Mapping[str, Any], gesture: Gesture, registry: Registry, read: Document | None) -> Drawing:
    if gesture.kind == "import":
        given = gesture.args.get("document")
        if not isinstance(given, dict):
            raise FlowError("a flow is a JSON object")
        return Drawing({**given, "key": document["key"]}, registry)
    if gesture.kind not in DOERS:
        raise FlowError(f"{gesture.kind!r} is no gesture; there are {', '.join(sorted(DOERS))}")
    drawing = Drawing(document, registry, read)
    DOERS[gesture.kind](drawing, gesture.args)
    return drawing
