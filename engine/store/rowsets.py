"""Rows that are handed to a statement as one JSON parameter, so that the number of statements never grows with them."""

from collections.abc import Iterable
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from engine.store.prepared import parameter


def rowset(dialect: str, name: str, /, **columns: Any) -> sa.Subquery:
    """Make a row source of a parameter that holds a JSON list of lists.

    Shape: one row per inner list, its members as the columns in the order given.
    """
    given = parameter(name, sa.Text)
    if dialect == "sqlite":
        source = sa.func.json_each(given).table_valued("value")
        read = sa.func.json_extract
        fields = [
            sa.type_coerce(read(source.c.value, sa.literal_column(f"'$[{place}]'")), type_).label(column)
            for place, (column, type_) in enumerate(columns.items())
        ]
    else:
        source = sa.func.jsonb_array_elements(sa.cast(given, JSONB)).table_valued(sa.column("value", JSONB))
        fields = [
            sa.cast(source.c.value.op("->>")(sa.literal_column(str(place))), type_).label(column)
            for place, (column, type_) in enumerate(columns.items())
        ]
    return sa.select(*fields).select_from(source).subquery(f"rows_{name}")


def numbers(dialect: str, name: str) -> sa.Select[Any]:
    """Select the numbers of a parameter that holds a JSON list of them."""
    given = parameter(name, sa.Text)
    if dialect == "sqlite":
        source = sa.func.json_each(given).table_valued(sa.column("value", sa.BigInteger))
        return sa.select(source.c.value)
    elements = sa.func.jsonb_array_elements_text(sa.cast(given, JSONB)).table_valued(sa.column("value", sa.Text))
    return sa.select(sa.cast(elements.c.value, sa.BigInteger))


def texts(dialect: str, name: str) -> sa.Select[Any]:
    """Select the texts of a parameter that holds a JSON list of them."""
    given = parameter(name, sa.Text)
    if dialect == "sqlite":
        source = sa.func.json_each(given).table_valued(sa.column("value", sa.Text))
        return sa.select(source.c.value)
    elements = sa.func.jsonb_array_elements_text(sa.cast(given, JSONB)).table_valued(sa.column("value", sa.Text))
    return sa.select(elements.c.value)


def pack(rows: Iterable[Any]) -> str:
    """Write rows as the JSON that ``rowset`` and ``numbers`` read."""
    return orjson.dumps(list(rows)).decode()
