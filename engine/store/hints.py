"""Tell other processes on the same PostgreSQL that something came, so that they look at once.

A hint holds nothing and is never waited for: what is due stands in the tables, and who missed a hint finds it within a
second. None is sent in a transaction that writes: transactions that notify commit one after the other, over the whole
server (ADR 0015).
"""

import logging
import socket
import threading
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass, field
from selectors import EVENT_READ, DefaultSelector
from typing import Any, Final, cast

import psycopg
from sqlalchemy.exc import SQLAlchemyError

from engine.store.session import Store

CHANNEL: Final = "dripline_work"

EVERY: Final = 0.1
"""Seconds between two hints of a process, however much comes."""

SOON, LATE = 0.1, 30.0
"""Seconds until a connection that broke is opened again: twice as long after each attempt in vain."""

_log = logging.getLogger(__name__)


@dataclass
class Hints:
    """The hints that one process sends and hears, by a thread with a connection of its own; on SQLite there are none.

    ``heard`` is called for each hint of another process. Behind a pooler that gives transactions to several sessions
    none is heard.
    """

    store: Store
    heard: Callable[[], object] = lambda: None
    listening: threading.Event = field(default_factory=threading.Event)
    """Set while hints are heard."""
    _told: threading.Event = field(default_factory=threading.Event)
    _stopping: threading.Event = field(default_factory=threading.Event)
    _bell: socket.socket | None = None
    """What is written here ends the thread's waiting."""
    _thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to listen, and to send what was told."""
        if self.store.name != "sqlite":
            ear, self._bell = socket.socketpair()
            self._thread = threading.Thread(target=self._run, args=[ear, self._bell], name="hints", daemon=True)
            self._thread.start()

    def tell(self) -> None:
        """Send a hint soon; nothing is waited for, and nothing fails."""
        if not self._told.is_set():
            self._told.set()
            self._ring()

    def stop(self) -> None:
        """End soon. Who stops need not wait: the thread is in no transaction."""
        self._stopping.set()
        self._ring()

    def _ring(self) -> None:
        if self._bell is not None:
            with suppress(OSError):  # it is closed once the thread has ended
                self._bell.send(b"\0")

    def _run(self, ear: socket.socket, bell: socket.socket) -> None:
        pause = 0.0
        with ear, bell:
            while not self._stopping.wait(pause):
                try:
                    with closing(_connect(self.store)) as connection:
                        connection.execute(f"LISTEN {CHANNEL}")
                        self.listening.set()
                        while not self._stopping.is_set():
                            self._pass_on(connection, ear)
                            pause = 0.0
                except (psycopg.Error, SQLAlchemyError, OSError) as fault:
                    if not pause:
                        _log.info("hints of other processes are not heard for now: %s", fault)
                    pause = min(2 * pause, LATE) or SOON
                    # What was on its way may be lost with the connection.
                    self._told.set()
                finally:
                    self.listening.clear()

    def _pass_on(self, connection: psycopg.Connection[Any], ear: socket.socket) -> None:
        """Send a hint if something came, hear those that came, and wait for more of either."""
        told = self._told.is_set()
        if told:
            # Before it is sent: what comes from here on asks for another one.
            self._told.clear()
            connection.execute(f"NOTIFY {CHANNEL}")
        for hint in connection.notifies(timeout=0):
            # Who sent it has looked already.
            if hint.pid != connection.info.backend_pid:
                self.heard()
        if told:
            self._stopping.wait(EVERY)
            return
        with DefaultSelector() as waiting:
            waiting.register(connection, EVENT_READ)
            waiting.register(ear, EVENT_READ, ear.recv)
            for key, _ in waiting.select():
                if key.data:
                    key.data(64)


def _connect(store: Store) -> psycopg.Connection[Any]:
    """Open a connection with the settings of all others, that is not the pool's any more."""
    proxied = store.engine.raw_connection()
    connection = cast("psycopg.Connection[Any]", proxied.driver_connection)
    proxied.detach()
    connection.autocommit = True
    return connection
