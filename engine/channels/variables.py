"""Whether a contact has the variables that a template requires, as SQL. Absent, null and blank text are the same.

It looks one step below ``contact``, ``account`` and ``event``; the renderer sees what lies deeper.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from engine.rules.attributes import locate
from engine.store.expressions import json_kind, json_text
from engine.store.tables import Account, Event

ACCOUNT: sa.Table = Account.__table__  # type: ignore[attr-defined]
EVENT: sa.Table = Event.__table__  # type: ignore[attr-defined]

BLANK: Final = "".join(sign for sign in map(chr, range(ord("\u3000") + 1)) if sign.isspace())
"""What Python's ``strip`` takes off a text; the ideographic space is the last such sign."""

ALWAYS: Final = frozenset({"id", "created_at"})
GIVEN: Final = frozenset({"flow", "unsubscribe_url", "preferences_url", "contact"})

Flag = sa.ColumnElement[bool]


@dataclass(frozen=True)
class Trigger:
    """Where ``event.…`` of a template is read: the last event of these names before the enrollment began."""

    names: Sequence[str]
    started_at: sa.ColumnElement[int] | int


def missing_any(contact: sa.FromClause, part: Any, paths: Sequence[str], trigger: Trigger | None) -> Flag:
    """Tell whether any of these variables has no value for a contact."""
    return sa.or_(*(_missing(contact, part, path.split("."), trigger) for path in paths))


def _missing(contact: sa.FromClause, part: Any, path: Sequence[str], trigger: Trigger | None) -> Flag:
    root, *steps = path
    if root == "contact" and steps:
        return _missing_in_contact(contact, steps[0])
    if root == "account":
        return ~_account_has(contact, part, steps[0] if steps else None)
    if root == "event" and trigger is not None:
        return _missing_in_event(contact, part, steps[0] if steps else None, trigger)
    return sa.false() if root in GIVEN else sa.true()


def _missing_in_contact(contact: sa.FromClause, name: str) -> Flag:
    if name in ALWAYS:
        return sa.false()
    place = locate(name)
    if place.built_in:
        return _is_blank(contact.c[name])
    absent = _absent(contact.c.attributes, place.key)
    return absent if place.fallback is None else sa.and_(absent, _absent(contact.c.attributes, place.fallback))


def _is_blank(text: Any) -> Flag:
    return sa.func.coalesce(sa.func.trim(text, BLANK), "") == ""


def _absent(document: Any, name: str) -> Flag:
    try:
        kind = json_kind(document, name)
    except ValueError:
        # A name that no attribute can have.
        return sa.true()
    return sa.case(
        (sa.or_(kind.is_(None), kind == "null"), sa.true()),
        (kind == "text", _is_blank(json_text(document, name))),
        else_=sa.false(),
    )


def _account_has(contact: sa.FromClause, part: Any, name: str | None) -> Flag:
    found = sa.select(ACCOUNT.c.id).where(ACCOUNT.c.part == part, ACCOUNT.c.id == contact.c.account_id)
    if name is not None and name != "id":
        absent = _absent(ACCOUNT.c.attributes, name)
        found = found.where(~(sa.and_(absent, _is_blank(ACCOUNT.c.name)) if name == "name" else absent))
    return sa.exists(found.correlate_except(ACCOUNT))


def _missing_in_event(contact: sa.FromClause, part: Any, name: str | None, trigger: Trigger) -> Flag:
    absent = sa.false() if name is None else _absent(EVENT.c.properties, name)
    last = (
        sa.select(sa.case((absent, 1), else_=0))
        .where(
            EVENT.c.part == part,
            EVENT.c.contact_id == contact.c.id,
            EVENT.c.name.in_(tuple(trigger.names)),
            EVENT.c.at <= trigger.started_at,
        )
        .order_by(EVENT.c.at.desc(), EVENT.c.id.desc())
        .limit(1)
        .correlate_except(EVENT)
    )
    return sa.func.coalesce(last.scalar_subquery(), 1) == 1
