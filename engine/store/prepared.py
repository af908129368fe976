"""Statements that are written once with SQLAlchemy and then run as plain SQL, without being built again.

A wave runs dozens of statements; compiling and type processing would cost more than small waves themselves.
Only numbers, texts and booleans may be bound: there is no type processing on this way.
"""

from collections.abc import Mapping, Sequence
from typing import Any

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


class Prepared:
    """One statement, compiled for one dialect.

    Shape: its parameters are those declared with ``parameter``; one that is not given is NULL. ``statement`` is what it
    was compiled from, for those who look at statements and do not run them.
    """

    __slots__ = ("_names", "_values", "sql", "statement")

    def __init__(self, statement: ClauseElement, dialect: str) -> None:
        compiled = statement.compile(dialect=_DIALECTS[dialect], compile_kwargs={"render_postcompile": True})
        assert isinstance(compiled, SQLCompiler)
        self.statement = statement
        self.sql = str(compiled)
        self._values: dict[str, Any] = dict(compiled.params)
        self._names: Sequence[str] | None = compiled.positiontup if compiled.positional else None

    def run(self, connection: Connection, parameters: Mapping[str, Any]) -> CursorResult[*tuple[Any, ...]]:
        """Execute with the given parameters; those that the statement does not know are passed over.

        Cost: one statement.
        """
        values = self._values
        if self._names is not None:
            return connection.exec_driver_sql(
                self.sql, tuple([parameters[name] if name in parameters else values[name] for name in self._names])
            )
        merged = {name: parameters.get(name, value) for name, value in values.items()}
        return connection.exec_driver_sql(self.sql, merged)
