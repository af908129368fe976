"""Pause and resume flows. In a pause nobody moves or comes in and nothing is sent; events still end and wake.

What came due meanwhile is the backlog. Resuming sends it, drops it (those contacts move on, but what they would be
sent in that move is suppressed as ``late``), or spreads it over a while.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from engine.errors import FlowError
from engine.run.cursors import CURSOR
from engine.store.tables import Flow, FlowVersion, Message, Token
from engine.store.tables.messages import OPEN_MESSAGE
from engine.terms import DAY, HOUR, Micros, length_micros

FLOW: sa.Table = Flow.__table__  # type: ignore[attr-defined]
VERSION: sa.Table = FlowVersion.__table__  # type: ignore[attr-defined]
TOKEN: sa.Table = Token.__table__  # type: ignore[attr-defined]
MESSAGE: sa.Table = Message.__table__  # type: ignore[attr-defined]

AGES: Final = (HOUR, DAY, 3 * DAY, 7 * DAY, 30 * DAY)
"""Upper bounds of the ages by which a backlog is told; what is older comes last."""


class How(StrEnum):
    """What becomes of a backlog."""

    SEND = "send"
    DROP = "drop"
    SPREAD = "spread"


@dataclass(frozen=True)
class Age:
    """What has been due for less than ``below`` (and no less than the age before); None is any age."""

    below: timedelta | None
    tokens: int
    messages: int


@dataclass(frozen=True)
class Backlog:
    """What is due in a flow, by how long it has been, the youngest first."""

    ages: tuple[Age, ...]

    @property
    def tokens(self) -> int:
        """Count the tokens that would move at once."""
        return sum(age.tokens for age in self.ages)

    @property
    def messages(self) -> int:
        """Count the messages that are owed already and would go at once."""
        return sum(age.messages for age in self.ages)

    def as_rows(self) -> list[dict[str, str | int]]:
        """Give the ages at which something is due, in words."""
        return [
            {"due for": _words(age.below), "contacts": age.tokens, "messages": age.messages}
            for age in self.ages
            if age.tokens or age.messages
        ]


def _words(below: timedelta | None) -> str:
    if below is None:
        return "longer"
    hours = int(below.total_seconds() // 3600)
    return f"less than {hours // 24} d" if hours >= 24 else f"less than {hours} h"


def pause(connection: Connection, flow_id: int, now: Micros) -> bool:
    """Let a live flow rest; give whether it was live.

    Errors: ``FlowError`` for one that was never published.
    """
    changed = _set_state(connection, flow_id, "live", {"state": "paused", "paused_at": now})
    if not changed and connection.scalar(sa.select(FLOW.c.state).where(FLOW.c.id == flow_id)) != "paused":
        raise FlowError("only a live flow can be paused; publish it first")
    return changed


def backlog(connection: Connection, flow_id: int, parts: int, now: Micros) -> Backlog:
    """Count what is due in a flow, by age.

    Cost: two statements over what is due.
    """
    tokens = _by_age(connection, TOKEN.c.due_at, _due_tokens(flow_id, parts, now), now)
    messages = _by_age(connection, MESSAGE.c.not_before, _due_messages(flow_id, parts, now), now)
    bounds: list[timedelta | None] = [*(timedelta(microseconds=age) for age in AGES), None]
    return Backlog(
        tuple(Age(bound, tokens.get(place, 0), messages.get(place, 0)) for place, bound in enumerate(bounds))
    )


def resume(
    connection: Connection, flow_id: int, parts: int, how: How, now: Micros, over: timedelta = timedelta(0)
) -> bool:
    """Let a paused flow go on; give whether it was paused.

    Cost: at most four statements, and two a part to spread.
    """
    values: dict[str, Any] = {"state": "live", "paused_at": None}
    if how is How.DROP:
        values["dropped_until"] = now
    if not _set_state(connection, flow_id, "paused", values):
        return False
    if how is How.DROP:
        late = {"state": "suppressed", "reason": "late"}
        connection.execute(MESSAGE.update().values(late).where(*_due_messages(flow_id, parts, now)))
    elif how is How.SPREAD:
        for part in range(parts):
            _spread(connection, TOKEN.c.due_at, _due_tokens(flow_id, parts, now), part, now, over)
            _spread(connection, MESSAGE.c.not_before, _due_messages(flow_id, parts, now), part, now, over)
    _skip_schedules(connection, flow_id, now)
    return True


def _set_state(connection: Connection, flow_id: int, before: str, values: dict[str, Any]) -> bool:
    changed = FLOW.update().values(values).where(FLOW.c.id == flow_id, FLOW.c.state == before)
    return connection.execute(changed).rowcount > 0


def _versions(flow_id: int) -> sa.Select[tuple[int]]:
    return sa.select(VERSION.c.id).where(VERSION.c.flow_id == flow_id)


Wanted = Sequence[sa.ColumnExpressionArgument[bool]]


def _due_tokens(flow_id: int, parts: int, now: Micros) -> Wanted:
    mine = TOKEN.c.version_id.in_(_versions(flow_id))
    return [TOKEN.c.part.in_(range(parts)), mine, TOKEN.c.due_at <= now]


def _due_messages(flow_id: int, parts: int, now: Micros) -> Wanted:
    mine = MESSAGE.c.version_id.in_(_versions(flow_id))
    return [
        MESSAGE.c.part.in_(range(parts)),
        OPEN_MESSAGE,
        MESSAGE.c.state == "queued",
        mine,
        MESSAGE.c.not_before <= now,
    ]


def _by_age(connection: Connection, at: sa.Column[int], wanted: Wanted, now: Micros) -> dict[int, int]:
    age = sa.case(*((at > now - bound, place) for place, bound in enumerate(AGES)), else_=len(AGES)).label("age")
    found = sa.select(age, sa.func.count()).where(*wanted).group_by(age)
    return {int(place): int(count) for place, count in connection.execute(found)}


def _spread(
    connection: Connection, at: sa.Column[int], wanted: Wanted, part: int, now: Micros, over: timedelta
) -> None:
    """Give what is due in a part instants of its own, evenly, in the order of its keys."""
    table = at.table
    keys = list(table.primary_key.columns)
    place, count = sa.func.row_number().over(order_by=keys), sa.func.count().over()
    due = sa.select(*keys, place.label("place"), count.label("many")).where(table.c.part == part, *wanted).subquery()
    step = sa.literal(length_micros(over), sa.BigInteger) // due.c.many
    connection.execute(
        sa.update(table)
        .values({at.name: now + (due.c.place - 1) * step})
        .where(*(key == due.c[key.name] for key in keys))
    )


def _skip_schedules(connection: Connection, flow_id: int, now: Micros) -> None:
    """See that times which a schedule had in the pause let nobody in afterwards."""
    key = connection.scalar(sa.select(FLOW.c.key).where(FLOW.c.id == flow_id))
    passed = sa.and_(CURSOR.c.name.startswith(f"schedule/{key}/", autoescape=True), CURSOR.c.position < now)
    connection.execute(CURSOR.update().values(position=now).where(passed))
