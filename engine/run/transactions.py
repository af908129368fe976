"""Transactions whose connection has the wave's temporary tables."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.engine import Connection

from engine.run.tables import prepare
from engine.store.dialect import alone
from engine.store.session import Store

EXECUTOR = 0x64726970
"""What the executor's transactions say on PostgreSQL so that they wait for each other."""


@contextmanager
def transaction(store: Store) -> Iterator[Connection]:
    """Open a write transaction whose connection has the wave's tables, empty.

    One at a time over all processes: two waves could else take the same tokens, and one of them would be for nothing.
    """
    with store.write() as connection:
        alone(connection, EXECUTOR)
        try:
            prepare(connection)
            yield connection
        except BaseException:
            # The rollback takes temporary tables with it that were made in this transaction.
            if not connection.invalidated:
                connection.info.pop("dripline_wave", None)
            raise
