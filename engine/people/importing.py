"""Import contacts from CSV files: streamed, in transactions of some thousand rows, whatever is wrong with some."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy.engine import Connection

from engine.people import accounts
from engine.people.changes import CHANGE
from engine.people.lines import Readable
from engine.people.numbering import take_each
from engine.people.reading import Chunk, ContactFile, Level, Problem
from engine.people.transactions import collector_off, committed
from engine.people.upserting import Upserted, upsert
from engine.store.session import Store
from engine.terms import Micros

BATCH: Final = 5_000
"""Rows of one transaction: enough to be fast, few enough that a page's command never waits long."""

KEPT: Final = 1_000
"""So many problems are kept with their lines; the others are only counted."""


@dataclass
class ImportReport:
    """What became of a file.

    ``rows`` counts what was taken; ``counts`` all problems per level, of which the first are in ``problems``.
    """

    encoding: str = ""
    rows: int = 0
    created: int = 0
    changed: int = 0
    counts: Counter[Level] = field(default_factory=Counter)
    problems: list[Problem] = field(default_factory=list)

    def tell(self, problem: Problem) -> None:
        """Note a problem."""
        self.counts[problem.level] += 1
        if len(self.problems) < KEPT:
            self.problems.append(problem)


def import_contacts(
    store: Store,
    source: Readable,
    *,
    now: Micros,
    workspace_id: int = 1,
    progress: Callable[[int], None] = lambda position: None,
    batch: int = BATCH,
) -> ImportReport:
    """Take the contacts of a CSV file over; a row that cannot be taken is told and passed over.

    ``progress`` hears after each transaction how many bytes were read. Rows that were taken stay when a later
    transaction fails; running the import again is harmless. Cost: a fixed number of statements per transaction.
    Errors: ``PeopleError`` when the header cannot be used.
    """
    report = ImportReport()
    file = ContactFile(source, report.tell)
    report.encoding = file.lines.encoding
    with store.write() as connection:
        begun = take_each(connection, CHANGE, dict.fromkeys(range(store.parts), 0))
    chunks = file.chunks(batch)
    all_new = True
    while True:
        with collector_off():
            chunk = next(chunks, None)
            if chunk is None:
                break
            done = _take(store, workspace_id, chunk, now, report, begun, all_new=all_new)
        all_new = not done.before
        progress(file.lines.position)
    progress(file.lines.position)
    return report


def _take(
    store: Store,
    workspace_id: int,
    chunk: Chunk,
    now: Micros,
    report: ImportReport,
    begun: Mapping[int, int],
    *,
    all_new: bool,
) -> Upserted:
    """Write rows in one transaction of their own."""
    about = [accounts.row_of(key, facts) for key, facts in chunk.accounts.items()]

    def work(connection: Connection) -> Upserted:
        if about:
            accounts.update(connection, store.parts, workspace_id, about)
        return upsert(connection, store.parts, workspace_id, chunk.contacts, now, all_new=all_new)

    done = committed(store, work)
    report.rows += len(chunk.contacts)
    report.created += done.created
    report.changed += done.changed
    _tell_repeated(chunk, done, begun, report)
    return done


def _tell_repeated(chunk: Chunk, done: Upserted, begun: Mapping[int, int], report: ImportReport) -> None:
    """Note the rows of which an earlier row of the file had the id: in this chunk, or changed since the file began."""
    earlier = {key for key, facts in done.before.items() if facts.changed >= begun[facts.part]}
    if not earlier and len(done.places) == len(chunk.contacts):
        return
    for line, contact in zip(chunk.lines, chunk.contacts, strict=True):
        if contact.key in earlier:
            report.tell(Problem(line, f"id {contact.key!r} came before; what this row says counts", "note"))
        earlier.add(contact.key)
