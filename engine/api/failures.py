"""What could not go on: tokens that failed and messages in doubt; look at why, and try again."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from engine.access.rights import Right
from engine.api.acting import needs, note
from engine.api.contacts import find_one
from engine.run import repair
from engine.run.context import Run
from engine.run.transactions import transaction
from engine.store.partwise import of_each_part
from engine.store.tables import Contact, Failure, Flow, FlowVersion, Message, Token
from engine.store.tables.messages import UNCLEAR_MESSAGE
from engine.terms import Text, from_micros
from engine.wiring import Wiring, look

CONTACT: sa.Table = Contact.__table__  # type: ignore[attr-defined]
FAILURE: sa.Table = Failure.__table__  # type: ignore[attr-defined]
FLOW: sa.Table = Flow.__table__  # type: ignore[attr-defined]
VERSION: sa.Table = FlowVersion.__table__  # type: ignore[attr-defined]
MESSAGE: sa.Table = Message.__table__  # type: ignore[attr-defined]
TOKEN: sa.Table = Token.__table__  # type: ignore[attr-defined]

PAGE: Final = 100


@dataclass(frozen=True)
class FailureLine:
    """A token that failed: whose, where, when and why."""

    contact: str
    token: int
    flow_key: str
    node: str
    name: Text
    at: datetime
    code: str
    reason: str


@dataclass(frozen=True)
class UnclearLine:
    """A message that failed or of which nobody knows whether it was taken."""

    contact: str
    flow_key: str
    node: str
    channel: str
    state: str
    at: datetime


def list_failures(wiring: Wiring, limit: int = PAGE) -> list[FailureLine]:
    """List the tokens that failed, the latest first."""
    last = sa.select(FAILURE).order_by(FAILURE.c.at.desc(), FAILURE.c.part, FAILURE.c.token_id).limit(limit).subquery()
    token = [last.c[name] == TOKEN.c[name] for name in ("part", "contact_id")]
    chosen = (
        sa.select(last, TOKEN.c.version_id, TOKEN.c.node, CONTACT.c.key)
        .join_from(last, TOKEN, sa.and_(*token, last.c.token_id == TOKEN.c.id))
        .join(CONTACT, sa.and_(CONTACT.c.part == last.c.part, CONTACT.c.id == last.c.contact_id))
        .order_by(last.c.at.desc(), last.c.part, last.c.token_id)
    )
    with wiring.store.read() as connection:
        return [_failure(wiring, connection, row) for row in connection.execute(chosen).all()]


def list_unclear(wiring: Wiring, limit: int = PAGE) -> list[UnclearLine]:
    """List the messages that failed or are in doubt, the latest first."""
    columns = ("part", "contact_id", "version_id", "node", "channel", "state", "intent_at", "due_at")

    def choose(part: sa.ColumnElement[int]) -> sa.Select[Any]:
        chosen = sa.select(*(MESSAGE.c[name] for name in columns)).where(MESSAGE.c.part == part, UNCLEAR_MESSAGE)
        return chosen.order_by(MESSAGE.c.due_at.desc()).limit(limit)

    each = of_each_part(wiring.store.name, range(wiring.store.parts), choose)
    last = sa.select(each).order_by(each.c.due_at.desc()).limit(limit).subquery("latest")
    chosen = (
        sa.select(last, CONTACT.c.key)
        .join(CONTACT, sa.and_(CONTACT.c.part == last.c.part, CONTACT.c.id == last.c.contact_id))
        .order_by(last.c.due_at.desc())
    )
    with wiring.store.read() as connection:
        return [_unclear(wiring, connection, row) for row in connection.execute(chosen).all()]


@needs(Right.RUN)
def retry(wiring: Wiring, contact: str, token: int | None = None) -> int:
    """Let a contact's failed tokens, or one of them, try again; give how many will.

    Errors: ``NotFound``.
    """
    with wiring.store.read() as connection:
        facts = find_one(wiring, connection, contact)
    with transaction(wiring.store, facts.part) as connection:
        run = Run(connection, facts.part, look(wiring, connection), wiring.clock.micros(), exact=False)
        tried = repair.retry(run, facts.id, token)
        note(wiring, connection, "token.retry", f"{facts.part}/{facts.id}", tokens=tried)
        return tried


@needs(Right.RUN)
def retry_flow(wiring: Wiring, key: str) -> int:
    """Let all failed tokens of a flow try again; give how many will.

    Cost: two statements a contact.
    """
    versions = sa.select(VERSION.c.id).join(FLOW, FLOW.c.id == VERSION.c.flow_id).where(FLOW.c.key == key)
    failed = sa.select(TOKEN.c.part, TOKEN.c.contact_id, TOKEN.c.id).where(
        TOKEN.c.state == "failed", TOKEN.c.version_id.in_(versions)
    )
    with transaction(wiring.store) as connection:
        deployment, now = look(wiring, connection), wiring.clock.micros()
        found = connection.execute(failed).all()
        return sum(
            repair.retry(Run(connection, part, deployment, now, exact=False), contact, token)
            for part, contact, token in found
        )


def _place(wiring: Wiring, connection: Connection, row: Any) -> tuple[str, str, Text]:
    plan = wiring.deployments.plan(connection, row.version_id)
    assert plan is not None, "a token names a version that is there"
    node = plan.nodes[row.node]
    return plan.flow_key, node.id, node.name or node.type.summary(node.config)


def _failure(wiring: Wiring, connection: Connection, row: Any) -> FailureLine:
    flow_key, node, name = _place(wiring, connection, row)
    return FailureLine(row.key, row.token_id, flow_key, node, name, from_micros(row.at), row.code, row.reason)


def _unclear(wiring: Wiring, connection: Connection, row: Any) -> UnclearLine:
    flow_key, node, _ = _place(wiring, connection, row)
    at = from_micros(row.intent_at or row.due_at)
    return UnclearLine(row.key, flow_key, node, row.channel, row.state, at)


def count_failures(wiring: Wiring) -> int:
    """Count the tokens that failed."""
    with wiring.store.read() as connection:
        return int(connection.scalar(sa.select(sa.func.count()).select_from(FAILURE)) or 0)
