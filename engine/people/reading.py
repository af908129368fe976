"""Read contacts from a CSV file, some thousand rows at a time; what is wrong with a row never stops the next.

Rows are turned into columns, checked and typed a column at a time, and turned back: several times as fast as cell by
cell.
"""

import csv
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import repeat
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from engine.civil.zones import zone
from engine.errors import PeopleError
from engine.people import cells, tags
from engine.people.attributes import is_name
from engine.people.contacts import ERASED, KEY_LENGTH, MOVED, ContactRow, is_key
from engine.people.lines import Lines, Readable
from engine.terms import Json

PHONE_LENGTH: Final = 64

Level: TypeAlias = Literal["refused", "warning", "note"]
Texts: TypeAlias = Sequence[str | None]
"""One column of texts; nothing where a cell is empty."""

_EMAIL: Final = re.compile(r"[^@\s,;<>\"()\[\]\\\x00-\x1f\x7f]{1,64}@[^@\s,;<>\"()\[\]\\\x00-\x1f\x7f]{1,190}")
# Only a cell that begins so can be something else than its own text.
_SPECIAL: Final = frozenset("-0123456789tf'")
# What NamedTuple's own way of making does, at half the time.
_CONTACT: Final[Callable[[tuple[Any, ...]], ContactRow]] = partial(tuple.__new__, ContactRow)


class Problem(NamedTuple):
    """What is wrong with, or worth knowing about, one line of a file."""

    line: int
    reason: str
    level: Level = "refused"


@dataclass
class Chunk:
    """Some contacts of a file.

    ``lines`` says where each row began, ``accounts`` what was said about accounts by their keys.
    """

    lines: list[int] = field(default_factory=list)
    contacts: list[ContactRow] = field(default_factory=list)
    accounts: dict[str, dict[str, Json]] = field(default_factory=dict)


def is_email(text: str) -> bool:
    """Tell whether a text looks like one bare mail address."""
    return _EMAIL.fullmatch(text) is not None


class ContactFile:
    """A CSV file of contacts that is being read.

    Errors: ``PeopleError`` when the header cannot be used; it lists everything that is wrong.
    """

    def __init__(self, source: Readable, tell: Callable[[Problem], None]) -> None:
        self.lines = Lines(source)
        self._tell = tell
        # A comma unless another sign is more frequent: spreadsheets of some countries write semicolons.
        self._reader = csv.reader(self.lines, delimiter=max(",;\t", key=self.lines.first.count))
        self._names = _known([name.strip() for name in next(self._reader, [])])
        self.lines.broken = False
        self._line = 0
        faults = list(_header_faults(self._names))
        if faults:
            raise PeopleError("the header cannot be used: " + "; ".join(faults), problems=faults)

    def chunks(self, size: int) -> Iterator[Chunk]:
        """Give all contacts of the file, at most so many at a time; some chunks may have none."""
        while rows := self._take(size):
            yield _Sheet(self._names, rows, self._tell).chunk()

    def _take(self, size: int) -> list[tuple[int, list[str]]]:
        """Read the next rows that have as many cells as the header."""
        taken: list[tuple[int, list[str]]] = []
        while len(taken) < size:
            try:
                if not self._read(taken, size):
                    break
            except csv.Error as fault:
                reason = f"the row cannot be read: {fault}; look for a quote that is not closed"
                self._tell(Problem(self._line, reason))
        return taken

    def _read(self, taken: list[tuple[int, list[str]]], size: int) -> bool:
        reader, width = self._reader, len(self._names)
        self._line = reader.line_num + 1
        for row in reader:
            if self.lines.broken:
                self.lines.broken = False
                self._tell(Problem(self._line, f"the row is not {self.lines.encoding} text; save the file as UTF-8"))
            elif len(row) == width:
                taken.append((self._line, row))
                if len(taken) == size:
                    return True
            elif row:
                self._tell(Problem(self._line, f"the row has {len(row)} cells, the header {width}"))
            self._line = reader.line_num + 1
        return False


def _known(names: list[str]) -> list[str]:
    """Name the columns: case does not count for those of our own.

    An export has all of them as they are written here, and beside them perhaps an attribute that is called ``EMAIL``.
    """
    if set(cells.COLUMNS) <= set(names):
        return names
    return [name.lower() if name.lower() in cells.COLUMNS else name for name in names]


def _header_faults(names: Sequence[str]) -> Iterator[str]:
    if cells.ID not in names:
        yield "there is no column id"
    for name in dict.fromkeys(name for name in names if names.count(name) > 1):
        yield f"column {name!r} is there twice" if name else "several columns have no name"
    for name in names:
        column = cells.Column.of(name)
        if name not in cells.COLUMNS and not is_name(column.name, of_account=column.of_account):
            yield f"{name!r} cannot be the name of an attribute"


class _Sheet:
    """Some rows of a file, as columns."""

    def __init__(
        self, names: Sequence[str], rows: Sequence[tuple[int, list[str]]], tell: Callable[[Problem], None]
    ) -> None:
        self.lines: Sequence[int]
        self.lines, sheet = zip(*rows, strict=True)
        self.columns: dict[str, Sequence[str]] = dict(zip(names, zip(*sheet, strict=True), strict=True))
        self.tell = tell
        self.faults: dict[int, str] = {}

    def chunk(self) -> Chunk:
        """Check and type all columns; rows with a fault are told and left out."""
        facts = {name: self._texts(name) for name in cells.COLUMNS}
        self._check(facts["id"], facts["email"], facts["phone"])
        for name in {name for name in set(facts["timezone"]) if name and zone(name) is None}:
            for at in _places(facts["timezone"], name):
                self._warn(at, f"{name!r} is not a timezone; the workspace's is used instead")
        chunk = Chunk(list(self.lines))
        tagged = self._tags(facts["tags"])
        values, about = self._attributes()
        texts = (facts[name] for name in ("id", "email", "phone", "timezone", "locale", "stage", "account"))
        chunk.contacts = list(map(_CONTACT, zip(*texts, tagged, values, repeat(None), strict=False)))
        if about:
            self._note_accounts(chunk, facts["account"], about)
        if self.faults:
            self._leave_out(chunk)
        return chunk

    def _texts(self, name: str) -> Texts:
        column = self.columns.get(name)
        if column is None or not any(column):
            return [None] * len(self.lines)
        texts = list(map(str.strip, column))
        if "'" in "".join(column):
            texts = list(map(cells.unguard, texts))
        return [text or None for text in texts] if "" in texts else texts

    def _check(self, keys: Texts, emails: Texts, phones: Texts) -> None:
        for at in _places(keys, None):
            self.faults[at] = "the row has no id"
        if max(map(len, filter(None, keys)), default=0) > KEY_LENGTH or ":" in "".join(filter(None, keys)):
            for at, key in enumerate(keys):
                if key and not is_key(key):
                    self._fault(at, f"the id is longer than {KEY_LENGTH} signs or begins with {ERASED!r} or {MOVED!r}")
        if not all(map(_EMAIL.fullmatch, filter(None, emails))):
            for at, email in enumerate(emails):
                if email and not is_email(email):
                    self._fault(at, f"{email!r} is not an email address")
        for phone in {phone for phone in phones if phone and len(phone) > PHONE_LENGTH}:
            for at in _places(phones, phone):
                self._fault(at, f"the phone number is longer than {PHONE_LENGTH} signs")

    def _tags(self, column: Texts) -> Iterable[Sequence[str]]:
        if not any(column):
            return repeat((), len(column))
        known: dict[str | None, tuple[str, ...]] = {None: ()}
        for text in set(filter(None, column)):
            known[text] = tuple(tag for tag in map(str.strip, text.split(cells.TAG_SIGN)) if tag)
            if not all(map(tags.is_tag, known[text])):
                for at in _places(column, text):
                    self._fault(at, f"a tag is longer than {tags.LENGTH} signs")
        return [known[text] for text in column]

    def _attributes(self) -> tuple[Iterable[dict[str, Json]], Sequence[dict[str, Json]]]:
        """Give the attributes of each contact, and what each row says about its account."""
        found: dict[bool, list[tuple[str, Sequence[Json]]]] = {False: [], True: []}
        for title, column in self.columns.items():
            if title in cells.COLUMNS or not any(column):
                continue
            of_account, name, is_list = cells.Column.of(title)
            values = self._lists(title, column) if is_list else _values(column)
            found[of_account].append((name, values))
        return _joined(found[False], len(self.lines)), _joined(found[True], len(self.lines)) if found[True] else ()

    def _lists(self, title: str, column: Sequence[str]) -> Sequence[Json]:
        found: list[Json] = [cells.read_list(cell) if cell else None for cell in column]
        for at, value in enumerate(found):
            if value is None and column[at]:
                self._warn(at, f"{title} is not a JSON list; it is left out")
        return found

    def _note_accounts(self, chunk: Chunk, keys: Texts, about: Sequence[dict[str, Json]]) -> None:
        for at, (key, facts) in enumerate(zip(keys, about, strict=True)):
            if facts and key is None:
                self._warn(at, "the row has facts about an account but names none; they are left out")
            elif facts and key and at not in self.faults:
                chunk.accounts.setdefault(key, {}).update(facts)

    def _leave_out(self, chunk: Chunk) -> None:
        for at in sorted(self.faults):
            # Spreadsheets like to leave rows of empty cells at the end.
            if any(column[at] for column in self.columns.values()):
                self.tell(Problem(self.lines[at], self.faults[at]))
        kept = [at for at in range(len(self.lines)) if at not in self.faults]
        chunk.lines = [chunk.lines[at] for at in kept]
        chunk.contacts = [chunk.contacts[at] for at in kept]

    def _fault(self, at: int, reason: str) -> None:
        self.faults.setdefault(at, reason)

    def _warn(self, at: int, reason: str) -> None:
        self.tell(Problem(self.lines[at], reason, "warning"))


def _places(column: Texts, wanted: str | None) -> list[int]:
    return [at for at, text in enumerate(column) if text == wanted] if wanted in column else []


def _values(column: Sequence[str]) -> Sequence[Json]:
    """Type the cells of a column; nothing where one is empty."""
    if not {cell[0] for cell in column if cell} & _SPECIAL:
        return [cell or None for cell in column] if "" in column else column
    read: dict[str, Json] = {cell: cells.read_value(cell) if cell else None for cell in set(column)}
    return [read[cell] for cell in column]


def _joined(columns: Sequence[tuple[str, Sequence[Json]]], count: int) -> list[dict[str, Json]]:
    """Turn columns into one object a row, without the empty cells."""
    if not columns:
        return [{} for _ in range(count)]
    names, values = zip(*columns, strict=True)
    rows = zip(*values, strict=True)
    if any(None in column for column in values):
        return [{name: each for name, each in zip(names, row, strict=True) if each is not None} for row in rows]
    return [dict(zip(names, row, strict=True)) for row in rows]
