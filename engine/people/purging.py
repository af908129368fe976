"""Forget what only guards against repetition, or was kept for a while."""

from typing import Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from engine.people.events import APPLIED
from engine.people.refusals import KEPT_FOR, REFUSAL
from engine.terms import DAY, Micros

REPEATABLE: Final = 7 * DAY
"""So long a call that changed facts is known again; events for as long as they are kept."""


def purge(connection: Connection, parts: int, *, now: Micros) -> int:
    """Forget calls that are too old to be repeated and refusals that nobody looked at, and tell how many.

    Cost: two statements.
    """
    old = sa.and_(APPLIED.c.part.in_(range(parts)), APPLIED.c.at < now - REPEATABLE)
    applied = connection.execute(APPLIED.delete().where(old)).rowcount
    return applied + connection.execute(REFUSAL.delete().where(REFUSAL.c.at < now - KEPT_FOR)).rowcount
