"""Transactions whose connection has the wave's temporary tables, and which have a part, or all parts, to themselves."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.engine import Connection

from engine.run.tables import STATE, prepare
from engine.store.claims import claim, claim_all
from engine.store.session import Store


class TakenError(Exception):
    """Another transaction is at this part; what is due there is in good hands."""


@contextmanager
def transaction(store: Store, part: int | None = None, *, wait: bool = True) -> Iterator[Connection]:
    """Open a write transaction whose connection has the wave's tables, empty.

    It has its part, or without one all parts, to itself: two waves could else take the same tokens, and a wave and a
    command the same contact. Errors: ``TakenError`` without ``wait``, when somebody else is at the part.
    """
    with store.write() as connection:
        if part is None:
            claim_all(connection)
        if part is None or claim(connection, part, wait=wait):
            try:
                prepare(connection)
                yield connection
            except BaseException:
                # The rollback takes temporary tables with it that were made in this transaction.
                if not connection.invalidated:
                    connection.info.pop(STATE, None)
                raise
            return
    # Not from within: the driver takes a rollback for a reason to forget every statement that it has prepared.
    raise TakenError(f"part {part}")
