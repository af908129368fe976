"""Conditions as SQL: the same meaning as ``engine.rules.compare``, operator by operator."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from engine.rules.compare import fold
from engine.rules.dates import date_micros
from engine.rules.model import DATE_OPS, NEGATIONS, At, Condition, Op, Scalar, Span, Value
from engine.segments.scope import some_row
from engine.segments.sources import InstantSource, JsonSource, Source, TextSource, Truth, Typed, two_valued
from engine.store.expressions import lower_text, plain_lower_text, text_position, text_tail
from engine.terms import Micros

_DOT_ABOVE = "\N{COMBINING DOT ABOVE}"
_ORDERS = {Op.GT: "__gt__", Op.GTE: "__ge__", Op.LT: "__lt__", Op.LTE: "__le__"}


def compile_condition(condition: Condition, source: Source, now: sa.ColumnElement[int]) -> Truth:
    """Write a condition on a value as SQL that is never NULL."""
    opposite = NEGATIONS.get(condition.op)
    if opposite is not None:
        return sa.not_(compile_condition(Condition(opposite, condition.value), source, now))
    if condition.op in DATE_OPS:
        return two_valued(_in_time(condition.op, condition.value, source.micros, now))
    if isinstance(source, InstantSource):
        return _of_instant(condition, source.micros)
    if condition.op is Op.EXISTS:
        return source.exists
    if condition.op in (Op.HAS_ANY, Op.HAS_ALL):
        return _of_list(condition, source)
    return _of_value(condition.op, condition.value, source)


def number(value: Micros) -> sa.ColumnElement[int]:
    """Bind a 64-bit integer."""
    return sa.literal(value, sa.BigInteger)


def one_of(values: Sequence[Scalar], source: Typed) -> Truth:
    """Ask whether a value equals one of several by type and value."""
    texts = sorted({fold(value) for value in values if isinstance(value, str)})
    flags = {value for value in values if isinstance(value, bool)}
    numbers = [value for value in values if not isinstance(value, str | bool)]
    parts = []
    if texts and isinstance(source, JsonSource) and all(map(_is_plain, texts)):
        parts.append(source.is_word(texts))
    elif texts:
        parts.append(source.of_kind("text", _equal(_comparable(source.text, texts), [_bound(text) for text in texts])))
    if numbers:
        parts.append(source.of_kind("number", _equal(source.number, [_number(value) for value in numbers])))
    if flags:
        parts.append(source.of_kind("bool", source.flag.in_(sorted(flags)) if len(flags) > 1 else _flag(source, flags)))
    return sa.or_(sa.false(), *parts)


def _is_plain(word: str) -> bool:
    return word.isascii() and not word.startswith(("[", "{"))


def _equal(value: sa.ColumnElement[Any], wanted: list[sa.ColumnElement[Any]]) -> Truth:
    return value == wanted[0] if len(wanted) == 1 else value.in_(wanted)


def _flag(source: Typed, flags: set[bool]) -> Truth:
    return source.flag == sa.literal(next(iter(flags)), sa.Boolean)


def _of_value(op: Op, value: Value, source: JsonSource | TextSource) -> Truth:
    match op, value:
        case Op.IS, str() | bool() | int() | float():
            return one_of((value,), source)
        case Op.IN, tuple():
            return one_of(value, source)
        case Op.BETWEEN, (low, high):
            return sa.and_(_ordered(Op.GTE, low, source), _ordered(Op.LTE, high, source))
        case ((Op.GT | Op.GTE | Op.LT | Op.LTE), str() | int() | float()):
            return _ordered(op, value, source)
        case ((Op.CONTAINS | Op.STARTS_WITH | Op.ENDS_WITH), str()):
            return source.of_kind("text", _worded(op, fold(value), source.text))
    return sa.false()


def _ordered(op: Op, value: Scalar, source: Typed) -> Truth:
    if isinstance(value, bool):
        return sa.false()
    if isinstance(value, str):
        return source.of_kind("text", getattr(lower_text(source.text), _ORDERS[op])(_bound(fold(value))))
    return source.of_kind("number", getattr(source.number, _ORDERS[op])(_number(value)))


def _worded(op: Op, value: str, text: sa.ColumnElement[str]) -> Truth:
    if not value:
        return sa.true()
    given = _comparable(text, [value])
    length = sa.literal(len(value), sa.Integer)
    if op is Op.CONTAINS:
        return text_position(given, _bound(value)) > 0
    if op is Op.STARTS_WITH:
        return sa.func.substr(given, 1, length) == _bound(value)
    return text_tail(given, length) == _bound(value)


def _comparable(text: sa.ColumnElement[str], wanted: Sequence[str]) -> sa.ColumnElement[str]:
    """Lower-case a text as far as what is looked for in it needs."""
    if all(letter.lower() == letter.upper() and letter != _DOT_ABOVE for word in wanted for letter in word):
        return text
    return plain_lower_text(text, "".join(wanted)) if all(map(str.isascii, wanted)) else lower_text(text)


def _of_list(condition: Condition, source: JsonSource | TextSource) -> Truth:
    values = condition.value
    if not isinstance(values, tuple) or isinstance(source, TextSource):
        return sa.false()
    if condition.op is Op.HAS_ANY:
        return _has(values, source) if values else sa.false()
    # By folded text first, so that a word is looked for once; 1 and true are different words.
    single = {(type(value), fold(value) if isinstance(value, str) else value): value for value in values}
    return sa.and_(source.of_kind("list", sa.true()), *(_has((value,), source) for value in single.values()))


def _has(values: Sequence[Scalar], source: JsonSource) -> Truth:
    each, item = source.items()
    return some_row(each, one_of(values, item))


def _of_instant(condition: Condition, micros: sa.ColumnElement[int]) -> Truth:
    """Compare an instant with dates; what is no date never fits."""
    match condition:
        case Condition(Op.EXISTS):
            return sa.true()
        case Condition(Op.IS | Op.GT | Op.GTE | Op.LT | Op.LTE as op, str(text)):
            limit = date_micros(text)
            return sa.false() if limit is None else getattr(micros, _ORDERS.get(op, "__eq__"))(number(limit))
        case Condition(Op.IN, tuple(values)):
            read = [date_micros(value) for value in values if isinstance(value, str)]
            limits = [number(limit) for limit in read if limit is not None]
            return micros.in_(limits) if limits else sa.false()
        case Condition(Op.BETWEEN, (low, high)):
            ends = (Condition(Op.GTE, low), Condition(Op.LTE, high))
            return sa.and_(*(_of_instant(end, micros) for end in ends))
    return sa.false()


def _in_time(op: Op, value: Value, moment: sa.ColumnElement[int], now: sa.ColumnElement[int]) -> Truth:
    match op, value:
        case Op.BEFORE, Span(length):
            return moment < now - number(length)
        case Op.BEFORE, At(limit):
            return moment < number(limit)
        case Op.AFTER, Span(length):
            return moment > now + number(length)
        case Op.AFTER, At(limit):
            return moment > number(limit)
        # One comparison each, so that a text is read once.
        case Op.WITHIN_LAST, Span(length):
            return moment.between(now - number(length - 1), now)
        case Op.WITHIN_LAST, At(limit):
            return moment.between(number(limit), now)
        case Op.WITHIN_NEXT, Span(length):
            return moment.between(now + number(1), now + number(length))
        case Op.WITHIN_NEXT, At(limit):
            return moment.between(now + number(1), number(limit))
    return sa.false()


def _bound(text: str) -> sa.ColumnElement[str]:
    return sa.literal(text, sa.Text)


def _number(value: Scalar) -> sa.ColumnElement[Any]:
    """Bind a number; a fraction as its decimal text, which each database reads as it reads JSON."""
    if isinstance(value, float):
        return sa.cast(_bound(repr(value)), sa.Numeric)
    return number(int(value))
