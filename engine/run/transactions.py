"""Transactions whose connection has the wave's temporary tables."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.engine import Connection

from engine.run.tables import prepare
from engine.store.session import Store


@contextmanager
def transaction(store: Store) -> Iterator[Connection]:
    """Open a write transaction whose connection has the wave's tables, empty."""
    with store.write() as connection:
        try:
            prepare(connection)
            yield connection
        except BaseException:
            # The rollback takes temporary tables with it that were made in this transaction.
            connection.info.pop("dripline_wave", None)
            raise
