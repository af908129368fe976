"""Read a setting back from what a browser posted, by its shape."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from pydantic import BaseModel

from designer.forms import leaves, rule_reading
from designer.forms.inputs import ABSENT, ROOT, Absent, Inputs, Maybe, rearranged
from designer.forms.shapes import Leaf, Many, Named, Record, Setting, Shape, settings_of
from designer.forms.sharing import balanced
from engine.errors import NotFound
from engine.terms import Json

_NO_KINDS: Final[Mapping[str, str]] = {}


def posted_value(
    model: type[BaseModel], field: str, pairs: Iterable[tuple[str, object]], kinds: Mapping[str, str] = _NO_KINDS
) -> Json:
    """Read the value that was posted for a setting: ``value`` as JSON, else the inputs of its form.

    Shape: ``field`` is a JSON pointer to a setting of the model; ``kinds`` tells the kinds of attributes; None means
    that the setting is to be taken away.
    Errors: ``NotFound`` when the model has no such setting; ``ValueError`` when ``value`` is no JSON.
    """
    given = list(pairs)
    whole = next((value for name, value in given if name == "value"), None)
    if isinstance(whole, str):
        value: Json = json.loads(whole)
        return value
    read = read_shape(setting_at(model, field).shape, Inputs.of(given), ROOT, kinds)
    return None if isinstance(read, Absent) else read


def read_record(model: type[BaseModel], inputs: Inputs, name: str) -> dict[str, Json]:
    """Read the settings of a model from one form; those that are absent are left out."""
    found = {each.key: read_shape(each.shape, inputs, f"{name}.{each.key}") for each in settings_of(model)}
    return {key: value for key, value in found.items() if not isinstance(value, Absent)}


def setting_at(model: type[BaseModel], field: str) -> Setting:
    """Find a setting by its JSON pointer.

    Errors: ``NotFound``.
    """
    key = field.removeprefix("/").replace("~1", "/").replace("~0", "~")
    found = next((setting for setting in settings_of(model) if setting.key == key), None)
    if found is None:
        raise NotFound(f"there is no setting {key!r}", field=field)
    return found


def read_shape(shape: Shape, inputs: Inputs, name: str, kinds: Mapping[str, str] = _NO_KINDS) -> Maybe:
    """Read a value of a shape from the inputs whose names begin so."""
    match shape:
        case Leaf(kind):
            return _leaf(kind, inputs, name, kinds)
        case Record(settings):
            return _record(settings, inputs, name, kinds)
        case Many(item):
            return _many(item, inputs, name, kinds)
        case Named():
            return _named(shape, inputs, name, kinds)


def _leaf(kind: str, inputs: Inputs, name: str, kinds: Mapping[str, str]) -> Maybe:
    if kind == "rule":
        return rule_reading.read(inputs, name, kinds)
    if kind == "where":
        return rule_reading.read_where(inputs, name)
    return leaves.READERS.get(kind, leaves.word)(inputs, name)


def _record(settings: Sequence[Setting], inputs: Inputs, name: str, kinds: Mapping[str, str]) -> Maybe:
    if inputs.pressed(name, "clear"):
        return ABSENT
    if inputs.pressed(name, "begin"):
        return blank(Record(tuple(settings)))
    if not inputs.has(f"{name}.on"):
        return ABSENT
    found = {each.key: read_shape(each.shape, inputs, f"{name}.{each.key}", kinds) for each in settings}
    return {**_rest(inputs, name), **{key: value for key, value in found.items() if not isinstance(value, Absent)}}


def _rest(inputs: Inputs, name: str) -> dict[str, Json]:
    """Give the members that no setting shows, so that none is lost."""
    kept = leaves.as_json(inputs, f"{name}.rest")
    return kept if isinstance(kept, dict) else {}


def _many(item: Shape, inputs: Inputs, name: str, kinds: Mapping[str, str]) -> Maybe:
    if isinstance(item, Leaf) and inputs.has(f"{name}.line"):
        return _line(item, inputs, name)
    members: list[Json] = []
    for place in rearranged(list(range(inputs.count(name))), inputs, name):
        member = read_shape(item, inputs, f"{name}.{place}", kinds)
        members.append(None if isinstance(member, Absent) else member)
    if inputs.pressed(name, "add"):
        members.append(blank(item))
    return members or ABSENT


def _line(item: Leaf, inputs: Inputs, name: str) -> Maybe:
    """Read a list of short values that stand on one line."""
    typed = inputs.typed(f"{name}.line")
    for comma in ("\N{FULLWIDTH COMMA}", "\N{IDEOGRAPHIC COMMA}", "\n"):
        typed = typed.replace(comma, ",")
    parts = (Inputs({"v": (part.strip(),)}) for part in typed.split(","))
    read = (leaves.READERS.get(item.kind, leaves.word)(part, "v") for part in parts)
    return [value for value in read if not isinstance(value, Absent)] or ABSENT


def _named(shape: Named, inputs: Inputs, name: str, kinds: Mapping[str, str]) -> Maybe:
    places = rearranged(list(range(inputs.count(name))), inputs, name)
    if isinstance(shape.value, Leaf) and shape.value.kind == "weight":
        values = balanced(places, inputs, name)
    else:
        read = [read_shape(shape.value, inputs, f"{name}.{place}.v", kinds) for place in places]
        values = ["" if isinstance(value, Absent) else value for value in read]
    names = (inputs.typed(f"{name}.{place}.k").strip() for place in places)
    found: dict[str, Json] = dict(zip(names, values, strict=True))
    if inputs.pressed(name, "add"):
        found[_free_name(found)] = blank(shape.value)
    return found or ABSENT


def _free_name(taken: Mapping[str, Json]) -> str:
    """Find a letter that is not a name yet; none after z."""
    return next((letter for letter in "abcdefghijklmnopqrstuvwxyz" if letter not in taken), "")


def blank(shape: Shape) -> Json:
    """Make a new member of a list: with what is needed in it, still to be filled in."""
    match shape:
        case Record(settings):
            return {each.key: blank(each.shape) for each in settings if each.required}
        case Leaf("rule"):
            return {"all": [dict(rule_reading.BLANK)]}
        case Leaf("weight"):
            return 1
        case Leaf("switch"):
            return False
        case Leaf("choice", choices):
            return choices[0] if choices else ""
        case Many():
            return []
        case Named() | Leaf("where"):
            return {}
    return ""
