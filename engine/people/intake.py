"""Take calls in: many callers, one writer. Who calls waits until the transaction that holds the calls is committed.

Calls that wait are written together, so that under load a transaction, and a write to disk, serve hundreds of them.
The queue is bounded: beyond it callers are told to come again, and nothing is ever accepted and lost.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Final, NamedTuple, TypeAlias

from sqlalchemy.engine import Connection
from sqlalchemy.exc import OperationalError

from engine.errors import PeopleError, StoreError
from engine.people import refusals
from engine.people.events import Recorded, record
from engine.people.segment_api import IncomingEvent, Refusal
from engine.people.transactions import collector_off, committed
from engine.store.session import Store
from engine.terms import Micros

CAPACITY: Final = 20_000
"""So many calls may wait; at 2,000 a second it takes ten seconds to write them."""

CAPACITY_BYTES: Final = 64 << 20
"""So many bytes may wait."""

GROUP: Final = 5_000
"""So many calls are written together."""

_log = logging.getLogger(__name__)


class IntakeFull(PeopleError):
    """More events come in than can be written; send them again in a few seconds."""

    code = "people.busy"
    retryable = True

    def __init__(self, retry_after: int) -> None:
        super().__init__(retry_after=retry_after)
        self.retry_after = retry_after


class IntakeClosed(PeopleError):
    """The server is about to stop and takes no more events; send them again in a few seconds."""

    code = "people.closed"
    retryable = True


class Submission(NamedTuple):
    """The calls of one request: what was accepted and what was not; ``size`` is that of its body in bytes."""

    source: str
    received_at: Micros
    events: Sequence[IncomingEvent]
    refused: Sequence[Refusal] = ()
    workspace_id: int = 1
    size: int = 0

    @property
    def weight(self) -> int:
        """Count its calls."""
        return max(1, len(self.events) + len(self.refused))


Alongside: TypeAlias = Callable[[Connection, Sequence[Submission]], None]
"""What else belongs into the transaction of a group."""

_Waiting: TypeAlias = tuple[Submission, "Future[Recorded]"]


class Intake:
    """A queue of calls and the thread that writes them.

    ``told`` hears after each commit what was recorded, so that the executor need not wait for its next tick.
    Without ``start`` nothing is written until ``drain`` is called: tests do that.
    """

    def __init__(
        self,
        store: Store,
        *,
        capacity: int = CAPACITY,
        group: int = GROUP,
        alongside: Alongside | None = None,
        told: Callable[[Recorded], None] = lambda recorded: None,
    ) -> None:
        self._store = store
        self._capacity = capacity
        self._group = group
        self._alongside = alongside
        self._told = told
        self._queue: deque[_Waiting] = deque()
        self._weight = 0
        self._bytes = 0
        self._changed = threading.Condition()
        self._closed = False
        self._writer: threading.Thread | None = None

    def start(self) -> "Intake":
        """Begin to write."""
        self._writer = threading.Thread(target=self._write_on, name="intake", daemon=True)
        self._writer.start()
        return self

    def submit(self, submission: Submission) -> "Future[Recorded]":
        """Queue the calls of a request; the future is done once they are committed, or could not be.

        Errors: ``IntakeFull`` when too many wait, ``IntakeClosed`` after ``close``.
        """
        with self._changed:
            if self._closed:
                raise IntakeClosed
            full = self._weight + submission.weight > self._capacity or self._bytes + submission.size > CAPACITY_BYTES
            if self._queue and full:
                raise IntakeFull(retry_after=1 + self._weight // self._group)
            future: Future[Recorded] = Future()
            self._queue.append((submission, future))
            self._weight += submission.weight
            self._bytes += submission.size
            self._changed.notify()
        return future

    def drain(self) -> int:
        """Write all that waits, in the calling thread; tell how many groups that were."""
        groups = 0
        while waiting := self._take():
            self._write(waiting)
            groups += 1
        return groups

    def close(self) -> None:
        """Take nothing more in, write what waits, and stop."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        if self._writer is not None:
            self._writer.join()
        self.drain()

    def _write_on(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._queue or self._closed)
                if not self._queue:
                    return
            self._write(self._take())

    def _take(self) -> list[_Waiting]:
        """Take the next group off the queue."""
        taken: list[_Waiting] = []
        weight = 0
        with self._changed:
            while self._queue and (not taken or weight + self._queue[0][0].weight <= self._group):
                taken.append(self._queue.popleft())
                weight += taken[-1][0].weight
            self._weight -= weight
            self._bytes -= sum(submission.size for submission, _ in taken)
        return taken

    def _write(self, waiting: Sequence[_Waiting]) -> None:
        """Write a group; if that fails, each half by itself, so that one bad call stops nobody else's."""
        running = [(submission, future) for submission, future in waiting if future.set_running_or_notify_cancel()]
        self._write_running(running)

    def _write_running(self, waiting: Sequence[_Waiting]) -> None:
        if not waiting:
            return
        try:
            with collector_off():
                recorded = committed(self._store, lambda connection: self._commit(connection, waiting))
        except OperationalError as fault:
            # The database is full, locked or away: that is nobody's call's fault, and no half would fare better.
            _log.warning("events could not be written: %s", fault)
            for _, future in waiting:
                future.set_exception(StoreError())
        except Exception as fault:  # noqa: BLE001 - who waits for the future gets it
            if len(waiting) == 1:
                waiting[0][1].set_exception(fault)
                return
            middle = len(waiting) // 2
            self._write_running(waiting[:middle])
            self._write_running(waiting[middle:])
        else:
            for _, future in waiting:
                future.set_result(recorded)
            self._tell(recorded)

    def _tell(self, recorded: Recorded) -> None:
        try:
            self._told(recorded)
        except Exception:  # noqa: BLE001 - the thread goes on whatever happens to who listens
            # What is written is written; the executor finds it at its next tick.
            _log.exception("nobody heard of new events")

    def _commit(self, connection: Connection, waiting: Sequence[_Waiting]) -> Recorded:
        submissions = [submission for submission, _ in waiting]
        recorded = record(connection, self._store.parts, [event for each in submissions for event in each.events])
        for each in submissions:
            refusals.keep(connection, each.workspace_id, each.source, each.refused, now=each.received_at)
        if self._alongside is not None:
            self._alongside(connection, submissions)
        return recorded
