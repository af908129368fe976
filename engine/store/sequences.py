"""Number rows per part, in the order of commits."""

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from engine.store.dialect import upsert
from engine.store.tables import Sequence

_TABLE: sa.Table = Sequence.__table__  # type: ignore[attr-defined]


def take(connection: Connection, part: int, name: str, count: int) -> int:
    """Take ``count`` consecutive numbers and give the first; the row stays locked until the transaction ends.

    Cost: one statement.
    """
    statement = (
        upsert(_TABLE, connection.dialect.name)
        .values(part=part, name=name, next=count + 1)
        .on_conflict_do_update(index_elements=["part", "name"], set_={"next": _TABLE.c.next + count})
        .returning(_TABLE.c.next)
    )
    return int(connection.execute(statement).scalar_one()) - count
