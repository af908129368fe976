"""Rules that can never hold, and cases that earlier ones leave nobody for.

A rule is taken apart, alternative by alternative, into leaves that hold or do not; an alternative whose leaves exclude
each other is closed. When all are, no contact can ever match. What is too large is taken for possible.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, TypeAlias

from engine.rules.attributes import locate
from engine.rules.conditions import condition_json
from engine.rules.evaluate import AT_LEAST_ONE
from engine.rules.model import (
    All,
    Any_,
    Attr,
    Condition,
    Did,
    EventCount,
    Followed,
    Happening,
    InSegment,
    InStage,
    MessageDid,
    NoEvent,
    Not,
    Op,
    Rule,
)
from engine.rules.parse import to_json
from engine.rules.possible import ANY_KIND, Demand, possible, possible_counts
from engine.terms import Micros

Literal: TypeAlias = tuple[Rule, bool]

_MOST_WORK: Final = 20_000
_DEEPEST: Final = 100
_MOST_PARTS: Final = 2_000
_NEVER: Final = Any_(())
_KINDS: Final = {"id": ("text",), "created_at": ("instant",)}
_NONE: Final = Condition(Op.IS, 0)


def never_holds(rule: Rule, segments: Mapping[str, Rule] | None = None) -> bool:
    """Tell whether a rule holds for nobody, whatever happens.

    Shape: ``True`` is certain; ``False`` may be mistaken. Segments that are not given may mean anything.
    """
    return _Search().is_closed(_Writer(segments).write(rule)) if segments else _never_holds(rule)


@lru_cache(maxsize=4096)
def _never_holds(rule: Rule) -> bool:
    """Tell it of a rule without segments; a flow that is drawn is checked again and again."""
    return _Search().is_closed(_Writer({}).write(rule))


def covered_by(rule: Rule, earlier: Sequence[Rule], segments: Mapping[str, Rule] | None = None) -> bool:
    """Tell whether whoever matches a rule matches one of the earlier ones too.

    Shape: as ``never_holds``.
    """
    return never_holds(All((rule, *(Not(other) for other in earlier))), segments)


class _Writer:
    """Writes segments out, as long as the rule does not grow too large; what is left may mean anything."""

    def __init__(self, segments: Mapping[str, Rule]) -> None:
        self.segments = segments
        self.parts = 0

    def write(self, rule: Rule, above: frozenset[str] = frozenset()) -> Rule:
        self.parts += 1
        match rule:
            case All(rules):
                return All(tuple(self.write(part, above) for part in rules))
            case Any_(rules):
                return Any_(tuple(self.write(part, above) for part in rules))
            case Not(part):
                return Not(self.write(part, above))
            case InSegment(key) if key in self.segments and key not in above and self.parts < _MOST_PARTS:
                return self.write(self.segments[key], above | {key})
            case MessageDid() if above:
                # A segment stands outside of any enrollment.
                return _NEVER
        return rule


class _Search:
    """Looks for an alternative whose leaves go together, in a bounded number of steps."""

    def __init__(self) -> None:
        self.work = 0

    def is_closed(self, rule: Rule) -> bool:
        """Tell whether no alternative of a rule is open."""
        return not self.open([(rule, True)], [], 0)

    def open(self, waiting: list[Literal], leaves: list[Literal], depth: int) -> bool:
        """Tell whether all that waits may hold together with the leaves."""
        waiting, leaves = list(waiting), list(leaves)
        choices: list[list[Literal]] = []
        while waiting:
            rule, wanted = waiting.pop()
            parts = _parts(rule, wanted)
            if parts is None:
                leaves.append((rule, wanted))
            elif isinstance(rule, Not) or isinstance(rule, All) is wanted:
                waiting += parts
            else:
                choices.append(parts)
        self.work += len(leaves) + len(choices) + 1
        if self.work > _MOST_WORK or depth > _DEEPEST:
            return True
        if not _together(leaves):
            return False
        if not choices:
            return True
        choices.sort(key=len)
        rest = [(_joined(parts), True) for parts in choices[1:]]
        return any(self.open([part, *rest], leaves, depth + 1) for part in choices[0])


def _parts(rule: Rule, wanted: bool) -> list[Literal] | None:
    match rule:
        case All(rules) | Any_(rules):
            return [(part, wanted) for part in rules]
        case Not(part):
            return [(part, not wanted)]
    return None


def _joined(parts: list[Literal]) -> Rule:
    return Any_(tuple(rule if wanted else Not(rule) for rule, wanted in parts))


def _together(leaves: list[Literal]) -> bool:
    """Tell whether leaves may hold, or not hold, all at once."""
    known: dict[str, bool] = {}
    for rule, wanted in [*leaves, *_implied(leaves)]:
        if known.setdefault(_key(rule), wanted) is not wanted:
            return False
    return all(possible(demands, kinds) for demands, kinds in _values(leaves)) and _countable(leaves)


def _key(rule: Rule) -> str:
    return json.dumps(to_json(rule), sort_keys=True)


def _implied(leaves: list[Literal]) -> Iterator[Literal]:
    for rule, wanted in leaves:
        if wanted and isinstance(rule, MessageDid):
            yield MessageDid(rule.node, Did.SENT), True
        if wanted and isinstance(rule, Followed):
            yield Followed(rule.first, rule.then, rule.within, not rule.negated), False


def _values(leaves: list[Literal]) -> Iterator[tuple[list[Demand], Sequence[str]]]:
    """Gather what is demanded of each attribute, with the kinds that it may have."""
    found: dict[object, list[Demand]] = {}
    for rule, wanted in leaves:
        match rule:
            case Attr(name, condition):
                found.setdefault(locate(name), []).append(Demand(condition, wanted))
            case InStage(stage):
                found.setdefault(locate("stage"), []).append(Demand(Condition(Op.EXISTS), wanted, exact=stage))
    for place, demands in found.items():
        built_in = getattr(place, "built_in", False)
        kinds = _KINDS.get(getattr(place, "key", ""), ("missing", "text")) if built_in else ANY_KIND
        if getattr(place, "of_account", False) and built_in:
            kinds = ("missing", "text")
        yield demands, kinds


@dataclass(frozen=True, slots=True)
class _Window:
    """Events of a name that fit, in a length of time."""

    name: str
    where: frozenset[str]
    within: Micros | None

    def is_part_of(self, other: "_Window") -> bool:
        in_time = other.within is None or (self.within is not None and self.within <= other.within)
        return self.name == other.name and in_time and other.where <= self.where


def _countable(leaves: list[Literal]) -> bool:
    """Tell whether there may be so many events: a shorter window holds no more than a longer one."""
    found: dict[_Window, list[Demand]] = {}
    for rule, wanted in leaves:
        for event, within, demand in _counts(rule, wanted):
            window = _Window(event.name, frozenset(map(_condition_key, event.where)), within)
            found.setdefault(window, []).append(demand)
            if within == 0 or not all(possible([Demand(condition)]) for _, condition in event.where):
                found[window].append(Demand(_NONE))
    spans = [(window, possible_counts(demands)) for window, demands in found.items()]
    if any(span is None for _, span in spans):
        return False
    known = [(window, *span) for window, span in spans if span is not None]
    return not any(
        high is not None and low > high and inner.is_part_of(outer)
        for inner, low, _ in known
        for outer, _, high in known
    )


def _counts(rule: Rule, wanted: bool) -> Iterator[tuple[Happening, Micros | None, Demand]]:
    match rule:
        case EventCount(event, count, within):
            yield event, within, Demand(count or AT_LEAST_ONE, wanted)
        case NoEvent(event, within) if wanted:
            yield event, within, Demand(_NONE)
        case Followed(first, then, _, negated) if wanted:
            yield first, None, Demand(AT_LEAST_ONE)
            if not negated:
                yield then, None, Demand(AT_LEAST_ONE)


def _condition_key(pair: tuple[str, Condition]) -> str:
    return json.dumps([pair[0], condition_json(pair[1])], sort_keys=True)
