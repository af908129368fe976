"""Let one transaction at a time do a kind of work on a part: it locks the part's row, and its end lets go (ADR 0015).

SQLite has one writer anyway; there nothing is locked and nobody waits.
"""

from functools import cache
from typing import Any, Final
from zlib import crc32

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from engine.store.dialect import insert_ignore
from engine.store.prepared import Prepared, parameter
from engine.store.tables import Claim
from engine.telemetry import name_process

CLAIM: sa.Table = Claim.__table__  # type: ignore[attr-defined]

WAVES: Final = "waves"
"""Moving the contacts of a part: events, changes, the calendar, waves."""

MESSAGES: Final = "messages"
"""Committing to send the messages of a part, where a cap has to count those of others."""

KINDS: Final = (WAVES, MESSAGES)


def claim(connection: Connection, part: int, what: str = WAVES, *, wait: bool = True) -> bool:
    """Have a part for this transaction alone; the first thing that a transaction does.

    Shape: false when another one has it and this one would not wait. Cost: one statement on PostgreSQL.
    """
    if connection.dialect.name == "sqlite":
        return True
    return _one(wait).run(connection, {"part": part, "what": what}).first() is not None


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
def own_order(part: int) -> int:
    """Give a part's place in the order in which this process goes through equals: another one in each process."""
    return crc32(f"{name_process()}/{part}".encode())


@cache
def _one(wait: bool) -> Prepared:
    mine = [CLAIM.c.part == parameter("part"), CLAIM.c.what == parameter("what", sa.Text)]
    return Prepared(sa.select(CLAIM.c.part).where(*mine).with_for_update(skip_locked=not wait), "postgresql")


@cache
def _all() -> Prepared:
    chosen: sa.Select[Any] = sa.select(CLAIM.c.part).where(CLAIM.c.what == parameter("what", sa.Text))
    return Prepared(chosen.order_by(CLAIM.c.part).with_for_update(), "postgresql")
