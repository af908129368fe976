"""What one run of one side gives."""

import math
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from bench.timings import Timings


@dataclass
class Sample:
    """One run: how much work in how many seconds.

    ``busy`` is what this process used of the processor: on SQLite, which works in the caller, it says more than the
    wall's clock when others use the machine too.
    """

    work: int = 0
    seconds: float = 0.0
    busy: float = 0.0
    timings: Timings = field(default_factory=Timings)
    notes: dict[str, Any] = field(default_factory=dict)

    @property
    def rate(self) -> float:
        """Work per second."""
        return self.work / self.seconds

    @property
    def busy_rate(self) -> float:
        """Work per second of the processor."""
        return self.work / self.busy


def quantile(values: Collection[float], share: float) -> float:
    """Give the least value that so large a share of all is not above: the nearest rank."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


@contextmanager
def measured() -> Iterator[Sample]:
    """Time what is done inside."""
    sample = Sample()
    begun, busy = time.perf_counter(), time.process_time()
    yield sample
    sample.seconds = time.perf_counter() - begun
    sample.busy = time.process_time() - busy
