"""Compile a rule into one SQL expression over the contact table.

The expression is strictly two-valued, so that a rule and its negation part the contacts: unknown becomes false at the
leaves, and only there. It means the same on SQLite and PostgreSQL, and the same as ``engine.rules.evaluate.holds``.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import sqlalchemy as sa

from engine.errors import RuleError
from engine.rules.attributes import locate
from engine.rules.model import (
    NEGATIONS,
    All,
    Any_,
    Attr,
    Condition,
    Did,
    EventCount,
    Followed,
    HasConsent,
    HasTag,
    InSegment,
    InStage,
    MessageDid,
    NoEvent,
    Not,
    Op,
    Rule,
)
from engine.segments import happenings
from engine.segments.conditions import compile_condition
from engine.segments.scope import RuleScope, some_row
from engine.segments.sources import InstantSource, JsonSource, Source, TextSource, Truth
from engine.store.tables import Account, Consent, ContactTag, Message

__all__ = ["LARGEST", "RuleScope", "compile_rule", "match_properties", "measure", "of_account", "value_source"]

_ACCOUNT: sa.Table = Account.__table__  # type: ignore[attr-defined]
_CONSENT: sa.Table = Consent.__table__  # type: ignore[attr-defined]
_MESSAGE: sa.Table = Message.__table__  # type: ignore[attr-defined]
_TAG: sa.Table = ContactTag.__table__  # type: ignore[attr-defined]

LARGEST: Final = 5_000
"""Most parts that a rule may have once its segments are written out."""

_CHUNK: Final = 100
_EXISTS: Final = Condition(Op.EXISTS)


def compile_rule(rule: Rule, scope: RuleScope) -> Truth:
    """Write a rule as one SQL expression that is true or false for every contact, never NULL.

    Errors: ``RuleError`` for an unknown segment, one that contains itself, an unknown node, or a rule too large.
    """
    measure(rule, scope.segments)
    return _compile(rule, scope)


def match_properties(
    properties: sa.ColumnElement[Any],
    where: Mapping[str, Condition] | tuple[tuple[str, Condition], ...],
    now: sa.ColumnElement[int],
) -> Truth:
    """Write conditions on an event's properties as one SQL expression that is never NULL."""
    return happenings.fitting(properties, where, now)


def measure(rule: Rule, segments: Mapping[str, Rule], room: int = LARGEST) -> int:
    """Count the parts of a rule with its segments written out.

    Errors: ``RuleError`` when there are too many, or when a segment is unknown or contains itself.
    """
    parts: Iterable[tuple[Rule, Mapping[str, Rule]]]
    match rule:
        case All(rules) | Any_(rules):
            parts = [(part, segments) for part in rules]
        case Not(part):
            parts = [(part, segments)]
        case InSegment(key) if key not in segments:
            raise RuleError(f"there is no segment {key!r}, or it contains itself")
        case InSegment(key):
            parts = [(segments[key], {other: inner for other, inner in segments.items() if other != key})]
        case _:
            parts = []
    count = 1
    for part, known in parts:
        count += measure(part, known, room - count)
        if count > room:
            break
    if count > room:
        raise RuleError(f"with its segments written out the rule has more than {LARGEST} parts")
    return count


def value_source(name: str, scope: RuleScope) -> tuple[list[Source], sa.FromClause | None]:
    """Find an attribute: its sources, of which the first with a value counts, and the account if it stands there."""
    place = locate(name)
    if place.of_account:
        account = _ACCOUNT.alias()
        columns = {"id": account.c.key, "name": account.c.name}
        source = TextSource(columns[place.key]) if place.built_in else JsonSource(account.c.attributes, place.key)
        return [source], account
    if place.built_in:
        column = scope.contact.c.key if place.key == "id" else scope.contact.c[place.key]
        return [InstantSource(column) if place.key == "created_at" else TextSource(column)], None
    keys = [key for key in (place.key, place.fallback) if key is not None]
    return [JsonSource(scope.contact.c.attributes, key) for key in keys], None


def of_account(account: sa.FromClause, scope: RuleScope) -> Truth:
    """Find the contact's account."""
    return sa.and_(account.c.part == scope.part, account.c.id == scope.contact.c.account_id)


def _compile(rule: Rule, scope: RuleScope) -> Truth:
    match rule:
        case All(rules):
            return _joined(sa.and_, sa.true(), [_compile(part, scope) for part in rules])
        case Any_(rules):
            return _joined(sa.or_, sa.false(), [_compile(part, scope) for part in rules])
        case Not(part):
            return sa.not_(_compile(part, scope))
        case InSegment(key):
            return _compile(*scope.inside(key))
        case EventCount() | NoEvent() | Followed():
            return happenings.compile_happening(rule, scope)
        case _:
            return _compile_fact(rule, scope)


def _joined(join: Callable[..., Truth], empty: Truth, parts: list[Truth]) -> Truth:
    """Join expressions in bundles, for SQLite refuses a chain of a thousand."""
    while len(parts) > _CHUNK:
        bundles = [parts[start : start + _CHUNK] for start in range(0, len(parts), _CHUNK)]
        # As cases, because parentheses alone are taken away again.
        parts = [sa.case((join(*bundle), sa.true()), else_=sa.false()) for bundle in bundles]
    return join(empty, *parts)


def _compile_fact(rule: Attr | HasTag | InStage | MessageDid | HasConsent, scope: RuleScope) -> Truth:
    contact = scope.contact
    match rule:
        case Attr(name, condition):
            return _attribute(name, condition, scope)
        case HasTag(tag):
            each = _TAG.alias()
            return some_row(each, each.c.part == scope.part, each.c.contact_id == contact.c.id, each.c.tag == tag)
        case InStage(stage):
            return sa.and_(contact.c.stage.is_not(None), contact.c.stage == stage)
        case MessageDid(node, did):
            return _message(node, did, scope)
        case HasConsent(topic):
            return _consent(topic, scope)


def _attribute(name: str, condition: Condition, scope: RuleScope) -> Truth:
    opposite = NEGATIONS.get(condition.op)
    if opposite is not None:
        # Outside of the look-up, so that a contact without an account counts too.
        return sa.not_(_attribute(name, Condition(opposite, condition.value), scope))
    sources, account = value_source(name, scope)
    found = compile_condition(condition, sources[-1], scope.now)
    for source in sources[-2::-1]:
        has_value = compile_condition(_EXISTS, source, scope.now)
        found = sa.case((has_value, compile_condition(condition, source, scope.now)), else_=found)
    return found if account is None else some_row(account, of_account(account, scope), found)


def _message(node: str, did: Did, scope: RuleScope) -> Truth:
    if scope.enrollment_id is None:
        return sa.false()
    if node not in scope.nodes:
        raise RuleError(f"there is no node {node!r} in this flow")
    each = _MESSAGE.alias()
    happened = sa.true() if did is Did.SENT else sa.func.coalesce(each.c[f"{did}_at"] <= scope.now, sa.false())
    return some_row(
        each,
        each.c.part == scope.part,
        each.c.contact_id == scope.contact.c.id,
        each.c.enrollment_id == scope.enrollment_id,
        _of_node(each, node, scope),
        each.c.state != "suppressed",
        happened,
    )


def _of_node(message: sa.FromClause, node: str, scope: RuleScope) -> Truth:
    if node not in scope.formerly:
        return message.c.node == sa.literal(scope.nodes[node], sa.BigInteger)
    return sa.or_(
        *(
            sa.and_(
                message.c.version_id == sa.literal(version, sa.BigInteger),
                message.c.node == sa.literal(place, sa.BigInteger),
            )
            for version, place in scope.formerly[node]
        )
    )


def _consent(topic: str, scope: RuleScope) -> Truth:
    """Look for a no that no later yes has lifted; contacts without a restriction have none."""
    word, later = _CONSENT.alias(), _CONSENT.alias()

    def about(each: sa.FromClause, state: str) -> list[Truth]:
        return [
            each.c.part == scope.part,
            each.c.contact_id == scope.contact.c.id,
            each.c.topic.in_((topic, "*")),
            each.c.channel == "*",
            each.c.state == state,
        ]

    lifted = some_row(later, *about(later, "granted"), later.c.at > word.c.at)
    withdrawn = some_row(word, *about(word, "withdrawn"), sa.not_(lifted))
    return sa.not_(sa.and_(scope.contact.c.restricted, withdrawn))
