"""Draw a raw rule as rows and groups for the builder, each with what is wrong with it. The rule may be faulty."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from designer.forms.conditions import Shown, duration_parts, shown
from designer.forms.rule_reading import DEEPEST, FORMS, GROUPS
from engine.rules.conditions import COUNT_OPS
from engine.rules.faults import Fault, below
from engine.rules.parse import read_conditions, read_rule
from engine.terms import Json

_GROUP_NAMES: Final = {value: key for key, value in GROUPS.items()}
_SUBJECTS: Final = {"attr": "attr", "event": "event", "no_event": "no_event", "message": "message"}
_KEYS: Final[Mapping[str, frozenset[str]]] = {
    "attr": frozenset({"attr", "op", "value"}),
    **{form: frozenset({form}) for form in ("tag", "stage", "segment", "consent")},
    "event": frozenset({"event", "where", "count", "within", "followed_by", "not_followed_by"}),
    "no_event": frozenset({"no_event", "where", "within"}),
    "message": frozenset({"message", "did"}),
}


@dataclass(frozen=True)
class Condition:
    """A condition on a property of an event."""

    name: str
    path: str
    attr: str
    condition: Shown
    faults: tuple[str, ...] = ()

    @property
    def is_blank(self) -> bool:
        """Whether its name or its value was not given yet."""
        return not self.attr or self.condition.is_blank


@dataclass(frozen=True)
class Happening:
    """An event's name and the conditions on its properties."""

    name: str
    event: str
    where: tuple[Condition, ...] = ()


@dataclass(frozen=True)
class Row:
    """A condition, or a group of rows (``form`` is then one of ``GROUPS``).

    Shape: ``name`` begins the names of its inputs; ``path`` is its place in the rule, as faults tell it.
    """

    name: str
    path: str
    form: str
    depth: int = 0
    is_bare: bool = False
    negated: bool = False
    rows: tuple["Row", ...] = ()
    subject: str = ""
    condition: Shown | None = None
    happening: Happening | None = None
    then: str = ""
    after: Happening | None = None
    count: tuple[str, str, str] = ("", "", "")
    within: tuple[str, str] = ("", "d")
    did: str = ""
    source: str = ""
    faults: tuple[str, ...] = ()

    @property
    def is_group(self) -> bool:
        """Whether it holds other rows."""
        return self.form in GROUPS

    @property
    def is_blank(self) -> bool:
        """Whether its subject or its value was not given yet."""
        is_open = self.condition is not None and self.condition.is_blank
        return not self.is_group and self.form != "json" and (is_open or not self.subject)

    def every(self) -> Iterable["Row"]:
        """Visit the row and all rows in it."""
        yield self
        for row in self.rows:
            yield from row.every()


@dataclass(frozen=True)
class Drawing:
    """What the rows are drawn with: the kinds of attributes by name."""

    kinds: Mapping[str, str] = field(default_factory=dict)

    def rule(self, raw: Json, name: str, faults: Sequence[Fault] | None = None) -> Row:
        """Draw a rule that stands by itself: always as a group, so that there is a place for a second condition."""
        row = self._row(raw, name, "", 0)
        if not row.is_group:
            inner = self._row(raw, f"{name}.0", "", 1)
            row = Row(name, "", "all", rows=(inner,), is_bare=True)
        told = read_rule(raw)[1] if faults is None else faults
        return _with_faults(row, told)

    def where(self, raw: Json, name: str) -> tuple[Condition, ...]:
        """Draw conditions on an event's properties."""
        drawn = self._where(raw, name, "")
        faults = read_conditions(raw)[1] if isinstance(raw, dict) else []
        return tuple(replace(each, faults=_below(each.path, faults)) for each in drawn)

    def _row(self, raw: Json, name: str, path: str, depth: int) -> Row:
        negated, place = False, path
        while isinstance(raw, dict) and raw.keys() == {"not"}:
            negated, raw, place = not negated, raw["not"], below(place, "not")
        for form in ("all", "any") if depth < DEEPEST else ():
            if isinstance(raw, dict) and raw.keys() == {form} and isinstance(raw[form], list):
                return self._group(raw[form], form, negated, name, place, depth)
        form = _form_of(raw)
        if form == "json" or not isinstance(raw, dict):
            return Row(name, place, "json", depth, negated=negated, source=json.dumps(raw, ensure_ascii=False))
        return self._leaf(raw, Row(name, place, form, depth, negated=negated))

    def _group(self, members: Json, form: str, negated: bool, name: str, path: str, depth: int) -> Row:
        assert isinstance(members, list)
        rows = tuple(
            self._row(member, f"{name}.{place}", f"{below(path, form)}[{place}]", depth + 1)
            for place, member in enumerate(members)
        )
        return Row(name, path, _GROUP_NAMES[form, negated], depth, rows=rows)

    def _leaf(self, raw: Mapping[str, Json], row: Row) -> Row:
        subject = str(raw.get(_SUBJECTS.get(row.form, row.form)) or "")
        row = replace(row, subject=subject)
        if row.form == "attr":
            return replace(row, condition=shown(raw, self.kinds.get(subject)))
        if row.form == "message":
            return replace(row, did=str(raw.get("did") or ""))
        return self._event(raw, row) if row.form in ("event", "no_event") else row

    def _event(self, raw: Mapping[str, Json], row: Row) -> Row:
        number, unit = duration_parts(raw.get("within"))
        then = next((form for form in ("followed_by", "not_followed_by") if form in raw), "")
        return replace(
            row,
            happening=self._happening(raw, row.form, row.name, row.path),
            within=(number, unit or ("d" if not number else "")),
            then=then,
            after=self._happening(raw[then], "event", f"{row.name}.after", below(row.path, then)) if then else None,
            count=_count(raw.get("count")),
        )

    def _happening(self, raw: object, form: str, name: str, path: str) -> Happening:
        said = raw if isinstance(raw, dict) else {}
        where = self._where(said.get("where"), f"{name}.where", below(path, "where"))
        return Happening(name, str(said.get(form) or ""), where)

    def _where(self, raw: Json, name: str, path: str) -> tuple[Condition, ...]:
        pairs = list(raw.items()) if isinstance(raw, dict) else []
        return tuple(
            Condition(f"{name}.{place}", below(path, prop), prop, shown(inner if isinstance(inner, dict) else {}, None))
            for place, (prop, inner) in enumerate(pairs)
        )


def _form_of(raw: Json) -> str:
    """Tell which form a raw condition has; ``json`` when it holds anything that a row could not show."""
    if not isinstance(raw, dict):
        return "json"
    for form in FORMS:
        if form in raw:
            return form if raw.keys() <= _KEYS[form] and _is_plain(raw, form) else "json"
    return "json"


def _is_plain(raw: Mapping[str, Json], form: str) -> bool:
    texts = (raw.get(form), raw.get("op"), raw.get("within"), raw.get("did"))
    objects = (raw.get("where"), raw.get("count"), raw.get("followed_by"), raw.get("not_followed_by"))
    conditions = raw.get("where") or {}
    return (
        all(text is None or isinstance(text, str) for text in texts)
        and all(each is None or isinstance(each, dict) for each in objects)
        and not ("followed_by" in raw and "not_followed_by" in raw)
        and isinstance(conditions, dict)
        and all(isinstance(inner, dict) and inner.keys() <= {"op", "value"} for inner in conditions.values())
    )


def _count(raw: Json) -> tuple[str, str, str]:
    """Part a condition on a number of events into its operator and its one or two numbers."""
    if not isinstance(raw, dict):
        return ("", "", "")
    op, value = str(raw.get("op") or COUNT_OPS[0].value), raw.get("value")
    low, high = (*value, None, None)[:2] if isinstance(value, list) else (value, None)
    return op, "" if low is None else str(low), "" if high is None else str(high)


def _below(path: str, faults: Iterable[Fault]) -> tuple[str, ...]:
    """Take what is wrong at a place or in it."""
    return tuple(
        fault.message
        for fault in faults
        if fault.path == path or fault.path.startswith((f"{path}.", f"{path}[")) or not path
    )


def _with_faults(row: Row, faults: Sequence[Fault]) -> Row:
    """Tell each fault at the innermost row that it is about."""
    mine = [fault for fault in faults if _is_in(fault.path, row.path)]
    rows = tuple(_with_faults(each, mine) for each in row.rows)
    own = [fault for fault in mine if not any(_is_in(fault.path, each.path) for each in row.rows)]
    return replace(row, rows=rows, faults=tuple(fault.message for fault in own))


def _is_in(path: str, place: str) -> bool:
    return not place or path == place or path.startswith((f"{place}.", f"{place}["))
