"""Inspectors drawn without a server and a store."""

from functools import cache
from typing import Any

from jinja2 import Environment

from designer.forms.render import facts, panel_of
from designer.language import speak
from designer.views import _environment
from engine.api.vocabulary import Vocabulary
from engine.contract.findings import Finding
from engine.contract.node import NodeType

VOCABULARY = Vocabulary(
    attributes={"plan": "text", "size": "number", "paid": "bool", "birthday": "date", "roles": "list"},
    values={"plan": ("free", "pro")},
    events={"signed_up": ("path", "plan")},
    tags=("vip",),
    segments={"trial-users": "Trial users"},
)

templates = cache(lambda language: _environment(speak(language)))


def write(name: str, language: str = "en", **more: Any) -> str:
    environment: Environment = templates(language)
    return environment.get_template(name).render(
        **facts(VOCABULARY, speak(language)), **{"may": {"edit": True}, **more}
    )


def draw_inspector(
    node_type: NodeType[Any],
    config: dict[str, Any],
    findings: tuple[Finding, ...] = (),
    language: str = "en",
    may: dict[str, bool] | None = None,
    **more: Any,
) -> str:
    node = {"id": "n1", "type": node_type.kind, "config": config}
    panel = panel_of(
        node_type, node, findings, action="/gestures", path="nodes[0]", kinds=VOCABULARY.attributes, **more
    )
    return write("forms/inspector.html", language, panel=panel, may=may or {"edit": True})
