"""Read a raw rule, naming every fault at once, and write a rule back as JSON."""

from collections.abc import Callable
from typing import Final

from engine.errors import RuleError
from engine.rules.conditions import (
    condition_json,
    read_condition,
    read_count,
    read_length,
    read_where,
    where_json,
    write_length,
)
from engine.rules.faults import Fault, Report, below, nearest
from engine.rules.model import (
    All,
    Any_,
    Attr,
    Condition,
    Did,
    EventCount,
    Followed,
    Happening,
    HasConsent,
    HasTag,
    InSegment,
    InStage,
    MessageDid,
    NoEvent,
    Not,
    Rule,
)
from engine.terms import Json

DEEPEST: Final = 64
LARGEST_RULE: Final = 5_000
_KEYS: Final = {
    "all": ("all",),
    "any": ("any",),
    "not": ("not",),
    "attr": ("attr", "op", "value"),
    "tag": ("tag",),
    "stage": ("stage",),
    "segment": ("segment",),
    "event": ("event", "where", "count", "within", "followed_by", "not_followed_by"),
    "no_event": ("no_event", "where", "within"),
    "message": ("message", "did"),
    "consent": ("consent",),
}
"""The keys of each form, the one that tells it first."""

_WORDS: Final = {word for keys in _KEYS.values() for word in keys}


def parse_rule(raw: object, path: str = "") -> Rule:
    """Read a rule.

    Errors: ``RuleError`` with all faults in its message and in ``facts["faults"]``.
    """
    rule, faults = read_rule(raw, path)
    if rule is None:
        raise RuleError("; ".join(map(str, faults)), faults=faults)
    return rule


def read_rule(raw: object, path: str = "") -> tuple[Rule | None, list[Fault]]:
    """Read a rule and list all faults with their paths.

    Shape: either a rule and no faults, or ``None`` and at least one.
    """
    report = Report()
    reader = _Reader(report)
    rule = reader.rule(raw, path, 1)
    return (None if report.faults else rule), report.faults


def read_conditions(raw: object, path: str = "") -> tuple[dict[str, Condition] | None, list[Fault]]:
    """Read a ``where`` by itself, such as a trigger's, and list all faults with their paths."""
    report = Report()
    where = read_where(raw, path, report)
    return (None if report.faults else dict(where)), report.faults


def to_json(rule: Rule) -> dict[str, Json]:
    """Write a rule as the format has it; reading it gives the same rule."""
    match rule:
        case All(rules):
            return {"all": [to_json(part) for part in rules]}
        case Any_(rules):
            return {"any": [to_json(part) for part in rules]}
        case Not(part):
            return {"not": to_json(part)}
        case EventCount() | NoEvent() | Followed():
            return _event_json(rule)
        case _:
            return _leaf_json(rule)


def _leaf_json(rule: Attr | HasTag | InStage | InSegment | MessageDid | HasConsent) -> dict[str, Json]:
    match rule:
        case Attr(name, condition):
            return {"attr": name, **condition_json(condition)}
        case HasTag(tag):
            return {"tag": tag}
        case InStage(stage):
            return {"stage": stage}
        case InSegment(key):
            return {"segment": key}
        case MessageDid(node, did):
            return {"message": node, "did": did.value}
        case HasConsent(topic):
            return {"consent": topic}


def _event_json(rule: EventCount | NoEvent | Followed) -> dict[str, Json]:
    match rule:
        case EventCount(event, count, within):
            raw = _happening_json("event", event)
            if count is not None:
                raw["count"] = condition_json(count)
            return raw if within is None else {**raw, "within": write_length(within)}
        case NoEvent(event, within):
            return {**_happening_json("no_event", event), "within": write_length(within)}
        case Followed(first, then, within, negated):
            form = "not_followed_by" if negated else "followed_by"
            follower: Json = {**_happening_json("event", then)}
            return {**_happening_json("event", first), form: follower, "within": write_length(within)}


def _happening_json(form: str, event: Happening) -> dict[str, Json]:
    return {form: event.name, **({"where": where_json(event.where)} if event.where else {})}


class _Reader:
    """Walks through one raw rule; gives ``None`` for each part that is faulty."""

    def __init__(self, report: Report) -> None:
        self.report = report
        self.count = 0

    def rule(self, raw: object, path: str, depth: int) -> Rule | None:
        self.count += 1
        if depth > DEEPEST:
            self.report.add(path, f"the rule is nested deeper than {DEEPEST} levels")
            return None
        if self.count > LARGEST_RULE:
            if self.count == LARGEST_RULE + 1:
                self.report.add(path, f"the rule has more than {LARGEST_RULE} parts")
            return None
        if not isinstance(raw, dict):
            self.report.add(path, 'a rule is an object like {"tag": "customer"}')
            return None
        form = self._form(raw, path)
        if form is None:
            return None
        self.report.unknown_keys(raw, path, _KEYS[form])
        if form in ("all", "any"):
            return self._several(form, raw[form], below(path, form), depth)
        if form == "not":
            inner = self.rule(raw[form], below(path, form), depth + 1)
            return None if inner is None else Not(inner)
        return _LEAVES[form](self, raw, path)

    def _form(self, raw: dict[str, object], path: str) -> str | None:
        found = [form for form in _KEYS if form in raw]
        if len(found) == 1:
            return found[0]
        if found:
            self.report.add(
                path,
                f'{" and ".join(found)} are different forms; join them with {{"all": [...]}} or {{"any": [...]}}',
            )
            return None
        for key in raw:
            if key not in _WORDS:
                self.report.add(below(path, key), "unknown key", nearest(key, _KEYS))
        if not raw or all(key in _WORDS for key in raw):
            self.report.add(path, f"the form of the rule is missing; use one of {', '.join(_KEYS)}")
        return None

    def _several(self, form: str, raw: object, path: str, depth: int) -> Rule | None:
        if not isinstance(raw, list):
            self.report.add(path, f"{form} is a list of rules")
            return None
        parts = [self.rule(part, f"{path}[{place}]", depth + 1) for place, part in enumerate(raw)]
        rules = tuple(part for part in parts if part is not None)
        if len(rules) < len(parts):
            return None
        return All(rules) if form == "all" else Any_(rules)

    def attr(self, raw: dict[str, object], path: str) -> Rule | None:
        name = self.report.key(raw["attr"], below(path, "attr"), "an attribute's name")
        if name in ("account.", "score."):
            self.report.add(below(path, "attr"), f"an attribute's name is missing after {name!r}")
            name = None
        condition = read_condition(raw, path, self.report)
        return None if name is None or condition is None else Attr(name, condition)

    def named(
        self, form: str, what: str, make: Callable[[str], Rule], raw: dict[str, object], path: str
    ) -> Rule | None:
        name = self.report.name(raw[form], below(path, form), what)
        return None if name is None else make(name)

    def message(self, raw: dict[str, object], path: str) -> Rule | None:
        node = self.report.name(raw["message"], below(path, "message"), "a node's id")
        did, known = raw.get("did"), tuple(Did)
        if not isinstance(did, str) or did not in known:
            what = "did is missing" if "did" not in raw else f"{did!r} does not happen to messages"
            self.report.add(below(path, "did"), f"{what}; use one of {', '.join(known)}", nearest(did, known))
            return None
        return None if node is None else MessageDid(node, Did(did))

    def event(self, raw: dict[str, object], path: str) -> Rule | None:
        event = self._happening("event", raw, path)
        forms: list[str] = [form for form in ("followed_by", "not_followed_by") if form in raw]
        if forms:
            return self._followed(event, forms, raw, path)
        count = read_count(raw["count"], below(path, "count"), self.report) if "count" in raw else None
        within = read_length(raw["within"], below(path, "within"), self.report) if "within" in raw else None
        return None if event is None else EventCount(event, count, within)

    def _followed(
        self, first: Happening | None, forms: list[str], raw: dict[str, object], path: str
    ) -> Followed | None:
        if len(forms) == 2:
            self.report.add(path, "followed_by and not_followed_by are different forms; use one of them")
        if "count" in raw:
            self.report.add(below(path, "count"), f"count does not go with {forms[0]}")
        within = self._needed_length(raw, path, forms[0])
        place = below(path, forms[0])
        inner = raw[forms[0]]
        if not isinstance(inner, dict) or "event" not in inner:
            self.report.add(place, f'{forms[0]} is an object like {{"event": "demo_booked"}}')
            return None
        self.report.unknown_keys(inner, place, ("event", "where"))
        then = self._happening("event", inner, place)
        if first is None or then is None or within is None:
            return None
        return Followed(first, then, within, negated=forms[0] == "not_followed_by")

    def no_event(self, raw: dict[str, object], path: str) -> Rule | None:
        event = self._happening("no_event", raw, path)
        within = self._needed_length(raw, path, "no_event")
        return None if event is None or within is None else NoEvent(event, within)

    def _happening(self, form: str, raw: dict[str, object], path: str) -> Happening | None:
        name = self.report.name(raw[form], below(path, form), "an event's name")
        where = read_where(raw["where"], below(path, "where"), self.report) if "where" in raw else ()
        return None if name is None else Happening(name, where)

    def _needed_length(self, raw: dict[str, object], path: str, form: str) -> int | None:
        place = below(path, "within")
        if "within" not in raw:
            self.report.add(place, f"{form} needs within")
            return None
        return read_length(raw["within"], place, self.report)


_LEAVES: Final[dict[str, Callable[[_Reader, dict[str, object], str], Rule | None]]] = {
    "attr": _Reader.attr,
    "tag": lambda reader, raw, path: reader.named("tag", "a tag", HasTag, raw, path),
    "stage": lambda reader, raw, path: reader.named("stage", "a stage", InStage, raw, path),
    "segment": lambda reader, raw, path: reader.named("segment", "a segment's key", InSegment, raw, path),
    "consent": lambda reader, raw, path: reader.named("consent", "a topic", HasConsent, raw, path),
    "event": _Reader.event,
    "no_event": _Reader.no_event,
    "message": _Reader.message,
}
