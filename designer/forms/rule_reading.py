"""Read a rule back from the builder's inputs. It may be wrong: the rule is given raw, for ``engine.rules`` to judge."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from designer.forms import conditions, leaves
from designer.forms.inputs import ABSENT, Absent, Inputs, Maybe, rearranged
from engine.terms import Json

Raw = dict[str, Json]

BLANK: Final[Raw] = {"attr": "", "op": "is"}
GROUPS: Final = {"all": ("all", False), "any": ("any", False), "none": ("any", True), "not_all": ("all", True)}
"""How a group combines its parts → its form, and whether it is turned round."""

FORMS: Final = ("attr", "tag", "stage", "segment", "event", "no_event", "message", "consent")
"""The forms of a single condition, in the order in which they are offered."""

DEEPEST: Final = 80
"""Names with more steps than this are not read: no rule that may be published is nested so deeply."""

_USUAL_LENGTH: Final = "7d"


def read(inputs: Inputs, name: str, kinds: Mapping[str, str]) -> Maybe:
    """Read a rule that stands by itself, such as a setting's; absent while there is none."""
    if inputs.pressed(name, "begin"):
        return {"all": [dict(BLANK)]}
    if inputs.pressed(name, "clear") or not inputs.has(f"{name}.form"):
        return ABSENT
    return _Reader(inputs, kinds).item(name)


def read_where(inputs: Inputs, name: str) -> Maybe:
    """Read conditions on an event's properties; absent when there is none."""
    return _Reader(inputs, {}).where(name) or ABSENT


@dataclass(frozen=True)
class _Reader:
    inputs: Inputs
    kinds: Mapping[str, str]

    def item(self, name: str) -> Raw:
        if name.count(".") > DEEPEST:
            return dict(BLANK)
        form = self.inputs.typed(f"{name}.form")
        if form in GROUPS:
            raw = self._group(name, *GROUPS[form])
        else:
            raw = _LEAVES.get(form, _Reader._json)(self, name)
            raw = {"not": raw} if self.inputs.typed(f"{name}.not") == "on" else raw
        return {"all": [raw, dict(BLANK)]} if self.inputs.pressed(name, "group") else raw

    def _group(self, name: str, form: str, negated: bool) -> Raw:
        members: list[Raw] = []
        for place in rearranged(list(range(self.inputs.count(name))), self.inputs, name):
            member = self.item(f"{name}.{place}")
            members += _parts(member) if self.inputs.pressed(f"{name}.{place}", "ungroup") else [member]
        if self.inputs.pressed(name, "add"):
            members.append(dict(BLANK))
        if self.inputs.pressed(name, "add_group"):
            members.append({"any": [dict(BLANK)]})
        was_bare = self.inputs.typed(f"{name}.bare") == "on"
        raw: Raw = members[0] if was_bare and form == "all" and len(members) == 1 else {form: list(members)}
        return {"not": raw} if negated else raw

    def attr(self, name: str) -> Raw:
        return {"attr": self.inputs.typed(f"{name}.attr").strip(), **conditions.read(self.inputs, name, self.kinds)}

    def named(self, name: str, form: str) -> Raw:
        return {form: self.inputs.typed(f"{name}.value").strip()}

    def message(self, name: str) -> Raw:
        return {
            "message": self.inputs.typed(f"{name}.node").strip(),
            "did": self.inputs.typed(f"{name}.did") or "opened",
        }

    def event(self, name: str) -> Raw:
        raw = self._happening(name, "event")
        within, then = leaves.duration(self.inputs, f"{name}.within"), self.inputs.typed(f"{name}.then")
        if then:
            raw[then] = self._happening(f"{name}.after", "event")
            within = _USUAL_LENGTH if isinstance(within, Absent) else within
        elif op := self.inputs.typed(f"{name}.count.op"):
            raw["count"] = self._count(f"{name}.count", op)
        return raw if isinstance(within, Absent) else {**raw, "within": within}

    def no_event(self, name: str) -> Raw:
        within = leaves.duration(self.inputs, f"{name}.within")
        return {
            **self._happening(name, "no_event"),
            "within": _USUAL_LENGTH if isinstance(within, Absent) else within,
        }

    def _happening(self, name: str, form: str) -> Raw:
        where = self.where(f"{name}.where")
        raw: Raw = {form: self.inputs.typed(f"{name}.event").strip()}
        return {**raw, "where": where} if where else raw

    def _count(self, name: str, op: str) -> Raw:
        low = leaves.number(self.inputs, f"{name}.value")
        if op != "between":
            return {"op": op, "value": 1 if isinstance(low, Absent) else low}
        high = leaves.number(self.inputs, f"{name}.high")
        low = 0 if isinstance(low, Absent) else low
        return {"op": op, "value": [low, low if isinstance(high, Absent) else high]}

    def where(self, name: str) -> Raw:
        found: Raw = {}
        for place in rearranged(list(range(self.inputs.count(name))), self.inputs, name):
            prop = self.inputs.typed(f"{name}.{place}.attr").strip()
            found[prop] = conditions.read(self.inputs, f"{name}.{place}", {})
        if self.inputs.pressed(name, "add"):
            found.setdefault("", {"op": "is"})
        return found

    def _json(self, name: str) -> Raw:
        value = leaves.as_json(self.inputs, f"{name}.json")
        return value if isinstance(value, dict) else {"unreadable": self.inputs.typed(f"{name}.json")}


def _parts(raw: Raw) -> list[Raw]:
    """Take the parts out of a group that is not turned round."""
    inner = raw.get("all", raw.get("any"))
    return [part for part in inner if isinstance(part, dict)] if isinstance(inner, list) else [raw]


def _named(form: str) -> Callable[[_Reader, str], Raw]:
    return lambda reader, name: reader.named(name, form)


_LEAVES: Final[Mapping[str, Callable[[_Reader, str], Raw]]] = {
    "attr": _Reader.attr,
    **{form: _named(form) for form in ("tag", "stage", "segment", "consent")},
    "event": _Reader.event,
    "no_event": _Reader.no_event,
    "message": _Reader.message,
}
