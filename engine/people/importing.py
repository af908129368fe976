"""Import contacts from CSV files: streamed, in transactions of some thousand rows, whatever is wrong with some."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from sqlalchemy.engine import Connection

from engine.people import accounts
from engine.people.accounts import AccountRow
from engine.people.changes import CHANGE
from engine.people.contacts import ContactRow
from engine.people.numbering import take_each
from engine.people.reading import ContactFile, Level, Problem, Readable, Row
from engine.people.transactions import committed
from engine.people.upserting import Upserted, fold, upsert
from engine.store.session import Store
from engine.terms import Json, Micros

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
    report.encoding = file.encoding
    with store.write() as connection:
        begun = take_each(connection, CHANGE, dict.fromkeys(range(store.parts), 0))
    rows = iter(file)
    while chunk := list(islice(rows, batch)):
        contacts, lines = _unique(chunk, report)
        about = _about_accounts(chunk)

        def take(
            connection: Connection, contacts: dict[str, ContactRow] = contacts, about: list[AccountRow] = about
        ) -> Upserted:
            if about:
                accounts.update(connection, store.parts, workspace_id, about)
            return upsert(connection, store.parts, workspace_id, contacts.values(), now)

        done = committed(store, take)
        report.rows += len(chunk)
        report.created += done.created
        report.changed += done.changed
        for key, facts in done.before.items():
            if facts.changed >= begun[facts.part]:
                report.tell(_twice(lines[key], key))
        progress(file.position)
    progress(file.position)
    return report


def _about_accounts(chunk: list[Row]) -> list[AccountRow]:
    about: dict[str, dict[str, Json]] = {}
    for row in chunk:
        if row.account and row.contact.account:
            about.setdefault(row.contact.account, {}).update(row.account)
    return [accounts.row_of(key, facts) for key, facts in about.items()]


def _unique(chunk: list[Row], report: ImportReport) -> tuple[dict[str, ContactRow], dict[str, int]]:
    contacts: dict[str, ContactRow] = {}
    lines: dict[str, int] = {}
    for line, contact, _ in chunk:
        key = contact.key
        if key in contacts:
            report.tell(_twice(line, key))
            contacts[key] = fold(contacts[key], contact)
        else:
            contacts[key] = contact
        lines[key] = line
    return contacts, lines


def _twice(line: int, key: str) -> Problem:
    return Problem(line, f"id {key!r} came before; what this row says counts", "note")
