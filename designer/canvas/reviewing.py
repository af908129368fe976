"""The review before publishing: what differs from the live version, in words, and whom it concerns."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from designer.canvas.widths import cut
from designer.forms.saying import say_setting
from designer.forms.shapes import Setting, settings_of
from designer.forms.values import say_value
from designer.language import Language, mark
from engine.api.drawing import Sheet
from engine.api.standing import NodeFigures
from engine.contract.node import NodeType
from engine.contract.registry import Registry
from engine.graph.diff import Difference, Field
from engine.graph.shape import Settings

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
    setting = _setting(field.name, node_type)
    shape = None if setting is None else setting.shape
    title = _FIELDS.get(field.name)
    name = language.say(title) if title else field.name.removeprefix("config.")
    if setting is not None and not title:
        name = say_setting(setting.title, language)
    was, now = (cut(say_value(value, shape, language), MOST) for value in (field.was, field.now))
    return name, was, now


def _setting(name: str, node_type: NodeType[Any] | None) -> Setting | None:
    """Find what is known of a field: of a node's settings, or of the flow's."""
    room, _, key = name.partition(".")
    model = Settings if room == "settings" else node_type.config_type if room == "config" and node_type else None
    return None if model is None else next((each for each in settings_of(model) if each.key == key), None)
