"""Statements that are written once with SQLAlchemy and then run as plain SQL, without being built again.

A wave runs dozens of statements; compiling and type processing would cost more than small waves themselves.
Only numbers, texts and booleans may be bound: there is no type processing on this way.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.engine import Connection, CursorResult
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.elements import ClauseElement

_DIALECTS = {
    name: sa.make_url(url).get_dialect()()
    for name, url in (("sqlite", "sqlite://"), ("postgresql", "postgresql+psycopg://"))
}


def parameter(name: str, type_: Any = sa.BigInteger) -> sa.BindParameter[Any]:
    """Declare a value that is given at each run; a 64-bit integer unless said otherwise."""
    return sa.bindparam(name, None, type_=type_)


def document(stored: Any) -> Any:
    """Read a JSON value of a row that such a statement gave: SQLite gives its text, PostgreSQL's driver has read it."""
    return orjson.loads(stored) if isinstance(stored, str) else stored


@dataclass(frozen=True, slots=True)
class _Written:
    """A statement as text, the values that it binds by itself, and the order of its parameters where that counts."""

    sql: str
    values: Mapping[str, Any]
    names: Sequence[str] | None


class Prepared:
    """One statement for one dialect, compiled when it is run first.

    Shape: its parameters are those declared with ``parameter``; one that is not given is NULL. ``statement`` is what it
    is compiled from, for those who look at statements and do not run them.
    """

    __slots__ = ("_dialect", "_written", "statement")

    def __init__(self, statement: ClauseElement, dialect: str) -> None:
        self.statement = statement
        self._dialect = dialect
        self._written: _Written | None = None

    @property
    def sql(self) -> str:
        """The text of the statement."""
        return self._write().sql

    def _write(self) -> _Written:
        # A flow has hundreds of statements, of which many are for what never happens: those are not compiled.
        if self._written is None:
            self._written = _compile(self.statement, self._dialect)
        return self._written

    def run(self, connection: Connection, parameters: Mapping[str, Any]) -> CursorResult[*tuple[Any, ...]]:
        """Execute with the given parameters; those that the statement does not know are passed over.

        Cost: one statement.
        """
        written = self._write()
        values = written.values
        if written.names is not None:
            return connection.exec_driver_sql(
                written.sql, tuple([parameters[name] if name in parameters else values[name] for name in written.names])
            )
        merged = {name: parameters.get(name, value) for name, value in values.items()}
        return connection.exec_driver_sql(written.sql, merged)


def _compile(statement: ClauseElement, dialect: str) -> _Written:
    if dialect == "sqlite" and isinstance(statement, sa.Insert | sa.Update):
        # Who fails gives its transaction up, as it must on PostgreSQL: SQLite need not copy every page that is changed,
        # to take this statement back alone.
        statement = statement.prefix_with("OR FAIL")
    compiled = statement.compile(dialect=_DIALECTS[dialect], compile_kwargs={"render_postcompile": True})
    assert isinstance(compiled, SQLCompiler)
    return _Written(str(compiled), dict(compiled.params), compiled.positiontup if compiled.positional else None)
