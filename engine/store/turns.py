"""Let the writers of a SQLite database through one at a time, first come first served, in all processes.

SQLite's own lock knows no order: whoever writes without a pause shuts everybody else out. Here a writer waits at a door
with the door's lock in hand, so that the one who is writing cannot come in again before it (ADR 0002).
"""

import fcntl
import os
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from engine.errors import StoreError

DOOR, ROOM = 0, 1
"""The bytes of the lock file that stand for waiting next in turn, and for writing."""

POLL: Final = 0.001
"""Seconds between two looks at a lock of another process."""


class Turnstile:
    """The turns of the writers of one database; ``file`` is what processes lock, None for a database in memory."""

    def __init__(self, file: Path | None, patience: float) -> None:
        """Be ready; ``patience`` is how many seconds a writer waits for other processes."""
        self._file, self._patience = file, patience
        self._lock = threading.Lock()
        self._queue: deque[threading.Event] = deque()
        self._owner: int | None = None
        self._handle: int | None = None
        self._process = 0

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait for one's turn and hold it.

        Errors: ``StoreError`` within another turn of the same thread, or when no turn comes in time.
        """
        me = threading.get_ident()
        if self._owner == me:
            raise StoreError("a transaction was begun inside another one of the same thread")
        ticket = threading.Event()
        with self._lock:
            self._queue.append(ticket)
            if self._queue[0] is ticket:
                ticket.set()
        ticket.wait()
        self._owner = me
        try:
            with self._among_processes():
                yield
        finally:
            self._owner = None
            with self._lock:
                self._queue.popleft()
                if self._queue:
                    self._queue[0].set()

    @property
    def waiting(self) -> list[threading.Event]:
        """List the tickets of this process: of the thread whose turn it is, and of those that wait."""
        return list(self._queue)

    def close(self) -> None:
        """Give the lock file back."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None

    @contextmanager
    def _among_processes(self) -> Iterator[None]:
        if self._file is None:
            yield
            return
        handle, until = self._opened(), time.monotonic() + self._patience
        self._take(handle, DOOR, until)
        try:
            self._take(handle, ROOM, until)
        finally:
            _free(handle, DOOR)
        try:
            yield
        finally:
            _free(handle, ROOM)

    def _opened(self) -> int:
        # A child process that was forked must not share its parent's locks.
        if self._handle is None or self._process != os.getpid():
            assert self._file is not None
            self._handle = os.open(self._file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            self._process = os.getpid()
        return self._handle

    def _take(self, handle: int, place: int, until: float) -> None:
        pause = threading.Event()
        while True:
            try:
                fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, place)
            except OSError:
                if time.monotonic() > until:
                    waited = f"{self._patience:.0f} seconds"
                    raise StoreError(f"another process has been writing for {waited}; see that it goes on") from None
                pause.wait(POLL)
            else:
                return


def _free(handle: int, place: int) -> None:
    fcntl.lockf(handle, fcntl.LOCK_UN, 1, place)
