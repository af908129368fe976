"""Simulations that were asked for: each runs by itself, tells how far it is, and its result is kept a while."""

import itertools
import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final

from engine.api.trial_runs import Tried

KEPT: Final = 20


@dataclass
class Simulation:
    """One simulation: how far it is, and what came of it."""

    number: int
    done: "Future[tuple[Tried, Tried | None]]" = field(default_factory=Future)
    share: float = 0.0


class Simulations:
    """All simulations of this process, one at a time."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="simulation")
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        self._kept: OrderedDict[int, Simulation] = OrderedDict()

    def start(self, run: Callable[[Callable[[float], None]], tuple[Tried, Tried | None]]) -> Simulation:
        """Begin a simulation; ``run`` is handed the function by which it tells how far it is."""
        made = Simulation(next(self._numbers))

        def tell(share: float) -> None:
            made.share = share

        made.done = self._pool.submit(run, tell)
        with self._lock:
            self._kept[made.number] = made
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return made

    def find(self, number: int) -> Simulation | None:
        """Find a simulation that was begun here."""
        with self._lock:
            return self._kept.get(number)
