"""What keeps members: named segments, and the rules of triggers that let in whoever begins to match."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

import orjson

from engine.contract.node import BySegment
from engine.errors import RuleError
from engine.library.plan import Plan, PlanNode
from engine.rules.model import InSegment, Rule, walk
from engine.rules.names import enabling_names, event_names, reads_contact
from engine.rules.parse import to_json
from engine.run import sql
from engine.terms import Micros


@dataclass(frozen=True)
class Trigger:
    """A node that lets in those who begin to match."""

    plan: Plan
    node: PlanNode
    existing: bool


@dataclass(frozen=True)
class Subject:
    """A rule whose members are kept, and the trigger that waits for new ones.

    Contacts created up to ``since`` were there when it came to be.
    """

    id: int
    key: str
    since: Micros
    rule: Rule
    meaning: sql.Meaning
    trigger: Trigger | None = None

    @cached_property
    def names(self) -> frozenset[str]:
        """The events that may change who matches."""
        return event_names(self.rule, self.meaning.segments)

    @cached_property
    def enabling(self) -> frozenset[str]:
        """Those of them by which a contact may begin to match."""
        return enabling_names(self.rule, self.meaning.segments)

    @cached_property
    def of_facts(self) -> bool:
        """Whether facts on the contact may change who matches."""
        return reads_contact(self.rule, self.meaning.segments)


def segment_id(workspace_id: int, key: str) -> int:
    """Derive a segment's number from its key."""
    return int.from_bytes(hashlib.sha256(f"{workspace_id}/{key}".encode()).digest()[:8]) >> 1


def of_trigger(
    plan: Plan, node: PlanNode, entry: BySegment, segments: Mapping[str, Rule], since: Micros
) -> Subject | None:
    """Make the subject of a trigger; it keeps its members as long as neither node nor rule changes.

    Shape: None when the trigger names a segment that is not there.
    """
    rule = segments.get(entry.segment) if entry.segment is not None else entry.rule
    if rule is None:
        return None
    meaning = sql.Meaning(plan.workspace_id, segments)
    words = orjson.dumps([to_json(rule), _named(rule, segments)], option=orjson.OPT_SORT_KEYS)
    key = f"@{plan.flow_key}/{node.id}/{hashlib.sha256(words).hexdigest()[:16]}"
    trigger = Trigger(plan, node, entry.existing)
    return Subject(segment_id(plan.workspace_id, key), key, since, rule, meaning, trigger)


def named(workspace_id: int, segments: Mapping[str, Rule], since: Mapping[str, Micros]) -> Iterable[Subject]:
    """Make the subjects of named segments; a changed rule makes its members anew."""
    for key, rule in segments.items():
        meaning = sql.Meaning(workspace_id, segments)
        yield Subject(segment_id(workspace_id, key), key, since[key], rule, meaning)


def _named(rule: Rule, segments: Mapping[str, Rule]) -> list[object]:
    """Write down the segments that a rule means, so that a change of one of them is seen."""
    found: dict[str, object] = {}
    waiting = [rule]
    while waiting:
        for part in walk(waiting.pop()):
            if isinstance(part, InSegment) and part.key not in found:
                if part.key not in segments:
                    raise RuleError(f"there is no segment {part.key!r}")
                found[part.key] = to_json(segments[part.key])
                waiting.append(segments[part.key])
    return [[key, found[key]] for key in sorted(found)]
