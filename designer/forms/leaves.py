"""Read single values from their inputs. What cannot be read is kept as it was typed, for the checker to tell."""

import json
import math
import re
from collections.abc import Callable, Mapping
from typing import Final

from designer.forms.inputs import ABSENT, Inputs, Maybe
from engine.terms import Json

Reader = Callable[[Inputs, str], Maybe]

_NUMBER: Final = re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d{1,3})?")
_THOUSANDS: Final = re.compile(r"[-+]?\d{1,3}(,\d{3})+(\.\d*)?")
UNITS: Final = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks", "s": "seconds"}


def text(inputs: Inputs, name: str) -> Maybe:
    """Read a text as it is; a blank one is absent."""
    typed = inputs.typed(name)
    return typed if typed.strip() else ABSENT


def word(inputs: Inputs, name: str) -> Maybe:
    """Read a name without the space around it."""
    return inputs.typed(name).strip() or ABSENT


def number(inputs: Inputs, name: str) -> Maybe:
    """Read a number."""
    return number_of(inputs.typed(name))


def number_of(typed: str) -> Maybe:
    """Read a number from a text; whole ones without a point."""
    short = typed.strip().replace(",", "") if _THOUSANDS.fullmatch(typed.strip()) else typed.strip()
    if not short:
        return ABSENT
    if not _NUMBER.fullmatch(short) or len(short) > 40:
        return typed
    value = float(short)
    if not math.isfinite(value):
        return typed
    return int(value) if value.is_integer() and abs(value) < 2**53 else value


def percent(inputs: Inputs, name: str) -> Maybe:
    """Read a share that is written in percent."""
    value = number_of(inputs.typed(name).rstrip(" %\N{FULLWIDTH PERCENT SIGN}"))
    return round(value / 100, 8) if isinstance(value, int | float) else value


def switch(inputs: Inputs, name: str) -> Maybe:
    """Read a switch; one that was not shown is absent."""
    return inputs.typed(name) == "on" if inputs.has(name) else ABSENT


def duration(inputs: Inputs, name: str) -> Maybe:
    """Read a number with its unit, or a whole duration such as ``P3DT4H``."""
    typed, unit = inputs.typed(f"{name}.n").strip(), inputs.typed(f"{name}.u")
    if not typed:
        return ABSENT
    return f"{typed}{unit}" if typed.isascii() and typed.isdigit() and unit in UNITS else typed


def offset(inputs: Inputs, name: str) -> Maybe:
    """Read a duration with its direction."""
    length = duration(inputs, name)
    if not isinstance(length, str):
        return length
    return "-" + length.lstrip("-") if inputs.typed(f"{name}.s") == "-" else length


def weekdays(inputs: Inputs, name: str) -> Maybe:
    """Read which days are ticked."""
    days: list[Json] = [day for day in inputs.values.get(name, ()) if day]
    return days or ABSENT


def date(inputs: Inputs, name: str) -> Maybe:
    """Read a date, an instant, or the name of an attribute that holds one."""
    if inputs.typed(f"{name}.mode") == "attribute":
        return {"attribute": inputs.typed(f"{name}.attribute").strip()}
    return word(inputs, name)


def choice(inputs: Inputs, name: str) -> Maybe:
    """Read what was chosen; choices are written as JSON."""
    chosen = inputs.typed(name)
    try:
        return json.loads(chosen) if chosen else ABSENT
    except ValueError:
        return chosen


def free(inputs: Inputs, name: str) -> Maybe:
    """Read a value of the type that stands beside it."""
    kind, typed = inputs.typed(f"{name}.type"), inputs.typed(name)
    if kind == "yes_no":
        return inputs.typed(f"{name}.flag") == "true"
    if kind == "number":
        return number_of(typed)
    return as_json(inputs, name) if kind == "json" else text(inputs, name)


def as_json(inputs: Inputs, name: str) -> Maybe:
    """Read JSON; what is none is kept as a text."""
    typed = inputs.typed(name).strip()
    if not typed:
        return ABSENT
    try:
        value: Json = json.loads(typed)
    except (ValueError, RecursionError):
        return typed
    return value


def wordings(inputs: Inputs, name: str) -> Maybe:
    """Read a text: one, or one per language."""
    tags = [tag for tag in inputs.typed(f"{name}.tags").split(",") if tag]
    if inputs.pressed(name, "several"):
        typed = inputs.typed(name)
        return {"en": typed, "zh-CN": typed}
    if not tags:
        return text(inputs, name)
    found: dict[str, Json] = {tag: inputs.typed(f"{name}.in.{tag}") for tag in tags}
    if inputs.pressed(name, "single"):
        return next((each for each in found.values() if each), ABSENT)
    return found if any(str(each).strip() for each in found.values()) else ABSENT


READERS: Final[Mapping[str, Reader]] = {
    **dict.fromkeys(("number", "weight", "count", "day", "business_days"), number),
    "share": percent,
    "switch": switch,
    "duration": duration,
    "offset": offset,
    "weekdays": weekdays,
    "date": date,
    "choice": choice,
    "value": free,
    "json": as_json,
    **dict.fromkeys(("label", "template", "html"), wordings),
    "line": text,
}
"""How each kind of leaf is read; all others are names."""
