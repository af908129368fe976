import csv
import io
from typing import Any

import orjson
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.people.accounts import AccountRow, update
from engine.people.attributes import is_name
from engine.people.contacts import ContactRow, is_key
from engine.people.erasing import erase
from engine.people.exporting import PAGE, export_contacts
from engine.people.importing import import_contacts
from engine.people.tags import is_tag
from engine.people.upserting import upsert
from engine.store.migrate import create
from engine.store.session import Store, open_store
from tests.people.sights import NOW, rows_in

# Built-in columns are trimmed; so are keys wherever they come from.
WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=12)
TRIMMED = (WORDS | st.text("=+-@'\"5true\t", min_size=1, max_size=5)).map(str.strip).filter(bool)
VALUES = st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
ATTRIBUTES = VALUES | WORDS | st.text("=+-@'\" 5true", max_size=5)
PEOPLE = st.builds(
    ContactRow,
    TRIMMED.filter(is_key),
    email=st.none() | st.sampled_from(("a@example.com", "+b@example.com")),
    phone=st.none() | TRIMMED,
    timezone=st.none() | st.sampled_from(("Asia/Shanghai", "Mars")),
    locale=st.none() | st.just("zh-CN"),
    stage=st.none() | TRIMMED,
    account=st.none() | st.sampled_from(("acme", "=1+1")),
    tags=st.lists(TRIMMED.filter(is_tag), max_size=3, unique=True),
    attributes=st.dictionaries(
        WORDS.filter(is_name).filter(lambda name: name == name.strip()),
        ATTRIBUTES | st.lists(ATTRIBUTES, max_size=3),
        max_size=3,
    ),
    created_at=st.none(),
)


def memory() -> Store:
    store = open_store("sqlite://")
    create(store)
    return store


def everything(store: Store) -> list[Any]:
    facts = ("key", "email", "phone", "timezone", "locale", "stage", "account_id", "attributes")
    return [
        sorted(orjson.dumps(row, option=orjson.OPT_SORT_KEYS) for row in rows_in(store, "contact", *facts)),
        rows_in(store, "account", "key", "name", "attributes"),
        sorted(tag for (tag,) in rows_in(store, "contact_tag", "tag")),
    ]


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(st.lists(PEOPLE, max_size=4, unique_by=lambda row: row.key), st.dictionaries(st.just("plan"), ATTRIBUTES))
def test_what_is_exported_and_imported_is_the_same(rows: list[ContactRow], about: dict[str, Any]) -> None:
    first, second = memory(), memory()
    try:
        with first.write() as connection:
            upsert(connection, 1, 1, rows, NOW)
            if any(row.account == "acme" for row in rows):
                update(connection, 1, 1, [AccountRow("acme", "=Acme", about)])
        text = "".join(export_contacts(first))
        report = import_contacts(second, io.BytesIO(text.encode()), now=NOW)
        assert report.counts["refused"] == 0, report.problems
        assert everything(second) == everything(first)
        assert "".join(export_contacts(second)) == text
    finally:
        first.close()
        second.close()


def test_attributes_that_are_called_like_a_column_in_another_case_come_back() -> None:
    first, second = memory(), memory()
    try:
        with first.write() as connection:
            upsert(connection, 1, 1, [ContactRow("a", "a@example.com", attributes={"EMAIL": False, "Id": "7"})], NOW)
        report = import_contacts(second, io.BytesIO("".join(export_contacts(first)).encode()), now=NOW)
        assert report.counts["refused"] == 0
        assert everything(second) == everything(first)
    finally:
        first.close()
        second.close()


def test_formulas_are_guarded_and_numbers_are_not(store: Store) -> None:
    rows = [ContactRow("=1+1", "a@example.com", "+49 30", attributes={"n": -5, "t": "-5", "f": "@SUM(A1)", "b": True})]
    with store.write() as connection:
        upsert(connection, store.parts, 1, rows, NOW)
    (row,) = csv.DictReader(io.StringIO("".join(export_contacts(store))))
    assert (row["id"], row["phone"]) == ("'=1+1", "'+49 30")
    assert (row["n"], row["t"], row["f"], row["b"]) == ("-5", "'-5", "'@SUM(A1)", "true")


def test_all_pages_are_written(sqlite_store: Store) -> None:
    count = PAGE + 3
    with sqlite_store.write() as connection:
        upsert(connection, 1, 1, [ContactRow(f"c{number}", tags=("t",)) for number in range(count)], NOW)
    pieces = list(export_contacts(sqlite_store, bom=True))
    assert len(pieces) == 3
    assert pieces[0].startswith("\ufeffid,email")
    assert sum(piece.count("\r\n") for piece in pieces) == count + 1


def test_erased_contacts_are_not_exported(store: Store) -> None:
    with store.write() as connection:
        upsert(connection, store.parts, 1, [ContactRow("a"), ContactRow("b")], NOW)
        erase(connection, store.parts, "a", now=NOW)
    assert [row["id"] for row in csv.DictReader(io.StringIO("".join(export_contacts(store))))] == ["b"]
