"""Why a message may not be sent, as one SQL expression: the executor asks when a step owes it, dispatch before it goes.

The common case is cheap: without restrictions on the contact, a cap or required variables no other table is read.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from engine.channels import consents
from engine.channels.base import DEFAULT_TOPIC, EMAIL, SMS, WEBHOOK, WECOM
from engine.channels.variables import Trigger, missing_any
from engine.store.dialect import sha256_text
from engine.store.expressions import json_kind, json_text, lower_text
from engine.store.tables import Message
from engine.terms import Micros, length_micros, parse_duration

MESSAGE: sa.Table = Message.__table__  # type: ignore[attr-defined]

OWED = ("queued", "sending", "sent", "in_doubt")
"""States that count against the frequency cap when a step owes a message."""

GONE = ("sending", "sent", "in_doubt")
"""States that count before a message goes; one in doubt may have arrived."""

WECOM_ID = "wecom_id"

Number = sa.ColumnElement[int] | int
Word = sa.ColumnElement[str] | str
Reason = sa.ColumnElement[Any]


@dataclass(frozen=True)
class Cap:
    """How many messages a contact may get in a time, over all channels but webhooks."""

    messages: int
    per: Micros
    delays: bool


@dataclass(frozen=True)
class Scope:
    """What policy may look at.

    ``contact`` has the columns of table ``contact`` in ``part``; ``now``, ``channel``, ``topic`` and ``due`` are values
    or columns. ``required`` are dotted paths of variables, ``cap`` the workspace's frequency cap.
    ``late`` is how long after ``due`` the message may still go. ``counted`` is which messages the cap counts;
    ``contact_id`` whose, where that is not read from ``contact``.
    """

    contact: sa.FromClause
    part: Number
    now: Number
    channel: Word
    topic: Word | None = None
    required: Sequence[str] = ()
    cap: Cap | None = None
    trigger: Trigger | None = None
    due: Number | None = None
    late: timedelta | None = None
    counted: Sequence[str] = OWED
    contact_id: Number | None = None

    @property
    def whose(self) -> Number:
        """The number of the contact whose messages the cap counts."""
        return self.contact.c.id if self.contact_id is None else self.contact_id


def read_cap(settings: Mapping[str, Any]) -> Cap | None:
    """Read ``frequency_cap`` of a workspace's settings."""
    cap = settings.get("frequency_cap")
    if not cap:
        return None
    return Cap(int(cap["messages"]), length_micros(parse_duration(cap["per"])), cap.get("on_excess") == "delay")


def suppression_reason(
    *,
    contact: sa.FromClause,
    part: Number,
    now: Number,
    channel: Word,
    topic: Word | None = None,
    requires: Sequence[str] = (),
    cap: Cap | None = None,
    trigger: Trigger | None = None,
    due: Number | None = None,
    late: timedelta | None = None,
    counted: Sequence[str] = OWED,
) -> Reason:
    """Say why this message may not be sent: NULL when it may.

    Shape: the first that holds of ``unsubscribed``, ``no_address``, ``bounced``, ``suppressed``, ``late``, ``cap``,
    ``missing_variable``. A webhook has neither address nor consent nor cap. The arguments are those of ``Scope``.
    """
    return reason_in(Scope(contact, part, now, channel, topic, requires, cap, trigger, due, late, counted))


def reason_in(scope: Scope) -> Reason:
    """Say why a message may not be sent: see ``suppression_reason``."""
    return _first_of([*_of_the_contact(scope), *_of_the_moment(scope), *_of_the_content(scope)])


def momentary_reason(scope: Scope) -> Reason:
    """Say why a message may not be sent now to a contact that ``is_sound``: see ``suppression_reason``."""
    return _first_of(_of_the_moment(scope))


def is_sound(scope: Scope) -> sa.ColumnElement[bool]:
    """Tell whether the contact has an address, no restriction at all, and all variables that are required."""
    if scope.channel == WEBHOOK:
        clear: list[sa.ColumnElement[bool]] = []
    else:
        clear = [sa.not_(scope.contact.c.restricted), _address_text(scope) != ""]
    absent = [sa.not_(missing_any(scope.contact, scope.part, scope.required, scope.trigger))] if scope.required else []
    return sa.and_(sa.true(), *clear, *absent)


def _first_of(reasons: Sequence[Reason]) -> Reason:
    if not reasons:
        return sa.null()
    return reasons[0] if len(reasons) == 1 else sa.func.coalesce(*reasons, type_=sa.Text)


def _of_the_contact(scope: Scope) -> list[Reason]:
    reasons: list[Reason] = []
    if scope.channel != WEBHOOK:
        digest = address_hash(scope.contact, scope.channel)
        reasons.append(_to_a_person(scope, _when_restricted(scope, _is_withdrawn(scope), "unsubscribed")))
        reasons.append(_to_a_person(scope, _no_address(scope)))
        reasons.append(
            _to_a_person(scope, _when_restricted(scope, _is_suppressed(scope, digest, "bounced"), "bounced"))
        )
        reasons.append(_to_a_person(scope, _when_restricted(scope, _is_suppressed(scope, digest), "suppressed")))
    return reasons


def _of_the_moment(scope: Scope) -> list[Reason]:
    reasons: list[Reason] = []
    if scope.late is not None and scope.due is not None:
        reasons.append(sa.case((_number(scope.now) - scope.due > length_micros(scope.late), "late")))
    if scope.channel != WEBHOOK and scope.cap is not None:
        reasons.append(_to_a_person(scope, sa.case((over_cap(scope), "cap"))))
    return reasons


def _of_the_content(scope: Scope) -> list[Reason]:
    if not scope.required:
        return []
    absent = missing_any(scope.contact, scope.part, scope.required, scope.trigger)
    return [sa.case((absent, "missing_variable"))]


def _number(value: Number) -> sa.ColumnElement[Any]:
    return value if isinstance(value, sa.ColumnElement) else sa.literal(value, sa.BigInteger)


def _to_a_person(scope: Scope, reason: Reason) -> Reason:
    if isinstance(scope.channel, str):
        return reason
    return sa.case((scope.channel != WEBHOOK, reason))


def address(contact: sa.FromClause, channel: Word) -> sa.ColumnElement[Any]:
    """Give the contact's address on a channel; NULL when there is none."""
    wecom = sa.case((json_kind(contact.c.attributes, WECOM_ID) == "text", json_text(contact.c.attributes, WECOM_ID)))
    columns: dict[str, sa.ColumnElement[Any]] = {EMAIL: contact.c.email, SMS: contact.c.phone, WECOM: wecom}
    if isinstance(channel, str):
        return columns[channel] if channel in columns else sa.null()
    return sa.case(*((channel == name, column) for name, column in columns.items()))


def _no_address(scope: Scope) -> Reason:
    return sa.case((_address_text(scope) == "", "no_address"))


def _address_text(scope: Scope) -> sa.ColumnElement[str]:
    return sa.func.coalesce(sa.func.trim(address(scope.contact, scope.channel)), "")


def address_hash(contact: sa.FromClause, channel: Word) -> sa.ColumnElement[Any]:
    """Give the hash under which a contact's address on a channel is suppressed."""
    return sha256_text(lower_text(address(contact, channel)))


def _when_restricted(scope: Scope, holds: sa.ColumnElement[bool], reason: str) -> Reason:
    """Look at other tables only for a contact that has rows there."""
    return sa.case((scope.contact.c.restricted, sa.case((holds, reason))))


def _is_withdrawn(scope: Scope) -> sa.ColumnElement[bool]:
    return consents.withdrawn(scope.part, scope.contact.c.id, _topic(scope), scope.channel)


def _is_suppressed(scope: Scope, digest: Any, *reasons: str) -> sa.ColumnElement[bool]:
    return consents.suppressed(scope.part, scope.contact.c.id, scope.channel, digest, *reasons)


def _topic(scope: Scope) -> Word:
    if scope.topic is None or isinstance(scope.topic, str):
        return scope.topic or DEFAULT_TOPIC
    return sa.func.coalesce(scope.topic, DEFAULT_TOPIC)


def over_cap(scope: Scope) -> sa.ColumnElement[bool]:
    """Tell whether one more message now would be more than the cap allows.

    Shape: what was sent in (now - per, now] counts, and what is still owed.
    """
    if scope.cap is None:
        return sa.false()
    counted, at = _counted(scope)
    recent = sa.select(sa.func.count()).where(counted, at > _number(scope.now) - scope.cap.per)
    return recent.correlate_except(_COUNTED).scalar_subquery() >= scope.cap.messages


def cap_free_at(scope: Scope) -> sa.ColumnElement[Any]:
    """Give the first instant at which the cap allows one more message; NULL when it allows one now."""
    if scope.cap is None:
        return sa.null()
    if scope.cap.messages <= 0:
        return _number(scope.now) + scope.cap.per
    counted, at = _counted(scope)
    oldest = sa.select(at + scope.cap.per).where(counted).order_by(at.desc()).limit(1).offset(scope.cap.messages - 1)
    free = oldest.correlate_except(_COUNTED).scalar_subquery()
    return sa.case((free > scope.now, free))


_COUNTED = MESSAGE.alias("counted")


def _counted(scope: Scope) -> tuple[sa.ColumnElement[bool], sa.ColumnElement[int]]:
    """Choose the contact's messages that count, and say when each went or is to go."""
    mine = sa.and_(
        _COUNTED.c.part == scope.part,
        _COUNTED.c.contact_id == scope.whose,
        _COUNTED.c.channel != WEBHOOK,
        _COUNTED.c.state.in_(tuple(scope.counted)),
    )
    return mine, sa.func.coalesce(_COUNTED.c.sent_at, _COUNTED.c.not_before)
