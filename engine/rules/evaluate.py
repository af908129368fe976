"""The oracle: what a rule means for one contact, in plain Python; the compiled SQL agrees with it."""

from dataclasses import replace

from engine.errors import RuleError
from engine.rules.compare import crossings, fits, moment_of, satisfies
from engine.rules.facts import EventFact, Facts
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
    Op,
    Rule,
    happenings,
)
from engine.terms import Micros

AT_LEAST_ONE = Condition(Op.GTE, 1)


def holds(rule: Rule, facts: Facts, now: Micros) -> bool:
    """Tell whether a rule holds for a contact at an instant.

    Errors: ``RuleError`` for a segment that is unknown or contains itself.
    """
    match rule:
        case All(rules):
            return all(holds(part, facts, now) for part in rules)
        case Any_(rules):
            return any(holds(part, facts, now) for part in rules)
        case Not(part):
            return not holds(part, facts, now)
        case InSegment(key):
            return holds(*entered(key, facts), now)
        case EventCount() | NoEvent() | Followed():
            return _happened(rule, facts, now)
        case Attr() | HasTag() | InStage() | MessageDid() | HasConsent():
            return _is_so(rule, facts, now)


def entered(key: str, facts: Facts) -> tuple[Rule, Facts]:
    """Give a segment's rule and the facts as it sees them: without itself, and outside of any enrollment.

    Errors: ``RuleError`` for a segment that is unknown or contains itself.
    """
    if key not in facts.segments:
        raise RuleError(f"there is no segment {key!r}, or it contains itself")
    rest = {other: rule for other, rule in facts.segments.items() if other != key}
    return facts.segments[key], replace(facts, segments=rest, messages=())


def flip_instants(rule: Rule, facts: Facts, now: Micros) -> list[Micros]:
    """List the instants after now at which time alone may change whether a rule holds.

    Shape: ascending; it may name too many, never too few.
    """
    return sorted({instant for instant in _instants(rule, facts) if instant > now})


def _is_so(rule: Attr | HasTag | InStage | MessageDid | HasConsent, facts: Facts, now: Micros) -> bool:
    match rule:
        case Attr(name, condition):
            return satisfies(condition, facts.value(name), now)
        case HasTag(tag):
            return tag in facts.tags
        case InStage(stage):
            return facts.stage == stage
        case MessageDid(node, did):
            return _did(node, did, facts, now)
        case HasConsent(topic):
            return _consents(topic, facts)


def _happened(rule: EventCount | NoEvent | Followed, facts: Facts, now: Micros) -> bool:
    match rule:
        case EventCount(event, count, within):
            return satisfies(count or AT_LEAST_ONE, len(matching(event, facts, now, within)), now)
        case NoEvent(event, within):
            return facts.created_at <= now - within and not matching(event, facts, now, within)
        case Followed(first, then, within, negated):
            return _followed(first, then, within, facts, now) is (not negated)


def _followed(first: Happening, then: Happening, within: Micros, facts: Facts, now: Micros) -> bool | None:
    """Tell whether the latest first event was followed; nothing while that is open, or without such an event."""
    known = matching(first, facts, now)
    if not known:
        return None
    last = max(known, key=_order)
    end = last.at + within
    if any(_order(event) > _order(last) and event.at <= end for event in matching(then, facts, now)):
        return True
    return False if now >= end else None


def matching(event: Happening, facts: Facts, now: Micros, within: Micros | None = None) -> list[EventFact]:
    """List the events so far, or of a window that ends now, which are such as a rule asks for."""
    return [
        fact
        for fact in facts.events
        if fact.name == event.name
        and fact.at <= now
        and (within is None or fact.at > now - within)
        and fits(event.where, dict(fact.properties), now)
    ]


def _order(event: EventFact) -> tuple[Micros, int]:
    return event.at, event.seq


def _did(node: str, did: Did, facts: Facts, now: Micros) -> bool:
    ours = [message for message in facts.messages if message.node == node and not message.suppressed]
    if did is Did.SENT:
        return bool(ours)
    return any(did in message.receipts and message.receipts[did] <= now for message in ours)


def _consents(topic: str, facts: Facts) -> bool:
    words = [word for word in facts.consents if word.topic in (topic, "*") and word.channel == "*"]
    # Of a yes and a no at one instant, the no counts.
    return max(words, key=lambda word: (word.at, not word.granted)).granted if words else True


def _instants(rule: Rule, facts: Facts) -> list[Micros]:
    match rule:
        case All(rules) | Any_(rules):
            return [instant for part in rules for instant in _instants(part, facts)]
        case Not(part):
            return _instants(part, facts)
        case InSegment(key):
            return _instants(*entered(key, facts))
        case Attr(name, condition):
            moment = moment_of(facts.value(name))
            return [] if moment is None else [moment + step for step in crossings(condition)]
        case _:
            return _event_instants(rule, facts)


def _event_instants(rule: Rule, facts: Facts) -> list[Micros]:
    match rule:
        case EventCount(_, _, int(within)) | NoEvent(_, within) | Followed(_, _, within, True):
            lengths = [0, within]
        case _:
            lengths = []
    names = {event.name for event in happenings(rule)}
    found = [fact.at + length for fact in facts.events if fact.name in names for length in lengths]
    if isinstance(rule, NoEvent):
        found.append(facts.created_at + rule.within)
    for event in happenings(rule):
        for name, condition in event.where:
            moments = [moment_of(fact.properties.get(name)) for fact in facts.events if fact.name == event.name]
            found += [moment + step for moment in moments if moment is not None for step in crossings(condition)]
    return found
