"""Open the store and hand out transactions.

Writers on SQLite begin with ``BEGIN IMMEDIATE`` and queue in order of arrival, so that a page's command waits for at
most one wave; ``synchronous=FULL`` because a lost intent would be a doubled mail (ADR 0002).
"""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.pool import QueuePool, StaticPool

from engine.errors import StoreError
from engine.store import dialect
from engine.store.expressions import note_collation
from engine.store.pings import Pings
from engine.store.tables import metadata
from engine.store.turns import Turnstile
from engine.telemetry import name_process

BUSY_SECONDS = 30
PARTS = {"sqlite": 1, "postgresql": 64}

TEMPORARY = "sqlite:///file:?uri=true"
"""A database that goes with its connection; what is too much for its cache lies in a file without a name."""


@dataclass
class Store:
    """A database and how many parts its people and runs are folded into.

    Who reads by one that is ``gentle`` leaves the server's other processors to others.
    """

    engine: Engine
    parts: int
    _turnstile: Turnstile | None = field(default=None, repr=False)
    gentle: bool = False
    _single: bool = False
    """Whether there is one connection for all: a database that no other would find."""

    @property
    def name(self) -> str:
        """Name the dialect: ``sqlite`` or ``postgresql``."""
        return self.engine.dialect.name

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Open a transaction that may write; commit at the end, roll back on any error."""
        if self._turnstile is None:
            with self.engine.begin() as connection:
                yield connection
            return
        with self._turnstile.turn(), self.engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Open a transaction that only reads: a consistent picture that waits for no writer but where all share one."""
        turn = self._turnstile.turn() if self._single and self._turnstile is not None else nullcontext()
        with turn, self.engine.connect().execution_options(dripline_read=True) as connection, connection.begin():
            if self.gentle:
                dialect.be_gentle(connection)
            yield connection

    def close(self) -> None:
        """Give all connections back."""
        self.engine.dispose()
        if self._turnstile is not None:
            self._turnstile.close()


def open_store(url: str, *, parts: int | None = None) -> Store:
    """Open a database by its address, without touching its schema.

    ``parts`` counts only when the database is new; an existing one keeps its number.
    Errors: ``StoreError`` for an address that is neither SQLite nor PostgreSQL.
    """
    try:
        address = sa.make_url(url)
    except sa.exc.ArgumentError:
        raise StoreError(f"{url!r} is not a database address; write sqlite:///FILE or postgresql+psycopg://…") from None
    if address.drivername in ("postgresql", "postgres"):
        address = address.set(drivername="postgresql+psycopg")
    name = address.get_backend_name()
    if name not in PARTS:
        raise StoreError(f"{name!r} is not supported; use sqlite:///FILE or postgresql+psycopg://…")
    engine = _sqlite(address) if name == "sqlite" else _postgresql(address)
    return Store(
        engine,
        _known_parts(engine) or parts or PARTS[name],
        Turnstile(_lock_file(address), BUSY_SECONDS) if name == "sqlite" else None,
        _single=name == "sqlite" and _is_single(address),
    )


def _is_single(address: sa.URL) -> bool:
    return address.database in (None, "", ":memory:", "file:")


def _lock_file(address: sa.URL) -> Path | None:
    named = not _is_single(address) and not str(address.database).startswith("file:")
    return Path(f"{address.database}-turn") if named else None


def _sqlite(address: sa.URL) -> Engine:
    options: dict[str, Any] = (
        {"poolclass": StaticPool} if _is_single(address) else {"poolclass": QueuePool, "pool_size": 12}
    )
    engine = sa.create_engine(
        address,
        connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False, "cached_statements": dialect.STATEMENTS},
        json_serializer=_dump,
        json_deserializer=orjson.loads,
        **options,
    )
    event.listen(engine, "connect", dialect.prepare_sqlite)
    if _is_single(address):
        event.listen(engine, "connect", dialect.keep_little)
    event.listen(engine, "begin", dialect.begin_sqlite)
    return engine


def _postgresql(address: sa.URL) -> Engine:
    engine = sa.create_engine(
        address,
        json_serializer=_dump,
        json_deserializer=orjson.loads,
        pool_size=12,
        pool_use_lifo=True,
        pool_pre_ping=True,
        connect_args={
            "options": dialect.POSTGRESQL_OPTIONS,
            # So much of a name is kept; its end tells more than its beginning.
            "application_name": name_process()[-63:],
            **dialect.POSTGRESQL_KEEPALIVE,
        },
    )
    engine.dialect.do_ping = Pings(engine.dialect.do_ping)  # type: ignore[method-assign,assignment]
    event.listen(engine, "connect", dialect.prepare_postgresql)
    event.listen(engine, "handle_error", dialect.notice_loss)
    return engine


def _dump(value: object) -> str:
    return orjson.dumps(value).decode()


def _known_parts(engine: Engine) -> int | None:
    meta = metadata.tables["meta"]
    with engine.connect() as connection:
        if engine.dialect.name == "postgresql":
            note_collation(connection)
        if not sa.inspect(connection).has_table("meta"):
            return None
        value = connection.scalar(sa.select(meta.c.value).where(meta.c.name == "parts"))
    return int(value) if value else None
