"""Settings models' refusals in the words of an editor, with the path in the document and the nearest known key."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from engine.contract.fields import PATTERNS
from engine.contract.findings import Finding
from engine.graph.text import error, join
from engine.rules.faults import nearest

_WORDS: Final[Mapping[str, str]] = {
    "string_type": "is no text",
    "int_type": "is no whole number",
    "int_from_float": "is no whole number",
    "float_type": "is no number",
    "finite_number": "is no number",
    "bool_type": "is neither true nor false",
    "tuple_type": "is no list",
    "list_type": "is no list",
    "dict_type": "is no object",
    "model_type": "is no object",
    "model_attributes_type": "is no object",
}
_LIMITS: Final[Mapping[str, Callable[[Mapping[str, Any]], str]]] = {
    "greater_than": lambda facts: f"must be more than {facts['gt']:g}",
    "greater_than_equal": lambda facts: f"must be at least {facts['ge']:g}",
    "less_than": lambda facts: f"must be less than {facts['lt']:g}",
    "less_than_equal": lambda facts: f"must be at most {facts['le']:g}",
    "too_short": lambda facts: "is empty" if facts["min_length"] == 1 else f"needs at least {facts['min_length']}",
    "too_long": lambda facts: f"has more than {facts['max_length']}",
    "string_too_short": lambda _: "is empty",
    "string_too_long": lambda facts: f"is longer than {facts['max_length']} characters",
    "literal_error": lambda facts: f"must be {facts['expected']}",
    "string_pattern_mismatch": lambda facts: PATTERNS.get(facts["pattern"], f"must match {facts['pattern']}"),
}

Model = TypeVar("Model", bound=BaseModel)


def findings_of(fault: ValidationError, model: type[BaseModel], path: str, node: str | None = None) -> list[Finding]:
    """Tell every fault that a settings model found, below a path.

    Shape: a key that is missing is not told when an unknown one is probably meant for it.
    """
    details = fault.errors(include_url=False)
    unknown = [
        _unknown_key(model, detail["loc"], path, node) for detail in details if detail["type"] == "extra_forbidden"
    ]
    meant = {finding.facts["meant"] for finding in unknown if finding.facts.get("meant")}
    found = list(unknown)
    for detail in details:
        place = _place(path, detail["loc"])
        if detail["type"] == "missing":
            if place not in meant:
                found.append(error("settings.missing", place, "is missing", _purpose(model, detail["loc"]), node))
        elif detail["type"] != "extra_forbidden" and not _follows(detail, details):
            found.extend(_told(detail, place, node))
    return found


def _follows(detail: ErrorDetails, details: Iterable[ErrorDetails]) -> bool:
    """Tell whether a list only seems too short because its members were refused."""
    size, loc = len(detail["loc"]), detail["loc"]
    return detail["type"] == "too_short" and any(
        len(other["loc"]) > size and other["loc"][:size] == loc for other in details
    )


def _told(detail: ErrorDetails, place: str, node: str | None) -> Iterable[Finding]:
    facts = detail.get("ctx", {})
    if "faults" in facts:
        for each in facts["faults"]:
            yield error("settings.value", join(place, each["path"]), each["message"], each["mend"], node)
        return
    words = facts.get("reason") or _WORDS.get(detail["type"])
    if words is None and detail["type"] in _LIMITS:
        words = _LIMITS[detail["type"]](facts)
    yield error("settings.value", place, words or detail["msg"], "", node)


def _unknown_key(model: type[BaseModel], loc: tuple[int | str, ...], path: str, node: str | None) -> Finding:
    known = keys_of(_model_at(model, loc[:-1]))
    return unknown_key(_place(path, loc[:-1]), str(loc[-1]), known, node)


def unknown_key(path: str, key: str, known: Iterable[str], node: str | None = None) -> Finding:
    """Tell a key that does not belong there, with the nearest one that does."""
    names = list(known)
    near = nearest(key, names)
    if near is not None:
        mend, meant = f"did you mean {near}?", join(path, near)
    else:
        mend, meant = (f"known here: {', '.join(names)}" if names else "nothing may stand here"), None
    return error("document.unknown_key", join(path, key), "unknown key", mend, node, key=key, meant=meant)


def missing_keys(
    model: type[BaseModel], raw: Mapping[str, Any], keys: Iterable[str], path: str, node: str | None = None
) -> list[Finding]:
    """Tell keys that must be there and are not, unless an unknown one is probably meant for one of them."""
    known = keys_of(model)
    meant = {nearest(key, known) for key in raw if key not in known}
    return [
        error("document.missing", join(path, key), "is missing", _purpose(model, (key,)), node)
        for key in keys
        if key not in raw and key not in meant
    ]


def keys_of(model: type[BaseModel] | None) -> list[str]:
    """List the keys of a settings model as documents write them."""
    return [] if model is None else [info.alias or name for name, info in model.model_fields.items()]


def _purpose(model: type[BaseModel], loc: tuple[int | str, ...]) -> str:
    owner = _model_at(model, loc[:-1])
    info = None if owner is None else _field(owner, loc[-1])
    return f"add it: {info.description}" if info is not None and info.description else ""


def _model_at(model: type[BaseModel] | None, loc: tuple[int | str, ...]) -> type[BaseModel] | None:
    """Find the model that a place within another is of."""
    for step in loc:
        if model is None or isinstance(step, int):
            continue
        info = _field(model, step)
        model = None if info is None else inner_model(info.annotation)
    return model


def _field(model: type[BaseModel], key: int | str) -> FieldInfo | None:
    return next((info for name, info in model.model_fields.items() if key == (info.alias or name)), None)


def inner_model(annotation: Any) -> type[BaseModel] | None:
    """Find the settings model inside ``X | None`` or ``tuple[X, ...]``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    inner = (inner_model(argument) for argument in getattr(annotation, "__args__", ()))
    return next((model for model in inner if model is not None), None)


def _place(path: str, loc: tuple[int | str, ...]) -> str:
    for step in loc:
        if step != "[key]":  # what pydantic adds when a key itself is refused
            path = join(path, step)
    return path


def read_model(model: type[Model], raw: Any, path: str, node: str | None = None) -> tuple[Model | None, list[Finding]]:
    """Read settings; unknown keys are told and then left out, so that the rest can still be looked at.

    Shape: ``None`` when they cannot be read even so.
    """
    try:
        return model.model_validate(raw), []
    except ValidationError as fault:
        found = findings_of(fault, model, path, node)
        extra = [detail["loc"] for detail in fault.errors() if detail["type"] == "extra_forbidden"]
    try:
        return (model.model_validate(_without(raw, extra)) if extra else None), found
    except ValidationError:
        return None, found


def salvage(model: type[Model], raw: Any, path: str, node: str | None = None) -> tuple[Model, list[Finding]]:
    """Read settings of which every one has a default; those that are faulty are told and left out."""
    try:
        return model.model_validate(raw), []
    except ValidationError as fault:
        found = findings_of(fault, model, path, node)
        bad = {detail["loc"][0] for detail in fault.errors() if detail["loc"]}
    kept = {key: value for key, value in raw.items() if key not in bad} if isinstance(raw, dict) else {}
    try:
        return model.model_validate(kept), found
    except ValidationError:
        return model(), found


def _without(raw: Any, places: Iterable[tuple[int | str, ...]]) -> Any:
    """Copy a value without some of its members."""
    gone = set(places)

    def copy(value: Any, loc: tuple[int | str, ...]) -> Any:
        if isinstance(value, dict):
            return {key: copy(inner, (*loc, key)) for key, inner in value.items() if (*loc, key) not in gone}
        if isinstance(value, list):
            return [copy(inner, (*loc, place)) for place, inner in enumerate(value)]
        return value

    return copy(raw, ())
