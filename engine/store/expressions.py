"""Expressions on texts and JSON that SQLite and PostgreSQL write differently; they mean the same on both.

``prepare`` gives a connection of SQLite the functions that it lacks. On PostgreSQL nothing is created: what
lower-cases is a collation that is found when the store is opened (``note_collation``).
"""

# ruff: noqa: N801 - they are written like the functions of SQL that they stand for

import sqlite3
from collections.abc import Sequence
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.elements import ClauseElement
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import BigInteger, Boolean, Float, Integer, Text

from engine.rules.compare import DOTTED_I, LAST_SIGMA, SIGMA, fold
from engine.rules.dates import DATE_PATTERN, INSTANT_PATTERN, date_micros

# The first that a server has: ICU's, those built in from 18 and 17 on, the C library's.
_COLLATIONS: Final = ("und-x-icu", "pg_unicode_fast", "pg_c_utf8", "C.utf8", "C.UTF-8", "en_US.utf8")
_found: dict[str, str] = {"collation": _COLLATIONS[0]}


def prepare(connection: sqlite3.Connection) -> None:
    """Give a connection of SQLite the functions on texts that it lacks."""
    connection.create_function("dl_lower", 1, _lower, deterministic=True)
    connection.create_function("dl_micros", 1, _micros, deterministic=True)


def note_collation(connection: Connection) -> str:
    """Find out which collation of a PostgreSQL server lower-cases all scripts; ``C`` when there is none.

    The choice is the process's: its stores are expected to lie on servers of one build.
    """
    known = sa.table("pg_collation", sa.column("collname", Text))
    names = set(connection.scalars(sa.select(known.c.collname).where(known.c.collname.in_(_COLLATIONS))))
    _found["collation"] = next((name for name in _COLLATIONS if name in names), "C")
    return _found["collation"]


def _lower(value: Any) -> Any:
    return fold(value) if isinstance(value, str) else value


def _micros(value: Any) -> int | None:
    return date_micros(value) if isinstance(value, str) else None


class lower_text(FunctionElement[str]):
    """Lower-case a text for comparison, as ``engine.rules.compare.fold`` does; orders by code point."""

    type = Text()
    inherit_cache = True


class plain_lower_text(FunctionElement[str]):
    """Lower-case a text so far that words of ASCII letters may be looked for in it, as in ``lower_text``.

    ``words`` are what is looked for. On SQLite it needs no call into Python for every row.
    """

    type = Text()
    inherit_cache = False

    def __init__(self, text: sa.ColumnElement[str], words: str) -> None:
        self.words = words
        super().__init__(text)


class emptied(ClauseElement):
    """Remove all rows of a temporary table.

    PostgreSQL keeps deleted rows until a vacuum, which never comes to a temporary table: it is truncated.
    """

    inherit_cache = False

    def __init__(self, table: sa.Table) -> None:
        self.table = table


class text_position(FunctionElement[int]):
    """Find a text within another, from 1; 0 if it is not there."""

    type = Integer()
    inherit_cache = True


class text_tail(FunctionElement[str]):
    """Take so many characters, at least one, from the end of a text."""

    type = Text()
    inherit_cache = True


class text_micros(FunctionElement[int]):
    """Read a text as a date or an instant, as ``engine.rules.dates.date_micros`` does; NULL for any other text."""

    type = BigInteger()
    inherit_cache = True


class least_of(FunctionElement[int]):
    """Take the least of several numbers, passing over NULLs; NULL if all are."""

    type = BigInteger()
    inherit_cache = True


class later_than(FunctionElement[int]):
    """Keep the first number if it is greater than the second; else NULL, also for NULL."""

    type = BigInteger()
    inherit_cache = True


class _JsonValue(FunctionElement[Any]):
    """Something about the JSON value at a top-level key.

    Errors: ``ValueError`` for a key that paths of SQLite cannot name.
    """

    inherit_cache = True

    def __init__(self, document: sa.ColumnElement[Any], key: str) -> None:
        if not key or '"' in key or "\\" in key or min(key) < " ":
            raise ValueError(f"{key!r} cannot be looked up: it holds quotes, backslashes or control characters")
        # Each dialect binds the one that it needs.
        super().__init__(document, sa.literal(key, Text), sa.literal(f'$."{key}"', Text))


class json_kind(_JsonValue):
    """Name the kind of a JSON value: text, number, bool, list, object, null; NULL if absent."""

    type = Text()
    inherit_cache = True


class json_is(_JsonValue):
    """Tell whether a JSON value is of a kind, one of those of ``json_kind``; false if absent."""

    type = Boolean()
    inherit_cache = False

    def __init__(self, document: sa.ColumnElement[Any], key: str, kind: str) -> None:
        self.kind = kind
        super().__init__(document, key)


class json_word(_JsonValue):
    """Tell whether a JSON value is a text that folds to one of some words of ASCII signs; never NULL.

    On SQLite it looks the value up once, and calls into Python only for texts beyond ASCII. No word may begin as a
    list or an object does.
    """

    type = Boolean()
    inherit_cache = False

    def __init__(self, document: sa.ColumnElement[Any], key: str, words: Sequence[str]) -> None:
        self.plain = not any(letter in word for word in words for letter in "ik")
        # A dot above an i is a sign of its own that folding takes away.
        longest = max((len(word) + word.count("i") for word in words), default=0)
        self.lengths = (min(map(len, words), default=0), longest)
        self.words = sa.tuple_(*(sa.literal(word, Text) for word in words))
        super().__init__(document, key)


class json_text(_JsonValue):
    """Read a JSON text; NULL if absent or null. Of other kinds the two databases make different texts."""

    type = Text()
    inherit_cache = True


class json_number(_JsonValue):
    """Read a JSON number; call only where ``json_kind`` says number."""

    type = Float()
    inherit_cache = True


class json_flag(_JsonValue):
    """Read a JSON boolean; call only where ``json_kind`` says bool."""

    type = Boolean()
    inherit_cache = True


class json_items(_JsonValue):
    """Read the members of a JSON list as rows with ``value`` and ``type``, for the item functions; else no rows."""

    inherit_cache = True


class item_kind(FunctionElement[str]):
    """Name the kind of a list's member, of its ``value`` and ``type``."""

    type = Text()
    inherit_cache = True


class item_text(FunctionElement[str]):
    """Read a list's member that is a text."""

    type = Text()
    inherit_cache = True


class item_number(FunctionElement[float]):
    """Read a list's member that is a number; NULL on PostgreSQL for others."""

    type = Float()
    inherit_cache = True


class item_flag(FunctionElement[bool]):
    """Read a list's member that is a boolean; NULL on PostgreSQL for others."""

    type = Boolean()
    inherit_cache = True


def _parts(element: Any, compiler: Any, options: Any) -> list[str]:
    return [compiler.process(clause, **options) for clause in element.clauses]


def _sqlite_value(element: Any, compiler: Any, options: Any) -> tuple[str, str]:
    document, _, path = element.clauses
    return compiler.process(document, **options), compiler.process(path, **options)


def _postgresql_value(element: Any, compiler: Any, options: Any) -> tuple[str, str]:
    document, key, _ = element.clauses
    return compiler.process(document, **options), compiler.process(key, **options)


@compiles(lower_text, "sqlite")
def _lower_sqlite(element: Any, compiler: Any, **options: Any) -> str:
    return f"dl_lower({_parts(element, compiler, options)[0]})"


@compiles(emptied, "sqlite")
def _emptied_sqlite(element: Any, compiler: Any, **options: Any) -> str:
    return f"DELETE FROM {compiler.preparer.format_table(element.table)}"  # noqa: S608 - a name of ours


@compiles(emptied, "postgresql")
def _emptied_postgresql(element: Any, compiler: Any, **options: Any) -> str:
    return f"TRUNCATE {compiler.preparer.format_table(element.table)}"


@compiles(plain_lower_text, "sqlite")
def _plain_lower_sqlite(element: Any, compiler: Any, **options: Any) -> str:
    text = _parts(element, compiler, options)[0]
    # The only letters beyond ASCII that fold to ASCII: a dotted capital I, the Kelvin sign, and i with a dot above.
    if "k" in element.words:
        text = f"replace({text}, char(8490), 'k')"
    if "i" not in element.words:
        return f"lower({text})"
    return f"replace(lower(replace({text}, char(304), 'i' || char(775))), 'i' || char(775), 'i')"


@compiles(plain_lower_text, "postgresql")
@compiles(lower_text, "postgresql")
def _lower_postgresql(element: Any, compiler: Any, **options: Any) -> str:
    return _folded_postgresql(_parts(element, compiler, options)[0])


def _folded_postgresql(text: str) -> str:
    lowered = f'lower({text} COLLATE "{_found["collation"]}")'
    # See fold: collations differ in these two letters.
    return f"(replace(replace({lowered}, '{LAST_SIGMA}', '{SIGMA}'), '{DOTTED_I}', 'i') COLLATE \"C\")"


@compiles(text_position, "sqlite")
def _position_sqlite(element: Any, compiler: Any, **options: Any) -> str:
    return f"instr({', '.join(_parts(element, compiler, options))})"


@compiles(text_position, "postgresql")
def _position_postgresql(element: Any, compiler: Any, **options: Any) -> str:
    return f"strpos({', '.join(_parts(element, compiler, options))})"


@compiles(text_tail, "sqlite")
def _tail_sqlite(element: Any, compiler: Any, **options: Any) -> str:
    text, length = _parts(element, compiler, options)
    return f"substr({text}, -{length})"


@compiles(text_tail, "postgresql")
def _tail_postgresql(element: Any, compiler: Any, **options: Any) -> str:
    text, length = _parts(element, compiler, options)
    return f"right({text}, {length}::integer)"


@compiles(text_micros, "sqlite")
def _micros_sqlite(element: Any, compiler: Any, **options: Any) -> str:
    return f"dl_micros({_parts(element, compiler, options)[0]})"


@compiles(text_micros, "postgresql")
def _micros_postgresql(element: Any, compiler: Any, **options: Any) -> str:
    # What the patterns let through can be cast without fail; upper, because some servers know no small t and z.
    text = _parts(element, compiler, options)[0]
    day = f"({text} || 'T00:00:00Z')"
    instant = rf"""regexp_replace(upper({text} COLLATE "C"), '([.][0-9]{{6}})[0-9]+', '\1')"""
    return (
        f"(CASE WHEN length({text}) = 10 THEN CASE WHEN {text} ~ '{DATE_PATTERN}' THEN {_epoch(day)} END "
        f"WHEN {text} ~ '{INSTANT_PATTERN}' THEN {_epoch(instant)} END)"
    )


def _epoch(text: str) -> str:
    return f"(extract(epoch FROM {text}::timestamptz) * 1000000)::bigint"


@compiles(least_of, "sqlite")
def _least_sqlite(element: Any, compiler: Any, **options: Any) -> str:
    # SQLite's min() of several arguments is NULL when any of them is; a far future stands in for NULL.
    far = 1 << 62
    clauses = _parts(element, compiler, options)
    if len(clauses) == 1:
        return clauses[0]
    inner = ", ".join(f"coalesce({clause}, {far})" for clause in clauses)
    return f"nullif(min({inner}), {far})"


@compiles(least_of, "postgresql")
def _least_postgresql(element: Any, compiler: Any, **options: Any) -> str:
    return f"least({', '.join(_parts(element, compiler, options))})"


@compiles(later_than, "sqlite")
def _later_sqlite(element: Any, compiler: Any, **options: Any) -> str:
    one, other = _parts(element, compiler, options)
    return f"nullif(max({one}, {other}), {other})"


@compiles(later_than, "postgresql")
def _later_postgresql(element: Any, compiler: Any, **options: Any) -> str:
    one, other = _parts(element, compiler, options)
    return f"nullif(greatest({one}, {other}), {other})"


_SQLITE_NAMES: Final = {
    "text": "text", "integer": "number", "real": "number", "true": "bool", "false": "bool",
    "array": "list", "object": "object", "null": "null",
}  # fmt: skip
_POSTGRESQL_NAMES: Final = {
    "string": "text", "number": "number", "boolean": "bool", "array": "list", "object": "object", "null": "null",
}  # fmt: skip
_SQLITE_KINDS: Final = " ".join(f"WHEN '{name}' THEN '{kind}'" for name, kind in _SQLITE_NAMES.items())
_POSTGRESQL_KINDS: Final = " ".join(f"WHEN '{name}' THEN '{kind}'" for name, kind in _POSTGRESQL_NAMES.items())


@compiles(json_kind, "sqlite")
def _kind_sqlite(element: Any, compiler: Any, **options: Any) -> str:
    document, path = _sqlite_value(element, compiler, options)
    return f"(CASE json_type({document}, {path}) {_SQLITE_KINDS} END)"


@compiles(json_kind, "postgresql")
def _kind_postgresql(element: Any, compiler: Any, **options: Any) -> str:
    document, key = _postgresql_value(element, compiler, options)
    return f"(CASE jsonb_typeof({document} -> {key}) {_POSTGRESQL_KINDS} END)"


@compiles(json_is, "sqlite")
def _is_sqlite(element: Any, compiler: Any, **options: Any) -> str:
    document, path = _sqlite_value(element, compiler, options)
    names = [name for name, kind in _SQLITE_NAMES.items() if kind == element.kind]
    return "(" + " OR ".join(f"json_type({document}, {path}) = '{name}'" for name in names) + ")"


@compiles(json_is, "postgresql")
def _is_postgresql(element: Any, compiler: Any, **options: Any) -> str:
    document, key = _postgresql_value(element, compiler, options)
    names = [name for name, kind in _POSTGRESQL_NAMES.items() if kind == element.kind]
    return "(" + " OR ".join(f"jsonb_typeof({document} -> {key}) = '{name}'" for name in names) + ")"


@compiles(json_word, "sqlite")
def _word_sqlite(element: Any, compiler: Any, **options: Any) -> str:
    document, path = _sqlite_value(element, compiler, options)
    value = f"json_extract({document}, {path})"
    words = compiler.process(element.words, **options)
    cases = f"WHEN {value} COLLATE NOCASE IN {words} THEN 1"
    # The only letters beyond ASCII that fold to ASCII are a dotted capital I, i with a dot above, and the Kelvin sign.
    # Not joined by OR: outside of a condition SQLite would work out both sides for every row.
    if not element.plain:
        least, most = element.lengths
        beyond = f"length({value}) BETWEEN {least} AND {most} AND length(CAST({value} AS BLOB)) <> length({value})"
        cases += f" WHEN {beyond} THEN dl_lower({value}) IN {compiler.process(element.words, **options)}"
    return f"(CASE {cases} ELSE 0 END)"


@compiles(json_word, "postgresql")
def _word_postgresql(element: Any, compiler: Any, **options: Any) -> str:
    document, key = _postgresql_value(element, compiler, options)
    folded = _folded_postgresql(f"({document} ->> {key})")
    words = compiler.process(element.words, **options)
    return f"coalesce(jsonb_typeof({document} -> {key}) = 'string' AND {folded} IN {words}, false)"


@compiles(json_text, "sqlite")
@compiles(json_number, "sqlite")
@compiles(json_flag, "sqlite")
def _value_sqlite(element: Any, compiler: Any, **options: Any) -> str:
    document, path = _sqlite_value(element, compiler, options)
    return f"json_extract({document}, {path})"


@compiles(json_text, "postgresql")
def _text_postgresql(element: Any, compiler: Any, **options: Any) -> str:
    document, key = _postgresql_value(element, compiler, options)
    return f"({document} ->> {key})"


@compiles(json_number, "postgresql")
def _number_postgresql(element: Any, compiler: Any, **options: Any) -> str:
    document, key = _postgresql_value(element, compiler, options)
    return f"(CASE WHEN jsonb_typeof({document} -> {key}) = 'number' THEN ({document} ->> {key})::numeric END)"


@compiles(json_flag, "postgresql")
def _flag_postgresql(element: Any, compiler: Any, **options: Any) -> str:
    document, key = _postgresql_value(element, compiler, options)
    return f"(CASE WHEN jsonb_typeof({document} -> {key}) = 'boolean' THEN ({document} ->> {key})::boolean END)"


@compiles(json_items, "sqlite")
def _items_sqlite(element: Any, compiler: Any, **options: Any) -> str:
    document, path = _sqlite_value(element, compiler, options)
    return f"json_each(CASE json_type({document}, {path}) WHEN 'array' THEN json_extract({document}, {path}) END)"


@compiles(json_items, "postgresql")
def _items_postgresql(element: Any, compiler: Any, **options: Any) -> str:
    document, key = _postgresql_value(element, compiler, options)
    return f"jsonb_array_elements(CASE jsonb_typeof({document} -> {key}) WHEN 'array' THEN {document} -> {key} END)"


@compiles(item_kind, "sqlite")
def _item_kind_sqlite(element: Any, compiler: Any, **options: Any) -> str:
    return f"(CASE {_parts(element, compiler, options)[1]} {_SQLITE_KINDS} END)"


@compiles(item_kind, "postgresql")
def _item_kind_postgresql(element: Any, compiler: Any, **options: Any) -> str:
    return f"(CASE jsonb_typeof({_parts(element, compiler, options)[0]}) {_POSTGRESQL_KINDS} END)"


@compiles(item_text, "sqlite")
@compiles(item_number, "sqlite")
@compiles(item_flag, "sqlite")
def _item_sqlite(element: Any, compiler: Any, **options: Any) -> str:
    return _parts(element, compiler, options)[0]


@compiles(item_text, "postgresql")
def _item_text_postgresql(element: Any, compiler: Any, **options: Any) -> str:
    return f"({_parts(element, compiler, options)[0]} #>> '{{}}')"


@compiles(item_number, "postgresql")
def _item_number_postgresql(element: Any, compiler: Any, **options: Any) -> str:
    value = _parts(element, compiler, options)[0]
    return f"(CASE jsonb_typeof({value}) WHEN 'number' THEN ({value} #>> '{{}}')::numeric END)"


@compiles(item_flag, "postgresql")
def _item_flag_postgresql(element: Any, compiler: Any, **options: Any) -> str:
    value = _parts(element, compiler, options)[0]
    return f"(CASE jsonb_typeof({value}) WHEN 'boolean' THEN ({value} #>> '{{}}')::boolean END)"
