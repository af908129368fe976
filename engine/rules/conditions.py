"""Read and write conditions: an operator with its value."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Final

from engine.rules.dates import date_micros
from engine.rules.faults import Report, below, nearest
from engine.rules.model import At, Condition, Op, Scalar, Span, Value
from engine.terms import Json, Micros, format_instant, from_micros, length_micros, parse_duration, to_micros

COUNT_OPS: Final = (Op.IS, Op.IS_NOT, Op.GT, Op.GTE, Op.LT, Op.LTE, Op.BETWEEN)
LARGEST: Final = (1 << 63) - 1
_OTHER_WORDS: Final = {
    **dict.fromkeys(("eq", "equal", "equals", "=", "=="), Op.IS),
    **dict.fromkeys(("ne", "neq", "not_equal", "not_equals", "!=", "<>"), Op.IS_NOT),
    ">": Op.GT,
    ">=": Op.GTE,
    "<": Op.LT,
    "<=": Op.LTE,
    "not_exists": Op.MISSING,
    "empty": Op.MISSING,
}
"""What other programs call our operators."""

FIRST_INSTANT: Final = to_micros(datetime(1000, 1, 1, tzinfo=UTC))
LAST_INSTANT: Final = to_micros(datetime.max.replace(tzinfo=UTC))
_MOST_VALUES: Final = 10_000
_UNITS: Final = ((86_400_000_000, "d"), (3_600_000_000, "h"), (60_000_000, "m"), (1_000_000, "s"))


def read_condition(raw: Mapping[str, object], path: str, report: Report) -> Condition | None:
    """Read ``op`` and ``value`` of an object; other keys are the caller's."""
    op = _read_op(raw, path, report, tuple(Op))
    if op is None:
        return None
    place = below(path, "value")
    if op in (Op.EXISTS, Op.MISSING):
        # A value means nothing here; but false would seem to mean the opposite.
        if raw.get("value") is False:
            report.add(place, f"{op} takes no value", Op.MISSING if op is Op.EXISTS else Op.EXISTS)
        return Condition(op)
    if "value" not in raw:
        report.add(place, f"{op} needs a value")
        return None
    value = _READERS[op](raw["value"], place, report, op)
    return None if value is None else Condition(op, value)


def read_count(raw: object, path: str, report: Report) -> Condition | None:
    """Read the condition on a number of events."""
    if not isinstance(raw, dict):
        report.add(path, 'count is an object like {"op": "gte", "value": 3}')
        return None
    report.unknown_keys(raw, path, ("op", "value"))
    op = _read_op(raw, path, report, COUNT_OPS)
    place = below(path, "value")
    if "value" not in raw:
        report.add(place, "count needs a value")
        return None
    value = raw["value"]
    if op is not Op.BETWEEN:
        number = _whole(value, place, report)
        return None if op is None or number is None else Condition(op, number)
    if not isinstance(value, list) or len(value) != 2:
        report.add(place, "between needs its two ends, like [1, 3]")
        return None
    low, high = (_whole(end, f"{place}[{i}]", report) for i, end in enumerate(value))
    if low is None or high is None:
        return None
    if low > high:
        report.add(place, "the first end of between is beyond the second")
        return None
    return Condition(op, (low, high))


def read_where(raw: object, path: str, report: Report) -> tuple[tuple[str, Condition], ...]:
    """Read conditions on an event's properties; what is faulty is left out."""
    if not isinstance(raw, dict):
        report.add(path, 'where is an object like {"plan": {"op": "is", "value": "pro"}}')
        return ()
    found = []
    for name, inner in raw.items():
        place = below(path, name)
        key = report.key(name, place, "a property's name")
        if not isinstance(inner, dict):
            report.add(place, 'a condition is an object like {"op": "is", "value": …}')
            continue
        report.unknown_keys(inner, place, ("op", "value"))
        condition = read_condition(inner, place, report)
        if key is not None and condition is not None:
            found.append((key, condition))
    return tuple(found)


def condition_json(condition: Condition) -> dict[str, Json]:
    """Write a condition as ``op`` and ``value``."""
    if condition.value is None:
        return {"op": condition.op.value}
    return {"op": condition.op.value, "value": _value_json(condition.value)}


def where_json(where: Mapping[str, Condition] | tuple[tuple[str, Condition], ...]) -> dict[str, Json]:
    """Write conditions on properties."""
    return {name: condition_json(condition) for name, condition in dict(where).items()}


def read_length(raw: object, path: str, report: Report) -> Micros | None:
    """Read a duration that counts forwards."""
    if not isinstance(raw, str):
        report.add(path, 'a duration is a text like "3d" or "12h"')
        return None
    try:
        return length_micros(parse_duration(raw))
    except ValueError as error:
        report.add(path, str(error))
        return None


def write_length(micros: Micros) -> str:
    """Write a length of time in its largest whole unit."""
    for size, unit in _UNITS:
        if micros % size == 0 and (micros or unit == "s"):
            return f"{micros // size}{unit}"
    seconds, rest = divmod(micros, 1_000_000)
    return f"PT{seconds}.{rest:06d}S"


def _value_json(value: Value) -> Json:
    match value:
        case Span(micros):
            return write_length(micros)
        case At(micros):
            return format_instant(micros) if micros % 1_000_000 == 0 else from_micros(micros).isoformat()
        case tuple():
            return list(value)
    return value


def _read_op(raw: Mapping[str, object], path: str, report: Report, allowed: tuple[Op, ...]) -> Op | None:
    place = below(path, "op")
    if "op" not in raw:
        report.add(place, f"an operator is missing; use one of {', '.join(allowed)}")
        return None
    word = raw["op"]
    if isinstance(word, str) and word in allowed:
        return Op(word)
    meant = _OTHER_WORDS.get(word) if isinstance(word, str) else None
    report.add(place, f"{word!r} is no operator here; use one of {', '.join(allowed)}", meant or nearest(word, allowed))
    return None


def _whole(raw: object, path: str, report: Report) -> int | None:
    number = _number(raw)
    if number is None or isinstance(number, float) or not 0 <= number <= LARGEST:
        report.add(path, "a number of events is a whole number from 0 on")
        return None
    return number


def _number(raw: object) -> int | float | None:
    if isinstance(raw, bool) or not isinstance(raw, int | float):
        return None
    # 5.0 is 5, so that the same number is written in one way only.
    return int(raw) if isinstance(raw, float) and raw.is_integer() else raw


def _scalar(raw: object, path: str, report: Report, op: Op) -> Scalar | None:
    if isinstance(raw, str):
        return raw if report.storable(raw, path) else None
    if isinstance(raw, bool):
        return raw
    number = _number(raw)
    if number is None:
        report.add(path, _wrong_type(op, raw), _for_type(op, raw))
        return None
    if not -LARGEST <= number <= LARGEST:
        report.add(path, "the number is too large")
        return None
    return number


def _text(raw: object, path: str, report: Report, op: Op) -> str | None:
    if isinstance(raw, str):
        return raw if report.storable(raw, path) else None
    report.add(path, f"{op} compares with a text", _for_type(op, raw))
    return None


def _orderable(raw: object, path: str, report: Report, op: Op) -> Scalar | None:
    if isinstance(raw, bool):
        report.add(path, f"{op} compares with a number or a text")
        return None
    return _scalar(raw, path, report, op)


def _list(raw: object, path: str, report: Report, op: Op) -> tuple[Scalar, ...] | None:
    if not isinstance(raw, list):
        report.add(path, f"{op} compares with a list", _for_type(op, raw))
        return None
    if len(raw) > _MOST_VALUES:
        report.add(path, f"the list is longer than {_MOST_VALUES} values")
        return None
    found = [_scalar(value, f"{path}[{place}]", report, op) for place, value in enumerate(raw)]
    return tuple(value for value in found if value is not None) if None not in found else None


def _ends(raw: object, path: str, report: Report, op: Op) -> tuple[Scalar, ...] | None:
    if not isinstance(raw, list) or len(raw) != 2:
        report.add(path, "between needs its two ends, like [1, 10]")
        return None
    low, high = (_orderable(end, f"{path}[{place}]", report, op) for place, end in enumerate(raw))
    if low is None or high is None:
        return None
    if isinstance(low, str) is not isinstance(high, str):
        report.add(path, "the two ends of between are of different types")
        return None
    if low > high:  # type: ignore[operator]
        report.add(path, "the first end of between is beyond the second")
        return None
    return (low, high)


def _time(raw: object, path: str, report: Report, op: Op) -> Span | At | None:
    if not isinstance(raw, str):
        report.add(path, f'{op} compares with a duration like "30d", a date like "2026-03-01" or an instant')
        return None
    micros = date_micros(raw)
    if micros is not None and FIRST_INSTANT <= micros <= LAST_INSTANT:
        return At(micros)
    try:
        return Span(length_micros(parse_duration(raw)))
    except ValueError as error:
        report.add(path, f'{error}; or as a date like "2026-03-01", or as an instant with an offset')
        return None


def _wrong_type(op: Op, raw: object) -> str:
    if raw is None:
        return f"{op} compares with nothing here; to ask whether there is a value, use exists or missing"
    return f"{op} compares with a text, a number, true or false"


def _for_type(op: Op, raw: object) -> str | None:
    """Suggest the operator that takes such a value."""
    lists = {Op.IS: Op.IN, Op.IS_NOT: Op.NOT_IN, Op.CONTAINS: Op.HAS_ANY, Op.NOT_CONTAINS: Op.HAS_NONE}
    singles = {Op.IN: Op.IS, Op.NOT_IN: Op.IS_NOT}
    if raw is None:
        return {Op.IS: Op.MISSING, Op.IS_NOT: Op.EXISTS}.get(op)
    return (lists if isinstance(raw, list) else singles).get(op)


_Reader = Callable[[object, str, Report, Op], Value]
_READERS: Final[dict[Op, _Reader]] = {
    **dict.fromkeys((Op.IS, Op.IS_NOT), _scalar),
    **dict.fromkeys((Op.IN, Op.NOT_IN, Op.HAS_ANY, Op.HAS_ALL, Op.HAS_NONE), _list),
    **dict.fromkeys((Op.CONTAINS, Op.NOT_CONTAINS, Op.STARTS_WITH, Op.ENDS_WITH), _text),
    **dict.fromkeys((Op.GT, Op.GTE, Op.LT, Op.LTE), _orderable),
    Op.BETWEEN: _ends,
    **dict.fromkeys((Op.BEFORE, Op.AFTER, Op.WITHIN_LAST, Op.WITHIN_NEXT), _time),
}
