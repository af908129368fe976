"""The next instant at which time alone may change whether a rule holds.

A contact whose facts and events do not change need not be looked at again before that instant, so the cost of rules
over windows stays proportional to what happens (never a scan of all events at each tick).
"""

from typing import Any

import sqlalchemy as sa

from engine.rules.compare import crossings
from engine.rules.evaluate import AT_LEAST_ONE
from engine.rules.model import (
    All,
    Any_,
    Attr,
    Condition,
    EventCount,
    Followed,
    Happening,
    InSegment,
    NoEvent,
    Not,
    Op,
    Rule,
)
from engine.segments.compile import measure, of_account, value_source
from engine.segments.conditions import number
from engine.segments.happenings import EVENT, concerning, matching
from engine.segments.scope import RuleScope
from engine.segments.sources import InstantSource, JsonSource
from engine.store.expressions import later_than, least_of
from engine.terms import Micros

Instant = sa.ColumnElement[int]


def next_flip(rule: Rule, scope: RuleScope) -> Instant | None:
    """Write the earliest instant after ``scope.now`` at which time alone may change whether the rule holds.

    Shape: NULL for a contact for whom that is never; ``None`` for a rule without time. It may come too early, never
    too late.
    Errors: ``RuleError`` as ``compile_rule``.
    """
    measure(rule, scope.segments)
    found = _flips(rule, scope)
    return least_of(*found) if found else None


def _flips(rule: Rule, scope: RuleScope) -> list[Instant]:
    match rule:
        case All(rules) | Any_(rules):
            return [instant for part in rules for instant in _flips(part, scope)]
        case Not(part):
            return _flips(part, scope)
        case InSegment(key):
            return _flips(*scope.inside(key))
        case Attr(name, condition) if crossings(condition):
            return _crossings(name, condition, scope)
        case EventCount(event, count, within):
            return _expiry(event, count or AT_LEAST_ONE, within, scope) + _inner(event, scope)
        case NoEvent(event, within):
            return [_silence(event, within, scope), *_inner(event, scope)]
        case Followed():
            return _deadline(rule, scope) + _inner(rule.first, scope) + _inner(rule.then, scope)
        case _:
            return []


def _crossings(name: str, condition: Condition, scope: RuleScope) -> list[Instant]:
    sources, account = value_source(name, scope)
    moment = sources[-1].micros
    for source in sources[-2::-1]:
        assert not isinstance(source, InstantSource)
        moment = sa.case((source.exists, source.micros), else_=moment)
    if account is not None:
        chosen = sa.select(moment).select_from(account).where(of_account(account, scope))
        moment = chosen.correlate_except(account).scalar_subquery()
    return [later_than(moment + number(step), scope.now) for step in crossings(condition)]


def _aggregate(each: sa.FromClause, value: Any, *conditions: sa.ColumnElement[bool]) -> Instant:
    return sa.select(value).select_from(each).where(*conditions).correlate_except(each).scalar_subquery()


def _expiry(event: Happening, count: Condition, within: Micros | None, scope: RuleScope) -> list[Instant]:
    """Tell when events of a window leave it: the last one, if only that it holds any matters, else the first."""
    if within is None:
        return []
    each = EVENT.alias()
    only_any = (count.op, count.value) in ((Op.GTE, 1), (Op.GT, 0), (Op.IS_NOT, 0), (Op.IS, 0), (Op.LTE, 0), (Op.LT, 1))
    edge = sa.func.max(each.c.at) if only_any and not _is_timed(event) else sa.func.min(each.c.at)
    return [_aggregate(each, edge + number(within), *matching(each, _untimed(event), within, scope))]


def _silence(event: Happening, within: Micros, scope: RuleScope) -> Instant:
    """Tell when a silence will have lasted long enough: counted from the last event, at least from the creation."""
    each = EVENT.alias()
    chosen = matching(each, _untimed(event), within, scope)
    created = scope.contact.c.created_at
    if _is_timed(event):
        first = _aggregate(each, sa.func.min(each.c.at), *chosen)
        return least_of(first + number(within), later_than(created + number(within), scope.now))
    # Of events from before the creation the window counts from the creation.
    since = sa.func.max(sa.case((each.c.at > created, each.c.at), else_=created))
    last = sa.func.coalesce(_aggregate(each, since, *chosen), created, type_=sa.BigInteger)
    return later_than(last + number(within), scope.now)


def _deadline(rule: Followed, scope: RuleScope) -> list[Instant]:
    """Tell when the time to follow is over; only what has not happened by then changes with it."""
    if not rule.negated:
        return []
    each = EVENT.alias()
    chosen = matching(each, _untimed(rule.first), None, scope)
    if not _is_timed(rule.first):
        end = _aggregate(each, sa.func.max(each.c.at), *chosen) + number(rule.within)
        return [later_than(end, scope.now)]
    chosen.append(each.c.at > scope.now - number(rule.within))
    return [_aggregate(each, sa.func.min(each.c.at) + number(rule.within), *chosen)]


def _inner(event: Happening, scope: RuleScope) -> list[Instant]:
    """Tell when conditions on dates in the properties of events change."""
    found = []
    for name, condition in event.where:
        for step in crossings(condition):
            each = EVENT.alias()
            instant = later_than(JsonSource(each.c.properties, name).micros + number(step), scope.now)
            found.append(_aggregate(each, sa.func.min(instant), *concerning(each, event, scope)))
    return found


def _is_timed(event: Happening) -> bool:
    return any(crossings(condition) for _, condition in event.where)


def _untimed(event: Happening) -> Happening:
    """Leave out the conditions that change with time, so that no event is passed over that will fit later."""
    return Happening(event.name, tuple(pair for pair in event.where if not crossings(pair[1])))
