"""Gestures on pieces of drawings and on the whole: paste, duplicate, the flow's own settings."""

import re
from collections.abc import Mapping
from typing import Any, Final

from engine.errors import FlowError
from engine.graph.document import MOST_NODES, read_document
from engine.graph.drawing import Drawing, point
from engine.graph.fresh import fresh_id
from engine.graph.layout import GRID, place_all
from engine.graph.pointer import put_pointer

AWAY: Final = 40
"""How far a duplicate lies from what it was made of."""

_ROOT_FIELDS: Final = re.compile(r"/(name|description|settings)(/.*)?")


def paste(drawing: Drawing, args: Mapping[str, Any]) -> None:
    """Add the nodes and edges of a ``piece``, a document or a part of one, at ``x`` and ``y``."""
    piece = args.get("piece")
    nodes = piece.get("nodes") if isinstance(piece, dict) else None
    if not isinstance(piece, dict) or not isinstance(nodes, list) or not nodes:
        raise FlowError("there is nothing to paste; copy nodes of a flow first")
    document, _ = read_document({"dripline": 1, "key": "piece", **piece}, drawing.registry)
    if document is None:
        raise FlowError("what is pasted cannot be read as nodes of a flow")
    if len(drawing.nodes) + len(document.nodes) > MOST_NODES:
        raise FlowError(f"a flow has at most {MOST_NODES} nodes; split it")
    places = place_all(document)
    left, top = (min(place[axis] for place in places.values()) for axis in (0, 1))
    x, y = point(args)
    names = _take_nodes(drawing, nodes)
    for old, new in names.items():
        at = places.get(old, (left, top))
        drawing.places[new] = (
            round((at[0] - left + x) / GRID) * GRID,
            round((at[1] - top + y) / GRID) * GRID,
        )
    _take_edges(drawing, piece.get("edges", []), names)


def duplicate(drawing: Drawing, args: Mapping[str, Any]) -> None:
    """Add copies of the nodes of ``ids``, with the edges between them."""
    names = args.get("ids")
    if not isinstance(names, list) or not names:
        raise FlowError("say which nodes: ids")
    nodes = [drawing.node(name) for name in dict.fromkeys(names)]
    edges = [value for key, value in drawing.edges.items() if key[1] in names and key[3] in names]
    left, top = (min(drawing.places[node["id"]][axis] for node in nodes) for axis in (0, 1))
    lying = [{**node, "at": list(drawing.places[node["id"]])} for node in nodes]
    paste(drawing, {"piece": {"nodes": lying, "edges": edges}, "x": left + AWAY, "y": top + AWAY})


def set_flow(drawing: Drawing, args: Mapping[str, Any]) -> None:
    """Set a ``field`` of the flow, its name, description or settings, to ``value``."""
    field = str(args.get("field", ""))
    if not _ROOT_FIELDS.fullmatch(field):
        raise FlowError(f"{field!r} is no field of a flow; there are /name, /description and /settings/…")
    drawing.raw = put_pointer(drawing.raw, field, args.get("value"))


def _take_nodes(drawing: Drawing, nodes: list[Any]) -> dict[str, str]:
    names: dict[str, str] = {}
    for node in nodes:
        kind = node.get("type") if isinstance(node, dict) else None
        old = node.get("id") if isinstance(node, dict) else None
        if not isinstance(kind, str) or not isinstance(old, str) or old in names:
            drawing.dropped.append(str(old or kind or "?"))
            continue
        own = re.sub(r"_\d+$", "", old) if re.fullmatch(r"[a-z0-9_]{1,60}", old) else kind
        new = old if own == old and old not in drawing.nodes else fresh_id(own, drawing.nodes.keys())
        drawing.nodes[new] = {**node, "id": new}
        drawing.new.append(new)
        names[old] = new
    if not names:
        raise FlowError("there is nothing to paste; copy nodes of a flow first")
    for new in names.values():
        if "config" in drawing.nodes[new]:
            drawing.nodes[new]["config"] = _renamed(drawing.nodes[new]["config"], names)
    return names


def _renamed(value: Any, names: Mapping[str, str]) -> Any:
    """Let rules about messages of copied nodes mean the copies."""
    if isinstance(value, list):
        return [_renamed(inner, names) for inner in value]
    if not isinstance(value, dict):
        return value
    made = {key: _renamed(inner, names) for key, inner in value.items()}
    if "did" in made and isinstance(made.get("message"), str):
        made["message"] = names.get(made["message"], made["message"])
    return made


def _take_edges(drawing: Drawing, edges: Any, names: Mapping[str, str]) -> None:
    for edge in edges if isinstance(edges, list) else []:
        source, target = (str(edge.get("from")), str(edge.get("to"))) if isinstance(edge, dict) else ("?", "?")
        if source not in names or target not in names:
            drawing.dropped.append(f"{source} → {target}")
            continue
        try:
            drawing.draw(names[source], str(edge.get("port", "out")), names[target])
        except FlowError:
            drawing.dropped.append(f"{source} → {target}")
