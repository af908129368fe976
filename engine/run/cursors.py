"""How far each reader of a part has come; a cursor moves in the transaction of what it read."""

from functools import cache

import sqlalchemy as sa

from engine.run.context import Run
from engine.run.tables import PART
from engine.store.dialect import upsert
from engine.store.prepared import Prepared, parameter
from engine.store.tables import Cursor

CURSOR: sa.Table = Cursor.__table__  # type: ignore[attr-defined]


def position(run: Run, name: str) -> int:
    """Give a cursor's position; 0 before its first move."""
    return find(run, name) or 0


def find(run: Run, name: str) -> int | None:
    """Give a cursor's position; None before its first move."""
    found = _find(run.dialect).run(run.connection, run.given(name=name)).scalar()
    return None if found is None else int(found)


def move(run: Run, name: str, to: int) -> None:
    """Note how far a reader has come."""
    _move(run.dialect).run(run.connection, run.given(name=name, position=to))


def read_up_to(name: str, part: sa.ColumnElement[int] = PART) -> sa.ColumnElement[int]:
    """Write the position of a cursor of a part, the transaction's if none is said; 0 before its first move."""
    chosen = sa.select(CURSOR.c.position).where(CURSOR.c.part == part, CURSOR.c.name == name)
    return sa.func.coalesce(chosen.correlate_except(CURSOR).scalar_subquery(), 0)


@cache
def _find(dialect: str) -> Prepared:
    chosen = sa.select(CURSOR.c.position).where(CURSOR.c.part == PART, CURSOR.c.name == parameter("name", sa.Text))
    return Prepared(chosen, dialect)


@cache
def _move(dialect: str) -> Prepared:
    insert = upsert(CURSOR, dialect).values(part=PART, name=parameter("name", sa.Text), position=parameter("position"))
    return Prepared(
        insert.on_conflict_do_update(index_elements=["part", "name"], set_={"position": insert.excluded.position}),
        dialect,
    )
