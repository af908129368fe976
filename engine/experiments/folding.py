"""Fold running counts into few rows, so that a look costs the same after weeks and over all parts of a store."""

from collections import Counter
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from engine.experiments.ledger import TALLY
from engine.store.dialect import upsert
from engine.terms import DAY, HOUR, Micros

CROWDED: Final = 2_000
"""Rows of an experiment from which on folding is looked at, and half of which it takes to be worth a transaction."""


def foldable(connection: Connection, parts: int, experiment: int, mature_until: Micros, now: Micros) -> int:
    """Count the rows that folding would take. Cost: one statement."""
    mine = TALLY.c.part.in_(range(parts)), TALLY.c.experiment_id == experiment
    counting = sa.select(sa.func.count()).select_from(TALLY).where(*mine, *_scattered(mature_until, now))
    return int(connection.scalar(counting) or 0)


def _scattered(mature_until: Micros, now: Micros) -> list[sa.ColumnElement[bool]]:
    over = TALLY.c.hour - TALLY.c.hour % DAY + DAY <= mature_until
    return [TALLY.c.hour + HOUR <= now - HOUR, sa.or_(TALLY.c.part != 0, sa.and_(TALLY.c.hour % DAY != 0, over))]


def fold(connection: Connection, parts: int, experiment: int, mature_until: Micros, now: Micros) -> int:
    """Add up hours that are over into the first part, and days whose contacts are mature into their first hour.

    Shape: gives how many rows were folded; sums by epoch, day, variant and kind stay as they are. What is told late
    of such an hour gets a row of its own again. Cost: a statement a part and one more, for rows since the last time.
    """
    names = [column.name for column in TALLY.primary_key.columns]
    sums: Counter[tuple[Any, ...]] = Counter()
    folded = 0
    # Part by part: a database takes a transaction in which nothing is asked for long for a dead one.
    for part in range(parts):
        taken = connection.execute(
            TALLY.delete()
            .where(TALLY.c.part == part, TALLY.c.experiment_id == experiment)
            .where(*_scattered(mature_until, now))
            .returning(*(TALLY.c[name] for name in names), TALLY.c.contacts)
        ).all()
        folded += len(taken)
        for row in taken:
            day = row.hour - row.hour % DAY
            hour = day if day + DAY <= mature_until else row.hour
            sums[0, experiment, row.epoch, hour, row.variant, row.what] += row.contacts
    if sums:
        insert = upsert(TALLY, connection.dialect.name)
        more = {"contacts": TALLY.c.contacts + insert.excluded.contacts}
        rows = [{**dict(zip(names, key, strict=True)), "contacts": count} for key, count in sorted(sums.items())]
        connection.execute(insert.on_conflict_do_update(index_elements=names, set_=more), rows)
    return folded
