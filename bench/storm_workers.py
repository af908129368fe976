"""Let several workers share one PostgreSQL, and kill, freeze and cut them off, and restart the server, meanwhile.

``make storm ARGS='--workers 4'``. A fault is inflicted on a worker that is in the midst of a transaction, so that every
one of them has something to destroy. Afterwards all tables are compared with those of one undisturbed process.
"""

import random
import signal
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

import psycopg
import sqlalchemy as sa

from bench import network
from bench.crew import Crew, How
from bench.databases import PostgresServer
from bench.world import engine_on
from engine.run.busy import busy_parts
from engine.store.session import Store, open_store
from engine.terms import Micros, parse_instant, to_micros
from engine.wiring import Wiring, look

FROZEN_BEYOND: Final = 1.5
"""Seconds that a worker stays frozen or cut off after its lease has run out."""

PATIENCE: Final = 60.0
"""Seconds in which something has to happen."""

TICK: Final = 0.002

IN_TRANSACTION: Final = """SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND backend_xid IS NOT NULL AND application_name LIKE %s"""
UNSENT: Final = "SELECT count(*) FROM message WHERE state = 'sending' OR (state = 'queued' AND not_before <= :now)"


@dataclass
class Felt:
    """What was inflicted: for each kind, the seconds after which what the victims were at was free again."""

    seconds: dict[str, list[float]] = field(default_factory=dict)
    undone: int = 0
    """Transactions that the server ended while their worker was frozen or cut off."""

    def add(self, kind: str, seconds: float) -> None:
        """Note one."""
        self.seconds.setdefault(kind, []).append(seconds)

    def count(self, kind: str) -> int:
        """How many of a kind there were."""
        return len(self.seconds.get(kind, ()))

    def join(self, other: "Felt") -> None:
        """Add what was felt in another storm."""
        for kind, seconds in other.seconds.items():
            self.seconds.setdefault(kind, []).extend(seconds)
        self.undone += other.undone

    def told(self) -> str:
        """Say it in a line."""
        said = [
            f"{len(each)} x {kind}: free after {sorted(each)[len(each) // 2]:.3f} s, at most {max(each):.3f} s"
            for kind, each in self.seconds.items()
        ]
        return "; ".join([*said, f"{self.undone} transactions undone"])


@dataclass
class Gale:
    """One storm over one database: what is left to inflict, and on whom."""

    server: PostgresServer
    crew: Crew
    store: Store
    plain: str
    dice: random.Random
    felt: Felt = field(default_factory=Felt)
    _place: int = 0

    def blow(self, instants: Sequence[str], faults: Sequence[str]) -> None:
        """Go through the instants; inflict the faults in this order, evenly, on workers that are at work."""
        self.wiring = engine_on(self.store)
        left = list(faults)
        for number, instant in enumerate(instants):
            at = to_micros(parse_instant(instant))
            if number == 0:
                self.crew.begin(at)
            else:
                self.crew.set(at)
            quota = -(-len(left) // (len(instants) - number))
            while quota and left and self._inflict(left[0], at):
                kind = left.pop(0)
                quota -= 1
                if self.felt.count(kind) >= faults.count(kind):
                    # A silence may befall several at once.
                    left = [each for each in left if each != kind]
            until(lambda at=at: self._is_quiet(at), f"all is done at {instant}", 20 * PATIENCE)  # type: ignore[misc]

    def _inflict(self, kind: str, at: Micros) -> bool:
        """Do one fault; false when nobody is at work any more."""
        many = {"kill": 1, "restart": 1}.get(kind, max(1, self.crew.size - 1))
        places = self._at_work(many, at)
        if not places:
            return False
        {"kill": self._kill, "restart": self._restart, "freeze": self._freeze, "cut": self._cut}[kind](places)
        return True

    def _at_work(self, many: int, at: Micros) -> list[int]:
        """Find workers that are in the midst of a transaction; none when there is nothing to do."""
        found: list[int] = []
        with self._observer() as observer:
            for turn in range(1_000_000):
                self._place = (self._place + 1) % self.crew.size
                if self._place not in found and self._holds(observer, self._place):
                    found.append(self._place)
                    return found if many == 1 else self._more(observer, found, many)
                if turn % 200 == 199:
                    self.crew.mend()
                    if self._is_quiet(at):
                        return []
                _pause(self.dice.uniform(0, TICK))
        return found

    def _more(self, observer: Any, found: list[int], many: int) -> list[int]:
        others = [place for place in range(self.crew.size) if place not in found and self._holds(observer, place)]
        return [*found, *others][:many]

    def _holds(self, observer: Any, place: int) -> bool:
        row = observer.execute(IN_TRANSACTION, [f"%/{self.crew.workers[place].pid}/%"]).fetchone()
        return bool(row[0])

    # ------------------------------------------------------------ the faults

    def _kill(self, places: list[int]) -> None:
        (place,) = places
        began = time.monotonic()
        with self._observer() as observer:
            self.crew.kill(place)
            until(lambda: not self._holds(observer, place), "what a killed worker held is free")
        self.felt.add("kill", time.monotonic() - began)
        self.crew.renew(place)

    def _freeze(self, places: list[int]) -> None:
        stop, go_on = (partial(self._signal, number=number) for number in (signal.SIGSTOP, signal.SIGCONT))
        self._silence("freeze", places, stop, go_on)

    def _cut(self, places: list[int]) -> None:
        names = self.crew.networks
        self._silence("cut", places, lambda place: network.cut(names[place]), lambda place: network.mend(names[place]))

    def _signal(self, place: int, number: int) -> None:
        self.crew.workers[place].signal(number)

    def _silence(self, kind: str, places: list[int], begin: Callable[[int], None], end: Callable[[int], None]) -> None:
        """Keep workers silent beyond their lease, and see when what they held is free."""
        began = time.monotonic()
        for place in places:
            begin(place)
        with self._observer() as observer:
            held = [place for place in places if self._holds(observer, place)]
            for place in held:
                until(lambda place=place: not self._holds(observer, place), f"what a {kind} worker held is free")  # type: ignore[misc]
                self.felt.add(kind, time.monotonic() - began)
                self.felt.undone += 1
        # One that was between two transactions held nothing: it is silent all the same, and free at once.
        for _ in set(places) - set(held):
            self.felt.add(kind, 0.0)
        _pause(max(0.0, self.crew.how.term + FROZEN_BEYOND - (time.monotonic() - began)))
        for place in places:
            end(place)

    def _restart(self, _places: list[int]) -> None:
        self.server.restart()
        self.store.engine.dispose()
        began = time.monotonic()
        with self._observer() as observer:
            somebody = range(self.crew.size)
            until(lambda: any(self._holds(observer, place) for place in somebody), "somebody is at work again")
        self.crew.mend()
        self.felt.add("restart", time.monotonic() - began)

    # ------------------------------------------------------------ looking

    def _is_quiet(self, at: Micros) -> bool:
        return is_quiet(self.wiring, at)

    def _observer(self) -> Any:
        return psycopg.connect(self.plain, autocommit=True)


def is_quiet(wiring: Wiring, at: Micros) -> bool:
    """Tell whether nothing is due by an instant, or under way."""
    with wiring.store.read() as connection:
        deployment = look(wiring, connection)
        if busy_parts(connection, range(wiring.store.parts), deployment, at):
            return False
        return not connection.scalar(sa.text(UNSENT), {"now": at})


def faults_of(counts: Mapping[str, int], dice: random.Random) -> list[str]:
    """Mix so many faults of each kind."""
    found = [kind for kind, count in counts.items() for _ in range(count)]
    dice.shuffle(found)
    return found


def gale(
    server: PostgresServer,
    url: str,
    instants: Sequence[str],
    counts: Mapping[str, int],
    *,
    workers: int,
    how: How,
    seed: int = 1,
    reached: Sequence[str] = (),
) -> tuple[Felt, list[int | None]]:
    """Let workers go through the instants, and inflict so many faults of each kind on them.

    Shape: what was felt, and how the workers ended. ``reached`` names the networks that the workers are in.
    """
    dice = random.Random(seed)
    plain = sa.make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    far = sa.make_url(url).set(query={}, host=network.ADDRESS).render_as_string(hide_password=False)
    crew = Crew(far if reached else url, workers, how, list(reached))
    store = open_store(url)
    storm = Gale(server, crew, store, plain, dice)
    try:
        storm.blow(instants, faults_of(counts, dice))
    finally:
        codes = crew.end()
        store.close()
    return storm.felt, codes


def until(holds: Callable[[], bool], what: str, seconds: float = PATIENCE, pause: float = TICK) -> None:
    """Wait until something holds.

    Errors: ``TimeoutError``.
    """
    over = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > over:
            raise TimeoutError(f"{what}: not within {seconds:.0f} s")
        _pause(pause)


_never = threading.Event()


def _pause(seconds: float) -> None:
    _never.wait(seconds)
