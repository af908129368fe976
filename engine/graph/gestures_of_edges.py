"""Gestures that draw and erase edges."""

from collections.abc import Mapping
from typing import Any

from engine.errors import FlowError
from engine.graph.drawing import Drawing, edge_key


def connect(drawing: Drawing, args: Mapping[str, Any]) -> None:
    """Draw an edge ``from`` a node's ``port`` ``to`` another."""
    key = edge_key({"edge": [args.get("from"), args.get("port", "out"), args.get("to")]})
    source, port, target = key[1:]
    ports = drawing.known(source).ports
    if ports is not None and port not in {each.key for each in ports}:
        raise FlowError(f"{source!r} has no port {port!r}")
    drawing.draw(source, port, target)


def disconnect(drawing: Drawing, args: Mapping[str, Any]) -> None:
    """Erase an ``edge``."""
    drawing.erase(edge_key(args))


def reconnect(drawing: Drawing, args: Mapping[str, Any]) -> None:
    """Lead an ``edge`` ``to`` another node."""
    key = edge_key(args)
    if key not in drawing.edges:
        raise FlowError("this edge is not there any more")
    target = args.get("to")
    drawing.node(target)
    drawing.draw(key[1], key[2], str(target), instead=key)
