"""Make a used PostgreSQL database as good as new."""

from typing import Any, Final

import psycopg
from psycopg import Connection, sql
from psycopg.types.json import Jsonb

SHAPE: Final = """
SELECT (SELECT string_agg(relname::text || relkind::text, ',' ORDER BY relname, relkind)
        FROM pg_class WHERE relnamespace = here),
       (SELECT string_agg(conname::text || conrelid::regclass::text, ',' ORDER BY conname, conrelid::regclass::text)
        FROM pg_constraint WHERE connamespace = here)
FROM (SELECT 'public'::regnamespace AS here) AS names"""
"""Whether a test has taken a table, an index or a constraint away."""

STRANGERS: Final = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"""
TABLES: Final = "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'"

COUNTERS: Final = """
SELECT setval(oid::regclass, 1, false) FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'S'"""
SMALL: Final = 64 * 1024
"""Up to this size rows are deleted: to truncate a table makes a new file for it and for each index."""

_first: dict[str, Any] = {}
"""What a new database looks like: its shape, and the rows of its tables."""


def remember(address: str) -> None:
    """Look at a new database, once."""
    if _first:
        return
    with psycopg.connect(address, autocommit=True) as connection:
        for name in _filled(connection):
            rows = connection.execute(sql.SQL("SELECT to_jsonb(t) FROM {} AS t").format(sql.Identifier(name)))
            _first[name] = [row[0] for row in rows]
        _first[SHAPE] = connection.execute(SHAPE).fetchone()


def is_emptied(address: str) -> bool:
    """Bring a database back to what it was when it was new.

    False when it cannot be: its shape is another, or this process has not seen a new one yet.
    """
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(STRANGERS)
        if connection.execute(SHAPE).fetchone() != _first.get(SHAPE):
            return False
        filled = _filled(connection)
        large = [name for name, size in filled.items() if size > SMALL]
        with connection.transaction():
            if large:
                names = sql.SQL(", ").join(map(sql.Identifier, large))
                connection.execute(sql.SQL("TRUNCATE {}").format(names))
            for name in filled.keys() - set(large):
                connection.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(name)))
            connection.execute(COUNTERS)
            for name, rows in _first.items():
                if name != SHAPE:
                    _insert(connection, name, rows)
    return True


def _filled(connection: Connection[Any]) -> dict[str, int]:
    """Name the tables that have rows, with their sizes in bytes."""
    names = [str(row[0]) for row in connection.execute(TABLES)]
    each = sql.SQL("SELECT {name}, pg_relation_size({name}) WHERE EXISTS (SELECT FROM {table})")
    asked = [each.format(name=sql.Literal(f'"{name}"'), table=sql.Identifier(name)) for name in names]
    return {str(name).strip('"'): int(size) for name, size in connection.execute(sql.SQL(" UNION ALL ").join(asked))}


def _insert(connection: Connection[Any], name: str, rows: list[Any]) -> None:
    table = sql.Identifier(name)
    text = sql.SQL("INSERT INTO {} SELECT * FROM jsonb_populate_recordset(NULL::{}, %s)").format(table, table)
    connection.execute(text, [Jsonb(rows)])
