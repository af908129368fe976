"""How many contacts go into one transaction: as many as keep the others waiting for a moment only."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from engine.store.session import Store

MOMENT: Final = 0.1
"""Seconds that a transaction may take where it shuts other writers out: a page's command waits for one or two."""

LEAST, MOST, FIRST = 500, 10_000, 4_000


class Pace:
    """The size of the next transaction, from how long the last ones took.

    On PostgreSQL writers do not shut each other out: there the size is always the greatest.
    """

    def __init__(self, store: Store, most: int = MOST, elapsed: Callable[[], float] = time.monotonic) -> None:
        """Begin with a cautious size; a size that was asked for is taken as it is when it is another."""
        self._fixed = store.name != "sqlite" or most != MOST
        self._elapsed = elapsed
        self.size = most if self._fixed else FIRST

    @contextmanager
    def step(self, count: int) -> Iterator[None]:
        """Run one transaction over so many contacts, and learn from it."""
        began = self._elapsed()
        yield
        took = max(self._elapsed() - began, 1e-6)
        if not self._fixed and count >= LEAST:
            self.size = round(min(max(count * MOMENT / took, self.size / 2, LEAST), self.size * 2, MOST))
