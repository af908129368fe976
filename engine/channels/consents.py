"""Who may be written to about what: the last word of a contact on a topic and a channel, as SQL."""

from typing import Any

import sqlalchemy as sa

from engine.channels.base import EVERYTHING
from engine.store.tables import Consent, Suppression

CONSENT: sa.Table = Consent.__table__  # type: ignore[attr-defined]
SUPPRESSION: sa.Table = Suppression.__table__  # type: ignore[attr-defined]

WITHDRAWN, GRANTED = "withdrawn", "granted"

Value = sa.ColumnElement[Any] | str


def withdrawn(part: Any, contact_id: Any, topic: Value, channel: Value) -> sa.ColumnElement[bool]:
    """Tell whether a contact's last word on this topic and channel, or on all of them, is no.

    A word on everything and a word on one topic are weighed by their time alone; of two at once, no counts.
    """
    last = (
        sa.select(CONSENT.c.state)
        .where(
            CONSENT.c.part == part,
            CONSENT.c.contact_id == contact_id,
            CONSENT.c.topic.in_((topic, EVERYTHING)),
            CONSENT.c.channel.in_((channel, EVERYTHING)),
        )
        .order_by(CONSENT.c.at.desc(), CONSENT.c.state.desc())
        .limit(1)
        .correlate_except(CONSENT)
        .scalar_subquery()
    )
    return sa.func.coalesce(last == WITHDRAWN, sa.false())


def suppressed(part: Any, contact_id: Any, channel: Value, digest: Any, *reasons: str) -> sa.ColumnElement[bool]:
    """Tell whether a contact's address on a channel must not be written to, for one of these reasons or any."""
    found = sa.select(SUPPRESSION.c.reason).where(
        SUPPRESSION.c.part == part,
        SUPPRESSION.c.contact_id == contact_id,
        SUPPRESSION.c.channel == channel,
        SUPPRESSION.c.address_hash == digest,
    )
    if reasons:
        found = found.where(SUPPRESSION.c.reason.in_(reasons))
    return sa.exists(found.correlate_except(SUPPRESSION))
