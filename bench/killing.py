"""Processes that tick, are killed at random moments and begun again."""

import multiprocessing
import random
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final, Protocol

import sqlalchemy as sa

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
    """``dripline tick``: a process for each instant. Its work begins when it opens its database."""

    url: str

    def go(self, left: Sequence[str], kill_after: float | None) -> Went:
        """Run the command for the next instant."""
        killed = False
        with subprocess.Popen(
            self._command(left[0]), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, cwd=ROOT
        ) as child:
            self._wait_for_work(child)
            begun = time.perf_counter()
            try:
                _, faults = child.communicate(timeout=kill_after)
            except subprocess.TimeoutExpired:
                child.kill()
                _, faults = child.communicate()
                killed = True
        if child.returncode not in (0, -9):
            raise RuntimeError(f"{self._command(left[0])} failed:\n{faults}")
        return Went(int(not killed), time.perf_counter() - begun, killed)

    def _wait_for_work(self, child: "subprocess.Popen[str]") -> None:
        """Wait until a process has opened its database: how long it takes to begin is not its work."""
        database = sa.make_url(self.url).database or ""
        while child.poll() is None:
            if any(_is_database(handle, database) for handle in _handles(child.pid)):
                return
            time.sleep(0.002)

    def _command(self, instant: str) -> list[str]:
        return [str(COMMAND), "--db", self.url, "tick", "--now", instant]


def _handles(process: int) -> Iterator[str]:
    """Name what a process has open."""
    try:
        for handle in Path(f"/proc/{process}/fd").iterdir():
            yield str(handle.readlink())
    except OSError:
        # It closed something just now, or has ended.
        return


def _is_database(handle: str, database: str) -> bool:
    return handle.startswith("socket:") or (bool(database) and handle == str(Path(database).resolve()))


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
    each: list[float] = field(default_factory=list)
    """Seconds of work of each instant; of several that one process did, alike."""

    def add(self, went: Went) -> None:
        """Add a process."""
        self.each += [went.seconds / went.done] * went.done if went.done else []
        self.seconds += went.seconds
        self.kills += went.killed
        self.processes += 1


def run_series(ticks: Ticks, instants: Sequence[str]) -> Passage:
    """Run all instants undisturbed."""
    return kill_series(ticks, instants, 0, [0.0] * len(instants), 0)


def kill_series(ticks: Ticks, instants: Sequence[str], kills: int, seconds: Sequence[float], seed: int) -> Passage:
    """Run all instants and kill meanwhile; ``seconds`` is how long the work of each takes undisturbed.

    Shape: the work between two kills is random, on average little more than half of what there is left for each, so
    that all kills find something to kill, also when the machine is quicker now than it was undisturbed.
    """
    dice = random.Random(seed)
    passage, left, here = Passage(), list(instants), 0.0

    def next_kill() -> float:
        ahead = seconds[len(instants) - len(left) :]
        work = max(sum(ahead) - here, sum(ahead[1:]) + 0.1 * ahead[0]) if ahead else 0.0
        return dice.uniform(0, 1.2 * work / max(kills - passage.kills, 1))

    until = next_kill()
    while left:
        went = ticks.go(left, until if passage.kills < kills else None)
        passage.add(went)
        here = 0.0 if went.done else here + went.seconds
        left = left[went.done :]
        until = next_kill() if went.killed else min(max(until - went.seconds, 0.0), next_kill())
    return passage
