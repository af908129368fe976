"""Rules as a JSON schema, for editors that help while one types; ``engine.rules.parse`` is what decides."""

from typing import Any, Final

from engine.contract.fields import DURATION_PATTERN
from engine.rules.conditions import COUNT_OPS
from engine.rules.model import Did, Op

_NAME: Final = {"type": "string", "minLength": 1, "maxLength": 200}
_WHERE: Final = {"$ref": "#/$defs/where"}
_RULE: Final = {"$ref": "#/$defs/rule"}
_RULES: Final = {"type": "array", "items": _RULE}
_WITHIN: Final = {"type": "string", "pattern": DURATION_PATTERN}
_FOLLOWER: Final = {
    "type": "object",
    "properties": {"event": _NAME, "where": _WHERE},
    "required": ["event"],
    "additionalProperties": False,
}
_COUNT: Final = {
    "type": "object",
    "properties": {
        "op": {"enum": [op.value for op in COUNT_OPS]},
        "value": {"anyOf": [{"type": "integer", "minimum": 0}, {"type": "array", "items": {"type": "integer"}}]},
    },
    "required": ["op", "value"],
    "additionalProperties": False,
}


def rule_definitions() -> dict[str, Any]:
    """Give the definitions ``rule``, ``condition`` and ``where``."""
    condition = {"op": {"enum": [op.value for op in Op]}, "value": {}}
    return {
        "condition": _form(condition, "op", title="Operator and value"),
        "where": {
            "type": "object",
            "title": "Conditions on an event's properties",
            "additionalProperties": {"$ref": "#/$defs/condition"},
        },
        "rule": {
            "title": "Rule",
            "oneOf": [
                _form({"all": _RULES}, "all"),
                _form({"any": _RULES}, "any"),
                _form({"not": _RULE}, "not"),
                _form({"attr": _NAME, **condition}, "attr", "op"),
                _form({"tag": _NAME}, "tag"),
                _form({"stage": _NAME}, "stage"),
                _form({"segment": _NAME}, "segment"),
                _form({"event": _NAME, "where": _WHERE, "count": _COUNT, "within": _WITHIN}, "event"),
                *(
                    _form(
                        {"event": _NAME, "where": _WHERE, form: _FOLLOWER, "within": _WITHIN}, "event", form, "within"
                    )
                    for form in ("followed_by", "not_followed_by")
                ),
                _form({"no_event": _NAME, "where": _WHERE, "within": _WITHIN}, "no_event", "within"),
                _form({"message": _NAME, "did": {"enum": [did.value for did in Did]}}, "message", "did"),
                _form({"consent": _NAME}, "consent"),
            ],
        },
    }


def _form(properties: dict[str, Any], *required: str, title: str = "") -> dict[str, Any]:
    form = {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False}
    return {"title": title or required[0], **form}
