"""The register of attributes grows with what comes in, and costs nothing when nothing is new."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa

from engine.segments.fields import known_attributes
from engine.store.attributes import MOST_NAMES, kinds_of, note_attributes
from engine.store.session import Store


@contextmanager
def counted(connection: sa.Connection) -> Iterator[list[str]]:
    said: list[str] = []

    def listen(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        said.append(statement)

    sa.event.listen(connection, "before_cursor_execute", listen)
    try:
        yield said
    finally:
        sa.event.remove(connection, "before_cursor_execute", listen)


def test_built_in_attributes_are_known(store: Store) -> None:
    with store.read() as connection:
        known = known_attributes(connection, 1)
    assert list(known)[:2] == ["id", "email"]
    assert (known["created_at"], known["account.name"]) == ("date", "text")


def test_attributes_are_registered_with_their_kinds(store: Store) -> None:
    documents: list[dict[str, Any]] = [
        {"plan": "pro", "seats": 5, "vip": True, "langs": ["zh"], "renewal": "2026-03-01", "gone": None, "where": {}},
        {"plan": "free", "seats": "many", "renewal": "2026-03-01T00:00:00Z", "start": "2026-03-01"},
        {"start": "soon", "渠道": "展会"},
    ]
    with store.write() as connection:
        note_attributes(connection, 1, documents)
        note_attributes(connection, 1, [{"size": 200}], of_accounts=True)
        known = known_attributes(connection, 1)
    assert {name: kind for name, kind in known.items() if name in ("plan", "seats", "vip", "langs", "renewal")} == {
        "plan": "text",
        "seats": "mixed",
        "vip": "bool",
        "langs": "list",
        "renewal": "date",
    }
    assert (known["start"], known["where"], known["渠道"], known["account.size"]) == (
        "text",
        "object",
        "text",
        "number",
    )
    assert "gone" not in known


def test_kinds_change_when_values_do(store: Store) -> None:
    with store.write() as connection:
        for value, kind in (
            ("2026-03-01", "date"),
            ("2026-03-02", "date"),
            ("soon", "text"),
            (5, "mixed"),
            ("a", "mixed"),
        ):
            note_attributes(connection, 1, [{"x": value}])
            assert known_attributes(connection, 1)["x"] == kind


def test_other_settings_are_kept(store: Store) -> None:
    workspace = sa.table("workspace", sa.column("settings", sa.JSON))
    with store.write() as connection:
        connection.execute(sa.text("UPDATE workspace SET settings = '{\"teams\": {}}'"))
        note_attributes(connection, 1, [{"x": 1}])
        settings = connection.scalar(sa.select(workspace.c.settings))
    assert settings == {"teams": {}, "attributes": {"x": "number"}}


def test_nothing_new_costs_one_statement(store: Store) -> None:
    documents = [{f"a{n}": n} for n in range(500)]
    with store.write() as connection:
        with counted(connection) as first:
            note_attributes(connection, 1, documents)
        with counted(connection) as second:
            note_attributes(connection, 1, documents)
    assert (len(first), len(second)) == (3, 1)


def test_the_register_is_bounded(store: Store) -> None:
    with store.write() as connection:
        note_attributes(connection, 1, [{f"a{n}": n for n in range(MOST_NAMES + 5)}])
        assert sum(name.startswith("a") for name in known_attributes(connection, 1)) <= MOST_NAMES + 3


def test_kinds_are_read_off_values() -> None:
    assert kinds_of([{"a": 1, "b": None}, {"b": 1.5}]) == {"a": "number", "b": "number"}
