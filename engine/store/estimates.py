"""Tell planners how rows are spread, so that plans do not depend on when somebody last looked.

SQLite takes a part for ten rows, and reads all of it for one contact. Nobody runs ``ANALYZE`` there: it would see the
young store that there was then. The numbers say how a store of some size looks.
Source: https://sqlite.org/fileformat2.html#stat1tab

PostgreSQL looks by itself, now and then, and believes what it saw: a part that was filled since has no rows for it, and
whoever waited then waits for ever. So it does not look at the columns that change under its eyes, and takes every value
for as frequent as others. How many rows lie on a page it takes from the last look, too: a table that was nearly empty
then and is full again seems empty. So it is told to look again when that has happened.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from engine.store.session import Store
from engine.store.tables import metadata

ROWS = 1_000_000
"""So many rows has a table that is divided by part."""

WAVE = 1_000
"""So many rows has a temporary table of a wave."""

_ALIKE = {
    "contact_id": 4e-6,
    "name": 0.01,
    "node": 0.01,
    "experiment_id": 0.1,
    "segment_id": 0.1,
    "state": 0.1,
    "version_id": 0.1,
    "part": 1.0,
    "workspace_id": 1.0,
}
"""Of all rows, this share has the same value in a column; where nothing is said, hardly two have."""

OUTGROWN = 4
"""A table is looked at again that has so many times the rows of the last look."""

FEW = 1_000
"""Of tables that had fewer rows at the last look, so many count."""

_CHANGING = ("due_at", "part", "state", "version_id")
_LEFT_OUT = "ALTER TABLE %(fullname)s ALTER COLUMN %(column)s SET STATISTICS 0"

_LOOK = "ANALYZE (SKIP_LOCKED) %(fullname)s"
_BELIEVED_SMALLER = sa.text(
    "SELECT pg_class.relname FROM pg_stat_user_tables JOIN pg_class ON oid = relid"
    " WHERE schemaname = current_schema() AND n_live_tup > :times * greatest(reltuples, :few)"
)

_MAKE = {"main": "ANALYZE main.meta", "temp": "ANALYZE temp"}
_READ_AGAIN = {"main": "ANALYZE main.sqlite_schema", "temp": "ANALYZE temp.sqlite_schema"}
_INDEXES = sa.text('SELECT name, "unique", origin FROM pragma_index_list(:table, :schema)')
_COLUMNS = sa.text("SELECT name FROM pragma_index_info(:name, :schema)")
_WITHOUT_ROWID = sa.text("SELECT wr FROM pragma_table_list(:table) WHERE schema = :schema")
_IS_KNOWN = sa.text("SELECT name FROM pragma_table_info('sqlite_stat1', :schema)")


def estimate(connection: Connection, tables: Sequence[sa.Table], *, rows: int, temporary: bool = False) -> None:
    """Write estimates of tables; this connection, and those that open afterwards, plan by them.

    Shape: on PostgreSQL the columns that change are left out of its statistics, which temporary tables do not have.
    """
    if connection.dialect.name != "sqlite":
        for table in () if temporary else tables:
            for name in set(_CHANGING) & set(table.columns.keys()):
                _tell(connection, table, _LEFT_OUT, column=name)
        return
    schema = "temp" if temporary else "main"
    if not connection.execute(_IS_KNOWN, {"schema": schema}).all():
        # There is no other way to make the table of estimates; what is looked at is small.
        connection.execute(sa.text(_MAKE[schema]))
    names = [table.name for table in tables]
    known = sa.table("sqlite_stat1", sa.column("tbl"), sa.column("idx"), sa.column("stat"), schema=schema)
    connection.execute(known.delete().where(known.c.tbl.in_(names)))
    connection.execute(known.insert(), [line for name in names for line in _lines(connection, schema, name, rows)])
    connection.execute(sa.text(_READ_AGAIN[schema]))


def look_again(store: Store) -> list[str]:
    """Let PostgreSQL look at the tables that have many more rows than it believes; give their names.

    It does so by itself once in a minute or later, and until then plans waves as if nobody were in them: a thousand
    tokens by going through all others for each. Cost: one statement, and one more for each such table.
    """
    if store.name == "sqlite":
        return []
    with store.read() as connection:
        found = set(connection.scalars(_BELIEVED_SMALLER, {"times": OUTGROWN, "few": FEW}))
    tables = [table for table in metadata.sorted_tables if table.name in found]
    for table in tables:
        with store.write() as connection:
            _tell(connection, table, _LOOK)
    return [table.name for table in tables]


def _tell(connection: Connection, table: sa.Table, statement: str, **names: str) -> None:
    """Carry out a statement about a table, which is ``fullname`` in it."""
    ddl: sa.DDL = sa.DDL(statement, context=names)  # type: ignore[no-untyped-call]
    connection.execute(ddl.against(table))


def _lines(connection: Connection, schema: str, table: str, rows: int) -> list[dict[str, str | None]]:
    """Estimate each index of a table: how many rows there are, and how many agree in its first columns."""
    found: list[dict[str, str | None]] = []
    given = {"table": table, "schema": schema}
    clustered = connection.execute(_WITHOUT_ROWID, given).scalar()
    for index, unique, origin in connection.execute(_INDEXES, given).all():
        columns = list(connection.execute(_COLUMNS, {"name": index, "schema": schema}).scalars())
        alike = [rows, *(_alike(columns[: place + 1], rows) for place in range(len(columns)))]
        if unique:
            alike[-1] = 1
        name = table if clustered and origin == "pk" else index
        found.append({"tbl": table, "idx": name, "stat": " ".join(map(str, alike))})
    return found or [{"tbl": table, "idx": None, "stat": str(rows)}]


def _alike(columns: list[str], rows: int) -> int:
    """Estimate how many rows agree in some columns, as if the columns knew nothing of each other."""
    share = 1.0
    for column in columns:
        share *= _ALIKE.get(column, 0.0)
    return max(round(rows * share), 2)
