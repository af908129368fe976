"""Empty, migrated stores, made fast: copies of one that is made once per run.

A copy takes PostgreSQL longer than most tests take, so that a process empties those it has used and takes them again.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import psycopg
from psycopg import sql

from engine.store.migrate import upgrade
from engine.store.session import Store, open_store
from tests.support.emptying import is_emptied, remember
from tests.support.postgres import Run, current

PARTS = {"sqlite": 1, "postgresql": 4}
SEED = "seed"
# The PostgreSQL of the wheel is built without ICU; its own collation, there from 18 on, folds the same texts alike.
STAND_IN = sql.SQL("""CREATE COLLATION IF NOT EXISTS "und-x-icu" (provider = builtin, locale = 'PG_UNICODE_FAST')""")

_numbers = count(1)
_used: list[str] = []
"""The databases of the cluster that this process no longer needs."""


def new_address(kind: str, folder: Path, worker: str) -> str:
    """Make an empty migrated database of a kind (``sqlite``, ``postgresql``) and give its address."""
    if kind == "sqlite":
        return _new_sqlite(folder)
    return _new_postgresql(worker)


@contextmanager
def opened(address: str) -> Iterator[Store]:
    """Open a store; close it, and give its database back if it is one of the cluster's."""
    store = open_store(address)
    try:
        yield store
    finally:
        name = store.engine.url.database
        store.close()
        if store.name == "postgresql":
            _used.append(str(name))


def _new_sqlite(folder: Path) -> str:
    run = current()
    seed = run.folder / f"{SEED}.db"
    run.once("sqlite", lambda: _migrate(f"sqlite:///{seed}", PARTS["sqlite"]))
    file = folder / f"store-{next(_numbers)}.db"
    shutil.copyfile(seed, file)
    return f"sqlite:///{file}"


def _new_postgresql(worker: str) -> str:
    run = current()
    run.start()
    run.once("postgresql", lambda: _make_seed(run))
    while _used:
        name = _used.pop()
        if is_emptied(_plain(run, name)):
            return run.url(name)
        drop(name)
    name = f"{worker}_{next(_numbers)}"
    _command(run, sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY = FILE_COPY"), name, SEED)
    remember(_plain(run, name))
    return run.url(name)


def empty_postgresql(worker: str) -> str:
    """Make a database without any table and give its address."""
    run = current()
    run.start()
    run.once("postgresql", lambda: _make_seed(run))
    name = f"{worker}_{next(_numbers)}"
    _command(run, sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY = FILE_COPY"), name, "bare")
    return run.url(name)


def forget(address: str) -> None:
    """Give the database at an address back if it is one of the cluster's."""
    if address.startswith("postgresql"):
        _used.append(address.split("@/")[1].split("?")[0])


def drop(name: str) -> None:
    """Drop a database of the cluster, even if somebody is still connected."""
    _command(current(), sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)"), name)


def _make_seed(run: Run) -> None:
    _command(run, sql.SQL("CREATE DATABASE {}"), "bare")
    with psycopg.connect(_plain(run, "bare"), autocommit=True) as connection:
        known = connection.execute("SELECT 1 FROM pg_collation WHERE collname = 'und-x-icu'").fetchone()
        if known is None:
            connection.execute(STAND_IN)
    _command(run, sql.SQL("CREATE DATABASE {} TEMPLATE {}"), SEED, "bare")
    _migrate(run.url(SEED), PARTS["postgresql"])


def _migrate(address: str, parts: int) -> None:
    store = open_store(address, parts=parts)
    try:
        upgrade(store)
    finally:
        store.close()


def _plain(run: Run, database: str) -> str:
    return run.url(database).replace("postgresql+psycopg", "postgresql")


def _command(run: Run, text: sql.SQL, *names: str) -> None:
    with psycopg.connect(_plain(run, "postgres"), autocommit=True) as connection:
        connection.execute(text.format(*map(sql.Identifier, names)))
