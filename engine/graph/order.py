"""The order in which nodes act, what lies upstream of each, and where tokens can be side by side."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from heapq import heappop, heappush

import networkx as nx

from engine.graph.model import Document, NodeDoc


@dataclass(frozen=True)
class Order:
    """How a flow runs.

    Shape: ``nodes`` in topological order, of those that are free the first in the document; ``graph`` without circles.
    ``parallel`` tells whether an enrollment can have two tokens; ``repeated`` names the nodes that an
    enrollment can pass more than once.
    """

    nodes: tuple[NodeDoc, ...]
    graph: nx.DiGraph
    parallel: bool
    repeated: frozenset[str]

    @cached_property
    def ancestors(self) -> Mapping[str, frozenset[str]]:
        """The nodes upstream of each, by id."""
        found: dict[str, frozenset[str]] = {}
        for node in self.nodes:
            above = self.graph.pred[node.id]
            found[node.id] = frozenset(above).union(*(found[each] for each in above))
        return found


def graph_of(document: Document) -> nx.DiGraph:
    """Draw the graph of a document, not to be changed; several edges between two nodes are one."""
    return _graph(tuple(document.by_id), tuple((edge.source, edge.target) for edge in document.edges))


# Who draws changes settings and words more often than ways.
@lru_cache(maxsize=16)
def _graph(names: tuple[str, ...], ways: tuple[tuple[str, str], ...]) -> nx.DiGraph:
    graph = nx.DiGraph()
    graph.add_nodes_from(names)
    graph.add_edges_from(ways)
    return nx.freeze(graph)


@lru_cache(maxsize=16)
def _sorted(names: tuple[str, ...], ways: tuple[tuple[str, str], ...]) -> tuple[nx.DiGraph, tuple[str, ...]]:
    """Give the graph without circles, and its nodes in order, of those that are free the first named."""
    graph = acyclic(_graph(names, ways))
    place = {name: number for number, name in enumerate(names)}
    return graph, tuple(nx.lexicographical_topological_sort(graph, key=place.__getitem__))


def order_of(document: Document) -> Order:
    """Put a document's nodes in order. Edges that close a circle are passed over."""
    graph, ids = _sorted(tuple(document.by_id), tuple((edge.source, edge.target) for edge in document.edges))
    rank = {name: number for number, name in enumerate(ids)}
    forks = [targets for targets in _forks(document) if len(targets) > 1]
    return Order(
        tuple(document.by_id[name] for name in ids),
        graph,
        bool(forks),
        frozenset().union(*(_passed_twice(document, graph, rank, targets) for targets in forks)),
    )


@lru_cache(maxsize=16)
def is_acyclic(graph: nx.DiGraph) -> bool:
    """Tell whether a document's graph is without circles."""
    return bool(nx.is_directed_acyclic_graph(graph))


def acyclic(graph: nx.DiGraph) -> nx.DiGraph:
    """Leave out the edges within circles."""
    if is_acyclic(graph):  # much quicker than to look for circles, and nearly always so
        return graph
    circle = {name: number for number, names in enumerate(nx.strongly_connected_components(graph)) for name in names}
    inside = [(source, target) for source, target in graph.edges if circle[source] == circle[target]]
    graph = graph.copy()
    graph.remove_edges_from(inside)
    return graph


def _forks(document: Document) -> list[set[str]]:
    """List for every port the nodes that its edges lead to."""
    ports: dict[tuple[str, str], set[str]] = {}
    for edge in document.edges:
        ports.setdefault((edge.source, edge.port), set()).add(edge.target)
    return list(ports.values())


def _passed_twice(document: Document, graph: nx.DiGraph, place: Mapping[str, int], targets: set[str]) -> set[str]:
    """Find the nodes that two tokens from one fork can reach without meeting at a join before.

    Shape: each token is a bit, given by the fork, and a new one by every join; nodes are visited in order.
    """
    came = {name: 1 << place[name] for name in targets}
    waiting = sorted((place[name], name) for name in targets)
    twice = set()
    while waiting:
        _, name = heappop(waiting)
        tokens = came.pop(name)
        node_type = document.by_id[name].node_type
        if node_type is not None and node_type.gathers:
            tokens = 1 << place[name]
        elif tokens & (tokens - 1):
            twice.add(name)
        if not waiting and not tokens & (tokens - 1):
            return twice  # one token is left
        for target in graph.succ[name]:
            if target not in came:
                came[target] = 0
                heappush(waiting, (place[target], target))
            came[target] |= tokens
    return twice
