"""A flow document: read in one go, with every problem told and its path."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from engine.contract.findings import Finding, Level
from engine.contract.node import Family, NodeConfig, NodeType, Port
from engine.contract.registry import Registry, installed
from engine.graph.edges import Edge, read_edges
from engine.graph.faults import salvage
from engine.graph.shape import Frame, NodeFrame, Settings
from engine.graph.text import check_values, error, is_too_deep, join, read_text
from engine.graph.upgrade import lift
from engine.rules.faults import nearest
from engine.terms import Text

MOST_PORTS = 30


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

    @property
    def path(self) -> str:
        """Where the node stands in the document."""
        return f"nodes[{self.index}]"

    @cached_property
    def ports(self) -> tuple[Port, ...] | None:
        """The ways out; None when they are not known."""
        if self.node_type is None or self.config is None:
            return None
        return tuple(self.node_type.ports(self.config))

    @property
    def is_trigger(self) -> bool:
        """Whether contacts come in here."""
        return self.node_type is not None and self.node_type.family is Family.TRIGGER

    @property
    def sends(self) -> bool:
        """Whether it sends something."""
        return self.node_type is not None and self.node_type.channel is not None


@dataclass(frozen=True)
class Document:
    """A flow as it is drawn. ``raw`` is the JSON that it was read from, lifted to the present version."""

    key: str
    name: Text
    description: Text | None
    settings: Settings
    nodes: tuple[NodeDoc, ...]
    edges: tuple[Edge, ...]
    raw: Mapping[str, Any] = field(compare=False, repr=False)

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


def read_document(raw: object, registry: Registry | None = None) -> tuple[Document | None, list[Finding]]:
    """Read a document from JSON text or from what JSON was parsed to.

    Shape: with an error among the findings the document is only as much as could be understood, for further checks:
    it must not be published or run. ``None`` when there is nothing to go on.
    """
    value, findings = read_text(raw) if isinstance(raw, bytes | str) else (raw, [])
    if value is None and findings:
        return None, findings
    if not isinstance(value, dict):
        return None, [*findings, error("document.object", "", "is no object", "a flow is a JSON object")]
    deep = is_too_deep(value)
    if deep:
        return None, findings + deep
    findings += check_values(value)
    value, more = lift(value)
    frame, faults = salvage(Frame, value, "")
    findings += more + faults
    findings += [_missing(Frame, key, key) for key in ("key", "nodes") if key not in value]
    settings, faults = _settings(frame.settings)
    nodes, more = _nodes(frame.nodes, registry or installed())
    edges, others = read_edges(frame.edges, nodes)
    findings += faults + more + others
    key = frame.key or ""
    document = Document(key, frame.name or key, frame.description, settings, nodes, edges, raw=value)
    return document, findings


def is_sound(findings: Sequence[Finding]) -> bool:
    """Tell whether there is no error among findings."""
    return all(finding.level is not Level.ERROR for finding in findings)


def _missing(model: type[NodeConfig], key: str, path: str, node: str | None = None) -> Finding:
    info = next(info for name, info in model.model_fields.items() if (info.alias or name) == key)
    return error("document.missing", path, "is missing", f"add it: {info.description}", node)


def _settings(raw: object) -> tuple[Settings, list[Finding]]:
    return (Settings(), []) if raw is None else salvage(Settings, raw, "settings")


def _nodes(raw: Sequence[object], registry: Registry) -> tuple[tuple[NodeDoc, ...], list[Finding]]:
    nodes: dict[str, NodeDoc] = {}
    findings: list[Finding] = []
    for index, each in enumerate(raw):
        node, faults = _node(index, each, registry)
        findings += faults
        if node.id in nodes:
            words = f'"{node.id}" is the id of nodes[{nodes[node.id].index}] too'
            findings.append(error("node.twice", f"{node.path}.id", words, "give it an id of its own", node.id))
        else:
            nodes[node.id] = node
    return tuple(nodes.values()), findings


def _node(index: int, raw: object, registry: Registry) -> tuple[NodeDoc, list[Finding]]:
    path = f"nodes[{index}]"
    if not isinstance(raw, dict):
        return NodeDoc(index, path, "", None, None), [error("node.object", path, "is no object", "write {…}")]
    said = raw.get("id")
    name = said if isinstance(said, str) and said else path
    frame, findings = salvage(NodeFrame, raw, path, name)
    findings += [_missing(NodeFrame, key, join(path, key), name) for key in ("id", "type") if key not in raw]
    node_type = None if frame.type is None else registry.find(frame.type)
    if node_type is None and frame.type is not None:
        near = nearest(frame.type, registry.kinds())
        mend = f"did you mean {near}?" if near else "install the node type, or use another"
        findings.append(
            error("node.unknown_type", join(path, "type"), f'"{frame.type}" is no node type', mend, name, type=frame.type)
        )
    config: NodeConfig | None = None
    if node_type is not None and not (frame.config is None and isinstance(raw.get("config"), dict | None) is False):
        config, faults = _config(node_type, frame, path, name)
        findings += faults
    node = NodeDoc(index, name, frame.type or "", node_type, config, frame.name, frame.note, frame.at)
    if node.ports is not None and len(node.ports) > MOST_PORTS:
        words = f"has {len(node.ports)} ports, and {MOST_PORTS} are the most"
        findings.append(error("node.ports", join(path, "config"), words, "use several nodes", name))
    return node, findings
