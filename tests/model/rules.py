"""The rules of the flow format for one contact at one instant, read off the page, form by form.

``holds`` is the meaning; ``flips`` lists the instants at which time alone may change it; ``named`` the
events that a rule speaks of.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from engine.terms import parse_duration
from tests.model.facts import RECEIPTS, SUBSCRIBED, UNSUBSCRIBED, Event, Json, Message, Person

ONE_TICK = timedelta(microseconds=1)

NEGATIVE = {
    "is_not": "is",
    "not_in": "in",
    "not_contains": "contains",
    "has_none": "has_any",
    "missing": "exists",
}


@dataclass
class View:
    """What a rule looks at: a contact, the instant, and the messages of the enrollment if there is one."""

    person: Person
    now: datetime
    segments: dict[str, Json] = field(default_factory=dict)
    messages: list[Message] = field(default_factory=list)


def holds(rule: Json, view: View) -> bool:
    """Tell whether a rule holds."""
    return next(test for form, test in FORMS.items() if form in rule)(rule, view)


def _attribute(rule: Json, view: View) -> bool:
    return compare(rule["op"], view.person.value(rule["attr"]), rule.get("value"), view.now)


def _segment(rule: Json, view: View) -> bool:
    inner = view.segments.get(rule["segment"])
    return inner is not None and holds(inner, View(view.person, view.now, view.segments))


def _event(rule: Json, view: View) -> bool:
    number = len(matching(rule, rule["event"], view))
    count = rule.get("count", {"op": "gte", "value": 1})
    return compare(count["op"], number, count["value"], view.now)


def _no_event(rule: Json, view: View) -> bool:
    known_for = view.now - view.person.created_at
    return not matching(rule, rule["no_event"], view) and known_for >= parse_duration(rule["within"])


def _followed_by(rule: Json, view: View) -> bool:
    first, second = _pair(rule["event"], rule, rule["followed_by"], view)
    return first is not None and second is not None


def _not_followed_by(rule: Json, view: View) -> bool:
    first, second = _pair(rule["event"], rule, rule["not_followed_by"], view)
    return first is not None and second is None and view.now >= first.at + parse_duration(rule["within"])


def _pair(name: str, rule: Json, then: Json, view: View) -> tuple[Event | None, Event | None]:
    """Find the latest first event, and the first second event after it in time."""
    events = view.person.events
    places = [i for i, event in enumerate(events) if event.name == name and _fits(event, rule, view)]
    if not places:
        return None, None
    first = events[places[-1]]
    end = first.at + parse_duration(rule["within"])
    later = (e for e in events[places[-1] + 1 :] if e.name == then["event"] and e.at <= end and _fits(e, then, view))
    return first, next(later, None)


def _message(rule: Json, view: View) -> bool:
    ours = [message for message in view.messages if message.node == rule["message"] and message.sent]
    return bool(ours) if rule["did"] == "sent" else any(rule["did"] in message.fared for message in ours)


FORMS: dict[str, Callable[[Json, View], bool]] = {
    "all": lambda rule, view: all(holds(inner, view) for inner in rule["all"]),
    "any": lambda rule, view: any(holds(inner, view) for inner in rule["any"]),
    "not": lambda rule, view: not holds(rule["not"], view),
    "attr": _attribute,
    "tag": lambda rule, view: rule["tag"] in view.person.tags,
    "stage": lambda rule, view: rule["stage"] == view.person.stage,
    "segment": _segment,
    "followed_by": _followed_by,
    "not_followed_by": _not_followed_by,
    "event": _event,
    "no_event": _no_event,
    "message": _message,
    "consent": lambda rule, view: view.person.may_receive(rule["consent"], None),
}


def matching(rule: Json, name: str, view: View) -> list[Event]:
    """List the events so far of a name that fit ``where`` and lie within."""
    since = view.now - parse_duration(rule["within"]) if "within" in rule else None
    recent = (e for e in view.person.events if since is None or e.at > since)
    return [event for event in recent if event.name == name and _fits(event, rule, view)]


def _fits(event: Event, rule: Json, view: View) -> bool:
    return fits_where(event, rule.get("where", {}), view.now)


def fits_where(event: Event, where: Json, now: datetime) -> bool:
    """Tell whether an event's properties fit every condition."""
    return all(compare(test["op"], event.properties.get(name), test.get("value"), now) for name, test in where.items())


def compare(op: str, have: Any, want: Any, now: datetime) -> bool:
    """Apply an operator to a value that may be missing."""
    if op in NEGATIVE:
        return not compare(NEGATIVE[op], have, want, now)
    return have is not None and OPERATORS[op](have, want, now)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def alike(have: Any, want: Any) -> tuple[Any, Any] | None:
    """Bring two values of one type into a comparable form: numbers, lower-cased texts, instants; nothing for others."""
    if isinstance(have, datetime) and moment(want) is not None:
        return have, moment(want)
    if isinstance(have, str) and isinstance(want, str):
        return have.lower(), want.lower()
    return (have, want) if _is_number(have) and _is_number(want) else None


def same(have: Any, want: Any) -> bool:
    """Tell whether two values are of one type and equal; text without regard to case."""
    if isinstance(have, bool) or isinstance(want, bool):
        return have is want
    pair = alike(have, want)
    return pair is not None and bool(pair[0] == pair[1])


def _text(test: Callable[[str, str], bool]) -> Callable[[Any, Any, datetime], bool]:
    def apply(have: Any, want: Any, _: datetime) -> bool:
        return isinstance(have, str) and isinstance(want, str) and test(have.lower(), want.lower())

    return apply


def _ordered(test: Callable[[Any, Any], bool]) -> Callable[[Any, Any, datetime], bool]:
    def apply(have: Any, want: Any, _: datetime) -> bool:
        pair = alike(have, want)
        return pair is not None and test(*pair)

    return apply


def _dated(test: Callable[[datetime, datetime], bool], sign: int) -> Callable[[Any, Any, datetime], bool]:
    """Compare with an instant; a duration means that long before (-1) or after (1) now."""

    def apply(have: Any, want: Any, now: datetime) -> bool:
        value, length = moment(have), _length(want)
        bound = moment(want) if length is None else now + sign * length
        return value is not None and bound is not None and test(value, bound)

    return apply


def _between_now(past: bool) -> Callable[[Any, Any, datetime], bool]:
    def apply(have: Any, want: Any, now: datetime) -> bool:
        value, length, fixed = moment(have), _length(want), moment(want)
        if value is None or (length is None and fixed is None):
            return False
        if past:
            return value <= now and (now - length < value if length is not None else bool(fixed and fixed <= value))
        return value > now and (value <= now + length if length is not None else bool(fixed and value <= fixed))

    return apply


def _lists(test: Callable[[list[Any], list[Any]], bool]) -> Callable[[Any, Any, datetime], bool]:
    return lambda have, want, _: isinstance(have, list) and isinstance(want, list) and test(have, want)


def _holds_one(members: list[Any], value: Any) -> bool:
    return any(same(member, value) for member in members)


OPERATORS: dict[str, Callable[[Any, Any, datetime], bool]] = {
    "is": lambda have, want, _: same(have, want),
    "in": lambda have, want, _: _holds_one(want, have),
    "contains": _text(lambda have, want: want in have),
    "starts_with": _text(lambda have, want: have.startswith(want)),
    "ends_with": _text(lambda have, want: have.endswith(want)),
    "gt": _ordered(lambda have, want: have > want),
    "gte": _ordered(lambda have, want: have >= want),
    "lt": _ordered(lambda have, want: have < want),
    "lte": _ordered(lambda have, want: have <= want),
    "between": lambda have, want, now: OPERATORS["gte"](have, want[0], now) and OPERATORS["lte"](have, want[1], now),
    "exists": lambda have, want, _: True,
    "before": _dated(lambda value, bound: value < bound, -1),
    "after": _dated(lambda value, bound: value > bound, 1),
    "within_last": _between_now(past=True),
    "within_next": _between_now(past=False),
    "has_any": _lists(lambda have, want: any(_holds_one(have, value) for value in want)),
    "has_all": _lists(lambda have, want: all(_holds_one(have, value) for value in want)),
}


def moment(value: Any) -> datetime | None:
    """Read a date (its first instant in UTC) or an instant; nothing for anything else."""
    if isinstance(value, datetime):
        return value
    if not isinstance(value, str):
        return None
    try:
        if len(value) == 10:
            return datetime.combine(date.fromisoformat(value), datetime.min.time(), UTC)
        read = datetime.fromisoformat(value)
    except ValueError:
        return None
    return read.astimezone(UTC) if read.tzinfo else None


def _length(value: Any) -> timedelta | None:
    try:
        return parse_duration(value) if isinstance(value, str) else None
    except ValueError:
        return None


def parts(rule: Json, segments: dict[str, Json]) -> Iterator[Json]:
    """Walk over the leaves of a rule, through segments."""
    inner = [*rule.get("all", []), *rule.get("any", []), *([rule["not"]] if "not" in rule else [])]
    if "segment" in rule and rule["segment"] in segments:
        inner.append(segments[rule["segment"]])
    if not inner:
        yield rule
    for part in inner:
        yield from parts(part, segments)


def named(rule: Json, segments: dict[str, Json]) -> set[str]:
    """List the names of the events that a rule speaks of."""
    names: set[str] = set()
    for part in parts(rule, segments):
        names |= {part[form] for form in ("event", "no_event") if form in part}
        names |= {part[form]["event"] for form in ("followed_by", "not_followed_by") if form in part}
        if "message" in part:
            names |= {name for name, what in RECEIPTS.items() if what == part["did"]}
        if "consent" in part:
            names |= {*UNSUBSCRIBED, *SUBSCRIBED}
    return names


def flips(rule: Json, view: View) -> list[datetime]:
    """List the instants after now at which time alone may change whether a rule holds."""
    edges: list[datetime] = []
    for part in parts(rule, view.segments):
        if "within" in part:
            length = parse_duration(part["within"])
            edges += [since + length for since in (view.person.created_at, *(e.at for e in view.person.events))]
        for have, want in _tested(part, view.person):
            edges += _date_edges(moment(have), want)
    return [edge for edge in edges if edge > view.now]


def _tested(part: Json, person: Person) -> Iterator[tuple[Any, Any]]:
    """Pair each value that a leaf looks at with what it is compared with."""
    if "attr" in part:
        yield person.value(part["attr"]), part.get("value")
    for form in (part, part.get("followed_by", {}), part.get("not_followed_by", {})):
        for name, test in form.get("where", {}).items():
            for event in person.events:
                yield event.properties.get(name), test.get("value")


def _date_edges(value: datetime | None, want: Any) -> list[datetime]:
    if value is None:
        return []
    length = _length(want) or timedelta(0)
    edges = [value - length, value, value + length, moment(want) or value]
    return edges + [edge + ONE_TICK for edge in edges]
