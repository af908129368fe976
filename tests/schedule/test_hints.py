import threading
from dataclasses import replace

from engine.schedule.metronome import Metronome
from engine.store.session import Store
from engine.telemetry import Pulses
from engine.terms import Micros
from tests.schedule.test_work import owed
from tests.store.test_hints import PATIENCE, process
from tests.support.engines import add_contacts, engine_on, go_live, happen


class Ticks(Pulses):
    """Pulses that can be waited for."""

    def __init__(self) -> None:
        super().__init__()
        self.done = threading.Semaphore(0)

    def beat(self, name: str, at: Micros) -> None:
        super().beat(name, at)
        if name == "tick":
            self.done.release()


def test_an_event_that_another_process_took_is_carried_before_the_next_ring(postgresql_store: Store) -> None:
    pulses, heard = Ticks(), threading.Semaphore(0)
    wiring = replace(engine_on(postgresql_store), pulses=pulses)
    go_live(wiring)
    add_contacts(wiring, "ann")
    metronome = Metronome(wiring, seconds=3_600.0)
    with process(postgresql_store, heard.release) as another:
        metronome.start()
        try:
            assert metronome._hints.listening.wait(PATIENCE)
            happen(wiring, "ann", "signed_up")
            another.tell()
            assert pulses.done.acquire(timeout=PATIENCE)
            assert owed(postgresql_store) == 1
            # It does not tell what it was told: else two processes would never come to rest.
            another.tell()
            assert pulses.done.acquire(timeout=PATIENCE)
            assert not heard.acquire(blocking=False)
            metronome.hurry()
            assert heard.acquire(timeout=PATIENCE)
            assert not heard.acquire(blocking=False)
        finally:
            assert metronome.stop()
    assert metronome._hints._thread is not None
    metronome._hints._thread.join(PATIENCE)
    assert not metronome._hints._thread.is_alive()


def test_on_sqlite_nobody_listens(sqlite_store: Store) -> None:
    metronome = Metronome(engine_on(sqlite_store), seconds=3_600.0)
    metronome.start()
    metronome.hurry()
    assert metronome.stop()
    assert metronome._hints._thread is None
