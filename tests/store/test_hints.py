import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from engine.store.hints import CHANNEL, EVERY, Hints
from engine.store.session import Store, open_store

PATIENCE = 60
LISTENERS = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND query = %s"


@contextmanager
def process(store: Store, heard: Callable[[], object] = lambda: None) -> Iterator[Hints]:
    """Open the same database once more and exchange hints, as another process does."""
    opened = open_store(store.engine.url.render_as_string(hide_password=False))
    hints = Hints(opened, heard)
    hints.start()
    try:
        assert hints.listening.wait(PATIENCE)
        yield hints
    finally:
        end(hints)
        opened.close()


def end(hints: Hints) -> None:
    hints.stop()
    assert hints._thread is not None
    hints._thread.join(PATIENCE)
    assert not hints._thread.is_alive()


def test_many_that_are_told_together_are_one_hint(postgresql_store: Store) -> None:
    heard = threading.Semaphore(0)
    teller = Hints(postgresql_store)
    for _ in range(1_000):
        teller.tell()
    with process(postgresql_store, heard.release):
        teller.start()
        assert heard.acquire(timeout=PATIENCE)
        # The next one is the next that is told: of the thousand there was one.
        teller.tell()
        assert heard.acquire(timeout=PATIENCE)
        assert not heard.acquire(blocking=False)
        end(teller)


def test_a_stream_of_events_sends_few_hints_and_the_last_is_not_without_one(postgresql_store: Store) -> None:
    times: list[float] = []
    last = threading.Event()

    def hear() -> None:
        times.append(time.monotonic())
        if over.is_set():
            last.set()

    over = threading.Event()
    with process(postgresql_store, hear), process(postgresql_store) as teller:
        begun = time.monotonic()
        while len(times) < 3:
            teller.tell()
            assert time.monotonic() < begun + PATIENCE
        over.set()
        teller.tell()
        assert last.wait(PATIENCE)
        assert len(times) <= 2 + (times[-1] - begun) / EVERY


def test_ones_own_hints_are_not_heard(postgresql_store: Store) -> None:
    own: list[int] = []
    heard = threading.Semaphore(0)
    with process(postgresql_store, heard.release), process(postgresql_store, lambda: own.append(1)) as teller:
        for _ in range(3):
            teller.tell()
            assert heard.acquire(timeout=PATIENCE)
    assert own == []


def test_a_connection_that_broke_is_opened_again(postgresql_store: Store, caplog: pytest.LogCaptureFixture) -> None:
    heard = threading.Event()
    caplog.set_level(logging.INFO, "engine")
    with process(postgresql_store, heard.set), process(postgresql_store) as teller:
        with postgresql_store.read() as connection:
            told = (f"LISTEN {CHANNEL}",)
            pids = connection.exec_driver_sql(LISTENERS, told).scalars().all()
            assert len(pids) == 2
            for pid in pids:
                assert connection.exec_driver_sql("SELECT pg_terminate_backend(%s, 60000)", (pid,)).scalar()
        # Hints that are sent before it listens again are lost, and may be.
        for _ in range(10 * PATIENCE):
            teller.tell()
            if heard.wait(0.1):
                break
        assert heard.is_set()
    assert caplog.text.count("are not heard for now") == 2
    assert {record.levelno for record in caplog.records if record.name.startswith("engine")} == {logging.INFO}


def test_who_listens_has_a_connection_of_its_own(postgresql_store: Store) -> None:
    with process(postgresql_store) as hints:
        assert hints.store.engine.pool.checkedout() == 0  # type: ignore[attr-defined]
        with hints.store.read() as connection:
            named = "SELECT application_name FROM pg_stat_activity WHERE pid = ANY(%s)"
            pids = connection.exec_driver_sql(LISTENERS, (f"LISTEN {CHANNEL}",)).scalars().all()
            names = connection.exec_driver_sql(named, (pids,)).scalars().all()
            assert names == [connection.exec_driver_sql("SHOW application_name").scalar()]


def test_on_sqlite_nobody_listens(sqlite_store: Store) -> None:
    hints = Hints(sqlite_store)
    hints.start()
    hints.tell()
    hints.stop()
    assert hints._thread is None
