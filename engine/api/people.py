"""Contacts in bulk: CSV in and out."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from engine.access.rights import Right
from engine.api.acting import needs
from engine.people import exporting, importing
from engine.people.lines import Readable
from engine.wiring import Wiring

PAGE = exporting.PAGE
"""How many contacts one piece of an export has."""

Progress = Callable[[float], None]


@dataclass(frozen=True)
class Problem:
    """What is wrong with, or worth knowing about, one line of a file."""

    line: int
    level: str
    reason: str


@dataclass(frozen=True)
class Imported:
    """What became of a file; ``problems`` are the first thousand."""

    rows: int
    created: int
    changed: int
    refused: int
    problems: tuple[Problem, ...]

    @property
    def words(self) -> str:
        """Say it in a sentence."""
        return f"{self.rows:,} rows: {self.created:,} new, {self.changed:,} changed; {self.refused:,} refused"

    def as_json(self) -> dict[str, Any]:
        """Give it to programs."""
        facts = {name: getattr(self, name) for name in ("rows", "created", "changed", "refused")}
        return {**facts, "problems": [vars(each) for each in self.problems]}


@needs(Right.EDIT)
def import_contacts(wiring: Wiring, source: Readable, progress: Progress = lambda _: None) -> Imported:
    """Take the contacts of a CSV file over; a row that cannot be taken is told and passed over.

    ``progress`` hears how many bytes were read. Errors: ``PeopleError`` when the header cannot be used.
    """
    report = importing.import_contacts(
        wiring.store, source, now=wiring.clock.micros(), workspace_id=wiring.workspace_id, progress=progress
    )
    problems = tuple(Problem(each.line, each.level, each.reason) for each in report.problems)
    return Imported(report.rows, report.created, report.changed, report.counts["refused"], problems)


@needs(Right.EDIT)
def export_contacts(wiring: Wiring, *, bom: bool = False) -> Iterator[str]:
    """Give a CSV file of all contacts piece by piece, safe to open in a spreadsheet."""
    return exporting.export_contacts(wiring.store, workspace_id=wiring.workspace_id, bom=bom)
