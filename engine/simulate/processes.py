"""Play a big rehearsal in several processes at a time; in the end one world has everybody.

Each process has a world of its own with the contacts of its parts. A helper is begun anew and not forked: whoever
rehearses may have threads.
"""

import multiprocessing
import os
import pickle
import signal
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa

from engine.collector import calm_collector
from engine.errors import EngineError
from engine.simulate.circle import Circle, Told
from engine.simulate.runner import Means, Scenario, play
from engine.store import migrate
from engine.store.session import TEMPORARY, Store, open_store
from engine.store.tables import metadata

EACH: Final = 5_000
"""So many contacts are worth a process: to begin one takes as long as to play some hundred."""

MOST: Final = 8

_TOLD, _OVER, _FAILED = "told", "over", "failed"


def processes_for(scenario: Scenario) -> int:
    """Tell how many processes are to play a scenario: one for each processor, but none for a few contacts.

    Shape: 1 where somebody's time depends on when the first contact of all came to an experiment.
    """
    comparisons = (
        node.node_type.compares(node.config)
        for document in scenario.flows
        for node in document.nodes
        if node.node_type is not None and node.config is not None
    )
    if any(each is not None and each.sample < 1 and each.decide_by is not None for each in comparisons):
        return 1
    return max(1, min(_processors(), MOST, len(scenario.people) // EACH))


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def together(number: int, scenario: Scenario, means: Means) -> Iterator[Circle]:
    """Let so many processes play a world of as many parts, this one and its helpers, a part each.

    Shape: this one plays all parts where node types or templates cannot be sent to another process.
    Errors: what a helper has raised is raised here; ``EngineError`` when one has ended.
    """
    given = None
    if number > 1:
        # Whatever a plug-in is made of may be unable to go elsewhere.
        with suppress(pickle.PicklingError, AttributeError, TypeError):
            given = pickle.dumps((scenario, means))
    if given is None:
        yield Circle(range(number))
        return
    with tempfile.TemporaryDirectory(prefix="dripline-rehearsal-") as folder:
        helpers = [_begin(given, part, number, Path(folder, f"{part}.db")) for part in range(1, number)]
        try:
            yield _Chair([pipe for _, pipe in helpers])
        finally:
            # All is over, or has failed: nobody needs what they may still be at.
            for process, pipe in helpers:
                process.kill()
                process.join()
                pipe.close()


def _begin(given: bytes, part: int, parts: int, where: Path) -> tuple[SpawnProcess, Connection]:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=help_out, args=(given, part, parts, where, theirs), daemon=True)
    process.start()
    theirs.close()
    return process, ours


def help_out(given: bytes, part: int, parts: int, where: Path, pipe: Connection) -> None:
    """Play a part, tell the others what they ask, and leave the world in a file: the work of a helper."""
    # Ctrl+C is for whoever asked, who ends this process.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    calm_collector()
    try:
        scenario, means = pickle.loads(given)  # noqa: S301 - from the process that has begun this one
        world = open_store(TEMPORARY, parts=parts)
        migrate.create(world)
        play(world, scenario, means, _Member(part, pipe))
        _driver(world).execute("VACUUM INTO ?", (str(where),))
    except Exception as fault:  # noqa: BLE001 - whatever it is, it is raised where somebody waits
        pipe.send((_FAILED, _sendable(fault)))
    else:
        pipe.send((_OVER, (part, where)))


def _driver(world: Store) -> Any:
    """Give the driver's own connection, outside of a transaction."""
    return world.engine.raw_connection().driver_connection


def _sendable(fault: Exception) -> Exception:
    try:
        pickle.loads(pickle.dumps(fault))  # noqa: S301 - our own, a moment ago
    except Exception:  # noqa: BLE001 - an exception may be made of anything
        return EngineError(f"{type(fault).__name__}: {fault}")
    return fault


class _Member(Circle):
    """A helper among those who play."""

    def __init__(self, part: int, pipe: Connection) -> None:
        super().__init__([part])
        self._pipe = pipe

    def tell(self, mine: Told) -> list[Told]:
        self._pipe.send((_TOLD, mine))
        found: list[Told] = self._pipe.recv()
        return found


class _Chair(Circle):
    """The process that has begun the others, and that has everybody's world in the end."""

    def __init__(self, helpers: Sequence[Connection]) -> None:
        super().__init__([0])
        self._helpers = helpers

    def tell(self, mine: Told) -> list[Told]:
        found: list[Told] = [mine, *(self._heard(helper, _TOLD) for helper in self._helpers)]
        for helper in self._helpers:
            helper.send(found)
        return found

    def gather(self, world: Store) -> None:
        for helper in self._helpers:
            part, where = self._heard(helper, _OVER)
            _take_over(world, part, where)
            where.unlink()

    @staticmethod
    def _heard(helper: Connection, awaited: str) -> Any:
        try:
            kind, what = helper.recv()
        except (EOFError, ConnectionError):
            raise EngineError("a process of this rehearsal has ended; there may be too little memory") from None
        if kind == _FAILED:
            raise what
        assert kind == awaited
        return what


def _take_over(world: Store, part: int, where: Path) -> None:
    """Bring a part of a world that lies in a file into one that has nothing of it but its tallies.

    Cost: two statements a table, and a look at each of its rows.
    """
    _driver(world).execute("ATTACH ? AS helper", (str(where),))
    try:
        with world.write() as writing:
            for table in metadata.sorted_tables:
                if "part" in table.columns:
                    there = table.to_metadata(sa.MetaData(), schema="helper")
                    writing.execute(table.delete().where(table.c.part == part))
                    rows = sa.select(*there.c).where(there.c.part == part)
                    writing.execute(table.insert().from_select(table.c.keys(), rows))
    finally:
        _driver(world).execute("DETACH helper")
