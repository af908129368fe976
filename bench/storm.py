"""Kill the engine again and again, and compare with an undisturbed run: ``python -m bench.storm``."""

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, NamedTuple

from bench import storm_world
from bench.databases import Databases, scratch, version_of
from bench.killing import COMMAND, CommandTicks, ForkedTicks, Ticks, kill_series, run_series
from bench.results import Result, keep, machine
from bench.world import engine_on
from engine.run.invariants import violations
from engine.store.session import Store, open_store
from engine.terms import parse_instant, to_micros

Contents = Mapping[str, list[tuple[Any, ...]]]


class Look(NamedTuple):
    """What a database has come to: contents, how often each invariant is broken, how many messages were repeated."""

    contents: Contents
    broken: Mapping[str, int]
    repeated: int


@dataclass
class Outcome:
    """What the storm left behind: tables that differ, invariants that are broken, how many rows there are.

    ``repeated`` are messages that an inbox was given once more, because of a worker that died or fell silent; it kept
    them once, else the table of the inbox would differ.
    """

    kills: int
    processes: int
    rows: Mapping[str, int]
    differences: list[str]
    broken: Mapping[str, int]
    repeated: int = 0

    @property
    def passed(self) -> bool:
        """Whether all is as if nobody had been killed."""
        return not self.differences and not any(self.broken.values())

    @property
    def told(self) -> str:
        """Say it in a line."""
        return (
            f"broken invariants: {sum(self.broken.values())}; tables that differ: {len(self.differences)}; "
            f"messages handed over once more: {self.repeated:,}"
        )


def storm(
    databases: Databases,
    contacts: int,
    kills: int,
    seed: int = 1,
    *,
    instants: Sequence[str] = storm_world.INSTANTS,
    by_command: bool = False,
) -> Outcome:
    """Prepare a database once, run it undisturbed and killed, and compare."""
    databases.template("storm", lambda store: storm_world.prepare(store, contacts))
    url = databases.copy("storm")
    quiet = run_series(_ticks(url, by_command=by_command), instants)
    expected = look_at(url, instants[-1])
    databases.drop(url)
    url = databases.copy("storm")
    stormy = kill_series(_ticks(url, by_command=by_command), instants, kills, quiet.each, seed)
    found = look_at(url, instants[-1])
    databases.drop(url)
    return outcome_of(expected, found, kills=stormy.kills, processes=stormy.processes)


def outcome_of(expected: Look, found: Look, *, kills: int, processes: int) -> Outcome:
    """Compare what a storm left behind with what an undisturbed run did."""
    rows = {name: len(each) for name, each in expected.contents.items() if each}
    differing = differences(expected.contents, found.contents)
    return Outcome(kills, processes, rows, differing, found.broken, found.repeated)


def differences(expected: Contents, found: Contents) -> list[str]:
    """Tell which tables differ, with the first rows that do."""
    told = []
    for name in expected:
        if expected[name] != found[name]:
            pairs = zip_longest(expected[name], found[name])
            first = next((pair for pair in pairs if pair[0] != pair[1]), None)
            told.append(f"{name}: {len(expected[name])} rows, {len(found[name])} after the storm; first {first}")
    return told


def _ticks(url: str, *, by_command: bool) -> Ticks:
    return CommandTicks(url) if by_command else ForkedTicks(url)


def look_at(url: str, last: str) -> Look:
    """Read what a database has come to."""
    store = open_store(url)
    try:
        return Look(storm_world.contents(store), _broken(store, last), storm_world.repeated(store))
    finally:
        store.close()


def _broken(store: Store, last: str) -> Mapping[str, int]:
    wiring = engine_on(store)
    now = to_micros(parse_instant(last))
    with store.read() as connection:
        plans = wiring.deployments.plans_of(connection)
        return violations(connection, plans.values(), store.parts, now)


def _result(outcome: Outcome, kind: str, contacts: int, version: str, *, sound: bool) -> Result:
    rows = sum(outcome.rows.values())
    return {
        "line": "storm",
        "database": kind,
        "contacts": contacts,
        "machine": machine(),
        "says": f"{contacts:,} contacts, {outcome.kills} kills: {rows:,} rows of {len(outcome.rows)} tables compared",
        "version": version,
        "ours": {"kills": outcome.kills, "processes": outcome.processes, "rows": outcome.rows},
        "ours_text": f"{len(outcome.differences)} tables differ, {sum(outcome.broken.values())} broken invariants",
        "floor_text": "",
        "ratio_text": "",
        "must_text": "0",
        "passed": sound,
    }


def main() -> int:
    """Let it storm on both databases."""
    parser = argparse.ArgumentParser(prog="storm", description="Kill ticks at random moments and compare.")
    parser.add_argument("--contacts", type=int, default=20_000)
    parser.add_argument("--kills", type=int)
    parser.add_argument("--workers", type=int, default=0, help="so many share one PostgreSQL: more kinds of faults")
    parser.add_argument("--freezes", type=int, default=50, help="of workers, beyond their lease")
    parser.add_argument("--cuts", type=int, default=20, help="of workers from the network, beyond their lease")
    parser.add_argument("--restarts", type=int, default=5, help="of the server that the workers share")
    parser.add_argument("--term", type=float, default=8.0, help="seconds of a worker's lease")
    parser.add_argument("--parts", type=int, default=16, help="of the database that workers share")
    parser.add_argument("--log", default="/dev/null", help="file in which workers say what went wrong")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--every", type=int, default=1, help="look at every N-th instant only")
    parser.add_argument("--db", action="append", choices=("sqlite", "postgresql"))
    parser.add_argument("--url", help="a PostgreSQL server to use instead of one of our own")
    parser.add_argument("--dry", action="store_true", help="keep no results")
    parser.add_argument(
        "--forked", action="store_true", help="fork processes that have loaded everything, do not call dripline tick"
    )
    asked = parser.parse_args()
    if asked.workers:
        from bench.storm_of_workers import main_of_workers  # noqa: PLC0415 - it builds on this file

        return main_of_workers(asked)
    asked.kills = 100 if asked.kills is None else asked.kills
    by_command = COMMAND.exists() and not asked.forked
    passed = True
    for kind in asked.db or ("sqlite", "postgresql"):
        with scratch(kind, asked.url) as databases:
            looks = storm_world.INSTANTS[:: asked.every]
            outcome = storm(databases, asked.contacts, asked.kills, asked.seed, instants=looks, by_command=by_command)
            version = version_of(databases)
        sound = outcome.passed and outcome.kills >= asked.kills
        passed &= sound
        rows = ", ".join(f"{number:,} {name}" for name, number in outcome.rows.items())
        print(f"{kind}: {outcome.kills} kills, {outcome.processes} processes; {rows}")
        print(f"  {outcome.told}")
        for difference in outcome.differences:
            print(f"  {difference[:2000]}")
        if not asked.dry:
            keep(_result(outcome, kind, asked.contacts, version, sound=sound))
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
