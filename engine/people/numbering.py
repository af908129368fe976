"""Number rows of several parts at once."""

from collections.abc import Mapping, Sequence
from functools import lru_cache

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from engine.store import tables
from engine.store.dialect import upsert
from engine.store.rowsets import pack, rowset

_TABLE: sa.Table = tables.Sequence.__table__  # type: ignore[attr-defined]


def take_each(connection: Connection, name: str, counts: Mapping[int, int]) -> dict[int, int]:
    """Take consecutive numbers in each part and give the first of each; the rows stay locked until the end.

    A count of 0 only locks. Parts are locked in their order, so that two callers never wait for each other.
    Cost: one statement.
    """
    if not counts:
        return {}
    asked = pack(sorted(counts.items()))
    taken = connection.execute(_statement(connection.dialect.name), {"asked": asked, "name": name})
    return {part: following - counts[part] for part, following in taken}


def number_each(parts: Sequence[int], following: dict[int, int]) -> list[int]:
    """Give each row the next number of its part, and count on."""
    numbers = []
    for part in parts:
        number = following[part]
        following[part] = number + 1
        numbers.append(number)
    return numbers


@lru_cache(maxsize=2)
def _statement(dialect: str) -> sa.Executable:
    asked = rowset(dialect, "asked", part=sa.BigInteger, amount=sa.BigInteger)
    insert = upsert(_TABLE, dialect)
    statement: sa.Executable = (
        insert.from_select(
            ["part", "name", "next"],
            # WHERE true: without it SQLite reads ON CONFLICT as a join.
            sa.select(asked.c.part, sa.bindparam("name", type_=sa.Text()), asked.c.amount + 1).where(sa.true()),
        )
        .on_conflict_do_update(index_elements=["part", "name"], set_={"next": _TABLE.c.next + insert.excluded.next - 1})
        .returning(_TABLE.c.part, _TABLE.c.next)
    )
    return statement
