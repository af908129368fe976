"""Say that this process lives, and find out whether it is the one that does what must be done once."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from sqlalchemy.engine import Connection

from engine.clock import SharedClock
from engine.store import leases
from engine.store.leases import LEADER, TERM
from engine.wiring import Wiring

RENEWALS: Final = 8
"""How often a lease is renewed within its term, and how often somebody looks whether there is a leader."""

_log = logging.getLogger(__name__)


@dataclass
class Leadership:
    """The leases of one process: its own life, and the lead when nobody else has it.

    On SQLite there is one machine, which knows its processes, and one writer: nothing is leased and everybody leads.
    """

    wiring: Wiring
    term: timedelta = TERM
    elapsed: Callable[[], float] = time.monotonic
    _epoch: int | None = field(default=None, repr=False)
    _since: float = 0.0

    @property
    def is_alone(self) -> bool:
        """Whether there is nobody to share with."""
        return self.wiring.store.name == "sqlite"

    @property
    def holds(self) -> bool:
        """Whether this process has the lead, as far as it can know: a renewal that is too old is none."""
        return self.is_alone or (self._epoch is not None and self.elapsed() - self._since < self.term.total_seconds())

    def renew(self) -> None:
        """Renew both leases, and look at the clock that all share.

        Cost: three statements on PostgreSQL.
        """
        if self.is_alone:
            return
        # Taken before the database is asked, so that the term ends here no later than there.
        since, worker = self.elapsed(), self.wiring.worker
        with self.wiring.store.write() as connection:
            leases.hold(connection, worker, worker, self.term)
            epoch = leases.hold(connection, LEADER, worker, self.term)
            if isinstance(self.wiring.clock, SharedClock):
                self.wiring.clock.set(leases.now(connection))
        if epoch is not None and epoch != self._epoch:
            _log.info("%s is the leader, epoch %s", worker, epoch)
        self._epoch, self._since = epoch, since

    def is_mine(self, connection: Connection) -> bool:
        """Tell within a transaction whether the lead is still this process's, and keep it so until it ends."""
        if self.is_alone:
            return True
        return self._epoch is not None and leases.is_held(connection, LEADER, self.wiring.worker, self._epoch)

    def stop(self) -> None:
        """Give both back, so that others need not wait for their end."""
        if not self.is_alone:
            self._epoch = None
            with self.wiring.store.write() as connection:
                leases.let_go(connection, self.wiring.worker)
