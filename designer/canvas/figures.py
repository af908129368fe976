"""Live numbers for the canvas, as the page's script draws them."""

from collections.abc import Mapping
from typing import Any

from designer.language import Language, mark
from engine.api.standing import NodeFigures


def told_figures(found: Mapping[str, NodeFigures], language: Language) -> dict[str, Any]:
    """Give what every card and edge shows.

    Shape: ``nodes`` by id with ``resting`` and words for messages; ``edges`` as ``[from, port, to, passed]``.
    """
    nodes = {name: {"resting": each.resting, "said": _said(each, language)} for name, each in found.items()}
    edges = [
        [name, port, target, passed]
        for name, each in found.items()
        for (port, target), passed in each.edges.items()
        if passed
    ]
    return {"nodes": nodes, "edges": edges}


def _said(each: NodeFigures, language: Language) -> str:
    if not each.sent:
        return ""
    return language.say(
        mark("%(sent)s sent, %(opened)s opened, %(clicked)s clicked"),
        sent=language.count(each.sent),
        opened=language.percent(each.opened / each.sent, 0),
        clicked=language.percent(each.clicked / each.sent, 0),
    )
