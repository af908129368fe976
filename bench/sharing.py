"""What a batch costs in processor time when one, two or four workers share a PostgreSQL: it should cost the same.

``python -m bench.sharing``. Counted is the processor time of the workers and of all processes of the server,
so that the figure means something on a machine with few cores, where more workers cannot be faster.
"""

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import sqlalchemy as sa

from bench import storm_world
from bench.crew import Crew, How
from bench.databases import PostgresServer, scratch
from bench.killing import EARLY
from bench.storm_workers import is_quiet, until
from bench.world import engine_on
from engine.store.leases import holders
from engine.store.session import Store, open_store
from engine.terms import parse_instant, to_micros
from engine.wiring import Wiring

RING: Final = 1.0
"""As in the product: looking for work that is not there is part of the cost."""

WARM: Final = storm_world.INSTANTS[2]
"""Up to here every worker reads and compiles the flows, which it does once in its life."""

INSTANTS: Final = storm_world.INSTANTS[4::8]
PATIENCE: Final = 1_200.0
WAVES: Final = "SELECT count(*) FROM (SELECT DISTINCT part, wave FROM journal) AS waves"
_SECOND: Final = os.sysconf("SC_CLK_TCK")


class Cost(NamedTuple):
    """What a batch costs with so many workers, in milliseconds of a worker's and of the server's processor time."""

    workers: int
    batches: int
    mine: float
    server: float

    @property
    def both(self) -> float:
        """What it costs in all."""
        return self.mine + self.server


def spent(process: int) -> float:
    """Give the processor seconds of a process and of those of its children that have ended."""
    fields = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()
    return sum(map(int, fields[11:15])) / _SECOND


def served(url: str) -> float:
    """Give the processor seconds of all processes of the server, also of sessions that have ended."""
    folder = Path(str(sa.make_url(url).query["host"]), "data", "postmaster.pid")
    server = int(folder.read_text(encoding="utf-8").splitlines()[0])
    return spent(server) + sum(_safely(child) for child in _children(server))


def _children(parent: int) -> Iterator[int]:
    for place in Path("/proc").iterdir():
        if place.name.isdigit():
            try:
                fields = (place / "stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()
            except OSError:
                continue
            if int(fields[1]) == parent:
                yield int(place.name)


def _safely(process: int) -> float:
    try:
        return spent(process)
    except OSError:
        return 0.0


def share(databases: PostgresServer, workers: int) -> Cost:
    """Let workers do all that there is."""
    url = databases.copy("sharing")
    store = open_store(url)
    crew = Crew(url, workers, How(ring=RING))
    wiring = engine_on(store)
    try:
        crew.begin(to_micros(parse_instant(EARLY)))
        until(lambda: _alive(store) == workers, "all workers are there")
        _pass(crew, wiring, WARM)
        known = _waves(store)
        before = [spent(worker.pid) for worker in crew.workers]
        server = served(url)
        for instant in INSTANTS:
            _pass(crew, wiring, instant)
        mine = sum(spent(worker.pid) for worker in crew.workers) - sum(before)
        server = served(url) - server
        waves = _waves(store) - known
    finally:
        crew.end()
        store.close()
        databases.drop(url)
    return Cost(workers, waves, 1000 * mine / waves, 1000 * server / waves)


def _pass(crew: Crew, wiring: Wiring, instant: str) -> None:
    """Let it be an instant, and wait until all that is due by then is done."""
    at = to_micros(parse_instant(instant))
    crew.set(at)
    until(lambda: is_quiet(wiring, at), f"all is done at {instant}", PATIENCE, 0.1)


def _waves(store: Store) -> int:
    with store.read() as connection:
        return int(connection.execute(sa.text(WAVES)).scalar_one())


def _alive(store: Store) -> int:
    with store.read() as connection:
        return sum(holders(connection).values())


def shared(contacts: int, parts: int, workers: Sequence[int]) -> Iterator[Cost]:
    """Measure with so many workers each, and tell."""
    with scratch("postgresql") as databases:
        assert isinstance(databases, PostgresServer)
        databases.parts = parts
        databases.template("sharing", lambda store: storm_world.prepare(store, contacts))
        for number in workers:
            found = share(databases, number)
            said = f"{number} workers: {found.batches} batches, {found.mine:.2f} ms of a worker each"
            print(f"{said} and {found.server:.2f} ms of the server, {found.both:.2f} ms", flush=True)
            yield found


def main() -> int:
    """Measure and tell; 1 when a batch costs more than 15 % more or less with four workers than with one."""
    parser = argparse.ArgumentParser(prog="sharing", description="Processor time of a batch, by the number of workers.")
    parser.add_argument("--contacts", type=int, default=20_000)
    parser.add_argument("--parts", type=int, default=64)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4])
    asked = parser.parse_args()
    costs = [each.both for each in shared(asked.contacts, asked.parts, asked.workers)]
    spread = max(abs(cost / costs[0] - 1) for cost in costs)
    print(f"within {spread:.0%} of one worker's")
    return 0 if spread <= 0.15 else 1


if __name__ == "__main__":
    sys.exit(main())
