"""Draw a value by its shape: a tree of controls, each with its words, its inputs' names, and what is wrong with it."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from pydantic import BaseModel

from designer.forms.conditions import duration_parts
from designer.forms.inputs import ROOT
from designer.forms.rule_drawing import Condition, Drawing, Row
from designer.forms.shapes import Leaf, Many, Named, Record, Setting, Shape, settings_of
from designer.forms.sharing import shares
from engine.contract.findings import Finding
from engine.graph.text import join
from engine.terms import Json

LINES: Final = frozenset({"tag", "name", "stage", "topic", "event", "attribute", "day", "count", "number", "segment"})
"""Lists of these stand on one line, with commas."""

_FIRST: Final = re.compile(r"[.\[]")

NUMBERS: Final = frozenset({"number", "count", "day", "business_days", "share", "weight"})


@dataclass(frozen=True)
class Control:
    """One value and its inputs.

    Shape: ``widget`` is the template's name for it; ``name`` begins its inputs' names, ``path`` is its place inside of
    the settings; ``typed`` is the value as it stands in its main input, ``parts`` those of further inputs; ``label``
    names a member of a list, which has no title to be seen.
    """

    widget: str
    name: str
    path: str
    kind: str = ""
    title: str = ""
    label: str = ""
    help: str = ""
    required: bool = False
    typed: str = ""
    parts: Mapping[str, str] = field(default_factory=dict)
    choices: tuple[str, ...] = ()
    hint: str = ""
    is_set: bool = True
    row: Row | None = None
    where: tuple[Condition, ...] = ()
    members: tuple["Control", ...] = ()
    faults: tuple[Finding, ...] = ()

    @property
    def key(self) -> str:
        """The setting that it belongs to."""
        return _FIRST.split(self.path, maxsplit=1)[0]

    @property
    def id(self) -> str:
        """Its id on the page."""
        return f"{self.key}-{self.name}"

    def part(self, name: str) -> str:
        """Give the value of a further input; nothing when it has none."""
        return self.parts.get(name, "")

    def every(self) -> Iterator["Control"]:
        """Visit the control and all within it."""
        yield self
        for member in self.members:
            yield from member.every()


@dataclass(frozen=True)
class Form:
    """The controls of a settings model, each a form of its own, and what is wrong with no single one of them."""

    controls: tuple[Control, ...]
    unknown: tuple[str, ...]
    faults: tuple[Finding, ...]


def draw(
    model: type[BaseModel],
    raw: Mapping[str, Json],
    findings: Iterable[Finding] = (),
    *,
    path: str = "",
    kinds: Mapping[str, str] | None = None,
) -> Form:
    """Draw the settings of a model as they stand in a draft, which may be wrong.

    Shape: ``path`` is that of the settings in the document; findings below it are told beside their control.
    """
    drawing = _Drawing(Drawing(kinds or {}))
    settings = settings_of(model)
    told = [_within(finding, path) for finding in findings if _is_below(finding.path, path)]
    controls = tuple(_with_faults(drawing.setting(each, raw.get(each.key)), told) for each in _own_first(model))
    beside = {id(fault) for control in controls for each in control.every() for fault in each.faults}
    unknown = tuple(key for key in raw if key not in {each.key for each in settings})
    return Form(controls, unknown, tuple(fault for fault in told if id(fault) not in beside))


def draw_record(model: type[BaseModel], raw: Mapping[str, Json], name: str) -> tuple[Control, ...]:
    """Draw the settings of a model as one form whose inputs' names begin so; ``reading.read_record`` reads it."""
    drawing = _Drawing(Drawing())
    return tuple(drawing.setting(each, raw.get(each.key), f"{name}.{each.key}") for each in settings_of(model))


def _own_first(model: type[BaseModel]) -> list[Setting]:
    """List the settings of a model: what it shares with others, such as a message's topic, comes last."""
    own = {info.alias or name for name, info in model.model_fields.items() if name in model.__annotations__}
    return sorted(settings_of(model), key=lambda setting: setting.key not in own)


@dataclass(frozen=True)
class _Drawing:
    rules: Drawing

    def setting(self, setting: Setting, raw: Json, name: str = ROOT, path: str = "") -> Control:
        control = self.shape(setting.shape, raw, name, path or setting.key)
        hint = "" if setting.default in (None, [], {}) else _as_typed(setting.shape, setting.default)
        if isinstance(setting.shape, Leaf) and setting.shape.kind == "switch" and raw is None:
            control = replace(control, is_set=bool(setting.default))
        words = {"title": setting.title, "help": setting.help, "required": setting.required}
        return replace(control, hint=hint, **words)  # type: ignore[arg-type] # three texts and a truth

    def shape(self, shape: Shape, raw: Json, name: str, path: str) -> Control:
        match shape:
            case Leaf():
                return self._leaf(shape, raw, name, path)
            case Record(settings):
                return self._record(settings, raw, name, path)
            case Many(item):
                return self._many(item, raw, name, path)
            case Named():
                return self._named(shape, raw, name, path)

    def _leaf(self, leaf: Leaf, raw: Json, name: str, path: str) -> Control:
        control = Control(_WIDGETS.get(leaf.kind, "word"), name, path, leaf.kind, choices=leaf.choices)
        if leaf.kind == "rule":
            return replace(control, row=None if raw is None else self.rules.rule(raw, name), is_set=raw is not None)
        if leaf.kind == "where":
            return replace(control, where=self.rules.where(raw, name))
        typed, parts = typed_of(leaf, raw)
        return replace(control, typed=typed, parts=parts, is_set=raw is not None)

    def _record(self, settings: Sequence[Setting], raw: Json, name: str, path: str) -> Control:
        said = raw if isinstance(raw, dict) else {settings[0].key: raw} if raw is not None and settings else {}
        members = tuple(
            self.setting(each, said.get(each.key), f"{name}.{each.key}", join(path, each.key)) for each in settings
        )
        rest = {key: value for key, value in said.items() if key not in {each.key for each in settings}}
        kept = {"rest": json.dumps(rest, ensure_ascii=False)} if rest else {}
        return Control("record", name, path, parts=kept, members=members, is_set=raw is not None)

    def _many(self, item: Shape, raw: Json, name: str, path: str) -> Control:
        listed = raw if isinstance(raw, list) else [] if raw is None else [raw]
        if isinstance(item, Leaf) and item.kind in LINES:
            return Control("line", name, path, item.kind, typed=_line(listed), is_set=raw is not None)
        members = tuple(
            replace(self.shape(item, each, f"{name}.{place}", f"{path}[{place}]"), label=f"{place + 1}")
            for place, each in enumerate(listed)
        )
        return Control("many", name, path, members=members, is_set=raw is not None)

    def _named(self, shape: Named, raw: Json, name: str, path: str) -> Control:
        pairs = list(raw.items()) if isinstance(raw, dict) else []
        members = tuple(
            replace(self.shape(shape.value, value, f"{name}.{place}.v", join(path, key)), title=key, label=key or "-")
            for place, (key, value) in enumerate(pairs)
        )
        is_weights = isinstance(shape.value, Leaf) and shape.value.kind == "weight"
        if is_weights:
            amounts = shares([value for _, value in pairs])
            members = tuple(
                replace(each, typed=str(share), parts={"raw": json.dumps(raw)})
                for each, share, (_, raw) in zip(members, amounts, pairs, strict=True)
            )
        return Control("weights" if is_weights else "named", name, path, shape.key.kind, members=members)


def typed_of(leaf: Leaf, raw: Json) -> tuple[str, dict[str, str]]:
    """Write a value as it stands in its inputs: the main one, and others by name."""
    if raw is None:
        return "", {}
    match leaf.kind:
        case "duration" | "offset":
            return _duration(raw)
        case "share" if isinstance(raw, int | float) and not isinstance(raw, bool):
            return f"{raw * 100:.10g}", {}
        case "weekdays":
            return ",".join(str(day) for day in raw) if isinstance(raw, list) else _plain(raw), {}
        case "date" if isinstance(raw, dict):
            return "", {"attribute": str(raw.get("attribute") or ""), "mode": "attribute"}
        case "label" | "template" | "html" if isinstance(raw, dict):
            return "", {tag: _plain(words) for tag, words in raw.items()}
        case "choice" | "json":
            return json.dumps(raw, ensure_ascii=False), {}
        case "value":
            return _free(raw)
    return _plain(raw), {}


def _duration(raw: Json) -> tuple[str, dict[str, str]]:
    text = _plain(raw)
    number, unit = duration_parts(text.removeprefix("-"))
    return number, {"unit": unit, "sign": "-" if text.startswith("-") else ""}


def _free(raw: Json) -> tuple[str, dict[str, str]]:
    if isinstance(raw, bool):
        return "", {"type": "yes_no", "flag": "true" if raw else "false"}
    if isinstance(raw, int | float):
        return _plain(raw), {"type": "number"}
    return (raw, {"type": "text"}) if isinstance(raw, str) else (json.dumps(raw, ensure_ascii=False), {"type": "json"})


def _plain(raw: Json) -> str:
    return raw if isinstance(raw, str) else json.dumps(raw, ensure_ascii=False)


def _line(listed: Sequence[Json]) -> str:
    return ", ".join(_plain(each) for each in listed if each is not None)


def _as_typed(shape: Shape, default: Json) -> str:
    """Write a default for the eye, to stand greyed in an empty input."""
    if not isinstance(shape, Leaf) or shape.kind == "switch":
        return ""
    typed, parts = typed_of(shape, default)
    return f"{parts.get('sign', '')}{typed}{parts.get('unit', '')}"


def _is_below(path: str, place: str) -> bool:
    return path == place or path.startswith((f"{place}.", f"{place}[")) or not place


def _within(finding: Finding, path: str) -> Finding:
    """Tell a finding by its place inside of the settings."""
    return replace(finding, path=finding.path.removeprefix(path).removeprefix("."))


def _with_faults(control: Control, findings: Sequence[Finding]) -> Control:
    """Tell each finding at the innermost control that it is about."""
    mine = [finding for finding in findings if _is_below(finding.path, control.path)]
    if not mine:
        return control
    members = tuple(_with_faults(each, mine) for each in control.members)
    inner = {id(fault) for member in members for each in member.every() for fault in each.faults}
    return replace(control, members=members, faults=tuple(each for each in mine if id(each) not in inner))


_WIDGETS: Final[Mapping[str, str]] = {
    **dict.fromkeys(NUMBERS, "number"),
    **{kind: kind for kind in ("switch", "duration", "offset", "time", "weekdays", "date", "choice", "value", "json")},
    **{kind: kind for kind in ("rule", "where")},
    "line": "text",
    **dict.fromkeys(("label", "template", "html"), "wordings"),
}
