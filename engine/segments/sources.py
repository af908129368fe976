"""Where a condition finds its value in SQL: a JSON document, a column of text, an instant."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import sqlalchemy as sa

from engine.store.expressions import (
    item_flag,
    item_kind,
    item_number,
    item_text,
    json_flag,
    json_is,
    json_items,
    json_number,
    json_text,
    json_word,
    text_micros,
)

Truth = sa.ColumnElement[bool]


def two_valued(truth: Truth) -> Truth:
    """Make unknown false; done at the leaves, and only there."""
    return sa.func.coalesce(truth, sa.false(), type_=sa.Boolean)


class Typed(Protocol):
    """A value of unknown type; ``of_kind`` is false, never unknown, for another type and for a missing value."""

    @property
    def text(self) -> sa.ColumnElement[str]:
        """The value if it is a text; anything else may stand there otherwise."""

    @property
    def number(self) -> sa.ColumnElement[Any]:
        """The value if it is a number."""

    @property
    def flag(self) -> sa.ColumnElement[Any]:
        """The value if it is true or false."""

    def of_kind(self, kind: str, truth: Truth) -> Truth:
        """Ask something that makes sense for a value of a kind only."""


@dataclass(frozen=True)
class JsonSource(Typed):
    """The value at a key of a JSON object."""

    document: sa.ColumnElement[Any]
    key: str

    @property
    def text(self) -> sa.ColumnElement[str]:
        return json_text(self.document, self.key)

    @property
    def number(self) -> sa.ColumnElement[Any]:
        return json_number(self.document, self.key)

    @property
    def flag(self) -> sa.ColumnElement[Any]:
        return json_flag(self.document, self.key)

    @property
    def micros(self) -> sa.ColumnElement[int]:
        """The value if it is a date or an instant, else NULL."""
        return text_micros(self.text)

    @property
    def exists(self) -> Truth:
        """Whether there is a value."""
        # Both databases give NULL for a JSON null as well.
        return self.text.is_not(None)

    def of_kind(self, kind: str, truth: Truth) -> Truth:
        return sa.case((json_is(self.document, self.key, kind), truth), else_=sa.false())

    def is_word(self, words: Sequence[str]) -> Truth:
        """Tell whether the value is a text that folds to one of some words of ASCII signs."""
        return json_word(self.document, self.key, words)

    def items(self) -> tuple[sa.FromClause, "ItemSource"]:
        """Give the members of the list, as rows; none if it is no list."""
        each = json_items(self.document, self.key).table_valued("value", "type").alias()
        return each, ItemSource(each.c.value, each.c.type)


@dataclass(frozen=True)
class ItemSource(Typed):
    """A member of a JSON list."""

    value: sa.ColumnElement[Any]
    type: sa.ColumnElement[Any]

    @property
    def text(self) -> sa.ColumnElement[str]:
        return item_text(self.value)

    @property
    def number(self) -> sa.ColumnElement[Any]:
        return item_number(self.value)

    @property
    def flag(self) -> sa.ColumnElement[Any]:
        return item_flag(self.value)

    def of_kind(self, kind: str, truth: Truth) -> Truth:
        return sa.case((item_kind(self.value, self.type) == kind, truth), else_=sa.false())


@dataclass(frozen=True)
class TextSource(Typed):
    """A column of text."""

    column: sa.ColumnElement[str]

    @property
    def text(self) -> sa.ColumnElement[str]:
        return self.column

    @property
    def number(self) -> sa.ColumnElement[Any]:
        return sa.null()

    @property
    def flag(self) -> sa.ColumnElement[Any]:
        return sa.null()

    @property
    def micros(self) -> sa.ColumnElement[int]:
        """The value if it is a date or an instant, else NULL."""
        return text_micros(self.text)

    @property
    def exists(self) -> Truth:
        """Whether there is a value."""
        return self.text.is_not(None)

    def of_kind(self, kind: str, truth: Truth) -> Truth:
        return sa.and_(self.text.is_not(None), truth) if kind == "text" else sa.false()


@dataclass(frozen=True)
class InstantSource:
    """A column that holds an instant and is never NULL."""

    micros: sa.ColumnElement[int]


Source: TypeAlias = JsonSource | TextSource | InstantSource
