"""The storm over several workers: what it rages over, how it went, and whether it passed."""

import argparse
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final

from bench import network, storm_world
from bench.crew import How
from bench.databases import PostgresServer, scratch, version_of
from bench.killing import ForkedTicks, run_series
from bench.results import Result, keep, machine
from bench.storm import Outcome, look_at, outcome_of
from bench.storm_workers import Felt, gale

KILLS: Final = 200
STORMS: Final = 5
"""A storm finds nobody at work when all is done; then there is another one, at most so many."""

WITHIN: Final = {"kill": 1.0, "freeze": 11.0, "cut": 11.0, "restart": 5.0}
"""Seconds in which what a victim was at must be free again, and the server's workers at work again."""


def storm_of_workers(
    databases: PostgresServer,
    contacts: int,
    counts: Mapping[str, int],
    *,
    workers: int,
    how: How,
    seed: int = 1,
    instants: Sequence[str] = storm_world.INSTANTS,
    reached: Sequence[str] = (),
) -> tuple[Outcome, Felt]:
    """Run a database undisturbed by one process, and by several workers in a storm, and compare."""
    databases.template("storm", lambda store: storm_world.prepare(store, contacts))
    url = databases.copy("storm")
    run_series(ForkedTicks(url), instants)
    expected = look_at(url, instants[-1])
    databases.drop(url)
    url = databases.copy("storm")
    felt, codes = gale(databases, url, instants, counts, workers=workers, how=how, seed=seed, reached=reached)
    found = look_at(url, instants[-1])
    databases.drop(url)
    outcome = outcome_of(expected, found, kills=felt.count("kill"), processes=workers)
    outcome.differences.extend(f"a worker ended with {code}" for code in codes if code)
    return outcome, felt


def late(felt: Felt) -> list[str]:
    """Tell which kinds took longer than they may."""
    found = []
    for kind, seconds in felt.seconds.items():
        if max(seconds) > WITHIN[kind]:
            found.append(f"{kind}: {max(seconds):.3f} s, more than {WITHIN[kind]:.1f} s")
    return found


def main_of_workers(asked: argparse.Namespace) -> int:
    """Let it storm over several workers: on this machine, then over a network that is cut."""
    passed = True
    kills = KILLS if asked.kills is None else asked.kills
    near = {"kill": kills, "freeze": asked.freezes, "restart": asked.restarts}
    with scratch("postgresql") as databases:
        passed &= _one(asked, databases, near, ())
    if asked.cuts and not network.can_cut():
        print("no cuts: networks cannot be made here (that needs root and Linux)")
    elif asked.cuts:
        with _far(asked.workers) as (databases, reached):
            passed &= _one(asked, databases, {"cut": asked.cuts}, reached)
    return 0 if passed else 1


@contextmanager
def _far(workers: int) -> Iterator[tuple[PostgresServer, list[str]]]:
    """Start a server that is reached over networks."""
    options = f"-c listen_addresses={network.ADDRESS}"
    with network.networks(workers) as reached, scratch("postgresql", options=options) as databases:
        assert isinstance(databases, PostgresServer)
        yield databases, reached


def _one(asked: argparse.Namespace, databases: object, counts: Mapping[str, int], reached: Sequence[str]) -> bool:
    """Storm, and again over a database of its own, until every fault has found somebody at work."""
    assert isinstance(databases, PostgresServer)
    databases.parts = asked.parts
    looks = storm_world.INSTANTS[:: asked.every]
    how = How(asked.term, log=asked.log)
    felt, missing, sound = Felt(), dict(counts), True
    for storm in range(STORMS):
        outcome, now_felt = storm_of_workers(
            databases, asked.contacts, missing,
            workers=asked.workers, how=how, seed=asked.seed + storm, instants=looks, reached=reached,
        )  # fmt: skip
        _say(asked.workers, outcome, now_felt)
        felt.join(now_felt)
        sound &= outcome.passed and not late(now_felt)
        missing = {kind: count - felt.count(kind) for kind, count in counts.items() if felt.count(kind) < count}
        if not missing or not outcome.passed:
            break
    for kind, count in missing.items():
        print(f"  {count} x {kind} found nobody")
    sound &= not missing
    print(f"in all {felt.told()}: {'passed' if sound else 'failed'}")
    if not asked.dry:
        keep(_result(outcome, felt, asked, version_of(databases), sound=sound))
    return sound


def _say(workers: int, outcome: Outcome, felt: Felt) -> None:
    rows = ", ".join(f"{number:,} {name}" for name, number in outcome.rows.items())
    print(f"{workers} workers: {felt.told()}; {rows}")
    print(f"  {outcome.told}")
    for said in (*outcome.differences, *late(felt)):
        print(f"  {said[:2000]}", flush=True)


def _result(outcome: Outcome, felt: Felt, asked: argparse.Namespace, version: str, *, sound: bool) -> Result:
    counts = Counter({kind: len(each) for kind, each in felt.seconds.items()})
    said = ", ".join(f"{count} x {kind}" for kind, count in sorted(counts.items()))
    rows = sum(outcome.rows.values())
    return {
        "line": "storm of workers" if "cut" not in counts else "storm of workers, cut",
        "database": "postgresql",
        "contacts": asked.contacts,
        "machine": machine(),
        "says": f"{asked.workers} workers, {asked.contacts:,} contacts, {said}: {rows:,} rows compared",
        "version": version,
        "ours": {"free_after": felt.seconds, "undone": felt.undone, "rows": outcome.rows},
        "ours_text": f"{len(outcome.differences)} tables differ, {sum(outcome.broken.values())} broken invariants",
        "floor_text": "",
        "ratio_text": felt.told(),
        "must_text": "0",
        "passed": sound,
    }
