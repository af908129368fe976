"""Events in bulk: calls of the tracking API from a file, one JSON object a line."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from engine.access.rights import Right
from engine.api.acting import needs
from engine.people import event_file
from engine.people.lines import Readable
from engine.wiring import Wiring

Progress = Callable[[float], None]


@dataclass(frozen=True)
class Problem:
    """A line that was refused, and why."""

    line: int
    reason: str
    level: str = "refused"


@dataclass(frozen=True)
class Imported:
    """What became of a file; ``problems`` are the first thousand refusals."""

    taken: int
    repeated: int
    refused: int
    problems: tuple[Problem, ...]

    @property
    def words(self) -> str:
        """Say it in a sentence."""
        return f"{self.taken:,} taken, {self.repeated:,} known before, {self.refused:,} refused"

    def as_json(self) -> dict[str, Any]:
        """Give it to programs."""
        facts = {name: getattr(self, name) for name in ("taken", "repeated", "refused")}
        return {**facts, "problems": [{"line": each.line, "reason": each.reason} for each in self.problems]}


@needs(Right.EDIT)
def import_events(wiring: Wiring, source: Readable, progress: Progress = lambda _: None) -> Imported:
    """Take calls over; a line that cannot be taken is told and passed over.

    Shape: calls may lie in the future. Importing a file twice changes nothing. ``progress`` hears how many bytes were
    read.
    """
    report = event_file.import_events(
        wiring.store, source, now=wiring.clock.micros(), workspace_id=wiring.workspace_id, progress=progress
    )
    problems = tuple(Problem(each.position, each.reason) for each in report.refusals)
    repeated = report.recorded.repeated
    return Imported(report.rows - report.refused - repeated, repeated, report.refused, problems)
