"""Change JSON documents in place: write, remove and add to top-level values, the same on both databases."""

from collections.abc import Mapping
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from engine.store.expressions import json_kind, json_number
from engine.terms import Json

Column = sa.ColumnElement[Any]


def merged(dialect: str, document: Column, values: Mapping[str, Json]) -> Column:
    """Write values into a document by their names; None removes a value."""
    kept = {name: value for name, value in values.items() if value is not None}
    gone = [name for name, value in values.items() if value is None]
    found: Column = document
    if dialect == "sqlite":
        if kept:
            places: list[Any] = []
            for name, value in kept.items():
                places += [_path(name), sa.func.json(orjson.dumps(value).decode())]
            found = sa.func.json_set(found, *places)
        if gone:
            found = sa.func.json_remove(found, *(_path(name) for name in gone))
        return sa.type_coerce(found, document.type)
    if kept:
        found = found.op("||")(sa.cast(sa.literal(orjson.dumps(kept).decode(), sa.Text), JSONB))
    for name in gone:
        found = found.op("-")(sa.literal(name, sa.Text))
    return sa.type_coerce(found, document.type)


def merged_document(dialect: str, document: Column, other: Column) -> Column:
    """Merge a document that another column holds as text into this one; a null there removes a value."""
    if dialect == "sqlite":
        return sa.type_coerce(sa.func.json_patch(document, other), document.type)
    both = document.op("||")(sa.cast(other, JSONB))
    return sa.type_coerce(sa.func.jsonb_strip_nulls(sa.type_coerce(both, JSONB)), document.type)


def increased(dialect: str, document: Column, name: str, by: Column) -> Column:
    """Add to a number in a document; what is missing or no number counts as 0."""
    known = sa.case((json_kind(document, name) == "number", json_number(document, name)), else_=0)
    if dialect == "sqlite":
        return sa.type_coerce(sa.func.json_set(document, _path(name), known + by), document.type)
    built = sa.func.jsonb_build_object(sa.literal(name, sa.Text), sa.cast(known, sa.Numeric) + sa.cast(by, sa.Numeric))
    return sa.type_coerce(document.op("||")(sa.type_coerce(built, JSONB)), document.type)


def _path(name: str) -> str:
    if not name or '"' in name or "\\" in name or min(name) < " ":
        raise ValueError(f"{name!r} cannot be written: it holds quotes, backslashes or control characters")
    return f'$."{name}"'
