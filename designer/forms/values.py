"""What settings say, in words, as far as their shape is known: lengths of time, rules, lists, switches."""

import json
from collections.abc import Iterator
from typing import Any, Final

from designer.forms.saying import say_setting
from designer.forms.shapes import Leaf, Many, Named, Record, Shape
from designer.language import Language, mark
from engine.contract.wording import length
from engine.errors import EngineError
from engine.rules.describe import describe
from engine.rules.parse import parse_rule
from engine.terms import parse_duration

NOTHING: Final = "…"
_SWITCH: Final = {True: mark("yes"), False: mark("no")}


def say_value(value: Any, shape: Shape | None, language: Language) -> str:
    """Say a value as documents write it; what has no words is written as JSON."""
    if value is None:
        return NOTHING
    if isinstance(value, bool):
        return language.say(_SWITCH[value])
    if isinstance(value, str):
        return _length(value, language) if isinstance(shape, Leaf) and shape.kind == "duration" else value
    if isinstance(shape, Leaf) and shape.kind == "rule":
        return _sentence(value, language)
    if isinstance(value, dict) and value and isinstance(shape, Record | Named):
        return "; ".join(_members(value, shape, language))
    if isinstance(value, list) and value:
        item = shape.item if isinstance(shape, Many) else None
        return ", ".join(say_value(each, item, language) for each in value)
    if isinstance(value, dict) and value and all(isinstance(each, str) for each in value.values()):
        return language.text(value)
    return json.dumps(value, ensure_ascii=False)


def _members(value: dict[str, Any], shape: Record | Named, language: Language) -> Iterator[str]:
    known = {} if isinstance(shape, Named) else {each.key: each for each in shape.settings}
    for name, each in value.items():
        inner = shape.value if isinstance(shape, Named) else known[name].shape if name in known else None
        title = say_setting(known[name].title, language) if name in known else name
        yield f"{title}: {say_value(each, inner, language)}"


def _length(value: str, language: Language) -> str:
    try:
        return language.text(dict(length(parse_duration(value))))
    except ValueError:
        return value


def _sentence(value: Any, language: Language) -> str:
    try:
        return describe(parse_rule(value), language.tag)
    except EngineError:
        return json.dumps(value, ensure_ascii=False)
