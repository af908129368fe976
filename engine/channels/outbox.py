"""The table of messages as dispatch uses it: claim with the intent to send, record what became of it, recover.

Every statement is bound to one part and works on sets.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any, Final, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from engine.channels.base import IN_DOUBT, PERMANENT, SENT, WEBHOOK, MessageKey, Outcome
from engine.channels.policy import GONE, MESSAGE, Cap, Number, Scope, cap_free_at, over_cap, suppression_reason
from engine.store.dialect import upsert
from engine.store.prepared import Prepared, parameter
from engine.store.rowsets import numbers, pack, rowset, texts
from engine.store.tables import Contact, Delivery, Flow, FlowVersion
from engine.store.tables.messages import OPEN_MESSAGE
from engine.terms import DAY, HOUR, MINUTE, Micros

CONTACT: sa.Table = Contact.__table__  # type: ignore[attr-defined]
DELIVERY: sa.Table = Delivery.__table__  # type: ignore[attr-defined]
FLOW: sa.Table = Flow.__table__  # type: ignore[attr-defined]
VERSION: sa.Table = FlowVersion.__table__  # type: ignore[attr-defined]

BACKOFF: Final[Sequence[Micros]] = (MINUTE, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 6 * HOUR, DAY, DAY, DAY)
"""How long to wait after each attempt that failed for the moment; after the last one the message has failed."""

LONGEST_WAIT: Final = DAY
LOST = "the process ended before the answer was recorded"
KEY: Final = MessageKey._fields

RESTING: Final = ("paused", "archived")
"""States of a flow in which nothing of it is sent."""


class Claimed(NamedTuple):
    """A message with the committed intent to send it."""

    key: MessageKey
    version_id: int
    channel: str
    due_at: Micros
    not_before: Micros
    attempt: int

    @property
    def awaited(self) -> Micros:
        """When it was to go: a cap or quiet hours that put it off do not make it late, but refusals do."""
        return self.not_before if self.attempt == 1 else self.due_at


@dataclass(frozen=True)
class Result:
    """What became of a claimed message: an attempt's outcome, or the reason why there was none."""

    claimed: Claimed
    outcome: Outcome | None = None
    suppressed: str | None = None
    workspace_id: int = 1


def places_with_due(
    connection: Connection, parts: Sequence[int], now: Micros, channels: Sequence[str]
) -> list[tuple[int, str]]:
    """List parts and channels of which messages are to be handed over.

    Cost: one statement, a look into the index for each part and channel.
    """
    given = {"parts": pack(parts), "channels": pack(channels), "now": now}
    return [(row[0], row[1]) for row in _places(connection.dialect.name).run(connection, given)]


@cache
def _places(dialect: str) -> Prepared:
    listed, asked = numbers(dialect, "parts").subquery("listed"), texts(dialect, "channels").subquery("asked")
    (part,), (channel,) = listed.c, asked.c
    due = sa.select(MESSAGE.c.part).where(MESSAGE.c.part == part, MESSAGE.c.channel == channel, *_due(parameter("now")))
    every = listed.join(asked, sa.true())
    return Prepared(sa.select(part, channel).select_from(every).where(sa.exists(due)).order_by(part, channel), dialect)


def _due(now: Number) -> list[sa.ColumnExpressionArgument[bool]]:
    return [OPEN_MESSAGE, MESSAGE.c.state == "queued", *_may_go(now)]


def _still_due(now: Number) -> list[sa.ColumnExpressionArgument[bool]]:
    """Ask of messages that are named by their keys whether they are due.

    The state is hidden from PostgreSQL, which would else go through all open messages of the part for each key.
    """
    return [sa.func.coalesce(MESSAGE.c.state, "") == "queued", *_may_go(now)]


def _may_go(now: Number) -> list[sa.ColumnExpressionArgument[bool]]:
    resting = sa.select(VERSION.c.id).join(FLOW, FLOW.c.id == VERSION.c.flow_id).where(FLOW.c.state.in_(RESTING))
    return [MESSAGE.c.not_before <= now, MESSAGE.c.version_id.not_in(resting)]


def next_due(connection: Connection, part: int, channel: str, *, now: Micros, limit: int) -> list[Claimed]:
    """List the next due messages of a part, oldest first, as they will be when they are claimed.

    Cost: one statement; nothing is locked.
    """
    given = {"at_part": part, "by": channel, "now": now, "most": limit}
    rows = _listing(connection.dialect.name).run(connection, given).all()
    return [Claimed(MessageKey(*row[:5]), *row[5:10]) for row in rows]


@cache
def _listing(dialect: str) -> Prepared:
    told = [*(MESSAGE.c[name] for name in (*KEY, "version_id", "channel", "due_at", "not_before"))]
    by = parameter("by", sa.Text)
    statement = (
        sa.select(*told, MESSAGE.c.attempt + 1)
        .where(MESSAGE.c.part == parameter("at_part"), *_due(parameter("now")), MESSAGE.c.channel == by)
        .order_by(MESSAGE.c.not_before)
        .limit(parameter("most"))
    )
    return Prepared(statement, dialect)


def claim(
    connection: Connection, part: int, wanted: Sequence[Claimed], *, now: Micros, worker: str, caps: Mapping[int, Cap]
) -> tuple[list[Claimed], int]:
    """Commit to sending messages that ``next_due`` has listed; policy is asked in the same statement.

    Shape: those that may go, in the order given, and how many rows were changed: what others have taken meanwhile or
    are about to change is left alone. ``caps`` are by workspace. What may not go is suppressed, or put off until the
    cap allows it. Cost: one statement.
    """
    rows = pack((*each.key, each.attempt) for each in wanted)
    given = {"at_part": part, "now": now, "who": worker, "rows": rows}
    changed = _claiming(connection.dialect.name, tuple(sorted(caps.items()))).run(connection, given).all()
    sending = {row[:5] for row in changed if row[5] == "sending"}
    return [each for each in wanted if each.key in sending], len(changed)


@lru_cache(maxsize=64)
def _claiming(dialect: str, caps: tuple[tuple[int, Cap], ...]) -> Prepared:
    now = parameter("now")
    due = _due_rows(dialect, parameter("at_part"), now, caps)
    state = sa.case((due.c.free_at.is_not(None), "queued"), (due.c.reason.is_not(None), "suppressed"), else_="sending")
    sending = due.c.reason.is_(None)
    statement = (
        MESSAGE.update()
        .values(
            state=state,
            reason=sa.case((due.c.free_at.is_(None), due.c.reason)),
            not_before=sa.func.coalesce(due.c.free_at, MESSAGE.c.not_before),
            worker=sa.case((sending, parameter("who", sa.Text))),
            intent_at=sa.case((sending, now), else_=MESSAGE.c.intent_at),
            attempt=MESSAGE.c.attempt + sa.case((sending, 1), else_=0),
        )
        .where(*(MESSAGE.c[name] == due.c[name] for name in KEY))
        .returning(*(MESSAGE.c[name] for name in (*KEY, "state")))
    )
    return Prepared(statement, dialect)


def _due_rows(dialect: str, part: Number, now: Number, caps: Iterable[tuple[int, Cap]]) -> sa.CTE:
    rows = _claims(dialect)
    here = sa.and_(CONTACT.c.part == MESSAGE.c.part, CONTACT.c.id == MESSAGE.c.contact_id)
    message: dict[str, Any] = {"channel": MESSAGE.c.channel, "topic": MESSAGE.c.topic}
    reason = suppression_reason(contact=CONTACT, part=part, now=now, **message)
    scopes = {w: Scope(CONTACT, part, now, **message, cap=cap, counted=GONE) for w, cap in caps}
    capped = [
        (sa.and_(CONTACT.c.workspace_id == workspace, over_cap(scope)), "cap") for workspace, scope in scopes.items()
    ]
    if capped:
        reason = sa.func.coalesce(reason, sa.case((MESSAGE.c.channel != WEBHOOK, sa.case(*capped))))
    delayed = [
        (CONTACT.c.workspace_id == workspace, cap_free_at(scope))
        for workspace, scope in scopes.items()
        if scope.cap is not None and scope.cap.delays
    ]
    free_at: Any = sa.case((reason == "cap", sa.case(*delayed))) if delayed else sa.null()
    # A contact that is gone cannot be written to by any channel.
    reason = sa.case((CONTACT.c.id.is_(None), "no_address"), else_=reason)
    listed = sa.and_(MESSAGE.c.attempt == rows.c.attempt - 1, *(MESSAGE.c[name] == rows.c[name] for name in KEY))
    return (
        sa.select(
            *(MESSAGE.c[name] for name in KEY),
            reason.label("reason"),
            sa.cast(free_at, sa.BigInteger).label("free_at"),
        )
        .select_from(rows.join(MESSAGE, listed).outerjoin(CONTACT, here))
        .where(MESSAGE.c.part == part, *_still_due(now))
        .with_for_update(of=MESSAGE, skip_locked=True)
        .cte("due")
    )


def put_off(connection: Connection, messages: Iterable[tuple[Claimed, Micros]]) -> None:
    """Take back the intent to send claimed messages; they are due again at an instant of their own.

    Cost: one statement.
    """
    rows = [(*each.key, each.attempt, until) for each, until in messages]
    if rows:
        _putting_off(connection.dialect.name).run(connection, {"rows": pack(rows)})


def record(connection: Connection, worker: str, now: Micros, results: Sequence[Result], *, keyed: bool) -> None:
    """Write down what became of claimed messages, all at once.

    Shape: a message that another process has taken over meanwhile is left alone. With ``keyed`` a message in doubt is
    tried again. Cost: two statements.
    """
    if not results:
        return
    rows = [(*each.claimed.key, each.claimed.attempt, *_change(each, now, keyed=keyed)) for each in results]
    _recording(connection.dialect.name).run(connection, {"rows": pack(rows), "worker": worker})
    tried = [(each.claimed, each.outcome) for each in results if each.outcome is not None]
    _note(connection, [(each.key, each.attempt, now, outcome.state, outcome.answer) for each, outcome in tried])


def _claims(dialect: str, **more: Any) -> sa.Subquery:
    return rowset(dialect, "rows", **dict.fromkeys((*KEY, "attempt"), sa.BigInteger), **more)


def _still_mine(rows: sa.Subquery) -> list[sa.ColumnElement[bool]]:
    """Choose the rows of claims, but for those that somebody else has now: the fence against a worker that slept."""
    return [*(MESSAGE.c[n] == rows.c[n] for n in (*KEY, "attempt")), MESSAGE.c.state.in_(("sending", "in_doubt"))]


@cache
def _putting_off(dialect: str) -> Prepared:
    rows = _claims(dialect, until=sa.BigInteger)
    back = {"state": "queued", "worker": None, "intent_at": None, "attempt": MESSAGE.c.attempt - 1}
    return Prepared(MESSAGE.update().values(not_before=rows.c.until, **back).where(*_still_mine(rows)), dialect)


@cache
def _recording(dialect: str) -> Prepared:
    rows = _claims(dialect, state=sa.Text, reason=sa.Text, not_before=sa.BigInteger, sent_at=sa.BigInteger)
    told = {name: rows.c[name] for name in ("state", "reason", "not_before", "sent_at")}
    worker = sa.case((rows.c.state != "queued", MESSAGE.c.worker))
    mine = [*_still_mine(rows), MESSAGE.c.worker == parameter("worker", sa.Text)]
    return Prepared(MESSAGE.update().values(worker=worker, **told).where(*mine), dialect)


def _change(result: Result, now: Micros, *, keyed: bool) -> tuple[str, str | None, Micros, Micros | None]:
    """Give the new state, reason, due instant and instant of sending."""
    outcome = result.outcome
    state = "sent"
    reason: str | None = None
    not_before, sent_at = now, None
    if outcome is None:
        state, reason = "suppressed", result.suppressed
    elif outcome.state == SENT:
        sent_at = now
    elif outcome.state == PERMANENT:
        state, reason = "failed", "bounced" if outcome.bounce else "refused"
    elif outcome.state == IN_DOUBT and not keyed:
        state = "in_doubt"
    elif result.claimed.attempt > len(BACKOFF):
        state, reason = "failed", "given_up"
    else:
        wait = max(BACKOFF[result.claimed.attempt - 1], outcome.retry_after or 0)
        state, not_before = "queued", now + min(wait, LONGEST_WAIT)
    return state, reason, not_before, sent_at


def _note(connection: Connection, attempts: Sequence[tuple[MessageKey, int, Micros, str, str]]) -> None:
    """Write attempts down: key, number, instant, outcome and answer of each."""
    if attempts:
        rows = pack((*key, *told) for key, *told in attempts)
        _noting(connection.dialect.name).run(connection, {"rows": rows})


@cache
def _noting(dialect: str) -> Prepared:
    rows = _claims(dialect, at=sa.BigInteger, outcome=sa.Text, answer=sa.Text)
    # Without a condition SQLite would take what follows for that of a join.
    chosen = sa.select(*rows.c).where(sa.true())
    insert = upsert(DELIVERY, dialect).from_select(rows.c.keys(), chosen)
    told = {name: insert.excluded[name] for name in ("at", "outcome", "answer")}
    return Prepared(insert.on_conflict_do_update(index_elements=[*KEY, "attempt"], set_=told), dialect)


def take_back(
    connection: Connection,
    part: int,
    *,
    now: Micros,
    before: Micros,
    living: Collection[str],
    only: str | None,
    keyed: Collection[str],
) -> tuple[int, int]:
    """Decide about messages whose worker is gone: those of ``keyed`` channels are sent again, the others are in doubt.

    Shape: how many are queued again, and how many are in doubt now. ``living`` have theirs still; ``only`` names one
    that has let go of what it had though it lives: then it is about nobody else's.
    """
    gone = sa.or_(MESSAGE.c.worker.is_(None), MESSAGE.c.worker.not_in(list(living)))
    again = MESSAGE.c.channel.in_(list(keyed))
    statement = (
        MESSAGE.update()
        .values(
            state=sa.case((again, "queued"), else_="in_doubt"),
            not_before=sa.case((again, now), else_=MESSAGE.c.not_before),
        )
        .where(
            MESSAGE.c.part == part,
            OPEN_MESSAGE,
            MESSAGE.c.state == "sending",
            MESSAGE.c.intent_at < before,
            gone if only is None else MESSAGE.c.worker == only,
        )
        .returning(*(MESSAGE.c[name] for name in (*KEY, "attempt", "state")))
    )
    rows = connection.execute(statement).all()
    lost = [row for row in rows if row.state == "in_doubt"]
    _note(connection, [(MessageKey(*row[:5]), row.attempt, now, IN_DOUBT, LOST) for row in lost])
    return len(rows) - len(lost), len(lost)


def settle(connection: Connection, key: MessageKey, now: Micros, *, arrived: bool) -> bool:
    """Carry out a person's verdict on a message in doubt: it arrived, or it is to be sent again.

    Shape: whether the message was in doubt.
    """
    verdict = {"state": "sent", "sent_at": now} if arrived else {"state": "queued", "not_before": now, "worker": None}
    mine = [MESSAGE.c[name] == value for name, value in key._asdict().items()]
    return connection.execute(MESSAGE.update().values(verdict).where(*mine, MESSAGE.c.state == "in_doubt")).rowcount > 0
