"""Let one transaction at a time do a kind of work on a part: it locks the part's row, and its end lets go (ADR 0015).

SQLite has one writer anyway; there nothing is locked and nobody waits.
"""

from functools import cache
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from engine.store.dialect import insert_ignore
from engine.store.prepared import Prepared, parameter
from engine.store.tables import Claim

CLAIM: sa.Table = Claim.__table__  # type: ignore[attr-defined]

WAVES: Final = "waves"
"""Moving the contacts of a part: events, changes, the calendar, waves."""

MESSAGES: Final = "messages"
"""Committing to send the messages of a part, where a cap has to count those of others."""

KINDS: Final = (WAVES, MESSAGES)


class TakenError(Exception):
    """Another transaction is at this part; what is due there is in good hands."""


def claim(connection: Connection, part: int, what: str = WAVES, *, wait: bool = True) -> None:
    """Have a part for this transaction alone; the first thing that a transaction does.

    Errors: ``TakenError`` when another one has it and this one would not wait. Cost: one statement on PostgreSQL.
    """
    if connection.dialect.name == "sqlite":
        return
    if _one(wait).run(connection, {"part": part, "what": what}).first() is None:
        raise TakenError(f"part {part}")


def claim_all(connection: Connection) -> None:
    """Have all parts for this transaction alone; wait until every other one has let go.

    Whoever holds a claim waits for no other one, but here: in the order of the parts, so that nobody waits in a circle.
    Cost: one statement on PostgreSQL.
    """
    if connection.dialect.name != "sqlite":
        _all().run(connection, {"what": WAVES})


def make_claims(connection: Connection, parts: int) -> None:
    """See that there is a row for every part and kind."""
    rows = [{"part": part, "what": what} for part in range(parts) for what in KINDS]
    connection.execute(insert_ignore(CLAIM, connection.dialect.name), rows)


@cache
def _one(wait: bool) -> Prepared:
    mine = [CLAIM.c.part == parameter("part"), CLAIM.c.what == parameter("what", sa.Text)]
    return Prepared(sa.select(CLAIM.c.part).where(*mine).with_for_update(skip_locked=not wait), "postgresql")


@cache
def _all() -> Prepared:
    chosen: sa.Select[Any] = sa.select(CLAIM.c.part).where(CLAIM.c.what == parameter("what", sa.Text))
    return Prepared(chosen.order_by(CLAIM.c.part).with_for_update(), "postgresql")
