"""Where the time of an engine's statements goes: by the wall's clock, and by this thread's share of the processor.

SQLite works in the caller's thread, so that on a busy machine the second says more.
"""

import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from threading import get_ident
from typing import Any, Final

from sqlalchemy import event
from sqlalchemy.engine import Engine

from bench.beside import beside

Stamp = tuple[float, float]


@dataclass
class Timings:
    """Seconds, seconds of the processor, and runs by statement."""

    seconds: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    busy: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    runs: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    @property
    def statements(self) -> int:
        """Count all runs."""
        return sum(self.runs.values())

    def add(self, statement: str, since: Stamp) -> None:
        """Note one run that began at a stamp."""
        self.seconds[statement] += time.perf_counter() - since[0]
        self.busy[statement] += time.thread_time() - since[1]
        self.runs[statement] += 1

    def table(self, width: int = 150) -> list[str]:
        """Write the statements, the dearest first."""
        total = sum(self.busy.values()) or 1.0
        dearest = sorted(self.busy, key=lambda name: -self.busy[name])
        return [
            f"{self.busy[name]:8.3f} s {100 * self.busy[name] / total:5.1f} % {self.seconds[name]:8.3f} s "
            f"{self.runs[name]:6d}  " + " ".join(name.split())[:width]
            for name in dearest
        ]


STILL: Final = 1.0
"""Who slept for so many seconds longer than they meant to stood still."""


def standstills_told() -> AbstractContextManager[None]:
    """Say when this process did not get on, and for how many seconds: what was waited for then is not to blame.

    A machine that is stopped, or has no processor to spare, lets nobody get on; a thread that keeps all others of its
    process from going on is at work meanwhile.
    """
    return beside(_tell_standstills)


def _tell_standstills(over: threading.Event) -> None:
    while not over.is_set():
        since, busy = time.perf_counter(), time.process_time()
        over.wait(0.05)
        if (slept := time.perf_counter() - since) > STILL:
            at_work = time.process_time() - busy
            print(f"  {time.strftime('%X')} nothing went on for {slept:.1f} s, of them {at_work:.1f} s at work")


def stamp() -> Stamp:
    """Begin to time."""
    return time.perf_counter(), time.thread_time()


@contextmanager
def timed(engine: Engine) -> Iterator[Timings]:
    """Time every statement and commit of an engine."""
    found = Timings()
    # By thread: others may be in the midst of a statement.
    begun: dict[int, Stamp] = {}

    def before(*_: Any) -> None:
        begun[get_ident()] = stamp()

    def after(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if since := begun.pop(get_ident(), None):
            found.add(statement, since)

    dialect = engine.dialect
    commit = dialect.do_commit

    def timed_commit(connection: Any) -> None:
        since = stamp()
        commit(connection)
        found.add("COMMIT", since)

    event.listen(engine, "before_cursor_execute", before)
    event.listen(engine, "after_cursor_execute", after)
    dialect.do_commit = timed_commit  # type: ignore[method-assign,assignment]
    try:
        yield found
    finally:
        dialect.do_commit = commit  # type: ignore[method-assign]
        event.remove(engine, "before_cursor_execute", before)
        event.remove(engine, "after_cursor_execute", after)
