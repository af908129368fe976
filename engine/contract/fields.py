"""Field types of settings models. Each carries a ``Hint`` from which forms, checks and reference pages are made."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import time, timedelta
from functools import cache
from typing import Annotated, Any

from pydantic import (
    AllowInfNan,
    BaseModel,
    BeforeValidator,
    JsonValue,
    PlainSerializer,
    PlainValidator,
    Strict,
    StringConstraints,
    WithJsonSchema,
)
from pydantic import Field as Bounds
from pydantic.fields import FieldInfo
from pydantic_core import PydanticCustomError

from engine.civil import WEEKDAYS, Moment, format_local_time
from engine.contract import readers
from engine.contract.readers import FromAttribute, write_duration
from engine.rules.conditions import where_json
from engine.rules.faults import Fault
from engine.rules.model import Condition, Rule
from engine.rules.parse import read_conditions, read_rule
from engine.rules.parse import to_json as rule_to_json
from engine.terms import Text

DURATION_PATTERN = r"^(\d{1,9}[smhdw]|P(?=.)(\d+W)?(\d+D)?(T(?=\d)(\d+H)?(\d+M)?(\d+([.,]\d+)?S)?)?)$"
CLOCK_PATTERN = r"^([01]\d|2[0-3]):[0-5]\d$"
FLOW_PATTERN = r"^[a-z0-9-]{1,64}$"
NODE_PATTERN = r"^[a-z0-9_]{1,64}$"
PORT_PATTERN = r"^[^\s\x00-\x1f](.{0,62}[^\s])?$"
ATTRIBUTE_PATTERN = r'^[^"\\\x00-\x1f]{1,200}$'
PATTERNS: Mapping[str, str] = {
    FLOW_PATTERN: "is no key; use 1 to 64 of a-z, 0-9 and -",
    NODE_PATTERN: "is no id; use 1 to 64 of a-z, 0-9 and _",
    PORT_PATTERN: "is no name of a port; use 1 to 64 characters, without space around",
    ATTRIBUTE_PATTERN: "is no name of an attribute; leave out quotes and backslashes",
}
"""What to say when a text is not of a pattern."""


@dataclass(frozen=True)
class Hint:
    """What a field means to a form: ``duration``, ``time``, ``rule``, ``template``, ``event`` and so on."""

    kind: str


def _schema(**words: Any) -> WithJsonSchema:
    return WithJsonSchema(words)


def _rule(value: object) -> Rule:
    rule, faults = read_rule(value)
    if rule is None:
        raise _refused(faults)
    return rule


def _where(value: object) -> Mapping[str, Condition]:
    where, faults = read_conditions(value)
    if where is None:
        raise _refused(faults)
    return where


def _refused(faults: list[Fault]) -> PydanticCustomError:
    return readers.refuse(
        readers.Refused(fault.path, fault.message, f"did you mean {fault.suggestion}?" if fault.suggestion else "")
        for fault in faults
    )


TEXT_SCHEMA: dict[str, Any] = {
    "anyOf": [
        {"type": "string"},
        {"type": "object", "minProperties": 1, "additionalProperties": {"type": "string"}},
    ]
}

Duration = Annotated[
    timedelta,
    PlainValidator(readers.duration),
    PlainSerializer(write_duration),
    Hint("duration"),
    _schema(type="string", pattern=DURATION_PATTERN),
]
Offset = Annotated[
    timedelta,
    PlainValidator(readers.offset),
    PlainSerializer(write_duration),
    Hint("offset"),
    _schema(type="string", pattern="^-?" + DURATION_PATTERN.removeprefix("^")),
]
LocalTime = Annotated[
    time,
    PlainValidator(readers.clock),
    PlainSerializer(format_local_time),
    Hint("time"),
    _schema(type="string", pattern=CLOCK_PATTERN),
]
ScheduleTime = Annotated[
    str, PlainValidator(readers.schedule_time), Hint("schedule_time"), _schema(type="string", examples=["10:00"])
]
Cron = Annotated[str, PlainValidator(readers.cron), Hint("cron"), _schema(type="string", examples=["0 9 * * mon"])]
DateField = Annotated[
    Moment | FromAttribute,
    PlainValidator(readers.day_or_instant),
    PlainSerializer(readers.write_day),
    Hint("date"),
    _schema(
        anyOf=[
            {"type": "string"},
            {
                "type": "object",
                "properties": {"attribute": {"type": "string"}},
                "required": ["attribute"],
                "additionalProperties": False,
            },
        ]
    ),
]
Weekdays = Annotated[
    frozenset[int],
    PlainValidator(readers.weekdays),
    PlainSerializer(readers.write_weekdays),
    Hint("weekdays"),
    _schema(type="array", items={"enum": list(WEEKDAYS)}, minItems=1),
]
Calendar = Annotated[str, PlainValidator(readers.calendar), Hint("calendar"), _schema(type="string")]
RuleField = Annotated[
    Rule,
    PlainValidator(_rule),
    PlainSerializer(rule_to_json, return_type=dict),
    Hint("rule"),
    _schema(type="object", format="rule"),
]
Where = Annotated[
    Mapping[str, Condition],
    PlainValidator(_where),
    PlainSerializer(where_json, return_type=dict),
    Hint("where"),
    _schema(type="object", format="where"),
]

Switch = Annotated[bool, Strict(), Hint("switch")]
Number = Annotated[float, Strict(), AllowInfNan(False), Hint("number")]
Weight = Annotated[float, Strict(), AllowInfNan(False), Bounds(ge=0, le=1e9), Hint("weight")]
Share = Annotated[float, Strict(), AllowInfNan(False), Bounds(ge=0, le=1), Hint("share")]
Count = Annotated[int, Strict(), Bounds(ge=0, le=10**9), Hint("count")]
DayNumber = Annotated[int, Strict(), Bounds(ge=1, le=36_525), Hint("day")]
BusinessDays = Annotated[int, Strict(), Bounds(ge=0, le=10_000), Hint("business_days")]

Name = Annotated[str, StringConstraints(min_length=1, max_length=200), Hint("name")]
PortKey = Annotated[str, StringConstraints(pattern=PORT_PATTERN), Hint("port")]
EventName = Annotated[str, StringConstraints(min_length=1, max_length=200), Hint("event")]
AttributeName = Annotated[str, StringConstraints(pattern=ATTRIBUTE_PATTERN), Hint("attribute")]
TagName = Annotated[str, StringConstraints(min_length=1, max_length=100), Hint("tag")]
StageName = Annotated[str, StringConstraints(min_length=1, max_length=100), Hint("stage")]
SegmentKey = Annotated[str, StringConstraints(min_length=1, max_length=64), Hint("segment")]
FlowKey = Annotated[str, StringConstraints(pattern=FLOW_PATTERN), Hint("flow")]
NodeId = Annotated[str, StringConstraints(pattern=NODE_PATTERN), Hint("node")]
TopicKey = Annotated[str, StringConstraints(min_length=1, max_length=64), Hint("topic")]
TemplateKey = Annotated[str, StringConstraints(min_length=1, max_length=64), Hint("template_key")]

Label = Annotated[Text, BeforeValidator(readers.text), Hint("label"), WithJsonSchema(TEXT_SCHEMA)]
TemplateText = Annotated[Text, BeforeValidator(readers.text), Hint("template"), WithJsonSchema(TEXT_SCHEMA)]
HtmlText = Annotated[Text, BeforeValidator(readers.text), Hint("html"), WithJsonSchema(TEXT_SCHEMA)]
TemplateLine = Annotated[str, Hint("value")]
TemplateValue = Annotated[JsonValue, Hint("value")]
UrlText = Annotated[str, BeforeValidator(readers.url), Hint("template")]
SenderText = Annotated[str, StringConstraints(min_length=1, max_length=320), Hint("template")]

_WHOLE = frozenset({"template", "html", "label", "rule", "where", "weekdays"})


@dataclass(frozen=True)
class Found:
    """A value of a settings model with its hint and its path below ``config``.

    Shape: texts in free values are told as ``template``, for they are filled in like one.
    """

    path: str
    hint: str
    value: Any


def fields_of(config: BaseModel) -> Iterator[Found]:
    """Walk all hinted values of a settings model, through nested models, lists and mappings."""
    for name, key, hint in _hinted(type(config)):
        yield from _found(key, hint, getattr(config, name))


@cache
def _hinted(model: type[BaseModel]) -> tuple[tuple[str, str, str | None], ...]:
    """Name the fields of a model with their keys and hints, once for all."""
    return tuple((name, info.alias or name, hint_of(info)) for name, info in model.model_fields.items())


def hint_of(info: FieldInfo) -> str | None:
    """Give the hint of a field, or of what is in its list, mapping or choice."""
    own = next((item.kind for item in info.metadata if isinstance(item, Hint)), None)
    return own or _inner_hint(info.annotation)


def _found(path: str, hint: str | None, value: Any) -> Iterator[Found]:
    if value is None:
        return
    if isinstance(value, BaseModel):
        for found in fields_of(value):
            yield Found(f"{path}.{found.path}", found.hint, found.value)
    elif isinstance(value, list | tuple):
        for place, item in enumerate(value):
            yield from _found(f"{path}[{place}]", hint, item)
    elif isinstance(value, dict) and hint not in _WHOLE:
        for name, item in value.items():
            yield from _found(f"{path}.{name}", hint, item)
    elif hint == "value" and isinstance(value, str):
        yield Found(path, "template", value)
    elif hint is not None:
        yield Found(path, hint, value)


def _inner_hint(annotation: Any) -> str | None:
    """Find the hint inside ``X | None``, ``tuple[X, ...]`` or ``dict[str, X]``; the last one found wins for dicts."""
    for item in getattr(annotation, "__metadata__", ()):
        if isinstance(item, Hint):
            return item.kind
    found = [hint for argument in getattr(annotation, "__args__", ()) if (hint := _inner_hint(argument))]
    return found[-1] if found else None
