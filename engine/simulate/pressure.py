"""How hard a rehearsal presses: messages by the hour, and how many come to one contact within a while."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from engine.channels.policy import MESSAGE
from engine.library.plan import Plan
from engine.simulate.report import SUPPRESSED
from engine.terms import HOUR, SECOND, from_micros, length_micros


@dataclass(frozen=True)
class Pressure:
    """Messages of a rehearsal.

    Shape: ``hours`` counts what was sent in each hour in which something was, by its beginning; ``most`` counts
    contacts by the most messages that came to them within ``per``.
    """

    hours: Mapping[datetime, int]
    most: Mapping[int, int]
    per: timedelta

    def above(self, limit: int) -> int:
        """Count the contacts to whom more than so many come."""
        return sum(count for messages, count in self.most.items() if messages > limit)


def pressure_of(connection: Connection, plan: Plan, per: timedelta) -> Pressure:
    """Count what a flow sent, to the second; at the two ends of ``per`` exactly, two messages are within it no more.

    Cost: two statements, of which one sorts the messages.
    """
    sent = [MESSAGE.c.version_id == plan.version_id, sa.not_(SUPPRESSED)]
    hour = (MESSAGE.c.due_at // HOUR).label("hour")
    hours = connection.execute(sa.select(hour, sa.func.count()).where(*sent).group_by(hour).order_by(hour))
    second = MESSAGE.c.due_at // SECOND
    before = max(0, length_micros(per) // SECOND - 1)
    within = sa.func.count().over(
        partition_by=(MESSAGE.c.part, MESSAGE.c.contact_id), order_by=second, range_=(-before, 0)
    )
    each = sa.select(MESSAGE.c.part, MESSAGE.c.contact_id, within.label("number")).where(*sent).subquery()
    most = sa.select(sa.func.max(each.c.number).label("most")).group_by(each.c.part, each.c.contact_id).subquery()
    counted = connection.execute(sa.select(most.c.most, sa.func.count()).group_by(most.c.most))
    return Pressure({from_micros(number * HOUR): count for number, count in hours}, dict(counted.all()), per)
