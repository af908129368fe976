"""Draw the inspector of a node: its settings as forms, each fault beside what it is about."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from fastapi import Request
from markupsafe import Markup, escape
from pydantic import Field

from designer.forms import names, rule_reading
from designer.forms.controls import Form, draw
from designer.forms.saying import say_setting
from designer.language import Language
from designer.views import Pages
from engine.api.vocabulary import Vocabulary
from engine.contract.fields import Label
from engine.contract.findings import Finding
from engine.contract.node import NodeConfig, NodeType
from engine.graph.shape import Settings
from engine.terms import Json, Text

PLAIN: Final = frozenset(
    {"word", "text", "number", "duration", "offset", "time", "date", "choice", "value", "json", "line"}
)
"""Widgets whose title is the label of their first input."""

_CODE: Final = re.compile(r"`([^`]+)`")


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
    """The inspector of one node, or of a flow as a whole.

    Shape: ``nodes`` are the flow's sending nodes with their names, which rules about messages may ask for;
    ``gesture`` is what a form posts, and ``prefix`` stands before the pointers to settings.
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
    gesture: str = "configure"
    prefix: str = ""


class FlowWords(NodeConfig):
    """What a flow is called."""

    name: Label | None = Field(None, title="Name", description="Name for people.")
    description: Label | None = Field(None, title="Description", description="What the flow is for.")


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


def flow_panels(
    document: Mapping[str, Any],
    findings: Iterable[Finding],
    *,
    action: str,
    base: int = 0,
    kinds: Mapping[str, str] | None = None,
    nodes: Sequence[tuple[str, Text]] = (),
) -> tuple[Panel, Panel]:
    """Say what the inspector of a flow shows: its words, and what holds for all of it.

    Shape: their forms post the gesture ``set``; ``model_of_flow`` tells which model reads what they post.
    """
    raw, told = document.get("settings"), list(findings)
    settings: Mapping[str, Json] = raw if isinstance(raw, dict) else {}
    named = {key: document[key] for key in ("name", "description") if key in document}
    words = draw(FlowWords, named, [each for each in told if each.path.startswith(("name", "description"))])
    rules = draw(Settings, settings, [each for each in told if _is_of(each.path)], path="settings", kinds=kinds)
    common = {"node": "", "name": None, "title": "", "help": "", "family": "flow", "channel": None, "hand": ""}
    more = {"action": action, "base": base, "nodes": nodes, "is_locked": False, "gesture": "set"}
    return Panel(**common, **more, form=words), Panel(**common, **more, form=rules, prefix="/settings")  # type: ignore[arg-type] # by name


def _is_of(path: str) -> bool:
    return path == "settings" or path.startswith(("settings.", "settings["))


def model_of_flow(field: str) -> tuple[type[NodeConfig], str]:
    """Tell which model a field of a flow belongs to, and its pointer inside of it."""
    return (Settings, field.removeprefix("/settings")) if field.startswith("/settings/") else (FlowWords, field)


def inspector(pages: Pages, request: Request, panel: Panel, vocabulary: Vocabulary, *, with_names: bool = True) -> str:
    """Write the inspector as HTML, to stand in the page or to take the place of the one that is there."""
    more = facts(vocabulary, pages.language(request), with_names=with_names)
    return pages.write(request, "forms/inspector.html", panel=panel, **more)


def facts(vocabulary: Vocabulary, language: Language, *, with_names: bool = True) -> dict[str, Any]:
    """Give what the templates of forms need beside their own subject; without names, those that are there stay.

    Shape: ``say`` translates texts that come from elsewhere, such as a plug-in's titles: unlike ``_`` it makes them
    neither markup nor patterns. ``explain`` sets what stands in backticks as code.
    """

    def say(text: str) -> str:
        return say_setting(text, language)

    def explain(text: str) -> Markup:
        return Markup(_CODE.sub(r"<code>\1</code>", str(escape(say(text)))))  # noqa: S704 - escaped just here

    return {"v": vocabulary, "with_names": with_names, "say": say, "explain": explain, "NAMES": _Names, "PLAIN": PLAIN}
