"""Columns as migrations write them.

Fixed for ever: a migration must mean tomorrow what it meant when it was written.
"""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

JSON_TYPE = sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")


def key(name: str) -> "sa.Column[int]":
    """Declare a 64-bit member of a primary key, numbered by the engine."""
    return sa.Column(name, sa.BigInteger(), nullable=False, autoincrement=False)


def number(name: str, *, nullable: bool = False, default: str | None = None) -> "sa.Column[int]":
    """Declare a 64-bit integer: a number, an instant, a reference."""
    return sa.Column(name, sa.BigInteger(), nullable=nullable, server_default=_text(default))


def small(name: str, *, nullable: bool = False, default: str | None = None) -> "sa.Column[int]":
    """Declare a 32-bit integer."""
    return sa.Column(name, sa.Integer(), nullable=nullable, server_default=_text(default))


def real(name: str, *, nullable: bool = False, default: str | None = None) -> "sa.Column[float]":
    """Declare a floating-point number."""
    return sa.Column(name, sa.Float(), nullable=nullable, server_default=_text(default))


def words(name: str, *, nullable: bool = False, default: str | None = None) -> "sa.Column[str]":
    """Declare a text."""
    return sa.Column(name, sa.Text(), nullable=nullable, server_default=_text(default))


def blob(name: str, *, nullable: bool = False) -> "sa.Column[bytes]":
    """Declare bytes."""
    return sa.Column(name, sa.LargeBinary(), nullable=nullable)


def data(name: str, *, nullable: bool = False) -> "sa.Column[Any]":
    """Declare a JSON value."""
    return sa.Column(name, JSON_TYPE, nullable=nullable)


def flag(name: str, *, nullable: bool = False, default: bool | None = None) -> "sa.Column[bool]":
    """Declare a truth value."""
    given = None if default is None else sa.true() if default else sa.false()
    return sa.Column(name, sa.Boolean(), nullable=nullable, server_default=given)


def _text(default: str | None) -> sa.TextClause | None:
    return None if default is None else sa.text(default)
