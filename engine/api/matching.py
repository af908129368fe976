"""Who matches a rule now: how many, and a few of them."""

from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from engine.api.kept import keep
from engine.api.sampling import in_run, runs, strewn
from engine.people.contacts import ERASED
from engine.rules.model import MessageDid, Rule, walk
from engine.rules.parse import parse_rule
from engine.segments.compile import RuleScope, compile_rule
from engine.store.expressions import json_text
from engine.store.rowsets import pack
from engine.store.tables import Contact, Segment
from engine.wiring import Wiring

CONTACT: sa.Table = Contact.__table__  # type: ignore[attr-defined]
SEGMENT: sa.Table = Segment.__table__  # type: ignore[attr-defined]

COUNTED: Final = 10_000
"""Of more contacts than these a sample is counted."""
SAMPLES: Final = 5


@dataclass(frozen=True)
class Sample:
    """A contact who matches."""

    key: str
    name: str | None
    email: str | None


@dataclass(frozen=True)
class Matching:
    """How many contacts match a rule.

    Shape: of very many contacts one in ``one_in`` is counted, and ``count`` is an estimate. ``of_enrollments``
    says that the rule asks about messages of a flow, which is false outside of one.
    """

    count: int
    total: int
    one_in: int
    samples: tuple[Sample, ...]
    of_enrollments: bool

    @property
    def share(self) -> float:
        """The share of all contacts, 0 to 1."""
        return self.count / self.total if self.total else 0.0


def match_rule(wiring: Wiring, raw: object, samples: int = SAMPLES, most: int | None = None) -> Matching:
    """Count who matches a rule now, and name a few of them; of more than ``most`` contacts a sample is counted.

    Errors: ``RuleError`` for a rule that cannot be read or names a segment that is not there.
    Cost: four statements; they read all contacts, or a sample of about ``most``. How many contacts there are may be
    older.
    """
    rule = parse_rule(raw)
    total = keep(wiring, count_contacts)
    one_in = total // (most or COUNTED) + 1
    with wiring.store.read() as connection:
        verdict = compile_rule(rule, _scope(wiring, connection))
        source, given = _some(wiring, connection, one_in) if one_in > 1 else (CONTACT, {})
        matching = sa.func.coalesce(sa.func.sum(sa.case((verdict, 1), else_=0)), 0)
        chosen = sa.select(sa.func.count(), matching).select_from(source).where(*_present(wiring))
        looked, counted = (int(number) for number in connection.execute(chosen, given).one())
        found = _samples(connection, source, given, (*_present(wiring), verdict), samples) if counted else ()
    if one_in == 1:
        total = looked
    return Matching(round(counted * total / looked) if looked else 0, total, one_in, found, _asks_of_messages(rule))


def count_contacts(wiring: Wiring) -> int:
    """Count all contacts. To be kept."""
    with wiring.store.read() as connection:
        return int(connection.scalar(sa.select(sa.func.count()).where(*_present(wiring))) or 0)


def _some(wiring: Wiring, connection: Connection, one_in: int) -> tuple[sa.FromClause, dict[str, str]]:
    """Choose contacts all over the table, one in so many, and the parameter that says which."""
    some = runs(wiring.store.name)
    source = some.join(CONTACT, in_run(some, CONTACT.c.id))
    return source, {"runs": pack(strewn(connection, CONTACT.c.id, wiring.store.parts, one_in))}


def _samples(
    connection: Connection, source: sa.FromClause, given: dict[str, str], conditions: tuple[Any, ...], most: int
) -> tuple[Sample, ...]:
    name = json_text(CONTACT.c.attributes, "name").label("name")
    chosen = sa.select(CONTACT.c.key, CONTACT.c.email, name).select_from(source).where(*conditions)
    # Of all the first ones, by the primary key; of a sample any: to put it in order it would be looked at once more.
    ordered = chosen.order_by(CONTACT.c.part, CONTACT.c.id) if source is CONTACT else chosen
    rows = connection.execute(ordered.limit(most), given)
    return tuple(Sample(row.key, row.name, row.email) for row in rows)


def _present(wiring: Wiring) -> tuple[sa.ColumnElement[bool], ...]:
    return (CONTACT.c.workspace_id == wiring.workspace_id, ~CONTACT.c.key.startswith(ERASED))


def _scope(wiring: Wiring, connection: Connection) -> RuleScope:
    chosen = sa.select(SEGMENT.c.key, SEGMENT.c.rule).where(SEGMENT.c.workspace_id == wiring.workspace_id)
    segments = {row.key: parse_rule(row.rule) for row in connection.execute(chosen)}
    now = sa.literal(wiring.clock.micros(), sa.BigInteger)
    return RuleScope(CONTACT, now, CONTACT.c.part, wiring.workspace_id, segments=segments)


def _asks_of_messages(rule: Rule) -> bool:
    return any(isinstance(part, MessageDid) for part in walk(rule))
