"""What operators mean, value by value; ``engine.segments.conditions`` says the same in SQL.

A missing value, or one of another type, makes an operator false, save for those in ``NEGATIONS``, which it makes
true. Text compares without regard to case and is ordered by code point; numbers compare by value; ``true`` is not 1.
"""

from collections.abc import Mapping
from typing import Final

from engine.rules.dates import date_micros
from engine.rules.model import DATE_OPS, NEGATIONS, Actual, At, Condition, Op, Scalar, Span, Value
from engine.terms import Json, Micros

SIGMA: Final = "\N{GREEK SMALL LETTER SIGMA}"
LAST_SIGMA: Final = "\N{GREEK SMALL LETTER FINAL SIGMA}"
DOTTED_I: Final = "i\N{COMBINING DOT ABOVE}"


def fold(text: str) -> str:
    """Lower-case a text for comparison.

    ``str.lower`` writes the last sigma of a word and the dotted capital I in two ways where databases have one.
    """
    return text.lower().replace(LAST_SIGMA, SIGMA).replace(DOTTED_I, "i")


def kind_of(value: Actual) -> str:
    """Name the type of a value: ``missing``, ``bool``, ``number``, ``text``, ``list``, ``object`` or ``instant``."""
    match value:
        case None:
            return "missing"
        case bool():
            return "bool"
        case int() | float():
            return "number"
        case str():
            return "text"
        case At():
            return "instant"
        case list():
            return "list"
    return "object"


def same(actual: Actual, wanted: Scalar) -> bool:
    """Tell whether two values are of one type and equal."""
    if isinstance(actual, At):
        return isinstance(wanted, str) and date_micros(wanted) == actual.micros
    if isinstance(actual, str) and isinstance(wanted, str):
        return fold(actual) == fold(wanted)
    return kind_of(actual) == kind_of(wanted) and actual == wanted


def satisfies(condition: Condition, actual: Actual, now: Micros) -> bool:
    """Tell whether a value, ``None`` if missing, satisfies a condition at an instant."""
    opposite = NEGATIONS.get(condition.op)
    if opposite is not None:
        return not satisfies(Condition(opposite, condition.value), actual, now)
    if actual is None:
        return False
    if condition.op in DATE_OPS:
        moment = moment_of(actual)
        return moment is not None and _in_time(condition.op, condition.value, moment, now)
    return _satisfies(condition.op, condition.value, actual)


def fits(where: Mapping[str, Condition] | tuple[tuple[str, Condition], ...], properties: Json, now: Micros) -> bool:
    """Tell whether an event's properties satisfy every condition."""
    known = properties if isinstance(properties, dict) else {}
    return all(satisfies(condition, known.get(name), now) for name, condition in dict(where).items())


def moment_of(value: Actual) -> Micros | None:
    """Read a value as an instant; ``None`` if it is none."""
    if isinstance(value, At):
        return value.micros
    return date_micros(value) if isinstance(value, str) else None


def crossings(condition: Condition) -> tuple[Micros, ...]:
    """Tell how long after a date (before, if negative) the truth of a condition on it changes by time alone."""
    match condition:
        case Condition(Op.BEFORE, Span(length)):
            return (length + 1,)
        case Condition(Op.AFTER, Span(length)):
            return (-length,)
        case Condition(Op.WITHIN_LAST, Span(length)):
            return (0, length)
        case Condition(Op.WITHIN_NEXT, Span(length)):
            return (-length, 0)
        case Condition(Op.WITHIN_LAST | Op.WITHIN_NEXT, At()):
            return (0,)
    return ()


def _in_time(op: Op, value: Value, moment: Micros, now: Micros) -> bool:
    match op, value:
        case Op.BEFORE, Span(length):
            return moment < now - length
        case Op.BEFORE, At(limit):
            return moment < limit
        case Op.AFTER, Span(length):
            return moment > now + length
        case Op.AFTER, At(limit):
            return moment > limit
        case Op.WITHIN_LAST, Span(length):
            return now - length < moment <= now
        case Op.WITHIN_LAST, At(limit):
            return limit <= moment <= now
        case Op.WITHIN_NEXT, Span(length):
            return now < moment <= now + length
        case Op.WITHIN_NEXT, At(limit):
            return now < moment <= limit
    return False


def _satisfies(op: Op, value: Value, actual: Actual) -> bool:
    match op, value:
        case Op.EXISTS, _:
            return True
        case Op.IS, str() | bool() | int() | float():
            return same(actual, value)
        case Op.IN, tuple():
            return any(same(actual, wanted) for wanted in value)
        case Op.BETWEEN, (low, high):
            return _ordered(Op.GTE, low, actual) and _ordered(Op.LTE, high, actual)
        case ((Op.GT | Op.GTE | Op.LT | Op.LTE), str() | int() | float()):
            return _ordered(op, value, actual)
        case ((Op.CONTAINS | Op.STARTS_WITH | Op.ENDS_WITH), str()):
            return isinstance(actual, str) and _worded(op, fold(value), fold(actual))
        case ((Op.HAS_ANY | Op.HAS_ALL), tuple()) if isinstance(actual, list):
            found = [any(same(member, wanted) for member in actual) for wanted in value]
            return any(found) if op is Op.HAS_ANY else all(found)
    return False


def _ordered(op: Op, wanted: Scalar, actual: Actual) -> bool:
    if isinstance(actual, At):
        limit = date_micros(wanted) if isinstance(wanted, str) else None
        return limit is not None and _in_order(op, actual.micros, limit)
    if isinstance(actual, bool) or isinstance(wanted, bool):
        return False
    if isinstance(actual, str) and isinstance(wanted, str):
        return _in_order(op, fold(actual), fold(wanted))
    if isinstance(actual, int | float) and isinstance(wanted, int | float):
        return _in_order(op, actual, wanted)
    return False


def _in_order(op: Op, left: str | float, right: str | float) -> bool:
    order = (left > right) - (left < right)  # type: ignore[operator]
    return {Op.GT: order > 0, Op.GTE: order >= 0, Op.LT: order < 0, Op.LTE: order <= 0}[op]


def _worded(op: Op, wanted: str, actual: str) -> bool:
    if op is Op.CONTAINS:
        return wanted in actual
    return actual.startswith(wanted) if op is Op.STARTS_WITH else actual.endswith(wanted)
