"""The order in which a flow's nodes act, and what can reach what. networkx does the work."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import networkx as nx


@dataclass(frozen=True)
class Order:
    """A drawing's order.

    Shape: ``ids`` topologically, document order where that leaves a choice; ``ancestors`` by id; ``repeats`` the ids
    that one enrollment can pass more than once; ``parallel`` whether an enrollment can ever have two tokens.
    """

    ids: tuple[str, ...]
    ancestors: dict[str, frozenset[str]]
    repeats: frozenset[str]
    parallel: bool


def order(ids: Sequence[str], edges: Iterable[tuple[str, str, str]]) -> Order:
    """Order an acyclic drawing of nodes and edges ``(from, port, to)``.

    Errors: ``networkx.NetworkXUnfeasible`` for a cycle.
    """
    listed = list(edges)
    drawing: nx.DiGraph[str] = nx.DiGraph()
    drawing.add_nodes_from(ids)
    drawing.add_edges_from((source, target) for source, _, target in listed)
    place = {node: number for number, node in enumerate(ids)}
    sequence = tuple(nx.lexicographical_topological_sort(drawing, key=place.__getitem__))
    ancestors: dict[str, frozenset[str]] = {}
    for node in sequence:
        parents = list(drawing.predecessors(node))
        ancestors[node] = frozenset(parents).union(*(ancestors[parent] for parent in parents))
    fans = _fans(listed)
    return Order(sequence, ancestors, _repeats(drawing, sequence, fans), bool(fans))


def _fans(edges: list[tuple[str, str, str]]) -> dict[tuple[str, str], list[str]]:
    """Find the ports with several edges: the contact goes down all of them."""
    by_port: dict[tuple[str, str], list[str]] = {}
    for source, port, target in edges:
        by_port.setdefault((source, port), []).append(target)
    return {port: targets for port, targets in by_port.items() if len(targets) > 1}


def _repeats(
    drawing: "nx.DiGraph[str]", sequence: tuple[str, ...], fans: dict[tuple[str, str], list[str]]
) -> frozenset[str]:
    """Find the nodes that two branches of one fan both reach, and all that lies below them."""
    repeated: set[str] = set()
    for targets in fans.values():
        reached: set[str] = set()
        for target in targets:
            below = nx.descendants(drawing, target) | {target}
            repeated |= reached & below
            reached |= below
    return frozenset(node for node in sequence if node in repeated)
