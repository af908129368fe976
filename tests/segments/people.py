"""Write the contacts of random worlds into a store, and ask it what it makes of rules."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from engine.rules.facts import AccountFact, Facts
from engine.segments.compile import RuleScope
from engine.store.tables import Account, Consent, Contact, ContactTag, Event, Message, metadata
from engine.terms import Micros
from tests.rules.worlds import NODES, NOW, SEGMENT_RULES

TABLES: dict[type, sa.Table] = {
    model: metadata.tables[name]
    for model, name in {
        Account: "account",
        Consent: "consent",
        Contact: "contact",
        ContactTag: "contact_tag",
        Event: "event",
        Message: "message",
    }.items()
}
PART = 1
ENROLLMENT = 7
SCOPE_NODES = {node: place for place, node in enumerate(NODES, 3)}

RECEIPTS = ("delivered", "opened", "clicked", "bounced", "replied")


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
    rows[Contact].append(_contact(contact_id, facts))
    rows[ContactTag] += [{**mine, "tag": tag} for tag in facts.tags]
    if facts.account is not None:
        rows[Account].append(_account(contact_id, facts.account))
    for word in facts.consents:
        state = "granted" if word.granted else "withdrawn"
        about = {"topic": word.topic, "channel": word.channel, "state": state}
        rows[Consent].append({**mine, **about, "source": "test", "at": word.at})
    for event in facts.events:
        number = {"id": 1000 * contact_id + event.seq, "message_id": f"{contact_id}/{event.seq}"}
        what = {"name": event.name, "at": event.at, "received_at": event.at, "properties": dict(event.properties)}
        rows[Event].append({**mine, **number, **what, "workspace_id": 1, "source": "test"})
    for passing, message in enumerate(facts.messages):
        state, reason = ("suppressed", "cap") if message.suppressed else ("queued", None)
        receipts = {f"{did}_at": message.receipts.get(did) for did in RECEIPTS}
        place = {"enrollment_id": ENROLLMENT, "node": SCOPE_NODES[message.node], "passing": passing, "version_id": 1}
        rest = {"channel": "email", "due_at": NOW, "not_before": NOW, "attempt": 0}
        rows[Message].append({**mine, **place, **receipts, **rest, "state": state, "reason": reason})


def _account(contact_id: int, account: AccountFact) -> dict[str, Any]:
    return {
        "part": PART,
        "id": 100 * contact_id,
        # A workspace for each contact, because accounts of one key differ here.
        "workspace_id": contact_id,
        "key": account.key,
        "name": account.name,
        "attributes": dict(account.attributes),
    }


def _contact(contact_id: int, facts: Facts) -> dict[str, Any]:
    columns = ("key", "email", "phone", "timezone", "locale", "stage", "created_at")
    return {
        "part": PART,
        "id": contact_id,
        "workspace_id": contact_id,
        **{name: getattr(facts, name) for name in columns},
        "hash": 1,
        "account_id": None if facts.account is None else 100 * contact_id,
        "attributes": dict(facts.attributes),
        "restricted": bool(facts.consents),
    }


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
