"""What we ourselves see of messages (bounces at delivery, opens, clicks, unsubscribing) becomes events of the contact.

Storing events is the business of another room; it comes in as ``RecordEvents``.
"""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Final, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from engine.channels import receipts
from engine.store.prepared import parameter
from engine.store.rowsets import pack, texts
from engine.store.tables import Event
from engine.terms import Json, Micros

EVENT: sa.Table = Event.__table__  # type: ignore[attr-defined]

SOURCE: Final = "messages"
"""The source of these events; together with ``message_id`` it makes a repeat harmless."""

OPENED, CLICKED, BOUNCED = "message_opened", "message_clicked", "message_bounced"
UNSUBSCRIBED, SUBSCRIBED = "unsubscribed", "subscribed"


class Happening(NamedTuple):
    """An event of a contact, with what makes it known again."""

    part: int
    contact_id: int
    workspace_id: int
    name: str
    at: Micros
    properties: dict[str, Json]
    message_id: str


RecordEvents = Callable[[Connection, Sequence[Happening]], None]
"""Store events under ``SOURCE``, each once, numbered like all others of their part."""


def take_note(connection: Connection, record_events: RecordEvents, happenings: Sequence[Happening]) -> None:
    """Store events and let what they say of messages and consent take effect at once.

    Shape: the executor takes the same events again, later and without further effect, for what waits for them.
    Cost: that of ``record_events`` and a handful of statements a part.
    """
    if not happenings:
        return
    record_events(connection, happenings)
    for part in sorted({each.part for each in happenings}):
        ids = pack(each.message_id for each in happenings if each.part == part)
        receipts.apply(connection, part, _just_stored(connection.dialect.name), {"ids": ids})


@cache
def _just_stored(dialect: str) -> sa.Subquery:
    return (
        sa.select(EVENT.c.contact_id, EVENT.c.id, EVENT.c.name, EVENT.c.at, EVENT.c.properties)
        .where(
            EVENT.c.part == parameter("part"),
            EVENT.c.source == SOURCE,
            EVENT.c.message_id.in_(texts(dialect, "ids")),
        )
        .subquery("just_stored")
    )
