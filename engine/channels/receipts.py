"""What events say of messages and of consent: opened, clicked, bounced, unsubscribed. All set-oriented.

``arrivals`` below is any rows with the columns ``contact_id, id, name, at, properties``: the events that act now.
Hand in the same object each time: the statements are kept for it.
"""

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from functools import lru_cache
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from engine.channels.base import EVERYTHING
from engine.channels.consents import CONSENT, GRANTED, SUPPRESSION, WITHDRAWN
from engine.channels.policy import MESSAGE, address_hash
from engine.rules.names import GRANTS, RECEIPTS, WITHDRAWALS
from engine.store.dialect import insert_ignore, upsert
from engine.store.expressions import json_text
from engine.store.prepared import Prepared, parameter
from engine.store.rowsets import pack, rowset
from engine.store.tables import Contact

CONTACT: sa.Table = Contact.__table__  # type: ignore[attr-defined]

CONSENT_NAMES: Final = WITHDRAWALS | GRANTS
RECEIPT_NAMES: Final = frozenset(RECEIPTS) | CONSENT_NAMES
"""Names of all events that this room wants to see."""

REFUSALS: Final = {"bounced": "bounced", "complained": "complained"}
"""Receipts after which an address is not written to again, and the reason that is kept."""

KEY = ("part", "contact_id", "enrollment_id", "node", "passing")
MARKS = ("delivered", "opened", "clicked", "bounced", "replied")

PART = parameter("part")


def pack_places(places: Iterable[tuple[int, int, str, str]]) -> str:
    """Write down which node is meant by which name: (version, place in its order, node id, flow key) of send nodes."""
    return pack([list(place) for place in places])


def apply(
    connection: Connection,
    part: int,
    arrivals: sa.FromClause,
    given: Mapping[str, Any],
    places: str = "[]",
    *,
    names: AbstractSet[str] | None = None,
) -> None:
    """Let receipts mark their messages, and words of consent and bounces take effect.

    Shape: ``given`` are the parameters of ``arrivals``; ``places`` comes from ``pack_places``: without it only receipts
    that name a message by ``message_key`` find theirs; ``names`` are those of the arrivals where that is known.
    Cost: one statement to find out the names, and up to four where there is any of these.
    """
    parameters = {**given, "part": part, "places": places}
    if names is None:
        names = {str(row[0]) for row in _statement("present", connection, arrivals).run(connection, parameters)}
    did = {RECEIPTS[name] for name in names if name in RECEIPTS}
    if did & set(MARKS):
        _statement("mark", connection, arrivals).run(connection, parameters)
    if did & set(REFUSALS):
        _statement("refuse", connection, arrivals).run(connection, parameters)
    if names & CONSENT_NAMES:
        _statement("consent", connection, arrivals).run(connection, parameters)
    if did & set(REFUSALS) or names & CONSENT_NAMES:
        _statement("restrict", connection, arrivals).run(connection, parameters)


def apply_consents(connection: Connection, part: int, arrivals: sa.FromClause, given: Mapping[str, Any]) -> None:
    """Let only words of consent take effect: for rooms that store events outside of a tick.

    Cost: two statements.
    """
    parameters = {**given, "part": part}
    for what in ("consent", "restrict"):
        _statement(what, connection, arrivals).run(connection, parameters)


def _statement(what: str, connection: Connection, arrivals: sa.FromClause) -> Prepared:
    return _prepared(what, connection.dialect.name, arrivals)


@lru_cache(maxsize=64)
def _prepared(what: str, dialect: str, arrivals: sa.FromClause) -> Prepared:
    build = {"present": _present, "mark": _mark, "refuse": _refuse, "consent": _consent, "restrict": _restrict}
    return Prepared(build[what](dialect, arrivals), dialect)


def _present(_dialect: str, arrivals: sa.FromClause) -> sa.Select[Any]:
    return sa.select(arrivals.c.name).where(arrivals.c.name.in_(sorted(RECEIPT_NAMES))).distinct()


def _property(arrivals: sa.FromClause, name: str) -> sa.ColumnElement[Any]:
    return sa.func.nullif(json_text(arrivals.c.properties, name), "")


def _matched(dialect: str, arrivals: sa.FromClause) -> sa.Subquery:
    """Find the message of each receipt: by its key, else the contact's latest from that node."""
    place = rowset(dialect, "places", version_id=sa.BigInteger, node=sa.BigInteger, label=sa.Text, flow=sa.Text)
    message = MESSAGE.alias("told")
    key = _property(arrivals, "message_key")
    node = sa.func.coalesce(_property(arrivals, "node"), _property(arrivals, "message"))
    flow = _property(arrivals, "flow")
    # Not a join: places would be read for each message, also where the key tells which one is meant.
    named = sa.exists().where(
        place.c.version_id == message.c.version_id,
        place.c.node == message.c.node,
        place.c.label == node,
        sa.or_(flow.is_(None), flow == place.c.flow),
    )
    latest = [message.c.due_at, message.c.enrollment_id, message.c.node, message.c.passing]
    rank = sa.func.row_number().over(partition_by=arrivals.c.id, order_by=[column.desc() for column in latest])
    return (
        sa.select(
            *(message.c[name] for name in KEY),
            message.c.channel,
            arrivals.c.id.label("event_id"),
            arrivals.c.at,
            sa.case(RECEIPTS, value=arrivals.c.name).label("did"),
            rank.label("rank"),
        )
        .select_from(arrivals)
        .join(message, sa.and_(message.c.part == PART, message.c.contact_id == arrivals.c.contact_id))
        .where(
            arrivals.c.name.in_(sorted(RECEIPTS)),
            message.c.state != "suppressed",
            sa.or_(key == _written_key(message), sa.and_(key.is_(None), named)),
        )
        .subquery("matched")
    )


def _written_key(message: sa.FromClause) -> sa.ColumnElement[str]:
    numbers: list[Any] = [sa.cast(message.c[name], sa.Text) for name in KEY]
    text = numbers[0]
    for number in numbers[1:]:
        text = text.concat("-").concat(number)
    return text  # type: ignore[no-any-return]


def _mark(dialect: str, arrivals: sa.FromClause) -> sa.Update:
    matched = _matched(dialect, arrivals)
    firsts = [sa.func.min(sa.case((matched.c.did == did, matched.c.at))).label(f"{did}_at") for did in MARKS]
    key = [matched.c[name] for name in KEY]
    told = sa.select(*key, *firsts).where(matched.c.rank == 1).group_by(*key).subquery("receipt")
    columns = {f"{did}_at": sa.func.coalesce(MESSAGE.c[f"{did}_at"], told.c[f"{did}_at"]) for did in MARKS}
    return MESSAGE.update().values(columns).where(MESSAGE.c.part == PART, *(MESSAGE.c[n] == told.c[n] for n in KEY))


def _refuse(dialect: str, arrivals: sa.FromClause) -> sa.Insert:
    matched = _matched(dialect, arrivals)
    digest = address_hash(CONTACT, matched.c.channel)
    chosen = (
        sa.select(
            PART,
            CONTACT.c.id,
            matched.c.channel,
            digest,
            sa.case(REFUSALS, value=matched.c.did),
            matched.c.at,
        )
        .join(CONTACT, sa.and_(CONTACT.c.part == PART, CONTACT.c.id == matched.c.contact_id))
        .where(matched.c.rank == 1, matched.c.did.in_(list(REFUSALS)), digest.is_not(None))
        .order_by(matched.c.at, matched.c.event_id)
    )
    columns = ["part", "contact_id", "channel", "address_hash", "reason", "at"]
    insert: sa.Insert = insert_ignore(SUPPRESSION, dialect).from_select(columns, chosen)
    return insert


def _consent(dialect: str, arrivals: sa.FromClause) -> sa.Insert:
    topic = sa.func.coalesce(_property(arrivals, "topic"), EVERYTHING).label("topic")
    channel = sa.func.coalesce(_property(arrivals, "channel"), EVERYTHING).label("channel")
    words = (
        sa.select(
            arrivals.c.contact_id,
            topic,
            channel,
            sa.case((arrivals.c.name.in_(sorted(WITHDRAWALS)), WITHDRAWN), else_=GRANTED).label("state"),
            arrivals.c.at,
            sa.func.row_number()
            .over(
                partition_by=(arrivals.c.contact_id, topic, channel),
                order_by=(arrivals.c.at.desc(), arrivals.c.id.desc()),
            )
            .label("rank"),
        )
        .where(arrivals.c.name.in_(sorted(CONSENT_NAMES)))
        .subquery("word")
    )
    chosen = sa.select(
        PART, words.c.contact_id, words.c.topic, words.c.channel, words.c.state, sa.literal("event"), words.c.at
    ).where(words.c.rank == 1)
    columns = ["part", "contact_id", "topic", "channel", "state", "source", "at"]
    insert = upsert(CONSENT, dialect).from_select(columns, chosen)
    said: sa.Insert = insert.on_conflict_do_update(
        index_elements=["part", "contact_id", "topic", "channel"],
        set_={name: insert.excluded[name] for name in ("state", "source", "at")},
        where=CONSENT.c.at <= insert.excluded.at,
    )
    return said


def _restrict(_dialect: str, arrivals: sa.FromClause) -> sa.Update:
    names = CONSENT_NAMES | {name for name, did in RECEIPTS.items() if did in REFUSALS}
    concerned = sa.select(arrivals.c.contact_id).where(arrivals.c.name.in_(sorted(names)))
    rows = [
        sa.exists(sa.select(table.c.at).where(table.c.part == PART, table.c.contact_id == CONTACT.c.id))
        for table in (CONSENT, SUPPRESSION)
    ]
    return (
        CONTACT.update()
        .values(restricted=sa.true())
        .where(CONTACT.c.part == PART, CONTACT.c.id.in_(concerned), ~CONTACT.c.restricted, sa.or_(*rows))
    )
