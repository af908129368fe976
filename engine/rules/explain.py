"""Why a rule holds or not: its parts, and what each of them saw."""

from collections.abc import Iterator
from dataclasses import dataclass

from engine.rules.evaluate import entered, holds, matching
from engine.rules.facts import Facts
from engine.rules.model import All, Any_, At, Attr, EventCount, InSegment, InStage, NoEvent, Not, Rule
from engine.terms import Json, Micros, format_instant, from_micros


@dataclass(frozen=True)
class Part:
    """A part of a rule: whether it held, and the value it looked at or the number of events it counted."""

    rule: Rule
    holds: bool
    seen: Json
    depth: int


def explain(rule: Rule, facts: Facts, now: Micros) -> list[Part]:
    """Tell of each part of a rule whether it held at an instant.

    Shape: as one reads it; a group stands before its parts, which are one deeper. Of a rule that is one group of which
    all must hold, only the parts. Errors: ``RuleError`` for a segment that is unknown or contains itself.
    """
    parts = rule.rules if isinstance(rule, All) else (rule,)
    return [each for part in parts for each in _parts(part, facts, now, 0)]


def is_group(rule: Rule) -> bool:
    """Tell whether a rule stands for others."""
    return isinstance(rule, All | Any_) or (isinstance(rule, Not) and is_group(rule.rule))


def _parts(rule: Rule, facts: Facts, now: Micros, depth: int) -> Iterator[Part]:
    yield Part(rule, holds(rule, facts, now), _seen(rule, facts, now), depth)
    match rule:
        case All(rules) | Any_(rules):
            for part in rules:
                yield from _parts(part, facts, now, depth + 1)
        case Not(part) if is_group(part):
            yield from _parts(part, facts, now, depth + 1)
        case InSegment(key):
            yield from _parts(*entered(key, facts), now, depth + 1)
        case _:
            return


def _seen(rule: Rule, facts: Facts, now: Micros) -> Json:
    match rule:
        case Attr(name, _):
            value = facts.value(name)
            return format_instant(from_micros(value.micros)) if isinstance(value, At) else value
        case InStage():
            return facts.stage
        case EventCount(event, _, within) | NoEvent(event, within):
            return len(matching(event, facts, now, within))
        case _:
            return None
