"""Keep a poison contact to itself: a wave that raises is halved until the one stands alone and is marked failed."""

import logging
from array import array
from collections.abc import Callable
from functools import cache

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError, OperationalError

from engine.errors import EngineError
from engine.library.plan import Plan
from engine.run import moving
from engine.run.context import Run, TickReport
from engine.run.program import TOKEN
from engine.run.tables import DUE, PART, VERSION
from engine.run.transactions import transaction
from engine.store.prepared import Prepared, parameter
from engine.store.session import Store
from engine.store.tables import Failure

FAILURE: sa.Table = Failure.__table__  # type: ignore[attr-defined]
_log = logging.getLogger(__name__)

POISON = (EngineError, DBAPIError, ValueError, TypeError, ArithmeticError, LookupError)
"""What a wave may raise because of one contact; a plug-in's own code may raise any of these."""


def is_nobodys(fault: Exception) -> bool:
    """Tell whether a fault is the database's own: a lock, a limit, a connection that is gone."""
    return isinstance(fault, OperationalError) or (isinstance(fault, DBAPIError) and fault.connection_invalidated)


def carry_safely(
    store: Store,
    part: int,
    run: Callable[[Connection], Run],
    plan: Plan,
    contacts: "array[int]",
    report: TickReport,
    *,
    wait: bool,
) -> None:
    """Carry the due tokens of these contacts of a part in one transaction; isolate what makes it fail.

    Errors: a fault of the database itself is passed on: it is nobody's poison; ``TakenError`` as ``transaction`` says.
    """
    try:
        with transaction(store, part, wait=wait) as connection:
            current = run(connection)
            if not current.deployment.moves(plan.version_id):
                return
            program = current.deployment.program(plan.version_id, current.dialect)
            report.add(moving.move_due(current, program, contacts))
    except POISON as error:
        if is_nobodys(error):
            raise
        if len(contacts) > 1:
            # Whoever has found poison goes on to the end of it: another one would have to look for it again.
            middle = len(contacts) // 2
            carry_safely(store, part, run, plan, contacts[:middle], report, wait=True)
            carry_safely(store, part, run, plan, contacts[middle:], report, wait=True)
            return
        _log.warning("contact %s of flow %s cannot go on: %s", contacts[0], plan.flow_key, error)
        with transaction(store, part) as connection:
            report.failed += fail(run(connection), plan, contacts[0], error)


def fail(run: Run, plan: Plan, contact_id: int, error: Exception) -> int:
    """Mark a contact's due tokens of a version as failed, with the reason; give their number."""
    given = run.given(
        version_id=plan.version_id,
        contact_id=contact_id,
        code=error.code if isinstance(error, EngineError) else type(error).__name__,
        reason=str(error)[:2000],
    )
    _note(run.dialect).run(run.connection, given)
    return _mark(run.dialect).run(run.connection, given).rowcount


def retry(run: Run, contact_id: int, token_id: int | None = None) -> int:
    """Let a contact's failed tokens try again at once; give their number."""
    mine = [TOKEN.c.part == run.part, TOKEN.c.contact_id == contact_id, TOKEN.c.state == "failed"]
    noted = [FAILURE.c.part == run.part, FAILURE.c.contact_id == contact_id]
    if token_id is not None:
        mine.append(TOKEN.c.id == token_id)
        noted.append(FAILURE.c.token_id == token_id)
    due = (
        sa.select(FAILURE.c.due_at)
        .where(
            FAILURE.c.part == TOKEN.c.part,
            FAILURE.c.contact_id == TOKEN.c.contact_id,
            FAILURE.c.token_id == TOKEN.c.id,
        )
        .scalar_subquery()
    )
    freed = run.connection.execute(TOKEN.update().values(state="waiting", due_at=due).where(*mine)).rowcount
    run.connection.execute(FAILURE.delete().where(*noted))
    return freed


def _poisoned() -> list[sa.ColumnElement[bool]]:
    return [
        TOKEN.c.part == PART,
        TOKEN.c.contact_id == parameter("contact_id"),
        TOKEN.c.version_id == VERSION,
        TOKEN.c.state == "waiting",
        TOKEN.c.due_at <= DUE,
    ]


@cache
def _note(dialect: str) -> Prepared:
    chosen = sa.select(
        PART,
        TOKEN.c.contact_id,
        TOKEN.c.id,
        parameter("now"),
        parameter("code", sa.Text),
        parameter("reason", sa.Text),
        TOKEN.c.due_at,
    ).where(*_poisoned())
    columns = ["part", "contact_id", "token_id", "at", "code", "reason", "due_at"]
    return Prepared(FAILURE.insert().from_select(columns, chosen), dialect)


@cache
def _mark(dialect: str) -> Prepared:
    return Prepared(TOKEN.update().values(state="failed", due_at=sa.null()).where(*_poisoned()), dialect)
