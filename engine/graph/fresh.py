"""What a new node begins with: its id, and settings that can be guessed without putting words into mouths."""

import re
from collections.abc import Collection, Mapping
from typing import Any, Final

from pydantic import ValidationError

from engine.contract.fields import fields_of, hint_of
from engine.contract.node import NodeType

GUESSED: Final = frozenset(
    (
        *("duration", "offset", "time", "schedule_time", "cron", "weekdays", "calendar", "day", "business_days"),
        *("number", "count", "weight", "share", "switch"),
    )
)
"""Meanings of fields of which any value is a fair beginning; names and words are for people to give."""

_EVERYBODY: Final[Mapping[str, Any]] = {"all": []}


def fresh_id(kind: str, taken: Collection[str]) -> str:
    """Name a new node after its kind."""
    stem = re.sub(r"[^a-z0-9_]+", "_", kind.rpartition(".")[2].lower()).strip("_")[:50] or "node"
    if stem not in taken:
        return stem
    number = 2
    while f"{stem}_{number}" in taken:
        number += 1
    return f"{stem}_{number}"


def fresh_config(node_type: NodeType[Any]) -> dict[str, Any]:
    """Give the settings of a new node: none, or what the first example says of time and numbers."""
    model = node_type.config_type
    try:
        model.model_validate({})
    except ValidationError:
        pass
    else:
        return {}
    example = next(iter(node_type.examples), {})
    found: dict[str, Any] = {}
    for name, info in model.model_fields.items():
        key = info.alias or name
        hint = hint_of(info)
        if key not in example:
            continue
        if hint in GUESSED:
            found[key] = example[key]
        elif hint is None and isinstance(example[key], list | dict):
            found[key] = _without_words(node_type, key, example)
    return found


def _without_words(node_type: NodeType[Any], key: str, example: Mapping[str, Any]) -> Any:
    """Take a nested value from an example, with rules that hold for everybody."""
    config = node_type.config_type.model_validate(example)
    rules = {found.path for found in fields_of(config) if found.hint == "rule"}

    def copy(value: Any, path: str) -> Any:
        if path in rules:
            return dict(_EVERYBODY)
        if isinstance(value, dict):
            return {name: copy(inner, f"{path}.{name}") for name, inner in value.items()}
        if isinstance(value, list):
            return [copy(inner, f"{path}[{place}]") for place, inner in enumerate(value)]
        return value

    return copy(example[key], key)
