"""Bring a database to the schema of this code, by Alembic."""

import threading
from importlib import resources

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from engine.errors import SchemaOutdated
from engine.store.claims import make_claims
from engine.store.dialect import be_patient
from engine.store.estimates import ROWS, estimate
from engine.store.session import Store
from engine.store.tables import Meta, Workspace, metadata

# Alembic's environment is process-wide; two threads that migrate at once would mix their connections.
_ALONE = threading.Lock()

_LARGE = [table for table in metadata.sorted_tables if "part" in table.c and table.name not in ("cursor", "sequence")]
"""What grows with the number of contacts."""


def upgrade(store: Store) -> None:
    """Run every missing migration, then make the default workspace and note the number of parts."""
    with _ALONE, store.write() as connection:
        be_patient(connection)
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        _seed(connection, store.parts)
        estimate(connection, _LARGE, rows=ROWS)


def create(store: Store) -> None:
    """Make all tables at once from the metadata: for in-memory worlds that end with the process."""
    with store.write() as connection:
        metadata.create_all(connection)
        _seed(connection, store.parts)
        estimate(connection, _LARGE, rows=ROWS)


def revision(store: Store) -> tuple[str | None, str | None]:
    """Give the database's revision and the newest one of this code."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    with store.read() as connection:
        return MigrationContext.configure(connection).get_current_revision(), head


def require(store: Store) -> None:
    """Refuse a database whose schema is not this code's.

    Errors: ``SchemaOutdated``.
    """
    have, head = revision(store)
    if have != head:
        raise SchemaOutdated(
            f"the database's schema is {have or 'empty'}, this program's is {head}; run the migrations"
        )


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(resources.files("engine.store") / "migrations"))
    return config


def _seed(connection: sa.Connection, parts: int) -> None:
    meta, workspace = Meta.__table__, Workspace.__table__  # type: ignore[attr-defined]
    if connection.scalar(sa.select(meta.c.value).where(meta.c.name == "parts")) is None:
        connection.execute(meta.insert().values(name="parts", value=str(parts)))
    make_claims(connection, parts)
    if connection.scalar(sa.select(workspace.c.id)) is None:
        connection.execute(workspace.insert().values(id=1, key="default", name="Default", timezone="UTC", settings={}))
