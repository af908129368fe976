"""Invariants that look at where things stand: each function gives the statement that counts what breaks it."""

from typing import Any

import sqlalchemy as sa

from engine.access.audit import ENTRY as AUDIT
from engine.access.audit import FIRST
from engine.channels.base import EVERYTHING, WEBHOOK
from engine.channels.consents import CONSENT, WITHDRAWN
from engine.store.tables import Contact, Enrollment, Event, Failure, Flow, FlowVersion, Inbox, Journal, Message, Token
from engine.terms import MINUTE, Micros

CONTACT: sa.Table = Contact.__table__  # type: ignore[attr-defined]
ENROLLMENT: sa.Table = Enrollment.__table__  # type: ignore[attr-defined]
EVENT: sa.Table = Event.__table__  # type: ignore[attr-defined]
FAILURE: sa.Table = Failure.__table__  # type: ignore[attr-defined]
FLOW: sa.Table = Flow.__table__  # type: ignore[attr-defined]
VERSION: sa.Table = FlowVersion.__table__  # type: ignore[attr-defined]
INBOX: sa.Table = Inbox.__table__  # type: ignore[attr-defined]
JOURNAL: sa.Table = Journal.__table__  # type: ignore[attr-defined]
MESSAGE: sa.Table = Message.__table__  # type: ignore[attr-defined]
TOKEN: sa.Table = Token.__table__  # type: ignore[attr-defined]

OVERDUE = MINUTE
"""How long a due token may wait before somebody should look."""

LEASE = 5 * MINUTE
"""How long a message may be under way before its sender counts as lost."""

Count = sa.Select[Any]


def total(*counts: Count) -> Count:
    """Add several counts up."""
    added: Any = sa.literal(0, sa.BigInteger)
    for each in counts:
        added = added + each.scalar_subquery()
    return sa.select(added)


def rows_where(table: sa.FromClause, *wrong: Any) -> Count:
    """Count the rows for which all of this is so."""
    return sa.select(sa.func.count()).select_from(table).where(*wrong)


def _mine(table: sa.FromClause, of: sa.FromClause) -> sa.ColumnElement[bool]:
    return sa.and_(table.c.part == of.c.part, table.c.contact_id == of.c.contact_id)


def illegal() -> Count:
    """I01: states that the tables forbid, ends with tokens, active enrollments without, failures that nobody noted."""
    t, e, f = TOKEN, ENROLLMENT, FAILURE
    waits = sa.and_(t.c.state == "waiting", t.c.due_at.is_not(None))
    rests = sa.and_(t.c.state.in_(["joining", "held", "failed"]), t.c.due_at.is_(None))
    active = sa.and_(e.c.state == "active", e.c.ended_at.is_(None))
    ended = sa.and_(e.c.state.in_(["completed", "goal", "exit", "merged", "erased"]), e.c.ended_at.is_not(None))
    token_of = sa.exists().where(_mine(t, e), t.c.enrollment_id == e.c.id)
    enrollment_of = sa.exists().where(
        _mine(e, t), e.c.id == t.c.enrollment_id, e.c.version_id == t.c.version_id, active
    )
    noted = sa.exists().where(_mine(f, t), f.c.token_id == t.c.id)
    return total(
        rows_where(t, sa.not_(sa.or_(waits, rests))),
        rows_where(e, sa.not_(sa.or_(active, ended))),
        rows_where(e, active, ~token_of),
        rows_where(t, ~enrollment_of),
        rows_where(t, t.c.state == "failed", ~noted),
    )


def stuck(now: Micros) -> Count:
    """I02: tokens of live flows that should have moved a while ago."""
    source = TOKEN.join(VERSION, VERSION.c.id == TOKEN.c.version_id).join(FLOW, FLOW.c.id == VERSION.c.flow_id)
    return rows_where(source, FLOW.c.state == "live", TOKEN.c.due_at < now - OVERDUE)


def stale_intents(now: Micros) -> Count:
    """I03: messages that somebody began to hand over long ago."""
    return rows_where(MESSAGE, MESSAGE.c.state == "sending", MESSAGE.c.intent_at < now - LEASE)


def _doubled(*columns: Any) -> Count:
    return sa.select(sa.func.count()).select_from(
        sa.select(*columns).group_by(*columns).having(sa.func.count() > 1).subquery()
    )


def doubled_keys() -> Count:
    """I10: contacts of the same key, or messages delivered twice, in different parts."""
    return total(_doubled(CONTACT.c.workspace_id, CONTACT.c.key), _doubled(INBOX.c.message_key))


def contradictory_messages() -> Count:
    """I11: sent without a moment or an intent, sent before the intent, suppressed without a reason, queued but sent."""
    m = MESSAGE
    fits = sa.case(
        (
            m.c.state == "sent",
            sa.and_(m.c.intent_at.is_not(None), sa.func.coalesce(m.c.sent_at >= m.c.intent_at, False)),
        ),
        (m.c.state == "suppressed", sa.and_(m.c.reason.is_not(None), m.c.sent_at.is_(None))),
        (m.c.state == "sending", sa.and_(m.c.intent_at.is_not(None), m.c.sent_at.is_(None))),
        (m.c.state.in_(["queued", "failed", "in_doubt"]), m.c.sent_at.is_(None)),
        else_=sa.false(),
    )
    return rows_where(m, sa.not_(fits))


def unwanted() -> Count:
    """I12: messages that were begun after the contact's last word on them had been no, and was known to us."""
    m, c, last = MESSAGE, CONSENT, CONSENT.alias("last")

    def about(word: sa.FromClause) -> sa.ColumnElement[bool]:
        return sa.and_(
            _mine(word, m),
            word.c.topic.in_([sa.func.coalesce(m.c.topic, "marketing"), EVERYTHING]),
            word.c.channel.in_([m.c.channel, EVERYTHING]),
        )

    heard = (
        sa.select(sa.func.min(EVENT.c.received_at))
        .where(_mine(EVENT, c), EVENT.c.at == c.c.at, EVENT.c.name.like("%nsubscribed"))
        .correlate(c)
        .scalar_subquery()
    )
    source = MESSAGE.join(CONSENT, about(c))
    return rows_where(
        source,
        m.c.channel != WEBHOOK,
        c.c.state == WITHDRAWN,
        m.c.intent_at > sa.func.coalesce(heard, c.c.at),
        ~sa.exists().where(about(last), last.c.at > c.c.at),
    )


def doubled_events() -> Count:
    """I13: events of one source with one message id in different parts."""
    return _doubled(EVENT.c.source, EVENT.c.message_id)


def scattered(parts: int) -> Count:
    """I15: contacts in a part that is not theirs, and rows of contacts that are not in their part."""
    orphans = []
    for table in (ENROLLMENT, EVENT):
        known = sa.exists().where(CONTACT.c.part == table.c.part, CONTACT.c.id == table.c.contact_id)
        orphans.append(rows_where(table, ~known))
    for table in (TOKEN, JOURNAL, MESSAGE):
        known = sa.exists().where(_mine(ENROLLMENT, table), ENROLLMENT.c.id == table.c.enrollment_id)
        orphans.append(rows_where(table, ~known))
    return total(rows_where(CONTACT, CONTACT.c.hash % parts != CONTACT.c.part), *orphans)


def unlinked() -> Count:
    """I17: entries of the audit log that do not name the seal of the one before, and numbers that are missing."""
    entry, before = AUDIT, AUDIT.alias("before")
    linked = sa.exists().where(before.c.id == entry.c.id - 1, before.c.digest == entry.c.previous)
    first = sa.and_(entry.c.id == 1, entry.c.previous == FIRST)
    return rows_where(entry, ~linked, ~first)
