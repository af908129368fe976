"""What a rule speaks of: events, segments, nodes, and whether time alone can change it."""

from collections.abc import Iterator, Mapping
from typing import Final

from engine.rules.compare import crossings
from engine.rules.model import (
    All,
    Any_,
    Attr,
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
    happenings,
    walk,
)
from engine.terms import Micros

RECEIPTS: Final[Mapping[str, str]] = {
    **{f"message_{did}": did for did in ("delivered", "opened", "clicked", "bounced", "replied", "complained")},
    **{
        prefix + did: did
        for prefix in ("", "email_", "sms_")
        for did in ("delivered", "opened", "clicked", "bounced", "replied")
    },
    "Email Delivered": "delivered",
    "Email Opened": "opened",
    "Email Link Clicked": "clicked",
    "Email Bounced": "bounced",
    "Email Marked as Spam": "complained",
}
"""Names of events that tell what became of a message, and what they tell."""

WITHDRAWALS: Final = frozenset({"unsubscribed", "Unsubscribed"})
GRANTS: Final = frozenset({"subscribed", "Subscribed"})
"""Names of events by which a contact withdraws consent, and gives it."""


def leaves(rule: Rule, segments: Mapping[str, Rule]) -> Iterator[Rule]:
    """Visit every part of a rule, through the segments it names; unknown ones and circles are passed over."""
    seen: set[str] = set()
    waiting = [rule]
    while waiting:
        for part in walk(waiting.pop()):
            yield part
            if isinstance(part, InSegment) and part.key in segments and part.key not in seen:
                seen.add(part.key)
                waiting.append(segments[part.key])


def event_names(rule: Rule, segments: Mapping[str, Rule]) -> frozenset[str]:
    """Name the events whose arrival may change whether a rule holds, through the segments it names.

    Shape: with the receipts that a message rule waits for, and the words of consent.
    """
    names: set[str] = set()
    for part in leaves(rule, segments):
        names.update(event.name for event in happenings(part))
        if isinstance(part, MessageDid):
            names.update(name for name, did in RECEIPTS.items() if did == part.did)
        if isinstance(part, HasConsent):
            names |= WITHDRAWALS | GRANTS
    return frozenset(names)


def enabling_names(rule: Rule, segments: Mapping[str, Rule]) -> frozenset[str]:
    """Name the events whose arrival may make a rule hold; of the others that it looks at one can only end that.

    Whoever does not match need not be looked at again for such an event: until the next instant at which time alone may
    change the rule it keeps saying no.
    """
    return frozenset(_turning(rule, segments, frozenset(), to=True))


def _turning(rule: Rule, segments: Mapping[str, Rule], seen: frozenset[str], *, to: bool) -> Iterator[str]:
    match rule:
        case All(rules) | Any_(rules):
            for part in rules:
                yield from _turning(part, segments, seen, to=to)
        case Not(part):
            yield from _turning(part, segments, seen, to=not to)
        case InSegment(key) if key in segments and key not in seen:
            yield from _turning(segments[key], segments, seen | {key}, to=to)
        case EventCount(event, count) if to or (count is not None and count.op not in (Op.GTE, Op.GT)):
            yield event.name
        case EventCount():
            return
        case NoEvent(event):
            if not to:
                yield event.name
        case _:
            yield from event_names(rule, {})


def event_windows(rule: Rule, segments: Mapping[str, Rule]) -> dict[str, Micros | None]:
    """Say for each event that a rule looks at how far back; nothing for as far back as there are any."""
    found: dict[str, Micros | None] = {}
    for part in leaves(rule, segments):
        within = part.within if isinstance(part, EventCount | NoEvent) else None
        for event in happenings(part):
            before = found.get(event.name, 0)
            found[event.name] = None if within is None or before is None else max(within, before)
    return found


def reads_contact(rule: Rule, segments: Mapping[str, Rule]) -> bool:
    """Tell whether a rule looks at what steps change: attributes, tags, stage, account, consent, or messages sent."""
    facts = any(isinstance(part, Attr | HasTag | InStage | HasConsent) for part in leaves(rule, segments))
    return facts or bool(sent_nodes(rule, segments))


def sent_nodes(rule: Rule, segments: Mapping[str, Rule]) -> frozenset[str]:
    """Name the nodes of which a rule asks whether their message was sent, through the segments it names."""
    asked = (part for part in leaves(rule, segments) if isinstance(part, MessageDid) and part.did is Did.SENT)
    return frozenset(part.node for part in asked)


def reads_time(rule: Rule, segments: Mapping[str, Rule]) -> bool:
    """Tell whether time alone, without an event or a change, may change whether a rule holds."""
    return any(_is_timed(part) for part in leaves(rule, segments))


def segment_keys(rule: Rule) -> frozenset[str]:
    """Name the segments that a rule itself speaks of."""
    return frozenset(part.key for part in walk(rule) if isinstance(part, InSegment))


def message_nodes(rule: Rule) -> frozenset[str]:
    """Name the nodes whose messages a rule asks about."""
    return frozenset(part.node for part in walk(rule) if isinstance(part, MessageDid))


def attribute_names(rule: Rule) -> frozenset[str]:
    """Name the attributes that a rule compares, as it writes them."""
    return frozenset(part.name for part in walk(rule) if isinstance(part, Attr))


def _is_timed(part: Rule) -> bool:
    match part:
        case Attr(_, condition):
            return bool(crossings(condition))
        case NoEvent() | Followed(negated=True) | EventCount(within=int()):
            return True
        case _:
            return any(crossings(condition) for event in happenings(part) for _, condition in event.where)
