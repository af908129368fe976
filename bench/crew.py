"""Workers in processes of their own, as ``dripline worker`` runs them, on a clock that is set from outside."""

import logging
import multiprocessing
import os
import signal
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

from sqlalchemy import event
from sqlalchemy.exc import DBAPIError

from bench.network import enter
from bench.world import engine_on
from engine.clock import FixedClock
from engine.collector import calm_collector
from engine.schedule.metronome import Metronome
from engine.store.leases import TERM
from engine.store.session import open_store
from engine.terms import Micros

RING = 0.05
"""Seconds between two looks: the product looks every second, a storm has less time."""


@dataclass(frozen=True)
class How:
    """How workers work: the term of their leases and the time between two looks, in seconds, and where they log."""

    term: float = TERM.total_seconds()
    ring: float = RING
    log: str = os.devnull


def serve(url: str, how: How, network: str | None, hears: Connection) -> None:
    """Work until the other end is closed; what is heard is the instant that the clock shows from then on."""
    try:
        _work(url, how, network, hears)
    except DBAPIError as fault:
        # There is no server just now; whoever looks after the workers starts another one.
        logging.getLogger(__name__).warning("a worker could not begin: %s", fault)
        sys.exit(1)


def _work(url: str, how: How, network: str | None, hears: Connection) -> None:
    if network is not None:
        enter(network)
    logging.basicConfig(filename=how.log, level=logging.WARNING)
    logging.getLogger("apscheduler").setLevel(logging.ERROR)
    store = open_store(url)
    idle = f"SET idle_in_transaction_session_timeout = {round(how.term * 1000)}"

    def shorten(connection: Any, _record: Any) -> None:
        connection.execute(idle)
        connection.commit()

    event.listen(store.engine, "connect", shorten)
    # Connections that were made before are as they were.
    store.engine.dispose()
    wiring = engine_on(store)
    assert isinstance(wiring.clock, FixedClock)
    metronome = Metronome(wiring, seconds=how.ring, term=timedelta(seconds=how.term))
    wiring.clock.at = hears.recv()
    calm_collector()
    metronome.start()
    with suppress(EOFError):
        while True:
            wiring.clock.at = hears.recv()
    metronome.stop()
    store.close()


@dataclass
class Worker:
    """One process, and the pipe by which it hears the time."""

    process: BaseProcess
    says: Connection
    network: str | None

    @property
    def pid(self) -> int:
        """Its number."""
        assert self.process.pid is not None
        return self.process.pid

    def signal(self, number: int) -> None:
        """Send it a signal."""
        os.kill(self.pid, number)


@dataclass
class Crew:
    """Several workers on one database; ``networks`` name the network that each of them is in, if it is not this one."""

    url: str
    size: int
    how: How = How()
    networks: list[str] = field(default_factory=list)
    workers: list[Worker] = field(default_factory=list)
    _at: Micros = 0

    def begin(self, at: Micros) -> None:
        """Start all of them at an instant."""
        self._at = at
        self.workers = [self._start(place) for place in range(self.size)]

    def set(self, at: Micros) -> None:
        """Set the clocks of all."""
        self._at = at
        self.mend()
        for worker in self.workers:
            worker.says.send(at)

    def mend(self) -> None:
        """Start those again that ended by themselves, as a service manager does: there was no server to connect to."""
        for place, worker in enumerate(self.workers):
            if worker.process.exitcode is not None:
                self.renew(place)

    def kill(self, place: int) -> None:
        """Kill one, and wait until it is gone."""
        self.workers[place].signal(signal.SIGKILL)
        self.workers[place].process.join()

    def renew(self, place: int) -> None:
        """Start another one in the place of one that was killed."""
        self.workers[place].says.close()
        self.workers[place] = self._start(place)

    def end(self) -> list[int | None]:
        """Let all stop in good order; give how their processes ended."""
        for worker in self.workers:
            worker.says.close()
        for worker in self.workers:
            worker.process.join(30)
            if worker.process.exitcode is None:
                worker.process.kill()
                worker.process.join()
        return [worker.process.exitcode for worker in self.workers]

    def _start(self, place: int) -> Worker:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["bench.crew"])
        hears, says = context.Pipe(duplex=False)
        network = self.networks[place] if self.networks else None
        process = context.Process(target=serve, args=(self.url, self.how, network, hears), daemon=True)
        process.start()
        hears.close()
        says.send(self._at)
        return Worker(process, says, network)
