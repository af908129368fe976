"""Put nodes where they read well: time runs down, the first port stands left, what comes together stands in the middle.

Ways that part stand side by side below their node, in the order of its ports; where they meet again stands centred
below the node where they parted (its immediate dominator). Depth is the longest path.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

import networkx as nx

from engine.graph.model import Document
from engine.graph.order import acyclic, graph_of
from engine.graph.sizes import Box, Point, boxes, port_at, ports_of, size_of

GAP: Final = 40
"""Between neighbours."""
STEP: Final = 64
"""Between a layer and the next."""
GRID: Final = 8
_ROOT: Final = ""


@dataclass
class _Branch:
    """A node with what hangs from it: ways that part here, and where they meet again."""

    ways: list[str] = field(default_factory=list)
    meets: list[str] = field(default_factory=list)
    width: float = 0


def tidy(document: Document, wanted: Iterable[str] | None = None) -> dict[str, Point]:
    """Give every node a place, or only those that are wanted, which then stay where the first of them was.

    Cost: about linear in nodes and edges.
    """
    chosen = [node.id for node in document.nodes] if wanted is None else [name for name in wanted if name]
    graph = acyclic(graph_of(document)).subgraph(chosen).copy()
    if not graph:
        return {}
    order = _reading_order(document, graph)
    depth = _depths(graph)
    places = _places(document, graph, order, depth)
    if wanted is None:
        return places
    old = place_all(document)
    left, top = (min(old[name][axis] for name in places) for axis in (0, 1))
    new_left, new_top = (min(place[axis] for place in places.values()) for axis in (0, 1))
    return {name: (x - new_left + left, y - new_top + top) for name, (x, y) in places.items()}


def place_all(document: Document) -> dict[str, Point]:
    """Say where every node stands: where it was put, else where it reads well."""
    put = {node.id: node.at for node in document.nodes if node.at is not None}
    if len(put) == len(document.nodes):
        return dict(put)
    free = tidy(document)
    if put:
        dx, dy = _shift(put, free)
        free = {name: (x + dx, y + dy) for name, (x, y) in free.items()}
    places = {node.id: put.get(node.id, free[node.id]) for node in document.nodes}
    return _apart(document, places, set(free) - set(put)) if put else places


def free_place(document: Document, places: Mapping[str, Point], wanted: Point, size: Point) -> Point:
    """Find the free place nearest to the right of a point."""
    taken = boxes(document, places).values()
    x, y = round(wanted[0] / GRID) * GRID, round(wanted[1] / GRID) * GRID
    for _ in taken:
        box = Box(x, y, *size)
        other = next((each for each in taken if each.meets(box, GRID)), None)
        if other is None:
            break
        x = round((other.right + GAP) / GRID) * GRID
    return x, y


def _shift(put: Mapping[str, Point], free: Mapping[str, Point]) -> Point:
    """Say how far what was put lies from where it would read well, in the mean."""
    xs, ys = ([put[name][axis] - free[name][axis] for name in put] for axis in (0, 1))
    return round(sum(xs) / len(xs) / GRID) * GRID, round(sum(ys) / len(ys) / GRID) * GRID


def _apart(document: Document, places: dict[str, Point], loose: set[str]) -> dict[str, Point]:
    """Move nodes that nobody put anywhere away from others."""
    kept = {name: place for name, place in places.items() if name not in loose}
    for node in document.nodes:
        if node.id in loose:
            size = size_of(node.node_type, len(ports_of(document, node)))
            kept[node.id] = free_place(document, kept, places[node.id], size)
    return kept


def _reading_order(document: Document, graph: nx.DiGraph) -> dict[str, int]:
    """Give each node its number as one reads: down, first ports first, from the document's first nodes on."""
    ranks: dict[str, dict[str, int]] = {}
    for name in graph:
        ports = {port.key: place for place, port in enumerate(ports_of(document, document.by_id[name]))}
        ranks[name] = {edge.target: ports.get(edge.port, 0) for edge in reversed(document.leaving[name])}
    order: dict[str, int] = {}
    starts = sorted((name for name in graph if not graph.pred[name]), key=lambda name: document.by_id[name].index)
    waiting = starts[::-1]
    while waiting:
        name = waiting.pop()
        if name in order:
            continue
        order[name] = len(order)
        following = sorted(graph.succ[name], key=lambda target: (ranks[name][target], document.by_id[target].index))
        waiting.extend(reversed(following))
    return order


def _depths(graph: nx.DiGraph) -> dict[str, int]:
    depth: dict[str, int] = {}
    for name in nx.topological_sort(graph):
        depth[name] = max((depth[above] + 1 for above in graph.pred[name]), default=0)
    # A trigger stands right above what it leads to, not at the top of a flow that began earlier.
    for name in graph:
        if not graph.pred[name] and graph.succ[name]:
            depth[name] = min(depth[below] for below in graph.succ[name]) - 1
    return depth


def _places(
    document: Document, graph: nx.DiGraph, order: Mapping[str, int], depth: Mapping[str, int]
) -> dict[str, Point]:
    nodes = [document.by_id[name] for name in graph]
    sizes = {node.id: size_of(node.node_type, len(ports_of(document, node))) for node in nodes}
    branches = _branches(graph, order)
    widths = {name: width for name, (width, _) in sizes.items()}
    for name in sorted(branches, key=lambda each: order.get(each, -1), reverse=True):
        _measure(branches, name, widths)
    middles: dict[str, float] = {_ROOT: 0.0}
    waiting = [_ROOT]
    while waiting:
        name = waiting.pop()
        for names in (branches[name].ways, branches[name].meets):
            x = middles[name] - (sum(branches[each].width for each in names) + GAP * (len(names) - 1)) / 2
            for each in names:
                middles[each] = x + branches[each].width / 2
                x += branches[each].width + GAP
                waiting.append(each)
    del middles[_ROOT]
    return _rows(sizes, middles, depth)


def _branches(graph: nx.DiGraph, order: Mapping[str, int]) -> dict[str, _Branch]:
    rooted = graph.copy()
    rooted.add_edges_from((_ROOT, name) for name in graph if not graph.pred[name])
    owner = nx.immediate_dominators(rooted, _ROOT)
    branches: dict[str, _Branch] = defaultdict(_Branch)
    branches[_ROOT] = _Branch()
    for name in sorted(graph, key=order.__getitem__):
        above = branches[owner[name]]
        (above.ways if rooted.in_degree(name) == 1 else above.meets).append(name)
        branches[name] = branches[name]
    return branches


def _measure(branches: Mapping[str, _Branch], name: str, widths: Mapping[str, float]) -> None:
    branch = branches[name]
    rows = (
        sum(branches[each].width for each in names) + GAP * (len(names) - 1) for names in (branch.ways, branch.meets)
    )
    branch.width = max(widths.get(name, 0), *rows)


def _rows(
    sizes: Mapping[str, tuple[float, float]], middles: Mapping[str, float], depth: Mapping[str, int]
) -> dict[str, Point]:
    """Turn depths into heights, and move apart what overlaps within a layer."""
    layers: dict[int, list[str]] = defaultdict(list)
    for name in sorted(middles, key=middles.__getitem__):
        layers[depth[name]].append(name)
    places: dict[str, Point] = {}
    y = 0.0
    for _, names in sorted(layers.items()):
        lefts = {name: middles[name] - sizes[name][0] / 2 for name in names}
        for first, second in pairwise(names):
            lefts[second] = max(lefts[second], lefts[first] + sizes[first][0] + GAP)
        tallest = max(sizes[name][1] for name in names)
        for name in names:
            places[name] = (round(lefts[name] / GRID) * GRID, y + round((tallest - sizes[name][1]) / 2 / GRID) * GRID)
        y += round((tallest + STEP) / GRID) * GRID
    left = min(x for x, _ in places.values())
    return {name: (x - left, y) for name, (x, y) in places.items()}


def below(box: Box, place: int, count: int, width: float) -> Point:
    """Say where a node goes that is hung on a port: below it, ways side by side."""
    if count == 1:
        return box.middle - width / 2, box.bottom + STEP
    x, _ = port_at(box, place, count)
    return x - width / 2 + (place - (count - 1) / 2) * (width + GAP - box.width / count), box.bottom + STEP
