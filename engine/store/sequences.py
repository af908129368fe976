"""Number rows per part, in the order of commits."""

from functools import cache

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from engine.store.dialect import upsert
from engine.store.prepared import Prepared, parameter
from engine.store.tables import Sequence

_TABLE: sa.Table = Sequence.__table__  # type: ignore[attr-defined]


def take(connection: Connection, part: int, name: str, count: int) -> int:
    """Take ``count`` consecutive numbers and give the first; the row stays locked until the transaction ends.

    Cost: one statement.
    """
    given = {"part": part, "name": name, "count": count}
    return int(_taking(connection.dialect.name).run(connection, given).scalar_one()) - count


@cache
def _taking(dialect: str) -> Prepared:
    count = parameter("count")
    row = {"part": parameter("part"), "name": parameter("name", sa.Text), "next": count + 1}
    taken = upsert(_TABLE, dialect).values(row)
    taken = taken.on_conflict_do_update(index_elements=["part", "name"], set_={"next": _TABLE.c.next + count})
    return Prepared(taken.returning(_TABLE.c.next), dialect)
