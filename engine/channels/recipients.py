"""Read what templates may know of the contacts whose messages are about to go.

Cost: two statements, and one for each set of trigger events that templates read; never one per message.
"""

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from engine.channels.base import MessageContent, MessageKey
from engine.channels.compose import Recipient
from engine.channels.content import sources
from engine.channels.links import Links
from engine.channels.policy import address
from engine.rules.attributes import locate
from engine.store.prepared import Prepared, document, parameter
from engine.store.rowsets import numbers, pack
from engine.store.tables import Account, Contact, Enrollment, Event
from engine.terms import Json, format_instant, text_in

CONTACT: sa.Table = Contact.__table__  # type: ignore[attr-defined]
ACCOUNT: sa.Table = Account.__table__  # type: ignore[attr-defined]
ENROLLMENT: sa.Table = Enrollment.__table__  # type: ignore[attr-defined]
EVENT: sa.Table = Event.__table__  # type: ignore[attr-defined]

DEFAULT_LOCALE = "en"
_SCORE = locate("score").fallback
_FACTS = ("email", "phone", "timezone", "locale", "stage")

Wanted = Sequence[tuple[MessageKey, MessageContent]]


def load_recipients(connection: Connection, part: int, wanted: Wanted, links: Links) -> dict[MessageKey, Recipient]:
    """Read address, language, zone and variables for messages of a part; those of absent contacts are left out."""
    people = _people(connection, part, {key.contact_id for key, _ in wanted})
    events = _trigger_events(connection, part, wanted)
    found: dict[MessageKey, Recipient] = {}
    for key, content in wanted:
        row = people.get(key.contact_id)
        if row is not None:
            locale = row.locale or DEFAULT_LOCALE
            unsubscribe = links.unsubscribe(key, content.topic)
            context: dict[str, Json] = {
                "contact": contact_facts(row),
                "account": _account_facts(row),
                "event": events.get(key, {}),
                "flow": {"key": content.flow_key, "name": text_in(content.flow_name, locale)},
                "unsubscribe_url": unsubscribe,
                "preferences_url": unsubscribe,
            }
            where = getattr(row, f"address_{content.channel}", None) or ""
            found[key] = Recipient(str(where).strip(), locale, row.timezone, row.workspace_id, context)
    return found


def contact_facts(row: Any) -> dict[str, Json]:
    """Give a contact's facts as templates read them: built-in ones win over attributes of the same name."""
    facts: dict[str, Json] = document(row.attributes)
    if "score" not in facts and _SCORE in facts:
        facts["score"] = facts[_SCORE]
    facts |= {name: getattr(row, name) for name in _FACTS}
    facts |= {"id": row.key, "created_at": format_instant(row.created_at)}
    return facts


def _account_facts(row: Any) -> dict[str, Json]:
    if row.account_key is None:
        return {}
    facts: dict[str, Json] = document(row.account_attributes)
    name = row.account_name or facts.get("name")
    return {**facts, "name": name, "id": row.account_key}


def _people(connection: Connection, part: int, contacts: Iterable[int]) -> dict[int, Any]:
    given = {"at_part": part, "contacts": pack(contacts)}
    return {row.id: row for row in _persons(connection.dialect.name).run(connection, given)}


@cache
def _persons(dialect: str) -> Prepared:
    account = sa.and_(ACCOUNT.c.part == CONTACT.c.part, ACCOUNT.c.id == CONTACT.c.account_id)
    chosen = (
        sa.select(
            *(CONTACT.c[name] for name in ("id", "key", "workspace_id", "attributes", "created_at", *_FACTS)),
            ACCOUNT.c.key.label("account_key"),
            ACCOUNT.c.name.label("account_name"),
            ACCOUNT.c.attributes.label("account_attributes"),
            *(address(CONTACT, channel).label(f"address_{channel}") for channel in ("email", "sms", "wecom")),
        )
        .outerjoin(ACCOUNT, account)
        .where(CONTACT.c.part == parameter("at_part"), CONTACT.c.id.in_(numbers(dialect, "contacts")))
    )
    return Prepared(chosen, dialect)


def _trigger_events(connection: Connection, part: int, wanted: Wanted) -> dict[MessageKey, dict[str, Json]]:
    """Find for each message whose templates read ``event`` the one by which its contact came into the flow."""
    readers: dict[tuple[str, ...], list[MessageKey]] = {}
    for key, content in wanted:
        if content.trigger_events and any("event" in source for source in sources(content)):
            readers.setdefault(content.trigger_events, []).append(key)
    found: dict[MessageKey, dict[str, Json]] = {}
    for names, keys in readers.items():
        last = {row.enrollment_id: row.properties for row in connection.execute(_last_events(part, names, keys))}
        found |= {key: dict(last.get(key.enrollment_id, {})) for key in keys}
    return found


def _last_events(part: int, names: tuple[str, ...], keys: Sequence[MessageKey]) -> sa.Select[Any]:
    rank = sa.func.row_number().over(partition_by=ENROLLMENT.c.id, order_by=(EVENT.c.at.desc(), EVENT.c.id.desc()))
    ranked = (
        sa.select(ENROLLMENT.c.id.label("enrollment_id"), EVENT.c.properties, rank.label("rank"))
        .join(EVENT, sa.and_(EVENT.c.part == ENROLLMENT.c.part, EVENT.c.contact_id == ENROLLMENT.c.contact_id))
        .where(
            ENROLLMENT.c.part == part,
            ENROLLMENT.c.contact_id.in_({key.contact_id for key in keys}),
            ENROLLMENT.c.id.in_({key.enrollment_id for key in keys}),
            EVENT.c.name.in_(names),
            EVENT.c.at <= ENROLLMENT.c.started_at,
        )
        .subquery()
    )
    return sa.select(ranked.c.enrollment_id, ranked.c.properties).where(ranked.c.rank == 1)
