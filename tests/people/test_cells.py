import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.people import cells
from engine.people.cells import Column

TEXTS = st.text(st.characters(codec="utf-8"), max_size=8) | st.text("'\"=+-@\t 05.etru\uff1d", max_size=6)


@given(TEXTS)
def test_a_text_of_a_built_in_column_survives(text: str) -> None:
    assert cells.unguard(cells.guard(text)) == text


@given(TEXTS | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False))
def test_a_value_survives_with_its_type(value: str | bool | float) -> None:
    read = cells.read_value(cells.write_value(value))
    assert (read, type(read)) == (value, type(value))


@given(TEXTS)
def test_no_cell_is_a_formula(text: str) -> None:
    for cell in (cells.guard(text), cells.write_value(text)):
        assert cell[:1] not in set("=+-@\t\r\uff1d")
        assert not (cell[:1] == '"' and cell.lstrip('"')[:1] in set("=+-@"))


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("5", 5), ("-5", -5), ("1.50", 1.5), ("1e3", 1000.0), ("true", True), ("false", False),
        ("05", "05"), ("+5", "+5"), ("5 ", "5 "), ("True", "True"), ("null", "null"), ("NaN", "NaN"), ("٣", "٣"),
        ("1e999", "1e999"), ("2026-03-01", "2026-03-01"), ("'5", "5"), ("'=1+1", "=1+1"), ("'", ""),
        ("'hello", "'hello"),
        ('["a"]', '["a"]'),
    ],
)  # fmt: skip
def test_a_number_or_boolean_of_json_is_one(cell: str, value: object) -> None:
    read = cells.read_value(cell)
    assert (read, type(read)) == (value, type(value))


@pytest.mark.parametrize("number", [-5, 5, 0.5, True])
def test_numbers_stay_numbers(number: float) -> None:
    assert not cells.write_value(number).startswith("'")


@pytest.mark.parametrize("text", ["=1+1", "+49 30", "-x", "@a", "\tx", "\rx", "\uff1d1", "'=1", '"=1'])
def test_what_a_spreadsheet_might_run_is_guarded(text: str) -> None:
    assert cells.guard(text) == cells.write_value(text) == "'" + text


@pytest.mark.parametrize("title", ["plan", "plan[]", "account.plan", "account.tags[]"])
def test_titles_of_columns(title: str) -> None:
    assert Column.of(title).title == title
    assert Column.of(title) == Column(
        title.startswith("account."), title.split(".")[-1].removesuffix("[]"), "[]" in title
    )
