"""Live numbers for the canvas, as the page's script draws them."""

from collections.abc import Mapping
from typing import Any

from designer.experiments.words import chip, chip_tone
from designer.language import Language, mark
from engine.api.standing import NodeFigures


def told_figures(found: Mapping[str, NodeFigures], language: Language) -> dict[str, Any]:
    """Give what every card and edge shows.

    Shape: ``nodes`` by id with what stands on the card; ``tones`` are the colours of some of them; ``edges`` as
    ``[from, port, to, passed]``.
    """
    nodes = {name: told for name, each in found.items() if (told := _said(each, language))}
    tones = {name: tone for name, each in found.items() if each.trial and (tone := chip_tone(each.trial))}
    edges = [
        [name, port, target, passed]
        for name, each in found.items()
        for (port, target), passed in each.edges.items()
        if passed
    ]
    return {"nodes": nodes, "tones": tones, "edges": edges}


def _said(each: NodeFigures, language: Language) -> str:
    parts = []
    if each.resting:
        parts.append(language.say(mark("%(num)s here"), num=language.count(each.resting)))
    if each.failed:
        parts.append(language.say(mark("%(num)s failed"), num=language.count(each.failed)))
    if each.trial is not None:
        parts.append(chip(each.trial, language))
    elif each.sent:
        rates = mark("%(sent)s sent, %(opened)s opened, %(clicked)s clicked")
        shares = {name: language.percent(getattr(each, name) / each.sent, 1) for name in ("opened", "clicked")}
        parts.append(language.say(rates, sent=language.count(each.sent), **shares))
    elif each.entered:
        parts.append(language.say(mark("%(num)s entered"), num=language.count(each.entered)))
    return " · ".join(parts)
