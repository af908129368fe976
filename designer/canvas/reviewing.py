"""The review before publishing: what differs from the live version, in words, and whom it concerns."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from designer.canvas.widths import cut
from designer.language import Language, mark
from engine.api.drawing import Sheet
from engine.api.standing import NodeFigures
from engine.contract.node import NodeType
from engine.contract.registry import Registry
from engine.graph.diff import Difference, Field

MOST: Final = 120
_FIELDS: Final = {
    "name": mark("Name"),
    "note": mark("Note"),
    "type": mark("Type"),
    "description": mark("Description"),
    "settings.timezone": mark("Time zone"),
    "settings.reentry": mark("Re-entry"),
    "settings.goal": mark("Goal"),
    "settings.exit_when": mark("Exit"),
    "settings.quiet_hours": mark("Quiet hours"),
}


@dataclass(frozen=True)
class Told:
    """One difference in words.

    Shape: ``parts`` are fields with what they were and are; ``resting`` counts contacts who rest at the node now.
    """

    what: str
    kind: str
    title: str
    parts: tuple[tuple[str, str, str], ...]
    resting: int


def told(
    found: Iterable[Difference],
    sheet: Sheet,
    figures: Mapping[str, NodeFigures],
    registry: Registry,
    language: Language,
) -> list[Told]:
    """Tell differences; what only moved on the canvas is left out."""
    titles = _titles(sheet, language)
    return [_told(each, titles, figures, registry, language) for each in found if not each.only_moved]


def _titles(sheet: Sheet, language: Language) -> dict[str, str]:
    nodes = () if sheet.document is None else sheet.document.nodes
    return {
        node.id: language.text(node.name) or (language.text(node.node_type.title) if node.node_type else node.type)
        for node in nodes
    }


def _told(
    each: Difference,
    titles: Mapping[str, str],
    figures: Mapping[str, NodeFigures],
    registry: Registry,
    language: Language,
) -> Told:
    if each.kind == "edge":
        source, port, target = each.id
        way = f" ({port})" if port != "out" else ""
        return Told(each.what, "edge", f"{titles.get(source, source)}{way} → {titles.get(target, target)}", (), 0)
    node = each.node or {}
    node_type = registry.find(str(node.get("type")))
    parts = tuple(_part(field, node_type, language) for field in each.fields if field.name != "at")
    if each.kind == "flow":
        return Told(each.what, "flow", language.say(mark("The flow")), parts, 0)
    name = each.id[0]
    title = titles.get(name) or language.text(node.get("name")) or name
    resting = figures[name].resting if name in figures else 0
    return Told(each.what, "node", title, parts, resting)


def _part(field: Field, node_type: NodeType[Any] | None, language: Language) -> tuple[str, str, str]:
    return _name(field.name, node_type, language), _value(field.was, language), _value(field.now, language)


def _name(name: str, node_type: NodeType[Any] | None, language: Language) -> str:
    if name in _FIELDS:
        return language.say(_FIELDS[name])
    key = name.removeprefix("config.")
    fields = {} if node_type is None else node_type.config_type.model_fields
    title = next((info.title for own, info in fields.items() if key == (info.alias or own)), None)
    return language.say(title) if title else key


def _value(value: Any, language: Language) -> str:
    if value is None:
        return "…"
    if isinstance(value, str):
        return cut(value, MOST)
    if isinstance(value, dict) and value and all(isinstance(each, str) for each in value.values()):
        return cut(language.text(value), MOST)
    return cut(json.dumps(value, ensure_ascii=False), MOST)
