"""The rule tree: data only, immutable, hashable."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeAlias

from engine.terms import Json, Micros


class Op(StrEnum):
    """How a value is compared."""

    IS = "is"
    IS_NOT = "is_not"
    IN = "in"
    NOT_IN = "not_in"
    CONTAINS = "contains"
    NOT_CONTAINS = "not_contains"
    STARTS_WITH = "starts_with"
    ENDS_WITH = "ends_with"
    GT = "gt"
    GTE = "gte"
    LT = "lt"
    LTE = "lte"
    BETWEEN = "between"
    EXISTS = "exists"
    MISSING = "missing"
    BEFORE = "before"
    AFTER = "after"
    WITHIN_LAST = "within_last"
    WITHIN_NEXT = "within_next"
    HAS_ANY = "has_any"
    HAS_ALL = "has_all"
    HAS_NONE = "has_none"


NEGATIONS: Final = {
    Op.IS_NOT: Op.IS,
    Op.NOT_IN: Op.IN,
    Op.NOT_CONTAINS: Op.CONTAINS,
    Op.HAS_NONE: Op.HAS_ANY,
    Op.MISSING: Op.EXISTS,
}
"""Operators that are true where their opposite is not: also for a missing value or one of another type."""

DATE_OPS: Final = frozenset({Op.BEFORE, Op.AFTER, Op.WITHIN_LAST, Op.WITHIN_NEXT})


class Did(StrEnum):
    """What became of a message."""

    SENT = "sent"
    DELIVERED = "delivered"
    OPENED = "opened"
    CLICKED = "clicked"
    BOUNCED = "bounced"
    REPLIED = "replied"


@dataclass(frozen=True, slots=True)
class Span:
    """A length of time that a date is compared with, counted from now."""

    micros: Micros


@dataclass(frozen=True, slots=True)
class At:
    """An instant."""

    micros: Micros


Scalar: TypeAlias = str | bool | int | float
Value: TypeAlias = Scalar | tuple[Scalar, ...] | Span | At | None
Actual: TypeAlias = "Json | At"
"""What an attribute may be: JSON, or the instant of a built-in one; ``None`` when it is missing."""


@dataclass(frozen=True, slots=True)
class Condition:
    """An operator and what it compares with.

    Python holds ``1 == True == 1.0``; compare conditions by ``engine.rules.parse.to_json``, never by ``==``.
    """

    op: Op
    value: Value = None


@dataclass(frozen=True, slots=True)
class Happening:
    """Events of one name whose properties satisfy every condition."""

    name: str
    where: tuple[tuple[str, Condition], ...] = ()


@dataclass(frozen=True, slots=True)
class All:
    """Holds when every part holds; an empty one holds."""

    rules: tuple["Rule", ...]


@dataclass(frozen=True, slots=True)
class Any_:  # noqa: N801 - Any is taken
    """Holds when some part holds; an empty one does not."""

    rules: tuple["Rule", ...]


@dataclass(frozen=True, slots=True)
class Not:
    """Holds when its part does not."""

    rule: "Rule"


@dataclass(frozen=True, slots=True)
class Attr:
    """Compares an attribute of the contact or, with the prefix ``account.``, of its account."""

    name: str
    condition: Condition


@dataclass(frozen=True, slots=True)
class HasTag:
    """Holds for contacts with the tag."""

    tag: str


@dataclass(frozen=True, slots=True)
class InStage:
    """Holds for contacts in the lifecycle stage."""

    stage: str


@dataclass(frozen=True, slots=True)
class InSegment:
    """Holds when the segment's own rule does."""

    key: str


@dataclass(frozen=True, slots=True)
class EventCount:
    """Compares the number of events so far, or within (now - ``within``, now]; at least one without ``count``."""

    event: Happening
    count: Condition | None = None
    within: Micros | None = None


@dataclass(frozen=True, slots=True)
class NoEvent:
    """Holds when there was no such event within (now - ``within``, now] and the contact is known for that long."""

    event: Happening
    within: Micros


@dataclass(frozen=True, slots=True)
class Followed:
    """Asks whether the latest ``first`` was followed by ``then`` within the time.

    With ``negated`` it holds once that time is over without.
    """

    first: Happening
    then: Happening
    within: Micros
    negated: bool = False


@dataclass(frozen=True, slots=True)
class MessageDid:
    """Asks what became of this enrollment's messages from a node; false outside of an enrollment."""

    node: str
    did: Did


@dataclass(frozen=True, slots=True)
class HasConsent:
    """Holds unless the contact's last word on the topic, or on all topics, was a withdrawal.

    Words on one channel do not count: the topic may still be sent by another, and sending looks at the channel itself.
    """

    topic: str


Rule: TypeAlias = (
    All | Any_ | Not | Attr | HasTag | InStage | InSegment | EventCount | NoEvent | Followed | MessageDid | HasConsent
)


def walk(rule: Rule) -> Iterator[Rule]:
    """Visit a rule and all its parts, from the outside in; segments are not entered."""
    yield rule
    match rule:
        case All(rules) | Any_(rules):
            for part in rules:
                yield from walk(part)
        case Not(part):
            yield from walk(part)
        case _:
            pass


def happenings(rule: Rule) -> tuple[Happening, ...]:
    """Give the events that one leaf asks about."""
    match rule:
        case EventCount(event) | NoEvent(event):
            return (event,)
        case Followed(first, then):
            return (first, then)
        case _:
            return ()
