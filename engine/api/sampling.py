"""Choose some contacts all over a table: runs of neighbours, each run to be found by the key of its first."""

from collections.abc import Iterator
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from engine.store.rowsets import pack, rowset

RUN: Final = 20
"""So many neighbours are chosen at a time: they lie on few pages, and are found by one look into the index."""

Run = tuple[int, int]
"""Part, and the number of the first."""


def strewn(connection: Connection, number: sa.Column[Any], parts: int, one_in: int) -> Iterator[Run]:
    """Choose runs that have one contact in so many, by the column that numbers them within their part.

    Cost: one statement that looks up the last of every part.
    """
    each = rowset(connection.dialect.name, "parts", part=sa.BigInteger)
    last = sa.select(sa.func.max(number)).where(number.table.c.part == each.c.part).scalar_subquery()
    ends = connection.execute(sa.select(each.c.part, last), {"parts": pack([part] for part in range(parts))}).all()
    for part, end in ends:
        # Not the first ones of every part.
        yield from ((part, first) for first in range(1 + part % one_in * RUN, (end or 0) + 1, RUN * one_in))


def runs(dialect: str) -> sa.Subquery:
    """Make a row source of the parameter ``runs``, which holds runs that were packed."""
    return rowset(dialect, "runs", part=sa.BigInteger, first=sa.BigInteger)


def in_run(run: sa.FromClause, number: sa.Column[Any]) -> sa.ColumnElement[bool]:
    """Say that a row of the table that has this number, and a part, is in a run."""
    return sa.and_(number.table.c.part == run.c.part, number.between(run.c.first, run.c.first + (RUN - 1)))
