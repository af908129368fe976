"""Transactions of many rows: they begin again when the database asks for it."""

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, TypeVar

from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError

from engine.store.session import Store

ATTEMPTS: Final = 8
# A deadlock, a conflict, a row that somebody else inserted at the same moment: they seldom come twice.
_AGAIN: Final = frozenset({"40001", "40P01", "23505"})

Result = TypeVar("Result")


@contextmanager
def collector_off() -> Iterator[None]:
    """Put off the search for cycles: a batch of rows makes none, and looking every few hundred costs a quarter."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


def committed(store: Store, work: Callable[[Connection], Result]) -> Result:
    """Do the work in one transaction, again when it met another one, and give its result once it is committed.

    Errors: those of the work; ``DBAPIError`` of the last attempt.
    """
    for _ in range(ATTEMPTS - 1):
        try:
            with store.write() as connection:
                return work(connection)
        except DBAPIError as fault:
            if getattr(fault.orig, "sqlstate", None) not in _AGAIN:
                raise
    with store.write() as connection:
        return work(connection)
