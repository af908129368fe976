"""Rules about events as SQL: look-ups by part, contact, name and instant, in the order of the index."""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from engine.rules.evaluate import AT_LEAST_ONE
from engine.rules.model import Condition, EventCount, Followed, Happening, NoEvent, Op
from engine.segments.conditions import compile_condition, number
from engine.segments.scope import RuleScope, some_row
from engine.segments.sources import JsonSource, Truth
from engine.store.tables import Event
from engine.terms import Micros

EVENT: sa.Table = Event.__table__  # type: ignore[attr-defined]


def compile_happening(rule: EventCount | NoEvent | Followed, scope: RuleScope) -> Truth:
    """Write a rule about events as SQL that is never NULL."""
    match rule:
        case EventCount(event, count, within):
            return _counted(event, count or AT_LEAST_ONE, within, scope)
        case NoEvent(event, within):
            known = scope.contact.c.created_at <= scope.now - number(within)
            return sa.and_(known, sa.not_(_happened(event, within, scope)))
        case Followed():
            return _followed(rule, scope)


def fitting(
    properties: sa.ColumnElement[Any],
    where: Mapping[str, Condition] | tuple[tuple[str, Condition], ...],
    now: sa.ColumnElement[int],
) -> Truth:
    """Write conditions on an event's properties as SQL that is never NULL."""
    parts = [compile_condition(condition, JsonSource(properties, name), now) for name, condition in dict(where).items()]
    return sa.and_(sa.true(), *parts)


def concerning(each: sa.FromClause, event: Happening, scope: RuleScope) -> list[Truth]:
    """Choose the contact's events of a name, whenever they happen and whatever their properties."""
    return [each.c.part == scope.part, each.c.contact_id == scope.contact.c.id, each.c.name == event.name]


def matching(each: sa.FromClause, event: Happening, within: Micros | None, scope: RuleScope) -> list[Truth]:
    """Choose the contact's events so far that fit, within (now - ``within``, now]."""
    chosen = [*concerning(each, event, scope), each.c.at <= scope.now]
    if within is not None:
        chosen.append(each.c.at > scope.now - number(within))
    return [*chosen, fitting(each.c.properties, event.where, scope.now)] if event.where else chosen


def _happened(event: Happening, within: Micros | None, scope: RuleScope) -> Truth:
    each = EVENT.alias()
    return some_row(each, *matching(each, event, within, scope))


def _counted(event: Happening, count: Condition, within: Micros | None, scope: RuleScope) -> Truth:
    match count:
        case Condition(Op.GTE, 1) | Condition(Op.GT | Op.IS_NOT, 0):
            return _happened(event, within, scope)
        case Condition(Op.IS | Op.LTE, 0) | Condition(Op.LT, 1):
            return sa.not_(_happened(event, within, scope))
    each = EVENT.alias()
    chosen = sa.select(sa.func.count()).select_from(each).where(*matching(each, event, within, scope))
    found = chosen.correlate_except(each).scalar_subquery()
    match count:
        case Condition(Op.BETWEEN, (int(low), int(high))):
            return found.between(number(low), number(high))
        case Condition(op, int(wanted)):
            return _COUNT_OPS[op](found, number(wanted))
    return sa.false()


_COUNT_OPS = {
    Op.IS: sa.ScalarSelect.__eq__,
    Op.IS_NOT: sa.ScalarSelect.__ne__,
    Op.GT: sa.ScalarSelect.__gt__,
    Op.GTE: sa.ScalarSelect.__ge__,
    Op.LT: sa.ScalarSelect.__lt__,
    Op.LTE: sa.ScalarSelect.__le__,
}


def _followed(rule: Followed, scope: RuleScope) -> Truth:
    first, then = EVENT.alias(), EVENT.alias()
    last = (
        sa.select(first.c.at, first.c.id)
        .where(*matching(first, rule.first, None, scope))
        .order_by(first.c.at.desc(), first.c.id.desc())
        .limit(1)
        .correlate_except(first)
        .subquery()
    )
    end = last.c.at + number(rule.within)
    follower = some_row(
        then,
        *matching(then, rule.then, None, scope),
        then.c.at >= last.c.at,
        then.c.at <= end,
        sa.or_(then.c.at > last.c.at, then.c.id > last.c.id),
    )
    return some_row(last, sa.and_(scope.now >= end, sa.not_(follower)) if rule.negated else follower)
