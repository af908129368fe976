"""Expressions mean the same on both databases, whichever collation lower-cases."""

from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from engine.rules.compare import fold
from engine.rules.dates import date_micros
from engine.store import expressions
from engine.store.expressions import (
    json_text,
    later_than,
    least_of,
    lower_text,
    note_collation,
    text_micros,
    text_position,
    text_tail,
)
from engine.store.session import Store
from tests.rules.worlds import DATES, TEXTS

FULL_WIDTH = "\N{FULLWIDTH LATIN CAPITAL LETTER A}\N{FULLWIDTH LATIN CAPITAL LETTER B}"
ALL_THE_IS = "İIi\N{LATIN SMALL LETTER DOTLESS I}"
SOME = (
    *TEXTS,
    *DATES,
    "ŁÓDŹ",
    "NGUYỄN THỊ ÁNH",
    "ΆΈΉΊΌΎΏ",
    "ЁЇЄҐ",
    "ÀÉÎÕÜÇÑ",
    FULL_WIDTH,
    ALL_THE_IS,
    "\N{KELVIN SIGN}",
)


@pytest.fixture
def any_collation() -> Iterator[dict[str, str]]:
    """Put back what lower-cases."""
    before = dict(expressions._found)
    yield expressions._found
    expressions._found.update(before)


def text(value: str) -> sa.ColumnElement[str]:
    return sa.literal(value, sa.Text)


def number(value: int | None) -> sa.ColumnElement[int]:
    return sa.cast(sa.literal(value, sa.BigInteger), sa.BigInteger)


def row(store: Store, *asked: Any) -> list[Any]:
    with store.read() as connection:
        return list(connection.execute(sa.select(*asked)).one())


def test_texts_are_folded_alike(store: Store) -> None:
    assert row(store, *(lower_text(text(value)) for value in SOME)) == [fold(value) for value in SOME]


def test_every_collation_folds_alike(postgresql_store: Store, any_collation: dict[str, str]) -> None:
    with postgresql_store.read() as connection:
        there = list(connection.scalars(sa.text("SELECT collname FROM pg_collation")))
        assert note_collation(connection) in there
    for name in set(expressions._COLLATIONS) & set(there):
        any_collation["collation"] = name
        postgresql_store.engine.clear_compiled_cache()
        asked = [lower_text(text(value)) for value in SOME]
        assert row(postgresql_store, *asked) == [fold(value) for value in SOME], name


def test_dates_are_read_alike(store: Store) -> None:
    assert row(store, *(text_micros(text(value)) for value in SOME)) == [date_micros(value) for value in SOME]


def test_texts_are_cut_alike(store: Store) -> None:
    asked: list[Any] = [text_tail(text("中文abc"), sa.literal(length, sa.Integer)) for length in (1, 4, 5, 9)]
    assert row(store, *asked) == ["c", "文abc", "中文abc", "中文abc"]
    assert row(store, *(text_position(text("中文abc"), text(piece)) for piece in ("中", "abc", "x", "%"))) == [
        1,
        3,
        0,
        0,
    ]


def test_the_least_passes_over_nulls(store: Store) -> None:
    asked = [least_of(*map(number, given)) for given in ((3, 1, 2), (None, 5), (None, None), (7,), (None,))]
    assert row(store, *asked) == [1, 5, None, 7, None]


def test_only_what_is_later_is_kept(store: Store) -> None:
    asked = [later_than(number(value), number(5)) for value in (4, 5, 6, None)]
    assert row(store, *asked) == [None, None, 6, None]


@pytest.mark.parametrize("key", ["", 'say "x"', "back\\slash", "line\n"])
def test_keys_that_cannot_be_named_are_refused(key: str) -> None:
    with pytest.raises(ValueError, match="cannot be looked up"):
        json_text(sa.column("attributes"), key)
