"""Read the nodes of a document. One that cannot be read is kept as a box of which nothing is known."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from engine.contract.findings import Finding
from engine.contract.node import NodeConfig, NodeType
from engine.contract.registry import Registry
from engine.graph.faults import missing_keys, read_model, salvage
from engine.graph.model import NodeDoc
from engine.graph.shape import NodeFrame
from engine.graph.text import error
from engine.graph.upgrade import lift_config
from engine.rules.faults import nearest

MOST_PORTS = 30


def read_nodes(
    raw: Sequence[object], registry: Registry, known: Mapping[int, NodeDoc]
) -> tuple[tuple[NodeDoc, ...], list[Finding]]:
    """Read all nodes but those that are known, by their places; of two with the same id the first is kept."""
    nodes: dict[str, NodeDoc] = {}
    findings: list[Finding] = []
    for index, each in enumerate(raw):
        node = known.get(index)
        if node is None:
            node, faults = _node(index, each, registry)
            findings += faults
        first = nodes.setdefault(node.id, node)
        if first is not node:
            words = f'"{node.id}" is the id of {first.path} too'
            findings.append(error("node.twice", f"{node.path}.id", words, "give it an id of its own", node.id))
    return tuple(nodes.values()), findings


def _node(index: int, raw: object, registry: Registry) -> tuple[NodeDoc, list[Finding]]:
    path = f"nodes[{index}]"
    if not isinstance(raw, dict):
        return NodeDoc(index, path, "", None, None), [error("node.object", path, "is no object")]
    said = raw.get("id")
    name = said if isinstance(said, str) and said else path
    frame, findings = salvage(NodeFrame, raw, path, name)
    findings += missing_keys(NodeFrame, raw, ("id", "type"), path, name)
    node_type = None if frame.type is None else registry.find(frame.type)
    if frame.type is not None and node_type is None:
        findings.append(_unknown_type(frame.type, registry, path, name))
    config = None
    if node_type is not None and isinstance(raw.get("config"), dict | None):
        config, faults = _config(node_type, frame, f"{path}.config", name)
        findings += faults
    node = NodeDoc(index, name, frame.type or "", node_type, config, frame.name, frame.note, frame.at)
    return node, [*findings, *_too_many_ports(node)]


def _config(
    node_type: NodeType[Any], frame: NodeFrame, path: str, name: str
) -> tuple[NodeConfig | None, list[Finding]]:
    raw, findings = lift_config(node_type, frame.config or {}, frame.version, path, name)
    if findings:
        return None, findings
    return read_model(node_type.config_type, raw, path, name)


def _unknown_type(kind: str, registry: Registry, path: str, name: str) -> Finding:
    near = nearest(kind, registry.kinds())
    mend = f"did you mean {near}?" if near else "install the node type, or use another"
    return error("node.unknown_type", f"{path}.type", f"{kind!r} is no node type", mend, name, type=kind)


def _too_many_ports(node: NodeDoc) -> Iterator[Finding]:
    if node.ports is not None and len(node.ports) > MOST_PORTS:
        words = f"has {len(node.ports)} ports, and {MOST_PORTS} are the most"
        yield error("node.ports", f"{node.path}.config", words, "use several nodes", node.id)
