"""Everything in which SQLite and PostgreSQL differ; no other file asks which one it is."""

import hashlib
import sqlite3
from collections.abc import Sequence
from functools import lru_cache
from itertools import chain
from typing import Any

import psycopg
import psycopg.sql
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection, ExceptionContext
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import BigInteger, Text

from engine.store import expressions
from engine.store.expressions import (
    json_flag,
    json_kind,
    json_number,
    json_text,
    least_of,
    lower_text,
    text_micros,
)

__all__ = [
    "POSTGRESQL_KEEPALIVE",
    "POSTGRESQL_OPTIONS",
    "alone",
    "alongside",
    "begin_sqlite",
    "database_now",
    "insert_free_rows",
    "insert_ignore",
    "insert_rows",
    "json_flag",
    "json_kind",
    "json_number",
    "json_text",
    "least_of",
    "lower_text",
    "notice_loss",
    "prepare_sqlite",
    "safety",
    "sha256_text",
    "text_micros",
    "upsert",
]

POSTGRESQL_OPTIONS = (
    "-c idle_in_transaction_session_timeout=10s -c client_connection_check_interval=1s -c statement_timeout=5min "
    "-c tcp_user_timeout=10s -c tcp_keepalives_idle=5 -c tcp_keepalives_interval=2 -c tcp_keepalives_count=3 "
    "-c temp_buffers=64MB -c jit=off -c random_page_cost=1.1 -c timezone=UTC"
)
"""What every session asks of the server; those of TCP are the server's side of the same below.

Pages in any order cost hardly more than in a row: nobody's disk turns any more. With the server's 4 all that is due
at a node is read and sorted to find the first fifty, which lie in an index in that order.
"""

POSTGRESQL_KEEPALIVE = {
    "keepalives": 1,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
    "target_session_attrs": "read-write",
}

STATEMENTS = 1_000
"""So many compiled statements a connection keeps: a flow of fifty nodes has some hundred."""

_GONE = frozenset({"25006", "25P03"})
"""What a server says that can only be read from now on, and one that has waited for too long in a transaction."""


def notice_loss(context: ExceptionContext) -> None:
    """See that a connection that is of no use any more is given up, and all others that were made before it."""
    state = getattr(context.original_exception, "sqlstate", None) or ""
    if state in _GONE or (state[:2] in ("08", "57") and state != "57014"):
        context.is_disconnect = True


_PRAGMAS = (
    # For a database that is made now: waves write whole runs of rows, and every page costs its share of a tree.
    "page_size=8192",
    "journal_mode=WAL",
    "synchronous=FULL",
    "foreign_keys=ON",
    "temp_store=FILE",
    # What a wave changed in its own tables is gone with a crash: only a rollback needs it back.
    "temp.journal_mode=MEMORY",
    # Unasked it keeps 400 kB of them, less than one wave, and reads the rest from a file again and again.
    "temp.cache_size=-16384",
    "cache_size=-65536",
    "wal_autocheckpoint=4000",
    "journal_size_limit=67108864",
    # Some builds write every page that became free once more, to blank it.
    "secure_delete=FAST",
)


def prepare_sqlite(connection: sqlite3.Connection, _record: Any) -> None:
    """Set a new SQLite connection up: pragmas, explicit transactions, text functions."""
    connection.isolation_level = None
    for pragma in _PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")
    expressions.prepare(connection)
    connection.create_function("dl_sha256", 1, _sha256, deterministic=True)


def keep_little(connection: sqlite3.Connection, _record: Any) -> None:
    """Let a database that nobody else sees keep few pages for itself: the system has the others in memory, too."""
    connection.execute("PRAGMA cache_size=-8192")


def prepare_postgresql(connection: psycopg.Connection[Any], _record: Any) -> None:
    """Set a new PostgreSQL connection up: what it runs again and again stays prepared."""
    connection.prepared_max = STATEMENTS


def begin_sqlite(connection: Connection) -> None:
    """Begin for writing at once, so that no transaction fails half-way for a lock."""
    read = connection.get_execution_options().get("dripline_read", False)
    connection.exec_driver_sql("BEGIN" if read else "BEGIN IMMEDIATE")


def _sha256(value: Any) -> Any:
    return hashlib.sha256(value.encode()).hexdigest() if isinstance(value, str) else None


class sha256_text(FunctionElement[str]):
    """Hash a text: SHA-256 in hexadecimal."""

    type = Text()
    inherit_cache = True


@compiles(sha256_text, "sqlite")
def _sha256_sqlite(element: Any, compiler: Any, **options: Any) -> str:
    return f"dl_sha256({compiler.process(element.clauses, **options)})"


@compiles(sha256_text, "postgresql")
def _sha256_postgresql(element: Any, compiler: Any, **options: Any) -> str:
    return f"encode(sha256(convert_to({compiler.process(element.clauses, **options)}, 'UTF8')), 'hex')"


class database_now(FunctionElement[int]):
    """Tell the database's own instant, not that of the transaction's beginning, in microseconds."""

    type = BigInteger()
    inherit_cache = True


@compiles(database_now, "sqlite")
def _now_sqlite(_element: Any, _compiler: Any, **_options: Any) -> str:
    return "CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER)"


@compiles(database_now, "postgresql")
def _now_postgresql(_element: Any, _compiler: Any, **_options: Any) -> str:
    return "CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT)"


def alone(connection: Connection, what: int) -> None:
    """Wait until no other transaction that says the same is under way; SQLite has one writer anyway.

    Cost: one statement on PostgreSQL.
    """
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(%s)", (what,))


def safety(connection: Connection) -> list[tuple[str, str, str]]:
    """List what keeps a database from losing what it acknowledged: name, value, and the value that is safe.

    Cost: one statement each.
    """
    if connection.dialect.name == "sqlite":
        wanted = {"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1"}
        if not connection.engine.url.database:
            del wanted["journal_mode"]
        answers = {name: connection.exec_driver_sql(_ASKED[name]).scalar() for name in wanted}
    else:
        wanted = {"server_encoding": "UTF8", "fsync": "on", "full_page_writes": "on"}
        answers = {name: connection.exec_driver_sql("SELECT current_setting(%s)", (name,)).scalar() for name in wanted}
    return [(name, str(answers[name]), value) for name, value in wanted.items()]


_ASKED = {
    "journal_mode": "PRAGMA journal_mode",
    "synchronous": "PRAGMA synchronous",
    "foreign_keys": "PRAGMA foreign_keys",
}


def alongside(connection: Connection, what: int) -> None:
    """Keep those out who want to be ``alone`` with this; others who come alongside are welcome.

    Cost: one statement on PostgreSQL.
    """
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock_shared(%s)", (what,))


def insert_ignore(table: sa.Table, name: str) -> Any:
    """Begin an INSERT that passes over rows whose key is taken, for a dialect by name."""
    return upsert(table, name).on_conflict_do_nothing()


def upsert(table: sa.Table, name: str) -> Any:
    """Begin an INSERT that can take ``on_conflict_do_update``, for a dialect by name."""
    return (sqlite if name == "sqlite" else postgresql).insert(table)


_GROUP = 50


def insert_rows(connection: Connection, table: sa.Table, columns: Sequence[str], rows: list[tuple[Any, ...]]) -> None:
    """Insert plain rows (numbers, texts, booleans, JSON as text) that are known to be new, the fastest way there is.

    Cost: one call of the driver; on PostgreSQL a COPY.
    """
    if not rows:
        return
    if connection.dialect.name == "sqlite":
        _insert_many(connection, table, tuple(columns), rows)
    else:
        _copy(connection, table, columns, rows)


def insert_free_rows(
    connection: Connection, table: sa.Table, columns: Sequence[str], rows: list[tuple[Any, ...]]
) -> bool:
    """Insert plain rows that are probably new, and tell whether all went in.

    Shape: when some key is taken, some of the others are in (SQLite) or none (PostgreSQL). Cost: as ``insert_rows``.
    """
    try:
        if connection.dialect.name == "sqlite":
            # No savepoint: it would copy every page that the rows touch.
            insert_rows(connection, table, columns, rows)
        else:
            with connection.begin_nested():
                insert_rows(connection, table, columns, rows)
    except (sa.exc.IntegrityError, psycopg.errors.UniqueViolation):
        return False
    return True


def _copy(connection: Connection, table: sa.Table, columns: Sequence[str], rows: list[tuple[Any, ...]]) -> None:
    target = psycopg.sql.SQL("COPY {} ({}) FROM STDIN").format(
        psycopg.sql.Identifier(table.name), psycopg.sql.SQL(", ").join(map(psycopg.sql.Identifier, columns))
    )
    with connection.connection.cursor() as cursor, cursor.copy(target) as copy:  # type: ignore[attr-defined]
        for row in rows:
            copy.write_row(row)


def _insert_many(connection: Connection, table: sa.Table, columns: tuple[str, ...], rows: list[Any]) -> None:
    # Several rows a statement: a fifth faster than one.
    groups = [tuple(chain.from_iterable(rows[at : at + _GROUP])) for at in range(0, len(rows) - _GROUP + 1, _GROUP)]
    if groups:
        connection.exec_driver_sql(_insertion(table, columns, _GROUP), groups)
    rest = rows[len(groups) * _GROUP :]
    if rest:
        connection.exec_driver_sql(_insertion(table, columns, 1), rest)


@lru_cache(maxsize=64)
def _insertion(table: sa.Table, columns: tuple[str, ...], count: int) -> str:
    return str(sa.insert(table).values([dict.fromkeys(columns)] * count).compile(dialect=sqlite.dialect()))


def be_gentle(connection: Connection) -> None:
    """Let this transaction's statements be worked on by one process of the server each: others are waiting for it."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.text("SET LOCAL max_parallel_workers_per_gather = 0"))


def be_patient(connection: Connection) -> None:
    """Let this transaction take as long as it likes, between statements and for one: nobody else waits for it."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.text("SET LOCAL idle_in_transaction_session_timeout = 0"))
        connection.execute(sa.text("SET LOCAL statement_timeout = 0"))
