"""A draft as it is seen: cards and lines with their places and words, in one language."""

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

from designer.canvas.paths import Ground, middle, path, route
from designer.canvas.widths import columns, cut
from designer.faults import say_fault
from designer.forms.saying import say_setting
from designer.language import Language
from engine.contract.findings import Finding, Level
from engine.contract.node import Port
from engine.graph.layout import place_all
from engine.graph.model import Document, Edge, NodeDoc
from engine.graph.sizes import Box, boxes, entry_at, is_pill, port_at, ports_of

MARGIN: Final = 400
"""Free canvas around the drawing."""

TITLE, LINE, PORT, PILL_LINE = 26, 32, 13, 32
"""Columns of a card's title and its line, of a port's label, and of all that a pill says."""

_PLAIN: Final = re.compile(r"[a-z0-9_]{1,64}")


@dataclass(frozen=True)
class Way:
    """A port on a card: its key, its label, how far from the left it lies, and whether an edge leaves it."""

    key: str
    label: str
    x: float
    used: bool
    is_other: bool


@dataclass(frozen=True)
class Card:
    """A node as it is seen.

    Shape: ``level`` is ``error``, ``warning`` or empty; ``faults`` counts what was found; ``title`` and ``line`` are
    cut to the card's width, ``whole`` has them in full.
    """

    id: str
    dom: str
    kind: str
    family: str
    channel: str | None
    type_title: str
    title: str
    line: str
    whole: str
    box: Box
    is_pill: bool
    ways: tuple[Way, ...]
    has_entry: bool
    level: str
    faults: int
    note: str
    next: str


@dataclass(frozen=True)
class Line:
    """An edge as it is seen."""

    dom: str
    source: str
    port: str
    target: str
    path: str
    middle: tuple[float, float]


@dataclass(frozen=True)
class Draft:
    """What a scene is drawn from: a document with what was found in it, where its nodes lie, and their ports."""

    document: Document
    findings: tuple[Finding, ...]
    boxes: Mapping[str, Box]
    ports: Mapping[str, tuple[Port, ...]]

    @classmethod
    def of(cls, document: Document, findings: Sequence[Finding]) -> "Draft":
        """Lay a document out."""
        ports = {node.id: ports_of(document, node) for node in document.nodes}
        return cls(document, tuple(findings), boxes(document, place_all(document)), ports)

    @cached_property
    def told(self) -> Mapping[str, list[Finding]]:
        """What was found in each node."""
        told: dict[str, list[Finding]] = defaultdict(list)
        for finding in self.findings:
            if finding.node is not None:
                told[finding.node].append(finding)
        return told

    def same_lines(self, before: "Draft") -> bool:
        """Tell whether all lines are as they were."""
        mine, theirs = self.document.edges, before.document.edges
        return self.boxes == before.boxes and self.ports == before.ports and mine == theirs

    def same_cards(self, before: "Draft") -> Iterator[str]:
        """Name the nodes whose cards are as they were; nodes that were not read anew are the same objects."""
        mine, theirs = self.document, before.document
        fresh = {name for name, node in mine.by_id.items() if theirs.by_id.get(name) is not node}
        fresh |= {edge.source for edge in mine.edges if edge.target in fresh}
        for name in mine.by_id:
            if (
                name not in fresh
                and mine.leaving[name] == theirs.leaving[name]
                and self.boxes[name] == before.boxes[name]
                and self.told.get(name) == before.told.get(name)
            ):
                yield name


@dataclass(frozen=True)
class Scene:
    """Everything on a canvas.

    Shape: ``bounds`` hold all of it with free room around; ``draft`` is what it was drawn from, as long as another may
    be drawn from the same. ``html`` are the elements that were written so far, by their ids; ``problems`` what pages
    that show it list as such, None where they may not all list the same.
    """

    revision: int
    cards: Mapping[str, Card]
    lines: Mapping[str, Line]
    bounds: Box
    draft: Draft | None = field(default=None, compare=False, repr=False)
    html: dict[str, str] = field(default_factory=dict, compare=False, repr=False)
    problems: tuple[Any, ...] | None = field(default=None, compare=False, repr=False)

    def shows(self, document: Document | None, findings: tuple[Finding, ...]) -> bool:
        """Tell whether it was drawn from this."""
        draft = self.draft
        return draft is not None and draft.document is document and draft.findings == findings


def make_scene(
    document: Document | None,
    findings: Sequence[Finding],
    revision: int,
    language: Language,
    before: Scene | None = None,
) -> Scene:
    """Lay out a draft. Cards and lines are those of the scene ``before`` where what they are drawn from is the same.

    Cost: grows with nodes and edges; 500 nodes take some 15 ms.
    """
    if document is None:
        return Scene(revision, {}, {}, Box(-MARGIN, -MARGIN, 2 * MARGIN, 2 * MARGIN))
    draft = Draft.of(document, findings)
    last = None if before is None else before.draft
    same = set() if last is None else set(draft.same_cards(last))
    cards = {
        node.id: before.cards[node.id] if before is not None and node.id in same else _card(draft, node, language)
        for node in document.nodes
    }
    lines: Mapping[str, Line]
    if before is not None and last is not None and draft.same_lines(last):
        lines, bounds = before.lines, before.bounds
    else:
        ground = Ground(draft.boxes.values())
        made = [_line(edge, draft, ground) for edge in document.edges]
        lines, bounds = {line.dom: line for line in made}, _bounds(draft.boxes.values())
    html = {} if before is None else _written(before, cards, lines)
    return Scene(revision, cards, lines, bounds, draft, html)


def _written(before: Scene, cards: Mapping[str, Card], lines: Mapping[str, Line]) -> dict[str, str]:
    """Take over the elements of what is as it was; each says the revision since which it is so."""
    same = [card.dom for name, card in cards.items() if before.cards.get(name) is card]
    same += lines if lines is before.lines else [dom for dom, line in lines.items() if before.lines.get(dom) == line]
    return {dom: before.html[dom] for dom in same if dom in before.html}


def node_dom(name: str) -> str:
    """Give the id of a node's element."""
    return f"n-{name}" if _PLAIN.fullmatch(name) else f"n--{_short(name)}"


def edge_dom(source: str, port: str, target: str) -> str:
    """Give the id of an edge's element: a port may be called anything."""
    return "e-" + _short(f"{source}\0{port}\0{target}")


def _short(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:10]


def _card(draft: Draft, node: NodeDoc, language: Language) -> Card:
    document, box, ports = draft.document, draft.boxes[node.id], draft.ports[node.id]
    node_type, told = node.node_type, draft.told.get(node.id, [])
    type_title = node.type if node_type is None else language.text(node_type.title)
    name = language.text(node.name)
    summary = (
        language.text(node_type.summary(node.config)) if node_type and node.config else _fault(node, told, language)
    )
    pill = is_pill(node_type)
    title = name or type_title
    said = f"{title} · {summary}" if name and summary else summary or title
    used = {edge.port for edge in document.leaving[node.id]}
    return Card(
        id=node.id,
        dom=node_dom(node.id),
        kind=node.type,
        family="" if node_type is None else node_type.family.value,
        channel=None if node_type is None else node_type.channel,
        type_title=type_title,
        title=cut(_pill_words(name, said), PILL_LINE) if pill else cut(title, TITLE),
        line="" if pill else cut(summary, LINE),
        whole=said,
        box=box,
        is_pill=pill,
        ways=tuple(_way(box, place, len(ports), port, used, language) for place, port in enumerate(ports)),
        has_entry=not node.is_trigger,
        level=_level(told),
        faults=len(told),
        note=language.text(node.note),
        next=_next(document, node, ports, language),
    )


def _pill_words(name: str, said: str) -> str:
    """Say on a pill what fits: a name and what it does, or the name alone."""
    return name if name and columns(said) > PILL_LINE else said


def _fault(node: NodeDoc, told: list[Finding], language: Language) -> str:
    """Say what is wrong with settings that cannot be read: the field, and what it lacks."""
    told = [finding for finding in told if finding.path.startswith(f"{node.path}.config")] or told
    if not told:
        return ""
    field = told[0].path.removeprefix(f"{node.path}.config").lstrip(".").split(".")[0].split("[")[0]
    fields = {} if node.node_type is None else node.node_type.config_type.model_fields
    title = next((info.title for name, info in fields.items() if field == (info.alias or name)), None)
    words = say_fault(told[0].message, language)
    return f"{say_setting(title, language)}: {words}" if title else words


def _level(told: list[Finding]) -> str:
    levels = Counter(finding.level for finding in told)
    return "error" if levels[Level.ERROR] else "warning" if levels[Level.WARNING] else ""


def _way(box: Box, place: int, count: int, port: Port, used: set[str], language: Language) -> Way:
    label = language.text(port.label) or ("" if port.key == "out" else port.key)
    x, _ = port_at(box, place, count)
    return Way(port.key, cut(label, PORT if count < 5 else 9), x - box.x, port.key in used, not port.expected)


def _next(document: Document, node: NodeDoc, ports: tuple[Port, ...], language: Language) -> str:
    """Say where each way leads, for those who hear the canvas."""
    said = []
    for port in ports:
        label = language.text(port.label) or port.key
        targets = [_name(document.by_id[target], language) for target in document.targets(node.id, port.key)]
        said.append((f"{label} → " if len(ports) > 1 else "→ ") + (", ".join(targets) or "…"))
    return "; ".join(said)


def _name(node: NodeDoc, language: Language) -> str:
    return language.text(node.name) or (language.text(node.node_type.title) if node.node_type else node.type)


def _line(edge: Edge, draft: Draft, ground: Ground) -> Line:
    found, ports = draft.boxes, [port.key for port in draft.ports[edge.source]]
    start = port_at(found[edge.source], ports.index(edge.port) if edge.port in ports else 0, max(1, len(ports)))
    points = route(start, entry_at(found[edge.target]), ground)
    dom = edge_dom(edge.source, edge.port, edge.target)
    return Line(dom, edge.source, edge.port, edge.target, path(points), middle(points))


def _bounds(found: Iterable[Box]) -> Box:
    every = list(found)
    if not every:
        return Box(-MARGIN, -MARGIN, 2 * MARGIN, 2 * MARGIN)
    # Whole steps, so that the bounds do not change with every gesture.
    left = (min(box.x for box in every) - MARGIN) // 200 * 200
    top = (min(box.y for box in every) - MARGIN) // 200 * 200
    right = -(-(max(box.right for box in every) + MARGIN) // 200) * 200
    bottom = -(-(max(box.bottom for box in every) + MARGIN) // 200) * 200
    return Box(left, top, right - left, bottom - top)
