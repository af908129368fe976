"""What a contact's way costs on disk: how much a database has grown, for each step, when everybody is through."""

from typing import Final

import sqlalchemy as sa

from bench import executor
from bench.databases import Databases, version_of
from bench.results import Result
from bench.world import STEPS, engine_on
from engine.store.session import Store, open_store

MOST: Final = {"sqlite": 70, "postgresql": 320}
"""Bytes a contact-step may take: what was measured first (47 and 213), and half as much again."""

TABLES: Final = ("enrollment", "journal", "message", "passage", "token")


def bytes_per_step(databases: Databases, contacts: int) -> Result:
    """Carry everybody through and compare the sizes of the tables before and after, indexes and free room included."""
    contacts = min(contacts, 100_000)
    name = f"executor_{contacts}"
    databases.template(name, lambda store: executor.prepare(store, contacts))
    url = databases.copy(name)
    store = open_store(url)
    try:
        before = _sizes(store)
        executor.pass_through(engine_on(store))
        grown = {table: size - before[table] for table, size in _sizes(store).items()}
    finally:
        store.close()
        databases.drop(url)
    each = {table: size / (STEPS * contacts) for table, size in grown.items()}
    total = sum(each.values())
    told = ", ".join(f"{table} {size:.0f}" for table, size in each.items() if size >= 1)
    return {
        "says": f"bytes on disk for a contact-step, {contacts:,} contacts through the executor's flow",
        "version": version_of(databases),
        "unit": "bytes/step",
        "ours": each,
        "ours_text": told,
        "floor_text": "",
        "ratio_text": f"{total:.0f} bytes",
        "must_text": f"< {MOST[databases.kind]} bytes",
        "passed": total < MOST[databases.kind],
    }


def _sizes(store: Store) -> dict[str, int]:
    with store.read() as connection:
        if store.name == "postgresql":
            asked = "SELECT pg_total_relation_size(:name)"
            return {name: int(connection.scalar(sa.text(asked), {"name": name}) or 0) for name in TABLES}
        # The table and its indexes; a table that is its own index stands under its own name.
        mine = "SELECT name FROM sqlite_schema WHERE tbl_name = :name"
        asked = f"SELECT coalesce(sum(pgsize), 0) FROM dbstat WHERE name IN ({mine})"  # noqa: S608 - no foreign text
        return {name: int(connection.scalar(sa.text(asked), {"name": name}) or 0) for name in TABLES}
