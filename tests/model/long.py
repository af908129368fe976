"""The long run: ``python -m tests.model.long --cases 5000 --db sqlite``."""

import argparse
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.model.case import KINDS_OF_INTEREST, Case
from tests.model.compare import Difference, difference, smallest
from tests.model.databases import empty_database
from tests.model.engine_side import run_engine
from tests.model.facts import Json
from tests.model.generate import random_case
from tests.support import postgres


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


class Runner:
    """Play cases with the engine, each in a new database."""

    def __init__(self, kind: str, folder: Path, limit: int) -> None:
        self.kind, self.folder, self.limit = kind, folder, limit

    def play(self, case: Case) -> list[Json]:
        """Play a case; one that does not come to an end is a finding too."""

        def give_up(*_: object) -> None:
            raise TimeoutError(f"no end after {self.limit} seconds")

        signal.signal(signal.SIGALRM, give_up)
        signal.alarm(self.limit)
        try:
            with empty_database(self.kind, self.folder, "long") as address:
                return run_engine(case, address)
        finally:
            signal.alarm(0)

    def find(self, case: Case, *, shrunk: bool) -> Difference | None:
        found = difference(case, self.play)
        return smallest(found, self.play) if found and shrunk else found


def long_run(runner: Runner, seeds: range, *, shrunk: bool, stop_after: int) -> int:
    """Play the cases of seeds; tell differences and, at the end, what was played."""
    seen: Counter[str] = Counter()
    differing: list[int] = []
    began = time.monotonic()
    for place, seed in enumerate(seeds, 1):
        case = random_case(seed)
        seen.update(case.features())
        found = runner.find(case, shrunk=shrunk)
        if found:
            differing.append(seed)
            say(found.tell())
        if place % 50 == 0 or place == len(seeds):
            pace = place / (time.monotonic() - began)
            say(f"{place} of {len(seeds)} flows, {pace:.1f} a second, {len(differing)} differ")
        if len(differing) >= stop_after:
            break
    say(summary(runner.kind, place, seen, differing))
    return 1 if differing else 0


def summary(kind: str, played: int, seen: Counter[str], differing: list[int]) -> str:
    parts = ", ".join(f"{name} {seen[name]}" for name in KINDS_OF_INTEREST)
    told = f"; these differ: {differing}" if differing else "; none differs"
    return f"{played} random flows on {kind}, of which with {parts}{told}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=5_000)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--db", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--case", type=Path, help="play one saved case instead")
    parser.add_argument("--no-shrink", action="store_true", help="tell differences as they are found")
    parser.add_argument("--limit", type=int, default=60, help="seconds for one case")
    parser.add_argument("--stop-after", type=int, default=10, help="how many differences are enough")
    given = parser.parse_args()
    end = postgres.begin()
    try:
        with tempfile.TemporaryDirectory() as folder:
            runner = Runner(given.db, Path(folder), given.limit)
            if given.case:
                found = runner.find(Case.load(given.case), shrunk=False)
                say(found.tell() if found else "the journals are equal")
                return 1 if found else 0
            seeds = range(given.first, given.first + given.cases)
            return long_run(runner, seeds, shrunk=not given.no_shrink, stop_after=given.stop_after)
    finally:
        end()


if __name__ == "__main__":
    sys.exit(main())
