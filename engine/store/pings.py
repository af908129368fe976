"""Tell whether a connection of the pool to PostgreSQL still lives, without asking the server every time.

A server that ends a session says so, or its TCP does: then there is something to read where nobody has asked anything.
A net that was cut shows neither; so the server itself is asked after a while.
"""

import select
import time
from collections.abc import Callable
from typing import Any, Final
from weakref import WeakKeyDictionary

import psycopg

WHILE: Final = 1.0
"""So long, in seconds, the server's own word that it is there is believed while nothing speaks against it."""


class Pings:
    """The pool's way to ask; ``ask`` is the dialect's own, which costs a round trip."""

    def __init__(self, ask: Callable[[Any], bool], clock: Callable[[], float] = time.monotonic) -> None:
        self._ask, self._clock = ask, clock
        self._asked: WeakKeyDictionary[Any, float] = WeakKeyDictionary()

    def __call__(self, connection: Any) -> bool:
        """Tell whether a connection that nobody uses can be used.

        Errors: those of ``ask``.
        """
        now = self._clock()
        if now - self._asked.get(connection, -WHILE) < WHILE and _is_silent(connection):
            return True
        alive = self._ask(connection)
        if alive:
            self._asked[connection] = now
        return alive


def _is_silent(connection: psycopg.Connection[Any]) -> bool:
    """Tell whether a connection is open and has nothing to say."""
    if connection.closed:
        return False
    watch = select.poll()
    watch.register(connection.fileno(), select.POLLIN)
    return not watch.poll(0)
