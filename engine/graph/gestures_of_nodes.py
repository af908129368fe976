"""Gestures on nodes: add, insert, delete, move, configure, rename, annotate, replace, tidy."""

from collections.abc import Mapping
from typing import Any

from engine.contract.node import NodeType
from engine.errors import FlowError
from engine.graph.document import MOST_NODES
from engine.graph.drawing import Drawing, edge_key, number, point
from engine.graph.fresh import fresh_config, fresh_id
from engine.graph.layout import GRID, STEP, below, free_place, tidy
from engine.graph.pointer import put_pointer
from engine.graph.sizes import WIDTH, Point, ports_of, ports_with, size_of
from engine.graph.ways import follow


def add(drawing: Drawing, args: Mapping[str, Any]) -> None:
    """Add a node of ``type``, at ``x`` and ``y`` or ``after`` a port: ``[node, port]``."""
    node_type = _type(drawing, args)
    after = args.get("after")
    if after is None:
        _new(drawing, node_type, args, point(args))
        return
    source, port = _port(drawing, after)
    edges = drawing.leaving(source, port)
    if len(edges) == 1 and "x" not in args and node_type.family != "trigger":
        insert(drawing, {**args, "edge": list(edges[0][1:])})
        return
    wanted = point(args) if "x" in args else _below(drawing, source, port)
    name = _new(drawing, node_type, args, wanted)
    drawing.draw(source, port, name)


def insert(drawing: Drawing, args: Mapping[str, Any]) -> None:
    """Put a node of ``type``, or the ``node`` that is there, onto an ``edge``; what follows makes room."""
    key = edge_key(args)
    if key not in drawing.edges:
        raise FlowError("this edge is not there any more")
    _, source, port, target = key
    place = _between(drawing, source, target)
    if args.get("node") is not None:
        name = str(args["node"])
        node_type = drawing.type_of(name)
        if name in (source, target) or drawing.entering(name):
            raise FlowError("this node has its place already; take it out first")
        drawing.places[name] = place
    else:
        node_type = _type(drawing, args)
        name = _new(drawing, node_type, args, place, exact=True)
    _make_room(drawing, name, target)
    drawing.draw(source, port, name, instead=key)
    out = _first_free_port(drawing, name)
    if out is not None:
        drawing.draw(name, out, target)


def delete(drawing: Drawing, args: Mapping[str, Any]) -> None:
    """Delete nodes by ``ids``; with ``join`` what led to one leads on to what followed it."""
    names = _ids(drawing, args)
    for name in names:
        entering, leaving = drawing.entering(name), drawing.leaving(name)
        targets = {key[3] for key in leaving}
        for key in entering:
            known = {other[3] for other in drawing.leaving(key[1], key[2])}
            if args.get("join") and len(targets) == 1 and not targets <= known and key[1] != name:
                drawing.draw(key[1], key[2], next(iter(targets)), instead=key)
            else:
                drawing.erase(key)
        for key in leaving:
            drawing.erase(key)
        del drawing.nodes[name]
        del drawing.places[name]


def move(drawing: Drawing, args: Mapping[str, Any]) -> None:
    """Move nodes: ``to`` lists ``[id, x, y]``."""
    wanted = args.get("to")
    if not isinstance(wanted, list) or not wanted:
        raise FlowError("move must say where to: [[id, x, y], …]")
    for each in wanted:
        if not isinstance(each, list | tuple) or len(each) != 3:
            raise FlowError("move must say where to: [[id, x, y], …]")
        drawing.node(each[0])
        drawing.places[each[0]] = (number(each[1]), number(each[2]))


def configure(drawing: Drawing, args: Mapping[str, Any]) -> None:
    """Set a ``field`` of a node's settings, a JSON pointer, to ``value``; without a value it is taken away."""
    node = drawing.change(args.get("id"))
    config = put_pointer(node.get("config") or {}, str(args.get("field", "")), args.get("value"))
    if not isinstance(config, dict):
        raise FlowError("the settings of a node are an object")
    _follow_ports(drawing, str(args["id"]), node.get("config") or {}, config)
    node["config"] = config


def rename(drawing: Drawing, args: Mapping[str, Any]) -> None:
    """Give a node a ``name`` in a ``language``, or in all; an empty one takes it away."""
    _say(drawing.change(args.get("id")), "name", args)


def annotate(drawing: Drawing, args: Mapping[str, Any]) -> None:
    """Write a ``name`` beside a node as its note."""
    _say(drawing.change(args.get("id")), "note", args)


def replace(drawing: Drawing, args: Mapping[str, Any]) -> None:
    """Make a node one of another ``type``; settings that both know are kept."""
    node, node_type = drawing.change(args.get("id")), _type(drawing, args)
    name = str(args["id"])
    if node_type.family == "trigger" and drawing.entering(name):
        raise FlowError("a trigger has no way in; take its edges away first")
    fresh = fresh_config(node_type)
    kept = {key: value for key, value in (node.get("config") or {}).items() if key in _keys(node_type)}
    node.pop("version", None)
    node.update(type=node_type.kind, config={**fresh, **kept})
    ports = [port.key for port in ports_with(node_type, node["config"])]
    drawing.leave_by({key: key[2] if key[2] in ports else ports[0] for key in drawing.leaving(name)})


def tidy_up(drawing: Drawing, args: Mapping[str, Any]) -> None:
    """Put all nodes in order, or those of ``ids``."""
    wanted = _ids(drawing, args) if args.get("ids") else None
    drawing.places |= tidy(drawing.before, wanted)


def _type(drawing: Drawing, args: Mapping[str, Any]) -> NodeType[Any]:
    kind = args.get("type")
    found = drawing.registry.find(kind) if isinstance(kind, str) else None
    if found is None:
        raise FlowError(f"{kind!r} is not a known node type", kind=kind)
    return found


def _keys(node_type: NodeType[Any]) -> set[str]:
    return {info.alias or name for name, info in node_type.config_type.model_fields.items()}


def _new(
    drawing: Drawing, node_type: NodeType[Any], args: Mapping[str, Any], wanted: Point, exact: bool = False
) -> str:
    if len(drawing.nodes) >= MOST_NODES:
        raise FlowError(f"a flow has at most {MOST_NODES} nodes; split it")
    name = fresh_id(node_type.kind, drawing.nodes.keys() | set(drawing.new))
    config = args.get("config") if isinstance(args.get("config"), dict) else fresh_config(node_type)
    node = {"id": name, "type": node_type.kind} | ({"version": node_type.version} if node_type.version > 1 else {})
    drawing.nodes[name] = node | ({"config": config} if config else {})
    size = size_of(node_type, len(ports_with(node_type, config or {})))
    drawing.places[name] = wanted if exact else free_place(drawing.before, drawing.places, wanted, size)
    drawing.new.append(name)
    return name


def _port(drawing: Drawing, after: Any) -> tuple[str, str]:
    if not isinstance(after, list | tuple) or len(after) != 2 or not all(isinstance(each, str) for each in after):
        raise FlowError("after must say which port: [node, port]")
    drawing.node(after[0])
    return after[0], after[1]


def _below(drawing: Drawing, source: str, port: str) -> Point:
    ports = [each.key for each in ports_of(drawing.before, drawing.known(source))]
    place = ports.index(port) if port in ports else 0
    return below(drawing.boxes[source], place, len(ports), WIDTH)


def _between(drawing: Drawing, source: str, target: str) -> Point:
    above, under = drawing.boxes[source], drawing.boxes[target]
    return round((under.middle - WIDTH / 2) / GRID) * GRID, round((above.bottom + STEP) / GRID) * GRID


def _make_room(drawing: Drawing, name: str, target: str) -> None:
    """Move what follows down, so far as it must."""
    top = drawing.places[target][1]
    _, height = size_of(drawing.type_of(name))
    wanted = round((drawing.places[name][1] + height + STEP - top) / GRID) * GRID
    if wanted > 0:
        following = drawing.reached([target]) & drawing.places.keys()
        drawing.shift_down([each for each in following if drawing.places[each][1] >= top], wanted)


def _first_free_port(drawing: Drawing, name: str) -> str | None:
    node_type = drawing.type_of(name)
    ports = (
        []
        if node_type is None
        else [each.key for each in ports_with(node_type, drawing.nodes[name].get("config") or {})]
    )
    used = {key[2] for key in drawing.leaving(name)}
    return next((port for port in ports if port not in used), None)


def _ids(drawing: Drawing, args: Mapping[str, Any]) -> list[str]:
    names = args.get("ids")
    if not isinstance(names, list) or not names:
        raise FlowError("say which nodes: ids")
    for name in names:
        drawing.node(name)
    return list(dict.fromkeys(names))


def _say(node: dict[str, Any], key: str, args: Mapping[str, Any]) -> None:
    words = args.get("name")
    language = args.get("language")
    if not isinstance(words, str | dict | None):
        raise FlowError("a name is a text")
    if isinstance(words, str) and isinstance(language, str) and isinstance(node.get(key), dict):
        words = {**node[key], language: words}
        words = {tag: text for tag, text in words.items() if text}
    if words:
        node[key] = words
    else:
        node.pop(key, None)


def _follow_ports(drawing: Drawing, name: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    """Lead edges of a port that was renamed out of its new name; erase those of ports that are gone."""
    node_type = drawing.type_of(name)
    if node_type is None:
        return
    leaving = drawing.leaving(name)
    followed = follow(node_type, old, new, [key[2] for key in leaving])
    drawing.leave_by(
        {key: None if key[2] in followed.gone else followed.renamed.get(key[2], key[2]) for key in leaving}
    )
