"""Choose some contacts all over a table, each to be found by its key."""

from collections.abc import Iterator
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from engine.store.rowsets import pack, rowset

RUN: Final = 20
"""So many neighbours are chosen at a time: they lie on few pages."""


def strewn(connection: Connection, number: sa.Column[Any], parts: int, one_in: int) -> Iterator[tuple[int, int]]:
    """Choose one contact in so many, by the column that numbers them within their part: part and number.

    Cost: one statement that looks up the last of every part.
    """
    each = rowset(connection.dialect.name, "parts", part=sa.BigInteger)
    last = sa.select(sa.func.max(number)).where(number.table.c.part == each.c.part).scalar_subquery()
    ends = connection.execute(sa.select(each.c.part, last), {"parts": pack([part] for part in range(parts))}).all()
    for part, end in ends:
        # Not the first ones of every part.
        for first in range(1 + part % one_in * RUN, (end or 0) + 1, RUN * one_in):
            yield from ((part, first + place) for place in range(RUN))
