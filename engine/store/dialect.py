"""Everything in which SQLite and PostgreSQL differ; no other file asks which one it is."""

import hashlib
import sqlite3
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import psycopg
import psycopg.sql
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import BigInteger, Boolean, Float, Text, TypeEngine

POSTGRESQL_OPTIONS = (
    "-c idle_in_transaction_session_timeout=10s -c client_connection_check_interval=1s "
    "-c temp_buffers=64MB -c jit=off -c timezone=UTC"
)
POSTGRESQL_KEEPALIVE = {
    "keepalives": 1,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
    "target_session_attrs": "read-write",
}

_PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=FULL",
    "foreign_keys=ON",
    "temp_store=FILE",
    "cache_size=-65536",
    "mmap_size=268435456",
    "wal_autocheckpoint=4000",
    "journal_size_limit=67108864",
)


def prepare_sqlite(connection: sqlite3.Connection, _record: Any) -> None:
    """Set a new SQLite connection up: pragmas, explicit transactions, text functions."""
    connection.isolation_level = None
    for pragma in _PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")
    connection.create_function("dl_lower", 1, _lower, deterministic=True)
    connection.create_function("dl_sha256", 1, _sha256, deterministic=True)


def begin_sqlite(connection: Connection) -> None:
    """Begin for writing at once, so that no transaction fails half-way for a lock."""
    read = connection.get_execution_options().get("dripline_read", False)
    connection.exec_driver_sql("BEGIN" if read else "BEGIN IMMEDIATE")


def _lower(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


def _sha256(value: Any) -> Any:
    return hashlib.sha256(value.encode()).hexdigest() if isinstance(value, str) else None


class lower_text(FunctionElement[str]):
    """Lower-case a text, the same for all scripts on both databases."""

    type = Text()
    inherit_cache = True
    name = "lower_text"


class json_kind(FunctionElement[str]):
    """Name the kind of a JSON value at a top-level key: text, number, bool, list, object, null; NULL if absent."""

    type = Text()
    inherit_cache = True
    name = "json_kind"


class json_text(FunctionElement[str]):
    """Read the JSON value at a top-level key as text; NULL if absent or null."""

    type = Text()
    inherit_cache = True
    name = "json_text"


class json_number(FunctionElement[float]):
    """Read the JSON number at a top-level key; call only where ``json_kind`` says number."""

    type = Float()
    inherit_cache = True
    name = "json_number"


class json_flag(FunctionElement[bool]):
    """Read the JSON boolean at a top-level key; call only where ``json_kind`` says bool."""

    type = Boolean()
    inherit_cache = True
    name = "json_flag"


class sha256_text(FunctionElement[str]):
    """Hash a text by SHA-256 of its UTF-8, in hexadecimal; NULL of NULL."""

    type = Text()
    inherit_cache = True
    name = "sha256_text"


class least_of(FunctionElement[int]):
    """Take the least of several numbers, passing over NULLs; NULL if all are."""

    type = BigInteger()
    inherit_cache = True
    name = "least_of"


def _parts(element: Any, compiler: Any, **options: Any) -> list[str]:
    return [compiler.process(clause, **options) for clause in element.clauses]


@compiles(lower_text, "sqlite")
def _lower_sqlite(element: Any, compiler: Any, **options: Any) -> str:
    return f"dl_lower({_parts(element, compiler, **options)[0]})"


@compiles(lower_text, "postgresql")
def _lower_postgresql(element: Any, compiler: Any, **options: Any) -> str:
    return f'lower({_parts(element, compiler, **options)[0]} COLLATE "und-x-icu")'


@compiles(json_kind, "sqlite")
def _kind_sqlite(element: Any, compiler: Any, **options: Any) -> str:
    document, path = _parts(element, compiler, **options)
    return (
        f"(CASE json_type({document}, {_quoted(path)}) WHEN 'integer' THEN 'number' WHEN 'real' THEN 'number' "
        "WHEN 'true' THEN 'bool' WHEN 'false' THEN 'bool' WHEN 'array' THEN 'list' "
        f"WHEN 'text' THEN 'text' WHEN 'object' THEN 'object' WHEN 'null' THEN 'null' END)"
    )


@compiles(json_kind, "postgresql")
def _kind_postgresql(element: Any, compiler: Any, **options: Any) -> str:
    document, path = _parts(element, compiler, **options)
    return (
        f"(CASE jsonb_typeof({document} -> {path}) WHEN 'string' THEN 'text' WHEN 'boolean' THEN 'bool' "
        f"WHEN 'array' THEN 'list' ELSE jsonb_typeof({document} -> {path}) END)"
    )


@compiles(json_text, "sqlite")
def _text_sqlite(element: Any, compiler: Any, **options: Any) -> str:
    document, path = _parts(element, compiler, **options)
    return f"json_extract({document}, {_quoted(path)})"


@compiles(json_text, "postgresql")
def _text_postgresql(element: Any, compiler: Any, **options: Any) -> str:
    document, path = _parts(element, compiler, **options)
    return f"({document} ->> {path})"


@compiles(json_number, "sqlite")
def _number_sqlite(element: Any, compiler: Any, **options: Any) -> str:
    document, path = _parts(element, compiler, **options)
    return f"json_extract({document}, {_quoted(path)})"


@compiles(json_number, "postgresql")
def _number_postgresql(element: Any, compiler: Any, **options: Any) -> str:
    document, path = _parts(element, compiler, **options)
    return f"(CASE WHEN jsonb_typeof({document} -> {path}) = 'number' THEN ({document} ->> {path})::numeric END)"


@compiles(json_flag, "sqlite")
def _flag_sqlite(element: Any, compiler: Any, **options: Any) -> str:
    document, path = _parts(element, compiler, **options)
    return f"json_extract({document}, {_quoted(path)})"


@compiles(json_flag, "postgresql")
def _flag_postgresql(element: Any, compiler: Any, **options: Any) -> str:
    document, path = _parts(element, compiler, **options)
    return f"(CASE WHEN jsonb_typeof({document} -> {path}) = 'boolean' THEN ({document} ->> {path})::boolean END)"


@compiles(sha256_text, "sqlite")
def _sha256_sqlite(element: Any, compiler: Any, **options: Any) -> str:
    return f"dl_sha256({_parts(element, compiler, **options)[0]})"


@compiles(sha256_text, "postgresql")
def _sha256_postgresql(element: Any, compiler: Any, **options: Any) -> str:
    return f"encode(sha256(convert_to({_parts(element, compiler, **options)[0]}, 'UTF8')), 'hex')"


@compiles(least_of, "sqlite")
def _least_sqlite(element: Any, compiler: Any, **options: Any) -> str:
    # SQLite's min() of several arguments is NULL when any of them is; a far future stands in for NULL.
    far = 1 << 62
    clauses = _parts(element, compiler, **options)
    if len(clauses) == 1:
        return clauses[0]
    inner = ", ".join(f"coalesce({clause}, {far})" for clause in clauses)
    return f"nullif(min({inner}), {far})"


@compiles(least_of, "postgresql")
def _least_postgresql(element: Any, compiler: Any, **options: Any) -> str:
    return f"least({', '.join(_parts(element, compiler, **options))})"


def _quoted(path: str) -> str:
    # '$."name"' with the bound key inside: json paths of SQLite know no parameters of their own.
    return f"""('$."' || {path} || '"')"""


def insert_ignore(table: sa.Table, name: str) -> Any:
    """Begin an INSERT that passes over rows whose key is taken, for a dialect by name."""
    return upsert(table, name).on_conflict_do_nothing()


def upsert(table: sa.Table, name: str) -> Any:
    """Begin an INSERT that can take ``on_conflict_do_update``, for a dialect by name."""
    return (sqlite if name == "sqlite" else postgresql).insert(table)


def rows_of(name: str, bind: str, columns: Mapping[str, TypeEngine[Any]]) -> sa.Subquery:
    """Read a bound JSON text, an array of arrays, as rows with these columns, for a dialect by name."""
    given = sa.bindparam(bind, type_=Text())
    each: sa.TableValuedAlias
    cells: list[sa.ColumnElement[Any]]
    if name == "sqlite":
        each = sa.func.json_each(given).table_valued("value", name=f"{bind}_each")
        cells = [sa.func.json_extract(each.c.value, f"$[{at}]", type_=kind) for at, kind in enumerate(columns.values())]
    else:
        each = sa.func.jsonb_array_elements(sa.cast(given, postgresql.JSONB)).table_valued(
            sa.column("value", postgresql.JSONB), name=f"{bind}_each"
        )
        cells = [sa.cast(each.c.value.op("->>")(at), kind) for at, kind in enumerate(columns.values())]
    return sa.select(*(cell.label(name) for name, cell in zip(columns, cells, strict=True))).subquery(bind)


def insert_rows(connection: Connection, table: sa.Table, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Insert plain rows (numbers, texts, booleans, JSON as text) that are known to be new, the fastest way there is.

    Cost: one call of the driver; on PostgreSQL a COPY.
    """
    if not rows:
        return
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(_insertion(table, tuple(columns)), [tuple(row) for row in rows])
        return
    target = psycopg.sql.SQL("COPY {} ({}) FROM STDIN").format(
        psycopg.sql.Identifier(table.name), psycopg.sql.SQL(", ").join(map(psycopg.sql.Identifier, columns))
    )
    with connection.connection.cursor() as cursor, cursor.copy(target) as copy:  # type: ignore[attr-defined]
        for row in rows:
            copy.write_row(row)


@lru_cache(maxsize=64)
def _insertion(table: sa.Table, columns: tuple[str, ...]) -> str:
    return str(sa.insert(table).compile(dialect=sqlite.dialect(), column_keys=columns))
