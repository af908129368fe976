"""Column types that mean the same on SQLite and PostgreSQL."""

from typing import Any

from sqlalchemy import JSON, BigInteger, Column, Text
from sqlalchemy.dialects.postgresql import JSONB

JSON_TYPE = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")


def one_of(column: str, *values: str) -> str:
    """Write the condition that a column has one of these values.

    A chain of OR: SQLite builds a table in memory for every row that is checked against a list of three or more.
    """
    return "(" + " OR ".join(f"{column} = '{value}'" for value in values) + ")"


def instant(*, nullable: bool = False, **options: Any) -> Column[int]:
    """Declare an instant: microseconds since 1970 UTC as an integer.

    Dates as text or native types lose zones on SQLite (ADR 0002).
    """
    return Column(BigInteger, nullable=nullable, **options)


def number(*, nullable: bool = False, **options: Any) -> Column[int]:
    """Declare a 64-bit integer."""
    return Column(BigInteger, nullable=nullable, **options)


def key(**options: Any) -> Column[int]:
    """Declare a 64-bit member of a primary key; the engine numbers rows, not the database."""
    return Column(BigInteger, primary_key=True, autoincrement=False, **options)


def words(*, nullable: bool = False, **options: Any) -> Column[str]:
    """Declare a text."""
    return Column(Text, nullable=nullable, **options)


def data(*, nullable: bool = False, **options: Any) -> Column[Any]:
    """Declare a JSON value."""
    return Column(JSON_TYPE, nullable=nullable, **options)
