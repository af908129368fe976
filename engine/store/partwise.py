"""Choose some rows of every part by itself, so that each part gives its first ones by an index and no more.

PostgreSQL writes the choice once, however many parts there are: a text of 64 choices takes it, the driver and whoever
writes the text longer than to find the rows. SQLite, which cannot look back at another table there, has one part.
"""

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa

Choice = Callable[[sa.ColumnElement[int]], sa.Select[Any]]
"""Chooses rows of a part; it must name the part as it is given."""


def of_each_part(dialect: str, parts: range, choose: Choice) -> sa.Subquery:
    """Make a row source of what is chosen in each of some neighbouring parts, in no order."""
    if dialect == "sqlite":
        # Each in a subquery of its own: members of a union have no order and no limit.
        found = [sa.select(choose(sa.literal(part, sa.BigInteger)).subquery()) for part in parts]
        return sa.union_all(*found).subquery()
    ends = sa.literal(parts.start, sa.BigInteger), sa.literal(parts.stop - 1, sa.BigInteger)
    each = sa.func.generate_series(*ends).table_valued(sa.column("part", sa.BigInteger)).render_derived()
    chosen = choose(each.c.part).lateral()
    return sa.select(chosen).select_from(each.join(chosen, sa.true())).subquery()
