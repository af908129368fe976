"""Small drawings of flows, as SVG that takes its colours from the page: a few paths, however many nodes there are."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Final

from markupsafe import Markup

from designer.icons import TINTS
from engine.graph.layout import place_all
from engine.graph.model import Document, NodeDoc
from engine.graph.sizes import Box, boxes, entry_at

WIDTH: Final = 300
HEIGHT: Final = 128
EDGE: Final = 8
LARGEST: Final = 0.2
SMALLEST: Final = 0.11
"""A long flow is not drawn smaller than this; its end runs out of the picture."""

LINE: Final = 66
"""A line of sparks, that wide."""
LINE_HEIGHT: Final = 20


class Thumbnails:
    """Draw flows, and keep the drawings of the revisions that were seen last."""

    def __init__(self, read: Callable[[str], Document | None], most: int = 500) -> None:
        self._drawn = lru_cache(maxsize=most)(lambda key, revision: thumbnail(read(key)))

    def draw(self, key: str, revision: int) -> Markup:
        """Draw a flow's draft at a revision."""
        drawn: Markup = self._drawn(key, revision)
        return drawn


def thumbnail(document: Document | None) -> Markup:
    """Draw a flow.

    Cost: linear in nodes and edges; 15 bytes a node and 20 an edge.
    """
    found = {} if document is None else boxes(document, place_all(document))
    if document is None or not found:
        return _svg("")
    left, top = min(box.x for box in found.values()), min(box.y for box in found.values())
    width = max(box.right for box in found.values()) - left
    height = max(box.bottom for box in found.values()) - top
    scale = min((WIDTH - 2 * EDGE) / width, max((HEIGHT - 2 * EDGE) / height, SMALLEST), LARGEST)
    x, y = (WIDTH - width * scale) / 2, max(EDGE, (HEIGHT - height * scale) / 2)
    placed = {name: _moved(box, left, top, scale, x, y) for name, box in found.items()}
    edges = "".join(_edge(placed[edge.source], placed[edge.target]) for edge in document.edges if _has(edge, placed))
    cards = "".join(_rectangle(box.x, box.y, box.width, box.height) for box in placed.values())
    is_tall = y + height * scale > HEIGHT
    return _svg(
        f'<path class="t-edge" d="{edges}"/><path class="t-card" d="{cards}"/>{_signs(document, placed)}', is_tall
    )


def spark(counts: Iterable[int]) -> Markup:
    """Draw how a number went, day by day."""
    numbers = list(counts)
    most = max(numbers, default=0)
    if most == 0 or len(numbers) < 2:
        return Markup("")
    step = (LINE - 4) / (len(numbers) - 1)
    points = (
        f"{2 + place * step:.1f} {LINE_HEIGHT - 2 - number / most * (LINE_HEIGHT - 4):.1f}"
        for place, number in enumerate(numbers)
    )
    size = f'viewBox="0 0 {LINE} {LINE_HEIGHT}" width="{LINE}" height="{LINE_HEIGHT}"'
    # Only numbers stand in it.
    line = f"M{'L'.join(points)}"
    return Markup(f'<svg class="spark" {size} aria-hidden="true"><path d="{line}"/></svg>')  # noqa: S704


def _svg(inner: str, is_tall: bool = False) -> Markup:
    size = f'viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}"'
    # Only numbers and names of our own classes stand in it.
    kind = "thumb tall" if is_tall else "thumb"
    return Markup(f'<svg class="{kind}" {size} aria-hidden="true">{inner}</svg>')  # noqa: S704


def _has(edge: object, placed: Mapping[str, Box]) -> bool:
    return getattr(edge, "source", "") in placed and getattr(edge, "target", "") in placed


def _moved(box: Box, left: float, top: float, scale: float, x: float, y: float) -> Box:
    return Box((box.x - left) * scale + x, (box.y - top) * scale + y, box.width * scale, box.height * scale)


def _edge(above: Box, below: Box) -> str:
    """Draw a way from card to card: down, aside, down."""
    (x2, y2), x1, y1 = entry_at(below), above.middle, above.bottom
    if abs(x1 - x2) < 0.5:
        return f"M{x1:.0f} {y1:.0f}V{y2:.0f}"
    return f"M{x1:.0f} {y1:.0f}V{(y1 + y2) / 2:.0f}H{x2:.0f}V{y2:.0f}"


def _rectangle(x: float, y: float, width: float, height: float) -> str:
    return f"M{x:.1f} {y:.1f}h{width:.1f}v{height:.1f}h{-width:.1f}z"


def _signs(document: Document, placed: Mapping[str, Box]) -> str:
    """Draw a tinted square on each card, one path for each tint."""
    paths: dict[str, str] = defaultdict(str)
    for name, box in placed.items():
        side = box.height * 0.5
        inset = (box.height - side) / 2
        paths[_tint(document.by_id[name])] += _rectangle(box.x + inset, box.y + inset, side, side)
    return "".join(f'<path class="k k-{tint}" d="{path}"/>' for tint, path in sorted(paths.items()))


def _tint(node: NodeDoc) -> str:
    if node.node_type is None:
        return "exit"
    family = node.node_type.family.value
    return TINTS.get(node.node_type.channel or "", TINTS.get(family, family))
