"""Field types of settings models. Each carries a ``Hint`` from which forms, checks and reference pages are made."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import time, timedelta
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, PlainSerializer, StringConstraints
from pydantic_core import PydanticCustomError

from engine.rules.model import Rule
from engine.rules.parse import read_rule
from engine.rules.parse import to_json as rule_to_json
from engine.terms import Text, parse_duration

_CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True)
class Hint:
    """What a field means to a form: ``duration``, ``time``, ``rule``, ``template``, ``event`` and so on."""

    kind: str


def _duration(value: object) -> timedelta:
    return _length(value, signed=False)


def _offset(value: object) -> timedelta:
    return _length(value, signed=True)


def _length(value: object, *, signed: bool) -> timedelta:
    if isinstance(value, timedelta):
        return value
    if not isinstance(value, str):
        raise PydanticCustomError("duration", 'a duration is a text like "3d" or "12h"')
    try:
        return parse_duration(value, signed=signed)
    except ValueError as error:
        raise PydanticCustomError("duration", "{reason}", {"reason": str(error)}) from None


def write_duration(length: timedelta) -> str:
    """Write a length the short way, in its largest whole unit."""
    seconds = int(length.total_seconds())
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if seconds and seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def _clock(value: object) -> time:
    if isinstance(value, time):
        return value
    if not isinstance(value, str) or not (found := _CLOCK.fullmatch(value)):
        raise PydanticCustomError("local_time", 'a local time is written "HH:MM", from "00:00" to "23:59"')
    return time(int(found[1]), int(found[2]))


def _rule(value: object) -> Rule:
    if isinstance(value, Rule):
        return value
    rule, faults = read_rule(value, "")
    if faults or rule is None:
        listed = [{"path": fault.path, "message": fault.message, "suggestion": fault.suggestion} for fault in faults]
        raise PydanticCustomError("rule", "{reason}", {"reason": listed[0]["message"], "faults": listed})
    return rule


def _weekdays(value: object) -> frozenset[int]:
    if isinstance(value, frozenset):
        return value
    if not isinstance(value, list) or not value:
        raise PydanticCustomError("weekdays", 'weekdays are a list like ["mon", "fri"]')
    wrong = [day for day in value if day not in WEEKDAYS]
    if wrong:
        raise PydanticCustomError("weekdays", "{day} is no weekday; use mon tue wed thu fri sat sun", {"day": repr(wrong[0])})
    return frozenset(WEEKDAYS.index(day) for day in value)


def _text(value: object) -> object:
    if isinstance(value, str):
        return value
    if isinstance(value, dict) and value and all(isinstance(k, str) and isinstance(v, str) for k, v in value.items()):
        return value
    raise PydanticCustomError("text", 'a text is a string, or an object like {"en": "…", "zh-CN": "…"}')


Duration = Annotated[timedelta, BeforeValidator(_duration), PlainSerializer(write_duration), Hint("duration")]
Offset = Annotated[timedelta, BeforeValidator(_offset), PlainSerializer(write_duration), Hint("offset")]
LocalTime = Annotated[time, BeforeValidator(_clock), PlainSerializer(lambda t: t.strftime("%H:%M")), Hint("time")]
RuleField = Annotated[Rule, BeforeValidator(_rule), PlainSerializer(rule_to_json), Hint("rule")]
Weekdays = Annotated[
    frozenset[int],
    BeforeValidator(_weekdays),
    PlainSerializer(lambda days: [WEEKDAYS[day] for day in sorted(days)]),
    Hint("weekdays"),
]
Name = Annotated[str, StringConstraints(min_length=1, max_length=200), Hint("name")]
PortKey = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]{1,64}$"), Hint("port")]
EventName = Annotated[str, StringConstraints(min_length=1, max_length=200), Hint("event")]
AttributeName = Annotated[str, StringConstraints(min_length=1, max_length=100), Hint("attribute")]
SegmentKey = Annotated[str, StringConstraints(min_length=1, max_length=64), Hint("segment")]
FlowKey = Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{1,64}$"), Hint("flow")]
TopicKey = Annotated[str, StringConstraints(min_length=1, max_length=64), Hint("topic")]
TemplateKey = Annotated[str, StringConstraints(min_length=1, max_length=64), Hint("template_key")]
Label = Annotated[Text, BeforeValidator(_text), Hint("label")]
TemplateText = Annotated[Text, BeforeValidator(_text), Hint("template")]
HtmlText = Annotated[Text, BeforeValidator(_text), Hint("html")]


@dataclass(frozen=True)
class Found:
    """A value of a settings model with its hint and its path below ``config``."""

    path: str
    hint: str
    value: Any


def fields_of(config: BaseModel) -> Iterator[Found]:
    """Walk all hinted values of a settings model, through nested models and lists."""
    for name, info in type(config).model_fields.items():
        value = getattr(config, name)
        if value is None:
            continue
        path = info.alias or name
        hint = next((item.kind for item in info.metadata if isinstance(item, Hint)), None) or _inner_hint(info.annotation)
        yield from _found(path, hint, value)


def _found(path: str, hint: str | None, value: Any) -> Iterator[Found]:
    if isinstance(value, BaseModel):
        for found in fields_of(value):
            yield Found(f"{path}.{found.path}", found.hint, found.value)
    elif isinstance(value, list | tuple) and hint != "weekdays":
        for place, item in enumerate(value):
            yield from _found(f"{path}[{place}]", hint, item)
    elif isinstance(value, dict) and hint not in ("template", "html", "label", "rule"):
        for name, item in value.items():
            yield from _found(f"{path}.{name}", hint, item)
    elif hint is not None:
        yield Found(path, hint, value)


def _inner_hint(annotation: Any) -> str | None:
    """Find the hint inside ``X | None``, ``list[X]`` or ``dict[str, X]``; the last one found wins for dicts."""
    for item in getattr(annotation, "__metadata__", ()):
        if isinstance(item, Hint):
            return item.kind
    found = [hint for argument in getattr(annotation, "__args__", ()) if (hint := _inner_hint(argument))]
    return found[-1] if found else None
