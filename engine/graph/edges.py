"""Read the edges of a document and see that both ends are there."""

from collections.abc import Iterator, Mapping, Sequence

from engine.contract.findings import Finding
from engine.graph.faults import missing_keys, salvage
from engine.graph.model import Edge, NodeDoc
from engine.graph.shape import EdgeFrame
from engine.graph.text import error
from engine.graph.unchanged import Unchanged
from engine.rules.faults import nearest


def read_edges(
    raw: Sequence[object], nodes: Sequence[NodeDoc], unchanged: Unchanged
) -> tuple[tuple[Edge, ...], list[Finding]]:
    """Read all edges but those that are unchanged; those without two ends are left out."""
    ends = {node.id: node for node in nodes}
    same = {node.id for node in unchanged.nodes.values()}
    edges: dict[tuple[str, str, str], Edge] = {}
    findings: list[Finding] = []
    for index, each in enumerate(raw):
        edge = unchanged.edges.get(index)
        if edge is None:
            edge, faults = _edge(index, each)
            findings += faults
            if edge is None:
                continue
        elif edge.source in same and edge.target in ends:
            edges.setdefault((edge.source, edge.port, edge.target), edge)
            continue
        findings += _ends(edge, ends)
        if edge.source not in ends or edge.target not in ends:
            continue
        first = edges.setdefault((edge.source, edge.port, edge.target), edge)
        if first is not edge:
            words = f"is the same as {first.path}"
            findings.append(error("edge.twice", edge.path, words, "remove one of the two", edge.source))
    return tuple(edges.values()), findings


def _edge(index: int, raw: object) -> tuple[Edge | None, list[Finding]]:
    path = f"edges[{index}]"
    if not isinstance(raw, dict):
        return None, [error("edge.object", path, "is no object")]
    frame, findings = salvage(EdgeFrame, raw, path)
    findings += missing_keys(EdgeFrame, raw, ("from", "to"), path)
    if frame.source is None or frame.target is None:
        return None, findings
    return Edge(index, frame.source, frame.port, frame.target), findings


def _ends(edge: Edge, known: Mapping[str, NodeDoc]) -> Iterator[Finding]:
    for key, node in (("from", edge.source), ("to", edge.target)):
        if node not in known:
            near = nearest(node, known)
            mend = f"did you mean {near}?" if near else "draw it between nodes that are there"
            yield error("edge.unknown_node", f"{edge.path}.{key}", f"there is no node {node!r}", mend, id=node)
    source = known.get(edge.source)
    if source is None or source.ports is None:
        return
    ports = [port.key for port in source.ports]
    if edge.port not in ports:
        yield error(
            "edge.unknown_port",
            f"{edge.path}.port",
            f"{source.id!r} has no port {edge.port!r}",
            f"its ports are {', '.join(ports)}",
            source.id,
            port=edge.port,
        )
