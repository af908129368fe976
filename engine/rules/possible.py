"""Whether one value can satisfy several conditions at once. "No" is certain; "yes" may be mistaken."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from engine.rules.compare import fold, kind_of, satisfies
from engine.rules.dates import date_micros
from engine.rules.model import DATE_OPS, NEGATIONS, At, Condition, Op, Scalar, Span
from engine.terms import Micros

ANY_KIND: Final = ("missing", "bool", "number", "text", "list", "object")

_ORDER: Final = (Op.GT, Op.GTE, Op.LT, Op.LTE)


@dataclass(frozen=True, slots=True)
class Demand:
    """A condition that a value has to satisfy, or not to.

    ``exact`` demands one very text instead, without regard to ``condition``; lifecycle stages are compared so.
    """

    condition: Condition
    wanted: bool = True
    exact: str | None = None


def possible(demands: Iterable[Demand], kinds: Sequence[str] = ANY_KIND) -> bool:
    """Tell whether a value of one of the kinds may satisfy all demands."""
    plain = [_positive(demand) for demand in demands]
    return any(_JUDGES[kind](plain) for kind in kinds)


def possible_counts(demands: Iterable[Demand]) -> tuple[int, int | None] | None:
    """Find the least and the greatest number of events that satisfy all demands.

    Shape: ``None`` if no number does; the greatest is ``None`` if there is no end.
    """
    plain = [_positive(demand) for demand in demands]
    edges = {int(number) for demand in plain for number in _numbers(demand.condition)}
    top = max(edges, default=0) + 1
    tried = sorted({0, top, *(edge + step for edge in edges for step in (-1, 0, 1))})
    fitting = [number for number in tried if number >= 0 and _met(plain, number)]
    if not fitting:
        return None
    return fitting[0], (None if fitting[-1] >= top else fitting[-1])


def word(value: Scalar) -> tuple[str, Scalar]:
    """Give what is the same for values that are equal: 1 and true differ, ``a`` and ``A`` do not."""
    return kind_of(value), fold(value) if isinstance(value, str) else value


def _positive(demand: Demand) -> Demand:
    opposite = NEGATIONS.get(demand.condition.op)
    if opposite is None:
        return demand
    return Demand(Condition(opposite, demand.condition.value), not demand.wanted)


def _met(demands: Iterable[Demand], value: Scalar | At) -> bool:
    return all(satisfies(demand.condition, value, 0) is demand.wanted for demand in demands)


def _missing(demands: list[Demand]) -> bool:
    return not any(demand.wanted for demand in demands)


def _object(demands: list[Demand]) -> bool:
    return all(demand.wanted is _only_exists(demand) for demand in demands)


def _only_exists(demand: Demand) -> bool:
    return demand.exact is None and demand.condition.op is Op.EXISTS


def _bool(demands: list[Demand]) -> bool:
    if any(demand.exact is not None and demand.wanted for demand in demands):
        return False
    others = [demand for demand in demands if demand.exact is None]
    return any(_met(others, value) for value in (True, False))


def _number(demands: list[Demand]) -> bool:
    if any(demand.exact is not None and demand.wanted for demand in demands):
        return False
    others = [demand for demand in demands if demand.exact is None]
    edges: list[int | float] = sorted({number for demand in others for number in _numbers(demand.condition)})
    # Between two edges all numbers are alike.
    middles = [(low + high) / 2 for low, high in pairwise(edges)]
    ends = [edges[0] - 1, edges[-1] + 1] if edges else [0]
    return any(_met(others, number) for number in (*edges, *middles, *ends))


def _numbers(condition: Condition) -> list[int | float]:
    values = condition.value if isinstance(condition.value, tuple) else (condition.value,)
    return [value for value in values if isinstance(value, int | float) and not isinstance(value, bool)]


def _list(demands: list[Demand]) -> bool:
    required: set[tuple[str, Scalar]] = set()
    forbidden: set[tuple[str, Scalar]] = set()
    some: list[set[tuple[str, Scalar]]] = []
    missing: list[set[tuple[str, Scalar]]] = []
    for demand in demands:
        op, values = demand.condition.op, demand.condition.value
        words = {word(value) for value in values} if isinstance(values, tuple) else set()
        if demand.exact is not None or op not in (Op.HAS_ANY, Op.HAS_ALL):
            if demand.wanted is not _only_exists(demand):
                return False
        elif op is Op.HAS_ALL:
            required |= words if demand.wanted else set()
            missing += [] if demand.wanted else [words]
        elif demand.wanted:
            some.append(words)
            required |= words if len(words) == 1 else set()
        else:
            forbidden |= words
    if required & forbidden:
        return False
    return all(words - forbidden for words in some) and all(words - required for words in missing)


def _instant(demands: list[Demand]) -> bool:
    timed, others = _part(demands)
    others = [demand for demand in others if not _only_exists(demand) or not demand.wanted]
    tried = [limit for demand in others for limit in _dates(demand.condition)]
    fits = [limit + step for limit in tried for step in (-1, 0, 1)] or [0]
    return any(_met(others, At(instant)) for instant in fits) and _in_time(timed)


def _dates(condition: Condition) -> list[Micros]:
    values = condition.value if isinstance(condition.value, tuple) else (condition.value,)
    read = [date_micros(value) for value in values if isinstance(value, str)]
    return [micros for micros in read if micros is not None]


def _part(demands: list[Demand]) -> tuple[list[Demand], list[Demand]]:
    timed = [demand for demand in demands if demand.condition.op in DATE_OPS]
    return timed, [demand for demand in demands if demand.condition.op not in DATE_OPS]


def _in_time(demands: list[Demand]) -> bool:
    """Tell whether a date can satisfy all demands: those counted from now, and apart from them those with an end."""
    plain = [each for demand in demands for each in _split(demand)]
    for kind in (Span, At):
        same = [demand for demand in plain if isinstance(demand.condition.value, kind)]
        edges = {edge for demand in same for edge in _edges(demand.condition)}
        tried = [edge + step for edge in edges for step in (-1, 0, 1)] or [0]
        if not any(_met(same, At(instant)) for instant in tried):
            return False
    return True


def _split(demand: Demand) -> list[Demand]:
    """Part a condition on both now and an instant into one on each; its denial says too little to be used."""
    match demand.condition:
        case Condition(Op.WITHIN_LAST, At() as limit):
            now, end = Demand(Condition(Op.AFTER, Span(0)), False), Demand(Condition(Op.BEFORE, limit), False)
        case Condition(Op.WITHIN_NEXT, At() as limit):
            now, end = Demand(Condition(Op.AFTER, Span(0))), Demand(Condition(Op.AFTER, limit), False)
        case _:
            return [demand]
    return [now, end] if demand.wanted else []


def _edges(condition: Condition) -> tuple[Micros, ...]:
    match condition.value:
        case At(micros):
            return (micros,)
        case Span(micros):
            return (-micros, 0, micros)
    return ()


def _text(demands: list[Demand]) -> bool:
    timed, others = _part(demands)
    if any(demand.exact is None and not _on_text(demand) for demand in others):
        return False
    exact = [demand.exact for demand in others if demand.exact is not None and demand.wanted]
    if exact:
        return all(_is_text(demand, exact[0]) for demand in demands)
    named = [demand for demand in others if demand.wanted and demand.condition.op in (Op.IS, Op.IN)]
    if named:
        values = named[0].condition.value
        tried = values if isinstance(values, tuple) else (values,)
        loose = [demand for demand in demands if demand.exact is None]
        return any(all(_is_text(demand, text) for demand in loose) for text in tried if isinstance(text, str))
    # A text that is no date denies every condition on dates.
    dated = any(demand.wanted for demand in timed)
    return _worded(others) and _ordered(others) and (not dated or _in_time(timed))


def _on_text(demand: Demand) -> bool:
    """Tell whether some text may meet one demand."""
    op = demand.condition.op
    if op is Op.EXISTS:
        return demand.wanted
    return not demand.wanted or (op not in (Op.HAS_ANY, Op.HAS_ALL) and bool(_texts(demand.condition)))


def _texts(condition: Condition) -> list[str]:
    values = condition.value if isinstance(condition.value, tuple) else (condition.value,)
    return [fold(value) for value in values if isinstance(value, str)]


def _is_text(demand: Demand, text: str) -> bool:
    """Tell whether a known text may meet a demand."""
    if demand.exact is not None:
        return (demand.exact == text) is demand.wanted
    if demand.condition.op in DATE_OPS and date_micros(text) is not None:
        by_now = isinstance(demand.condition.value, Span) or demand.condition.op in (Op.WITHIN_LAST, Op.WITHIN_NEXT)
        if by_now:
            return True
    return satisfies(demand.condition, text, 0) is demand.wanted


def _worded(demands: list[Demand]) -> bool:
    """Tell whether the beginnings, ends and pieces of a text go together."""
    heads = _pieces(demands, Op.STARTS_WITH)
    tails = _pieces(demands, Op.ENDS_WITH)
    pieces = [*heads, *tails, *_pieces(demands, Op.CONTAINS)]
    longest_head, longest_tail = max(heads, key=len, default=""), max(tails, key=len, default="")
    if not all(map(longest_head.startswith, heads)) or not all(map(longest_tail.endswith, tails)):
        return False
    if any(map(longest_head.startswith, _pieces(demands, Op.STARTS_WITH, wanted=False))):
        return False
    if any(map(longest_tail.endswith, _pieces(demands, Op.ENDS_WITH, wanted=False))):
        return False
    denied = _pieces(demands, Op.CONTAINS, wanted=False)
    return not any(piece in known for piece in denied for known in ["", *pieces])


def _pieces(demands: list[Demand], op: Op, *, wanted: bool = True) -> list[str]:
    return [
        text
        for demand in demands
        if demand.exact is None and demand.condition.op is op and demand.wanted is wanted
        for text in _texts(demand.condition)
    ]


def _ordered(demands: list[Demand]) -> bool:
    """Tell whether a text can lie between all bounds."""
    lows: list[tuple[str, bool]] = []
    highs: list[tuple[str, bool]] = []
    for demand in demands:
        op, texts = demand.condition.op, _texts(demand.condition)
        if op is Op.BETWEEN and demand.wanted and len(texts) == 2:
            lows.append((texts[0], True))
            highs.append((texts[1], True))
        elif op in _ORDER and texts:
            above = (op in (Op.GT, Op.GTE)) is demand.wanted
            closed = (op in (Op.GTE, Op.LTE)) is demand.wanted
            (lows if above else highs).append((texts[0], closed))
    return all(low < high or (low == high and a and b) for low, a in lows for high, b in highs)


_JUDGES: Final = {
    "missing": _missing,
    "bool": _bool,
    "number": _number,
    "text": _text,
    "list": _list,
    "object": _object,
    "instant": _instant,
}
