"""Operators by the type of what they compare, and how a condition's value is drawn and read."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from designer.forms import leaves
from designer.forms.inputs import ABSENT, Absent, Inputs, Maybe
from engine.rules.model import DATE_OPS, Op
from engine.terms import Json

_EQUAL: Final = (Op.IS, Op.IS_NOT)
_ONE_OF: Final = (Op.IN, Op.NOT_IN)
_PRESENCE: Final = (Op.EXISTS, Op.MISSING)
_TEXT: Final = (Op.CONTAINS, Op.NOT_CONTAINS, Op.STARTS_WITH, Op.ENDS_WITH)
_ORDER: Final = (Op.GT, Op.GTE, Op.LT, Op.LTE, Op.BETWEEN)
_DATES: Final = (Op.WITHIN_LAST, Op.WITHIN_NEXT, Op.BEFORE, Op.AFTER)
_LISTS: Final = (Op.HAS_ANY, Op.HAS_ALL, Op.HAS_NONE)

OPS: Final[Mapping[str, tuple[Op, ...]]] = {
    "text": (*_EQUAL, *_ONE_OF, *_TEXT, *_PRESENCE),
    "number": (*_EQUAL, *_ORDER, *_ONE_OF, *_PRESENCE),
    "bool": (*_EQUAL, *_PRESENCE),
    "date": (*_DATES, *_PRESENCE),
    "list": (*_LISTS, *_PRESENCE),
}
"""The operators that make sense for a kind of attribute, the usual ones first; all of them when it is unknown."""

_TYPES: Final = {"text": "text", "number": "number", "bool": "yes_no", "date": "text", "list": "text"}
_FAMILIES: Final = {
    **dict.fromkeys(_PRESENCE, "none"),
    Op.BETWEEN: "between",
    **dict.fromkeys((*_ONE_OF, *_LISTS), "list"),
    **dict.fromkeys(_DATES, "date"),
}


def ops_of(kind: str | None, chosen: str) -> tuple[str, ...]:
    """List the operators for a kind of value; with the chosen one, even where it makes no sense."""
    known = tuple(op.value for op in (OPS.get(kind or "") or tuple(Op)))
    return known if chosen in known or not chosen else (*known, chosen)


def family_of(op: str) -> str:
    """Tell what the value of an operator looks like: none, one, between, list or date."""
    return _FAMILIES.get(Op(op), "one") if op in tuple(Op) else "one"


@dataclass(frozen=True)
class Shown:
    """A condition as it is drawn.

    Shape: ``family`` says which inputs there are, ``type`` what its values are; ``texts`` are the values as typed.
    ``is_typed`` says that the attribute's kind settles the type, ``is_empty`` that an empty text is meant.
    """

    op: str
    ops: tuple[str, ...]
    family: str
    type: str
    texts: tuple[str, ...]
    unit: str = ""
    is_typed: bool = True
    is_empty: bool = False

    @property
    def is_blank(self) -> bool:
        """Whether it needs a value and has none; a blank text is one."""
        return self.family != "none" and not any(self.texts) and not self.is_empty


def shown(raw: Mapping[str, Json], kind: str | None) -> Shown:
    """Draw an operator and its value; ``kind`` is that of the attribute, if it is known."""
    op = str(raw.get("op") or "is")
    family, value = family_of(op), raw.get("value")
    type_ = _type_of(value, family) or _TYPES.get(kind or "", "text")
    is_typed = kind in OPS and type_ == _TYPES.get(kind or "")
    if type_ == "json":
        return Shown(op, ops_of(kind, op), family, type_, (json.dumps(value, ensure_ascii=False),), "", False)
    if family == "date":
        typed, unit = duration_parts(value)
        return Shown(op, ops_of(kind, op), family, "text", (typed,), unit or ("at" if typed else "d"))
    if family == "list":
        return Shown(op, ops_of(kind, op), family, type_, (_joined(value),), "", is_typed)
    if family == "between":
        ends = value if isinstance(value, list) else []
        low, high = (_written(ends[place]) if place < len(ends) else "" for place in (0, 1))
        return Shown(op, ops_of(kind, op), family, type_, (low, high), "", is_typed)
    return Shown(op, ops_of(kind, op), family, type_, (_written(value),), "", is_typed, value == "")


def duration_parts(value: object) -> tuple[str, str]:
    """Part a duration into its number and its unit; any other text has no unit."""
    text = value if isinstance(value, str) else ""
    if text[-1:] in leaves.UNITS and text[:-1].isascii() and text[:-1].isdigit():
        return text[:-1], text[-1]
    return text, ""


def _type_of(value: Json, family: str) -> str | None:
    """Tell of what type a value is; None when it does not say."""
    if family in ("list", "between") and isinstance(value, list):
        types = {_type_of(each, "one") for each in value} | {"json" for each in value if _is_awkward(each)}
        return None if not types else types.pop() if len(types) == 1 else "json"
    if isinstance(value, bool):
        return "yes_no"
    if isinstance(value, int | float):
        return "number"
    if value is None:
        return None
    return "text" if isinstance(value, str) else "json"


def _is_awkward(member: Json) -> bool:
    """Tell whether a member would be lost between commas."""
    return isinstance(member, str) and (member != member.strip() or not member or "\n" in member)


def _written(value: Json) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else json.dumps(value)


def _joined(value: Json) -> str:
    """Write a list on one line with commas; on several when a member has one itself."""
    members = [_written(each) for each in value] if isinstance(value, list) else [_written(value)]
    if any(sign in member for member in members for sign in _COMMAS):
        return "\n".join(members) + "\n"
    return ", ".join(members)


_COMMAS: Final = (",", "\N{FULLWIDTH COMMA}", "\N{IDEOGRAPHIC COMMA}")


def read(inputs: Inputs, name: str, kinds: Mapping[str, str]) -> dict[str, Json]:
    """Read the operator and value that stand beside an attribute's or a property's name.

    Shape: when the name or the operator was changed the value is taken over as far as it makes sense.
    """
    subject, op = inputs.typed(f"{name}.attr").strip(), inputs.typed(f"{name}.op") or "is"
    type_, was = inputs.typed(f"{name}.type") or "text", inputs.typed(f"{name}.op_was") or op
    kind = kinds.get(subject)
    if subject != inputs.typed(f"{name}.attr_was"):
        type_ = _TYPES.get(kind or "", "text")
        op = op if op in ops_of(kind, "") else ops_of(kind, "")[0]
    value = _value(inputs, f"{name}.value", family_of(was), type_)
    if family_of(op) != family_of(was):
        value = _taken_over(value, family_of(op))
    return {"op": op} if isinstance(value, Absent) else {"op": op, "value": value}


def _value(inputs: Inputs, name: str, family: str, type_: str) -> Maybe:
    if family == "none":
        return ABSENT
    if type_ == "json":
        return leaves.as_json(inputs, name)
    if family == "date":
        return (
            inputs.typed(f"{name}.n").strip() or ABSENT if _is_instant(inputs, name) else leaves.duration(inputs, name)
        )
    if family == "list":
        return _members(inputs.typed(f"{name}.list"), type_)
    if family == "between":
        ends = [_typed(inputs.typed(f"{name}.{end}"), type_) for end in ("low", "high")]
        return [end for end in ends if not isinstance(end, Absent)]
    read = _typed(inputs.typed(name), type_)
    return "" if isinstance(read, Absent) and inputs.typed(f"{name}.empty") == "on" and type_ == "text" else read


def _is_instant(inputs: Inputs, name: str) -> bool:
    return inputs.typed(f"{name}.u") == "at"


def _members(typed: str, type_: str) -> Json:
    if "\n" in typed:
        parts = typed.split("\n")
    else:
        for comma in _COMMAS[1:]:
            typed = typed.replace(comma, _COMMAS[0])
        parts = typed.split(_COMMAS[0])
    members = [_typed(part.strip(), type_) for part in parts]
    return [member for member in members if not isinstance(member, Absent)]


def _typed(typed: str, type_: str) -> Maybe:
    if type_ == "yes_no":
        return typed != "false"
    if type_ == "number":
        return leaves.number_of(typed)
    return typed or ABSENT


def _taken_over(value: Maybe, family: str) -> Maybe:
    if isinstance(value, Absent) or family == "none":
        return ABSENT
    if family == "date":
        return ABSENT
    if family == "list":
        return value if isinstance(value, list) else [value]
    if family == "between":
        return value if isinstance(value, list) and len(value) == 2 else ABSENT
    first = value[0] if isinstance(value, list) and value else value
    return ABSENT if isinstance(first, list) else first


assert set(_DATES) == set(DATE_OPS)
