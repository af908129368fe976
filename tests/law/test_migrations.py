"""The newest migration equals the tables of the code, on both databases; and the tables keep their own law."""

import re
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlmodel import SQLModel

from engine.store.migrate import create, revision, upgrade
from engine.store.session import Store, open_store
from engine.store.tables import metadata
from tests.support import stores

# Tables that belong to a workspace as a whole, not to one contact.
WHOLE = {
    "approval",
    "audit_entry",
    "changeover",
    "designer_session",
    "designer_user",
    "draft",
    "event_refusal",
    "experiment",
    "experiment_decision",
    "experiment_share",
    "flow",
    "flow_version",
    "gesture",
    "lease",
    "meta",
    "segment",
    "sign_in_refusal",
    "template",
    "topic",
    "workspace",
    "write_key",
}


@pytest.fixture
def empty_store(database: str, tmp_path: Path, worker: str) -> Iterator[Store]:
    """Give a store without tables."""
    address = f"sqlite:///{tmp_path / 'empty.db'}" if database == "sqlite" else stores.empty_postgresql(worker)
    with stores.opened(address) as store:
        yield store


def test_head_is_the_metadata(store: Store) -> None:
    with store.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, metadata) == []
    assert len(set(revision(store))) == 1


def test_head_has_the_same_checks_keys_and_indexes(store: Store, empty_store: Store) -> None:
    # Alembic compares neither CHECK constraints nor the conditions of indexes.
    create(empty_store)
    assert _drawn(store) == _drawn(empty_store)


def test_a_lost_check_is_seen(store: Store, empty_store: Store) -> None:
    create(empty_store)
    with empty_store.write() as connection:
        connection.execute(sa.text("DROP INDEX ix_token_due"))
    assert _drawn(store) != _drawn(empty_store)


def test_upgrade_twice_changes_nothing(store: Store) -> None:
    before = _drawn(store)
    upgrade(store)
    assert _drawn(store) == before


def test_downgrade_leaves_nothing(store: Store) -> None:
    with store.write() as connection:
        config = Config()
        config.set_main_option("script_location", str(files("engine.store") / "migrations"))
        config.attributes["connection"] = connection
        command.downgrade(config, "base")
    with store.read() as connection:
        assert set(sa.inspect(connection).get_table_names()) <= {"alembic_version"}


def test_a_new_store_without_migration_equals_one_with(empty_store: Store) -> None:
    upgrade(empty_store)
    assert len(set(revision(empty_store))) == 1


def _drawn(store: Store) -> dict[str, list[str]]:
    """Describe the schema in the database's own words, tidied."""
    if store.name == "sqlite":
        query = "SELECT tbl_name, sql FROM sqlite_master WHERE sql IS NOT NULL"
    else:
        query = """
            SELECT c.relname, pg_get_constraintdef(k.oid) FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
            WHERE k.contype <> 'n' AND c.relnamespace = 'public'::regnamespace
            UNION ALL SELECT tablename, indexdef FROM pg_indexes WHERE schemaname = 'public'
            UNION ALL SELECT table_name, concat_ws(' ', column_name, data_type, is_nullable, column_default)
            FROM information_schema.columns WHERE table_schema = 'public'
        """
    drawn: dict[str, list[str]] = {}
    with store.read() as connection:
        for table, text in connection.execute(sa.text(query)):
            if table != "alembic_version":
                drawn.setdefault(table, []).extend(_clauses(text))
    return {table: sorted(clauses) for table, clauses in drawn.items()}


def _clauses(text: str) -> list[str]:
    # SQLite keeps the text of CREATE TABLE: one clause a line, columns and constraints in either order. A column that
    # came later stands on the line of the one before.
    lines = re.split(r"\n|, (?=\w+ [A-Z]+ )", text)
    return [re.sub(r"\s+", " ", line).strip(" ,\t()") for line in lines if line.strip(" ,\t()")]


# ---------------------------------------------------------------- the law of tables


def test_part_stands_first_in_every_key_of_people_and_runs() -> None:
    assert [
        table.name for table in metadata.sorted_tables if table.name not in WHOLE and not _has_part_first(table)
    ] == []


def test_whole_tables_have_no_part() -> None:
    names = {table.name for table in metadata.sorted_tables}
    assert names >= WHOLE
    assert [name for name in sorted(WHOLE) if "part" in metadata.tables[name].columns] == []


def test_a_table_without_part_is_seen() -> None:
    assert not _has_part_first(sa.Table("t", sa.MetaData(), sa.Column("id", sa.Integer, primary_key=True)))
    late = [sa.Column("id", sa.Integer, primary_key=True), sa.Column("part", sa.Integer, primary_key=True)]
    assert not _has_part_first(sa.Table("t", sa.MetaData(), *late))


def test_unique_constraints_and_indexes_lead_with_part() -> None:
    wrong = []
    for table in metadata.sorted_tables:
        if table.name in WHOLE:
            continue
        unique = [list(each.columns) for each in table.constraints if isinstance(each, sa.UniqueConstraint)]
        indexes = [list(each.columns) for each in table.indexes]
        wrong += [table.name for columns in unique + indexes if columns[0].name != "part"]
    assert wrong == []


def test_every_table_says_what_a_row_is() -> None:
    assert [name for name, words in _table_docs() if not words.startswith("One row ")] == []


def test_states_stand_in_checks() -> None:
    wrong = []
    for table in metadata.sorted_tables:
        checks = [str(each.sqltext) for each in table.constraints if isinstance(each, sa.CheckConstraint)]
        if "state" in table.columns and not any("state = '" in check for check in checks):
            wrong.append(table.name)
    assert wrong == []


def _has_part_first(table: sa.Table) -> bool:
    keys = list(table.primary_key.columns)
    return bool(keys) and keys[0].name == "part"


def _table_docs() -> list[tuple[str, str]]:
    classes = [each for each in SQLModel.__subclasses__() if hasattr(each, "__table__")]
    assert len(classes) == len(metadata.tables)
    return [(each.__name__, (each.__doc__ or "").strip()) for each in classes]


def test_open_store_keeps_the_number_of_parts(store: Store) -> None:
    again = open_store(store.engine.url.render_as_string(hide_password=False), parts=7)
    try:
        assert again.parts == stores.PARTS[store.name]
    finally:
        again.close()
