"""What a batch costs in processor time when one, two or four workers share a PostgreSQL: it should cost the same.

``python -m bench.sharing``, the median of three rounds. Counted is the processor time of the workers and of all
processes of the server, so that the figure means something on a machine with few cores, where more workers cannot be
faster. All run on one core: on two that are busy the same work takes more processor time than on one, whoever does it.
As many workers, each with a database and a share of the contacts to itself, show what several of them cost without
sharing anything.

As many contacts go through before those that are counted: by them every worker compiles the flows, and the server plans
their statements for each connection, which takes ten runs of each. A worker does so once in its life.

There are few parts, so that batches are as large as those of a flow with many contacts: in small ones most of what is
measured is how processes that take turns on one core push each other out of its caches.
"""

import argparse
import os
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from statistics import median
from typing import Final, NamedTuple

import sqlalchemy as sa

from bench import storm_world
from bench.crew import Crew, How
from bench.databases import PostgresServer, scratch
from bench.killing import EARLY
from bench.storm_workers import is_quiet, until
from bench.world import START, engine_on
from engine.store.leases import holders
from engine.store.session import Store, open_store
from engine.terms import length_micros, parse_instant, to_micros
from engine.wiring import Wiring

RING: Final = 1.0
"""As in the product: looking for work that is not there is part of the cost."""

EVERY: Final = 12
"""Hours between two looks."""

LATER: Final = timedelta(days=storm_world.DAYS)
"""So much later the second half of the contacts comes."""

PATIENCE: Final = 1_200.0
WAVES: Final = "SELECT count(DISTINCT (part, wave)), count(*) FROM journal"
_SECOND: Final = os.sysconf("SC_CLK_TCK")


class Cost(NamedTuple):
    """What a batch costs with so many workers, in milliseconds of a worker's and of the server's processor time.

    Shape: ``moves`` is how many tokens a batch moves, in the mean.
    """

    workers: int
    apart: bool
    batches: int
    moves: float
    mine: float
    server: float

    @property
    def both(self) -> float:
        """What it costs in all."""
        return self.mine + self.server


class Place(NamedTuple):
    """A database and those who work on it."""

    store: Store
    wiring: Wiring
    crew: Crew


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


def prepare(store: Store, contacts: int) -> None:
    """Fill a database: as many contacts come first as come later, and the same happens to both."""
    storm_world.prepare(store, 2 * contacts)
    event = storm_world.EVENT
    with store.write() as connection:
        later = event.update().values(at=event.c.at + length_micros(LATER))
        connection.execute(later.where(event.c.contact_id % 2 == 1))


def share(databases: PostgresServer, parts: int, contacts: int, workers: int, *, apart: bool) -> Cost:
    """Let workers do all that there is: in one database, or ``apart``, each in its own that has its share of it."""
    bases = workers if apart else 1
    databases.parts = parts // bases
    template = f"sharing_{bases}"
    databases.template(template, lambda store: prepare(store, contacts // bases))
    urls = [databases.copy(template) for _ in range(bases)]
    stores = [open_store(url) for url in urls]
    places = [
        Place(store, engine_on(store), Crew(url, workers // bases, How(ring=RING)))
        for url, store in zip(urls, stores, strict=True)
    ]
    try:
        for place in places:
            place.crew.begin(to_micros(parse_instant(EARLY)))
        until(lambda: sum(_alive(store) for store in stores) == workers, "all workers are there")
        _pass(places, START)
        known = _waves(stores)
        pids = [worker.pid for place in places for worker in place.crew.workers]
        before, server = sum(map(spent, pids)), served(urls[0])
        _pass(places, START + LATER)
        mine, server = sum(map(spent, pids)) - before, served(urls[0]) - server
        waves, moves = (now - then for now, then in zip(_waves(stores), known, strict=True))
    finally:
        for place in places:
            place.crew.end()
            place.store.close()
        for url in urls:
            databases.drop(url)
    return Cost(workers, apart, waves, moves / waves, 1000 * mine / waves, 1000 * server / waves)


def _pass(places: Sequence[Place], begin: datetime) -> None:
    """Let days pass from an instant on, and wait at each look until all that is due by then is done."""
    for hours in range(0, storm_world.DAYS * 24 + 1, EVERY):
        at = to_micros(begin + timedelta(hours=hours))
        for place in places:
            place.crew.set(at)
        for place in places:
            until(partial(is_quiet, place.wiring, at), f"all is done {hours} hours after {begin}", PATIENCE, 0.1)


def _waves(stores: Sequence[Store]) -> tuple[int, int]:
    """Count the waves so far, and the tokens that they moved."""
    waves = moves = 0
    for store in stores:
        with store.read() as connection:
            counted = connection.execute(sa.text(WAVES)).one()
        waves, moves = waves + counted[0], moves + counted[1]
    return waves, moves


def _alive(store: Store) -> int:
    with store.read() as connection:
        return sum(holders(connection).values())


def shared(contacts: int, parts: int, workers: Sequence[int], rounds: int = 1) -> Iterator[Cost]:
    """Measure with so many workers each by turns, in one database and apart, and tell."""
    with _on_one_core(), scratch("postgresql") as databases:
        assert isinstance(databases, PostgresServer)
        for number in list(workers) * rounds:
            for apart in (False, True)[: min(number, 2)]:
                found = share(databases, parts, contacts, number, apart=apart)
                where = "each in its own database" if apart else "in one database"
                batches = f"{found.batches} batches of {found.moves:,.0f} moves"
                said = f"{number} workers {where}: {batches}, {found.mine:.2f} ms of a worker each"
                print(f"{said} and {found.server:.2f} ms of the server, {found.both:.2f} ms", flush=True)
                yield found


@contextmanager
def _on_one_core() -> Iterator[None]:
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(cores)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)


def main() -> int:
    """Measure and tell; 1 when a batch costs more than 15 % more or less with four workers than with one."""
    parser = argparse.ArgumentParser(prog="sharing", description="Processor time of a batch, by the number of workers.")
    parser.add_argument("--contacts", type=int, default=40_000, help="so many are counted, and as many before them")
    parser.add_argument("--parts", type=int, default=4)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    costs: defaultdict[tuple[int, bool], list[float]] = defaultdict(list)
    for each in shared(asked.contacts, asked.parts, asked.workers, asked.rounds):
        costs[each.workers, each.apart].append(each.both)
    found = {what: median(those) for what, those in costs.items()}
    together = [(number, cost) for (number, apart), cost in found.items() if not apart]
    for number, cost in together[1:]:
        says = f"{cost / together[0][1] - 1:+.0%} to {together[0][0]}, {cost / found[number, True] - 1:+.0%} to apart"
        print(f"{number} workers: {cost:.2f} ms, {says}")
    return 0 if all(abs(cost / together[0][1] - 1) <= 0.15 for _, cost in together) else 1


if __name__ == "__main__":
    sys.exit(main())
