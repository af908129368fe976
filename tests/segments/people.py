"""Write the contacts of random worlds into a store, and ask it what it makes of rules."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from engine.rules.facts import Facts
from engine.rules.model import Rule
from engine.segments.compile import RuleScope
from engine.store.tables import Account, Consent, Contact, ContactTag, Event, Message, metadata
from engine.terms import Micros
from tests.rules.worlds import NODES, NOW, SEGMENT_RULES

TABLES: dict[type, sa.Table] = {
    model: model.__table__
    for model in (Account, Consent, Contact, ContactTag, Event, Message)  # type: ignore[attr-defined]
}
PART = 1
ENROLLMENT = 7
ACCOUNTS = {"acme": 1, "华为": 2}
SCOPE_NODES = {node: place for place, node in enumerate(NODES, 3)}

WAVE = sa.Table(
    "rule_wave", metadata.__class__(), sa.Column("contact_id", sa.BigInteger), sa.Column("now", sa.BigInteger)
)


def fill(connection: sa.Connection, people: Sequence[Facts]) -> None:
    """Write contacts, numbered from 1."""
    rows: dict[type, list[dict[str, Any]]] = {model: [] for model in TABLES}
    for contact_id, facts in enumerate(people, 1):
        _add(rows, contact_id, facts)
    for model, given in rows.items():
        if given:
            connection.execute(TABLES[model].insert(), given)


def _add(rows: dict[type, list[dict[str, Any]]], contact_id: int, facts: Facts) -> None:
    mine: dict[str, Any] = {"part": PART, "contact_id": contact_id}
    account_id = None
    if facts.account is not None:
        # Each contact has an account of its own here: two examples of one key may differ.
        account_id = 100 * contact_id
        rows[Account].append(
            {
                **{"part": PART, "id": account_id, "workspace_id": contact_id, "key": facts.account.key},
                **{"name": facts.account.name, "attributes": dict(facts.account.attributes)},
            }
        )
    rows[Contact].append(
        {
            **{"part": PART, "id": contact_id, "workspace_id": contact_id, "key": facts.key, "hash": 1, "changed": 0},
            **{name: getattr(facts, name) for name in ("email", "phone", "timezone", "locale", "stage", "created_at")},
            **{"attributes": dict(facts.attributes), "account_id": account_id, "restricted": bool(facts.consents)},
        }
    )
    rows[ContactTag] += [{**mine, "tag": tag} for tag in facts.tags]
    rows[Consent] += [
        {
            **mine,
            **{"topic": word.topic, "channel": word.channel, "source": "test", "at": word.at},
            "state": "granted" if word.granted else "withdrawn",
        }
        for word in facts.consents
    ]
    rows[Event] += [
        {
            **mine,
            **{"id": 1000 * contact_id + event.seq, "workspace_id": 1, "name": event.name, "at": event.at},
            **{"received_at": event.at, "source": "test", "message_id": f"{contact_id}/{event.seq}"},
            "properties": dict(event.properties),
        }
        for event in facts.events
    ]
    for passing, message in enumerate(facts.messages):
        receipts = {
            f"{did}_at": message.receipts.get(did) for did in ("delivered", "opened", "clicked", "bounced", "replied")
        }
        rows[Message].append(
            {
                **mine,
                **{"enrollment_id": ENROLLMENT, "node": SCOPE_NODES[message.node], "passing": passing, "version_id": 1},
                **{"channel": "email", "due_at": NOW, "not_before": NOW, "attempt": 0, **receipts},
                "state": "suppressed" if message.suppressed else "queued",
                "reason": "cap" if message.suppressed else None,
            }
        )


def scope(now: sa.ColumnElement[int], contact: sa.FromClause | None = None, **more: Any) -> RuleScope:
    """Stand on the contact table, in an enrollment."""
    given: dict[str, Any] = {
        "contact": TABLES[Contact] if contact is None else contact,
        "now": now,
        "part": sa.literal(PART, sa.BigInteger),
        "workspace_id": 1,
        "enrollment_id": sa.literal(ENROLLMENT, sa.BigInteger),
        "nodes": SCOPE_NODES,
        "segments": SEGMENT_RULES,
    }
    return RuleScope(**{**given, **more})


def ask(connection: sa.Connection, expressions: Sequence[sa.ColumnElement[Any]]) -> list[tuple[Any, ...]]:
    """Select expressions over all contacts, in their order."""
    contact = TABLES[Contact]
    chosen = sa.select(*expressions).select_from(contact).where(contact.c.part == PART).order_by(contact.c.id)
    return [tuple(row) for row in connection.execute(chosen)]


def at(now: Micros) -> sa.ColumnElement[int]:
    """Bind an instant."""
    return sa.literal(now, sa.BigInteger)


__all__ = ["ENROLLMENT", "PART", "SCOPE_NODES", "TABLES", "WAVE", "Rule", "ask", "at", "fill", "scope"]
