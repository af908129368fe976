"""Processes that tick, are killed at random moments and begun again."""

import multiprocessing
import random
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final, Protocol

from bench import ticker

ROOT: Final = Path(__file__).resolve().parents[1]
COMMAND: Final = Path(sys.executable).with_name("dripline")
EARLY: Final = "2026-01-01T00:00:00Z"
"""Nothing is due yet."""


@dataclass(frozen=True)
class Went:
    """How one process went: the instants it did, its seconds of work, whether it was killed."""

    done: int
    seconds: float
    killed: bool


class Ticks(Protocol):
    """A way to run ticks in processes of their own."""

    def go(self, left: Sequence[str], kill_after: float | None) -> Went:
        """Run one process over the next instants; kill it when it has worked so many seconds."""


@dataclass
class CommandTicks:
    """``dripline tick``: a process for each instant."""

    url: str

    @cached_property
    def startup(self) -> float:
        """Seconds in which a process begins and finds nothing to do."""
        begun = time.perf_counter()
        subprocess.run(self._command(EARLY), check=True, capture_output=True, cwd=ROOT)
        return time.perf_counter() - begun

    def go(self, left: Sequence[str], kill_after: float | None) -> Went:
        """Run the command for the next instant."""
        limit = None if kill_after is None else self.startup + kill_after
        begun = time.perf_counter()
        killed = False
        with subprocess.Popen(
            self._command(left[0]), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, cwd=ROOT
        ) as child:
            try:
                _, faults = child.communicate(timeout=limit)
            except subprocess.TimeoutExpired:
                child.kill()
                _, faults = child.communicate()
                killed = True
        if child.returncode not in (0, -9):
            raise RuntimeError(f"{self._command(left[0])} failed:\n{faults}")
        return Went(int(not killed), max(time.perf_counter() - begun - self.startup, 0.0), killed)

    def _command(self, instant: str) -> list[str]:
        return [str(COMMAND), "--db", self.url, "tick", "--now", instant]


@dataclass
class ForkedTicks:
    """``bench.ticker``: all instants in one process, which is forked from one that has loaded everything."""

    url: str

    def go(self, left: Sequence[str], kill_after: float | None) -> Went:
        """Run a process over all instants."""
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["bench.ticker"])
        hears, says = context.Pipe(duplex=False)
        child = context.Process(target=ticker.work, args=(self.url, list(left), says))
        child.start()
        says.close()
        hears.poll(None)
        begun = time.perf_counter()
        child.join(kill_after)
        killed = child.exitcode is None
        if killed:
            child.kill()
        child.join()
        seconds = time.perf_counter() - begun
        if child.exitcode not in (0, -9):
            raise RuntimeError(f"the process that ticks failed: exit code {child.exitcode}")
        return Went(len(left) if child.exitcode == 0 else _heard(hears, left), seconds, child.exitcode == -9)


def _heard(hears: Connection, left: Sequence[str]) -> int:
    """Count the instants that a process said it had done before it was killed."""
    done = 0
    try:
        while hears.poll(0):
            done += hears.recv() in left
    except (EOFError, OSError):
        pass
    return done


@dataclass
class Passage:
    """How a series went: seconds of work, without those in which processes began; kills that hit; processes."""

    seconds: float = 0.0
    kills: int = 0
    processes: int = 0

    def add(self, went: Went) -> None:
        """Add a process."""
        self.seconds += went.seconds
        self.kills += went.killed
        self.processes += 1


def run_series(ticks: Ticks, instants: Sequence[str]) -> Passage:
    """Run all instants undisturbed."""
    return kill_series(ticks, instants, 0, 0.0, 0)


def kill_series(ticks: Ticks, instants: Sequence[str], kills: int, seconds: float, seed: int) -> Passage:
    """Run all instants and kill meanwhile; ``seconds`` is how long the work takes undisturbed.

    Shape: the work between two kills is random, on average little more than half of what there is left for each, so
    that all kills find something to kill, also when the machine is quicker now than it was undisturbed.
    """
    dice = random.Random(seed)
    passage, left = Passage(), list(instants)

    def next_kill() -> float:
        work = seconds * len(left) / len(instants)
        return dice.uniform(0, 1.2 * work / max(kills - passage.kills, 1))

    until = next_kill()
    while left:
        went = ticks.go(left, until if passage.kills < kills else None)
        passage.add(went)
        left = left[went.done :]
        until = next_kill() if went.killed else min(max(until - went.seconds, 0.0), next_kill())
    return passage
