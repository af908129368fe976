"""Expressions over the wave that several files of this room use."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import sqlalchemy as sa

from engine.library import steps
from engine.library.plan import Plan
from engine.rules.model import Rule
from engine.run.tables import PART, WAVE
from engine.segments.compile import RuleScope, compile_rule
from engine.segments.flips import next_flip
from engine.store.tables import Contact

CONTACT: sa.Table = Contact.__table__  # type: ignore[attr-defined]

PARKED = WAVE.c.step < steps.FIRST_STEP
GONE = WAVE.c.step >= steps.FIRST_GONE
STEPPED = sa.and_(WAVE.c.step >= steps.FIRST_STEP, WAVE.c.step < steps.FIRST_GONE)
"""At the end of a wave: the members whose path has ended."""

WHOLE_PATH = sa.case((STEPPED, WAVE.c.path.concat(WAVE.c.step)), else_=WAVE.c.path)
MOVED = sa.func.length(WHOLE_PATH) > 4


@dataclass(frozen=True, eq=False)
class Member:
    """Where expressions find a member's facts: in the wave, or in rows that a wave is made of.

    Shape: ``contact`` is the contact's own row where that lies beside the member's.
    """

    contact_id: sa.ColumnElement[int]
    enrollment_id: sa.ColumnElement[int]
    now: sa.ColumnElement[int]
    hash: sa.ColumnElement[int]
    zone: sa.ColumnElement[str]
    started_at: sa.ColumnElement[int]
    contact: sa.FromClause | None = None

    def of_contact(self, express: Callable[[sa.FromClause], Any]) -> sa.ColumnElement[Any]:
        """Give an expression over the contact table for this member's contact."""
        if self.contact is not None:
            found: sa.ColumnElement[Any] = express(self.contact)
            return found
        contact = CONTACT.alias()
        return of_contact(express(contact), contact, self.contact_id)


IN_WAVE = Member(WAVE.c.contact_id, WAVE.c.enrollment_id, WAVE.c.now, WAVE.c.hash, WAVE.c.zone, WAVE.c.started_at)


@dataclass(frozen=True)
class Meaning:
    """What names in rules mean: named segments, and the places of a plan's nodes; and of whom rules speak.

    Shape: ``formerly`` as ``RuleScope`` has it.
    """

    workspace_id: int
    segments: Mapping[str, Rule] = field(default_factory=dict)
    nodes: Mapping[str, int] = field(default_factory=dict)
    member: Member = IN_WAVE
    formerly: Mapping[str, Sequence[tuple[int, int]]] = field(default_factory=dict)

    @classmethod
    def of(cls, plan: Plan, segments: Mapping[str, Rule]) -> "Meaning":
        """Take the meaning of names in a plan's rules."""
        return cls(plan.workspace_id, segments, plan.places)

    def speaking_of(self, member: Member) -> "Meaning":
        """Give the same meaning for members that are found elsewhere."""
        return replace(self, member=member)

    def scope(
        self, contact: sa.FromClause, now: sa.ColumnElement[int], enrollment: sa.ColumnElement[int] | None
    ) -> RuleScope:
        """Bind the meaning to a contact, an instant and an enrollment."""
        return RuleScope(
            contact=contact,
            now=now,
            part=PART,
            enrollment_id=enrollment,
            nodes=self.nodes,
            formerly=self.formerly,
            segments=self.segments,
            workspace_id=self.workspace_id,
        )

    def verdict(self, rule: Rule, contact: sa.FromClause) -> sa.ColumnElement[bool]:
        """Say of a member, whose contact's row this is, whether a rule holds."""
        return compile_rule(rule, self.scope(contact, self.member.now, self.member.enrollment_id))


def of_contact(expression: Any, contact: sa.FromClause, key: sa.ColumnElement[int]) -> sa.ScalarSelect[Any]:
    """Look an expression over the contact table up for the contact of another row."""
    return sa.select(expression).where(contact.c.part == PART, contact.c.id == key).scalar_subquery()


def holds(rule: Rule, meaning: Meaning) -> sa.ColumnElement[bool]:
    """Tell whether a rule holds for a member."""
    found = meaning.member.of_contact(lambda contact: sa.case((meaning.verdict(rule, contact), 1), else_=0))
    return sa.func.coalesce(found, 0) == 1


def first_case(cases: list[tuple[Rule, Any]], otherwise: Any, meaning: Meaning) -> sa.ColumnElement[Any]:
    """Choose the value of the first rule that holds for a member."""
    return meaning.member.of_contact(
        lambda contact: sa.case(*((meaning.verdict(rule, contact), value) for rule, value in cases), else_=otherwise)
    )


def flip(rule: Rule, meaning: Meaning) -> sa.ColumnElement[int] | None:
    """Give the next instant at which time alone may change a rule for a member."""
    contact = CONTACT.alias()
    member = meaning.member
    instant = next_flip(rule, meaning.scope(contact, member.now, member.enrollment_id))
    return None if instant is None else of_contact(instant, contact, member.contact_id)
