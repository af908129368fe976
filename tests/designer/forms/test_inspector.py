import re
from typing import Any

import pytest

from designer.forms.reading import posted_value
from engine.contract.node import NodeType
from engine.contract.registry import installed
from tests.contract import samples
from tests.designer.forms.browser import forms_of, ids_of
from tests.designer.forms.drawn import VOCABULARY, draw_inspector

TYPES = [*installed(), samples.Good()]
EXAMPLES = [(each, dict(config)) for each in TYPES for config in each.examples]


def posted(html: str, node_type: NodeType[Any], *press: str) -> dict[str, Any]:
    """Give all settings as an unchanged form posts them."""
    found = {}
    for key, form in forms_of(html).items():
        field = form.get("field")
        if key.startswith("setting-") and field:
            value = posted_value(node_type.config_type, field, form.inputs, VOCABULARY.attributes)
            found[field.removeprefix("/")] = value
    return {name: value for name, value in found.items() if value is not None}


@pytest.mark.parametrize(("node_type", "config"), EXAMPLES, ids=[each.kind for each, _ in EXAMPLES])
def test_every_form_gives_back_what_it_shows(node_type: NodeType[Any], config: dict[str, Any]) -> None:
    html = draw_inspector(node_type, config)
    read = node_type.config_type.model_validate
    assert read(posted(html, node_type)) == read(config)
    assert "Traceback" not in html
    ids = ids_of(html)
    assert len(ids) == len(set(ids)), sorted(each for each in ids if ids.count(each) > 1)


@pytest.mark.parametrize("node_type", TYPES, ids=[each.kind for each in TYPES])
def test_an_empty_node_has_a_form_for_every_setting(node_type: NodeType[Any]) -> None:
    html = draw_inspector(node_type, {})
    forms = forms_of(html)
    for name, info in node_type.config_type.model_fields.items():
        key = info.alias or name
        assert f"setting-{key}" in forms
        assert forms[f"setting-{key}"].get("field") == f"/{key}"
        assert str(info.title) in html or info.title is None
    assert not re.search(r"\son\w+=|<script", html)


@pytest.mark.parametrize(("node_type", "config"), EXAMPLES, ids=[each.kind for each, _ in EXAMPLES])
def test_every_input_has_a_name_for_who_cannot_see(node_type: NodeType[Any], config: dict[str, Any]) -> None:
    html = draw_inspector(node_type, config)
    labelled = set(re.findall(r'<label for="([^"]+)"', html))
    within = re.findall(r"<label[^>]*>.*?</label>", html, re.S)
    for tag in re.findall(r'<(?:input|select|textarea)\b(?![^>]*type="hidden")[^>]*>', html):
        found = re.search(r'\sid="([^"]+)"', tag)
        has_label = (found is not None and found[1] in labelled) or any(tag in each for each in within)
        assert has_label or "aria-label" in tag, tag


def test_who_may_only_look_changes_nothing() -> None:
    branch = next(each for each in TYPES if each.kind == "branch.rule")
    html = draw_inspector(branch, dict(branch.examples[0]), may={"edit": False})
    assert '<fieldset class="settings" disabled>' in html
    assert "/rules/matching" not in html
    assert "/rules/matching" in draw_inspector(branch, dict(branch.examples[0]))
