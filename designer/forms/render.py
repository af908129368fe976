"""Draw the inspector of a node: its settings as forms, each fault beside what it is about."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from fastapi import Request
from markupsafe import Markup, escape

from designer.forms import names, rule_reading
from designer.forms.controls import Form, draw
from designer.language import Language
from designer.views import Pages
from engine.api.vocabulary import Vocabulary
from engine.contract.findings import Finding
from engine.contract.node import NodeType
from engine.terms import Json, Text

PLAIN: Final = frozenset(
    {"word", "text", "number", "duration", "offset", "time", "date", "choice", "value", "json", "line"}
)
"""Widgets whose title is the label of their first input."""

_CODE: Final = re.compile(r"`([^`]+)`")
OF_SETTINGS: Final = "setting"
"""In the catalogues, the context of texts that come from settings models and their checks."""


class _Names:
    """What templates call things by."""

    FORMS = names.FORMS
    SINGLE = rule_reading.FORMS
    GROUPS = names.GROUPS
    OPS = names.OPS
    COUNTS = names.COUNTS
    YES_NO = names.YES_NO
    THEN = names.THEN
    DID = names.DID
    UNITS = names.UNITS
    TYPES = names.TYPES
    DAYS = names.DAYS
    KINDS = names.KINDS


@dataclass(frozen=True)
class Panel:
    """The inspector of one node.

    Shape: ``nodes`` are the flow's sending nodes with their names, which rules about messages may ask for.
    """

    node: str
    name: Text | None
    title: Text
    help: str
    family: str
    channel: str | None
    form: Form
    action: str
    base: int
    hand: str
    nodes: Sequence[tuple[str, Text]]
    is_locked: bool


def panel_of(
    node_type: NodeType[Any],
    node: Mapping[str, Any],
    findings: Iterable[Finding],
    *,
    action: str,
    path: str,
    base: int = 0,
    hand: str = "",
    kinds: Mapping[str, str] | None = None,
    nodes: Sequence[tuple[str, Text]] = (),
    is_locked: bool = False,
) -> Panel:
    """Say what the inspector of a node shows.

    Shape: ``node`` as the document has it, ``path`` its place there, ``nodes[3]``; ``action`` is where gestures go;
    ``findings`` may be those of the whole document.
    """
    raw = node.get("config")
    settings: Mapping[str, Json] = raw if isinstance(raw, dict) else {}
    mine = [each for each in findings if each.path.startswith(f"{path}.config")]
    form = draw(node_type.config_type, settings, mine, path=f"{path}.config", kinds=kinds)
    what = (type(node_type).__doc__ or "").strip().splitlines()[0]
    return Panel(
        node=str(node.get("id", "")),
        name=node.get("name"),
        title=node_type.title,
        help=what,
        family=node_type.family,
        channel=node_type.channel,
        form=form,
        action=action,
        base=base,
        hand=hand,
        nodes=nodes,
        is_locked=is_locked,
    )


def inspector(pages: Pages, request: Request, panel: Panel, vocabulary: Vocabulary) -> str:
    """Write the inspector as HTML, to stand in the page or to take the place of the one that is there."""
    return pages.write(request, "forms/inspector.html", panel=panel, **facts(vocabulary, pages.language(request)))


def facts(vocabulary: Vocabulary, language: Language) -> dict[str, Any]:
    """Give what the templates of forms need beside their own subject.

    Shape: ``say`` translates texts that come from elsewhere, such as a plug-in's titles: unlike ``_`` it makes them
    neither markup nor patterns. ``explain`` sets what stands in backticks as code.
    """

    def say(text: str) -> str:
        said = language.texts.pgettext(OF_SETTINGS, text)
        return language.say(text) if said == text else said

    def explain(text: str) -> Markup:
        return Markup(_CODE.sub(r"<code>\1</code>", str(escape(say(text)))))  # noqa: S704 - escaped just here

    return {"v": vocabulary, "say": say, "explain": explain, "NAMES": _Names, "PLAIN": PLAIN}
