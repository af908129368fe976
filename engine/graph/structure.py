"""What the drawing itself shows: circles, nodes that nobody reaches, ports that lead nowhere."""

from collections.abc import Iterator
from functools import lru_cache, partial

import networkx as nx

from engine.contract.findings import Finding
from engine.contract.node import Family
from engine.graph.model import Document, Edge, NodeDoc
from engine.graph.order import graph_of, is_acyclic
from engine.graph.text import error, warning


def check_structure(document: Document) -> Iterator[Finding]:
    """Find what is wrong with the drawing."""
    graph = graph_of(document)
    yield from _circles(document, graph)
    yield from _triggers(document)
    yield from _unreachable(document, graph)
    for node in document.nodes:
        leaving = document.leaving[node.id]
        yield from node.remember("open_ports", leaving, partial(tuple, _open_ports(node, leaving)))
        if node.node_type is not None and node.node_type.family is Family.SPLIT:
            yield from _same_ways(document, node)


def _circles(document: Document, graph: nx.DiGraph) -> Iterator[Finding]:
    if is_acyclic(graph):
        return
    for names in nx.strongly_connected_components(graph):
        start = min(names, key=lambda name: document.by_id[name].index)
        if len(names) == 1 and not graph.has_edge(start, start):
            continue
        edges = nx.find_cycle(graph.subgraph(names), start)
        ring = [source for source, _ in edges]
        turn = ring.index(min(ring, key=lambda name: document.by_id[name].index))
        ring = ring[turn:] + ring[:turn]
        yield error(
            "graph.cycle",
            document.by_id[ring[0]].path,
            f"goes round in a circle: {' → '.join([*ring, ring[0]])}",
            "remove one of these edges",
            ring[0],
            nodes=list(ring),
        )


def _triggers(document: Document) -> Iterator[Finding]:
    triggers = [node for node in document.nodes if node.is_trigger]
    if not triggers and not any(node.node_type is None for node in document.nodes):
        yield error("graph.no_trigger", "nodes", "there is no trigger, so nobody can enter", "add a trigger")
    for edge in document.edges:
        if document.by_id[edge.target].is_trigger:
            words = f"leads to {edge.target!r}, and a trigger has no way in"
            yield error("graph.into_trigger", edge.path, words, "lead it to the node after the trigger", edge.source)
    for node in triggers:
        if not document.leaving[node.id]:
            yield warning("graph.idle_trigger", node.path, "leads nowhere", "draw an edge from it", node.id)


def _unreachable(document: Document, graph: nx.DiGraph) -> Iterator[Finding]:
    # A node of unknown type may be a trigger.
    starts = frozenset(node.id for node in document.nodes if node.is_trigger or node.node_type is None)
    if not starts:
        return
    reached = _reached(graph, starts)
    for node in document.nodes:
        if node.id not in reached:
            words = "cannot be reached from any trigger"
            yield error("graph.unreachable", node.path, words, "lead an edge to it, or remove it", node.id)


# A graph that is drawn is the same object as long as its ways are the same.
@lru_cache(maxsize=16)
def _reached(graph: nx.DiGraph, starts: frozenset[str]) -> frozenset[str]:
    return starts.union(*(nx.descendants(graph, start) for start in starts))


def _open_ports(node: NodeDoc, leaving: tuple[Edge, ...]) -> Iterator[Finding]:
    used = {edge.port for edge in leaving}
    for port in node.ports or ():
        if port.expected and port.key not in used:
            words = f"its port {port.key!r} leads nowhere"
            yield warning("graph.open_port", node.path, words, "draw an edge from it", node.id, port=port.key)


def _same_ways(document: Document, node: NodeDoc) -> Iterator[Finding]:
    """Find ways of a split that do the same."""
    seen: dict[object, str] = {}
    for port in node.ports or ():
        targets = document.targets(node.id, port.key)
        if not targets:
            continue
        way = _what(document, targets)
        if way in seen:
            words = f"{seen[way]!r} and {port.key!r} do the same"
            yield warning("split.same", node.path, words, "make them differ, or leave one out", node.id)
        else:
            seen[way] = port.key


def _what(document: Document, targets: tuple[str, ...]) -> object:
    """Say what comes next: which nodes, or what a single one does and what follows it."""
    if len(targets) == 1:
        node = document.by_id[targets[0]]
        if node.node_type is not None and node.config is not None:
            onward = [(edge.port, edge.target) for edge in document.leaving[node.id]]
            return (node.type, node.config.model_dump_json(by_alias=True), tuple(sorted(onward)))
    return tuple(sorted(targets))
