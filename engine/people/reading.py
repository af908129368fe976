"""Read contacts from a CSV file, a row at a time; what is wrong with a row never stops the next."""

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any, Final, Literal, NamedTuple, Protocol, TypeAlias

from engine.civil.zones import zone
from engine.errors import PeopleError
from engine.people import cells, tags
from engine.people.attributes import LIST_MARK, is_name
from engine.people.contacts import ERASED, KEY_LENGTH, ContactRow, is_key
from engine.terms import Json

SAMPLE: Final = 1 << 16
PHONE_LENGTH: Final = 64

Level: TypeAlias = Literal["refused", "warning", "note"]

_EMAIL: Final = re.compile(r"[^@\s,;<>\"()\[\]\\\x00-\x1f\x7f]{1,64}@[^@\s,;<>\"()\[\]\\\x00-\x1f\x7f]{1,190}")
# Only a cell that begins so can be something else than its own text.
_SPECIAL: Final = frozenset("-0123456789tf'")


class Readable(Protocol):
    """A file, or anything else that bytes can be read from."""

    def read(self, size: int, /) -> bytes:
        """Give the next bytes, at most ``size``; none at the end."""


class Problem(NamedTuple):
    """What is wrong with, or worth knowing about, one line of a file."""

    line: int
    reason: str
    level: Level = "refused"


class Row(NamedTuple):
    """One contact of a file, and what the row says about its account."""

    line: int
    contact: ContactRow
    account: dict[str, Json]


def is_email(text: str) -> bool:
    """Tell whether a text looks like one bare mail address."""
    return _EMAIL.fullmatch(text) is not None


@dataclass
class ContactFile:
    """A CSV file of contacts that is being read.

    ``encoding`` is UTF-8, or GB18030 when the first 64 kB say so; ``position`` counts the bytes that were read.
    Errors: ``PeopleError`` when the header cannot be used; it lists everything that is wrong.
    """

    source: Readable
    tell: Callable[[Problem], None]
    encoding: str = ""
    _meter: "_Meter" = field(init=False)
    _layout: "_Layout" = field(init=False)
    _lines: Iterator[str] = field(init=False)
    _broken: bool = False

    def __post_init__(self) -> None:
        self._meter = _Meter(self.source)
        buffered = io.BufferedReader(self._meter, SAMPLE)
        sample = buffered.peek(SAMPLE)
        self.encoding = detect_encoding(sample, whole=len(sample) < SAMPLE)
        text = io.TextIOWrapper(buffered, self.encoding, errors="surrogateescape", newline="")
        self._lines = self._checked(text)
        header = sample.decode(self.encoding, "replace").split("\n", 1)[0]
        # A comma unless another sign is more frequent: spreadsheets of some countries write semicolons.
        self._reader = csv.reader(self._lines, delimiter=max(",;\t", key=header.count))
        self._layout = _Layout.of([name.strip() for name in next(self._reader, [])])
        self._broken = False

    @property
    def position(self) -> int:
        """Count the bytes that were read so far."""
        return self._meter.position

    def __iter__(self) -> Iterator[Row]:
        layout, tell = self._layout, self.tell
        line = self._reader.line_num + 1
        while True:
            try:
                row = next(self._reader)
            except StopIteration:
                return
            except csv.Error as fault:
                tell(Problem(line, f"the row cannot be read: {fault}; look for a quote that is not closed"))
            else:
                if self._broken:
                    tell(Problem(line, f"the row is not {self.encoding} text; save the file as UTF-8"))
                elif row:
                    read = layout.read(line, row, tell)
                    if read is not None:
                        yield read
            self._broken = False
            line = self._reader.line_num + 1

    def _checked(self, lines: Iterable[str]) -> Iterator[str]:
        for line in lines:
            if "\x00" in line:
                self._broken = True
            if not line.isascii():
                try:
                    line.encode()
                except UnicodeEncodeError:
                    self._broken = True
            yield line


class _Meter(io.RawIOBase):
    """Count what is read, and fill every buffer, so that the first look sees enough also of a pipe."""

    def __init__(self, source: Readable) -> None:
        super().__init__()
        self._source = source
        self.position = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        filled = 0
        while filled < len(buffer):
            chunk = self._source.read(len(buffer) - filled)
            if not chunk:
                break
            buffer[filled : filled + len(chunk)] = chunk
            filled += len(chunk)
        self.position += filled
        return filled


def detect_encoding(sample: bytes, *, whole: bool = True) -> str:
    """Tell whether text is UTF-8 or, as spreadsheets in China write it, GB18030.

    GB18030 only when it can be that and most lines that are not ASCII are not UTF-8: one broken row in a file of
    UTF-8 is a broken row.
    """
    if sample.startswith(b"\xef\xbb\xbf"):
        return "utf-8-sig"
    if not whole:
        # The last line may end within a sign.
        sample = sample[: sample.rfind(b"\n") + 1]
    wide = [line for line in sample.split(b"\n") if not line.isascii()]
    broken = sum(not _decodes(line, "utf-8") for line in wide)
    return "gb18030" if broken * 2 > len(wide) and _decodes(sample, "gb18030") else "utf-8"


def _decodes(text: bytes, encoding: str) -> bool:
    try:
        text.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


@dataclass(frozen=True)
class _Layout:
    """Which column holds what."""

    width: int
    built_in: Callable[[Sequence[str]], tuple[str, ...]]
    values: tuple[tuple[int, str], ...]
    lists: tuple[tuple[int, str], ...]
    account: tuple[tuple[int, cells.Column], ...]

    @classmethod
    def of(cls, header: Sequence[str]) -> "_Layout":
        names = [name.lower() if name.lower() in cells.COLUMNS else name for name in header]
        faults = list(_header_faults(names))
        if faults:
            raise PeopleError("the header cannot be used: " + "; ".join(faults), problems=faults)
        # A column that is not there is read from the empty cell that is put behind the last one.
        places = [names.index(name) if name in names else len(names) for name in cells.COLUMNS]
        others = [(at, cells.Column.of(name)) for at, name in enumerate(names) if name not in cells.COLUMNS]
        own = [(at, column) for at, column in others if not column.of_account]
        return cls(
            len(names),
            itemgetter(*places),
            tuple((at, column.name) for at, column in own if not column.is_list),
            tuple((at, column.name) for at, column in own if column.is_list),
            tuple((at, column) for at, column in others if column.of_account),
        )

    def read(self, line: int, row: list[str], tell: Callable[[Problem], None]) -> Row | None:
        if len(row) != self.width:
            tell(Problem(line, f"the row has {len(row)} cells, the header {self.width}"))
            return None
        row.append("")
        key, email, phone, timezone, locale, tagged, stage, account = [
            cells.unguard(text) if text[:1] == "'" else text for text in map(str.strip, self.built_in(row))
        ]
        fault = _fault(key, email, phone)
        if fault:
            if not any(row):
                # Spreadsheets like to leave such rows at the end.
                return None
            tell(Problem(line, fault))
            return None
        if timezone and zone(timezone) is None:
            tell(Problem(line, f"{timezone!r} is not a timezone; the workspace's is used instead", "warning"))
        own: tuple[str, ...] = ()
        if tagged:
            own = tuple(tag for tag in map(str.strip, tagged.split(cells.TAG_SIGN)) if tag)
            if not all(map(tags.is_tag, own)):
                tell(Problem(line, f"a tag is longer than {tags.LENGTH} signs"))
                return None
        values = self._values(line, row, tell)
        about = self._about_account(row) if self.account else {}
        if about and not account:
            tell(Problem(line, "the row has facts about an account but names none; they are left out", "warning"))
        contact = ContactRow(
            key,
            email or None,
            phone or None,
            timezone or None,
            locale or None,
            stage or None,
            account or None,
            own,
            values,
        )
        return Row(line, contact, about)

    def _values(self, line: int, row: list[str], tell: Callable[[Problem], None]) -> dict[str, Json]:
        values: dict[str, Json] = {}
        for at, name in self.values:
            cell = row[at]
            if cell:
                values[name] = cells.read_value(cell) if cell[0] in _SPECIAL else cell
        for at, name in self.lists:
            if row[at]:
                found = cells.read_list(row[at])
                if found is None:
                    tell(Problem(line, f"{name}{LIST_MARK} is not a JSON list; it is left out", "warning"))
                else:
                    values[name] = found
        return values

    def _about_account(self, row: list[str]) -> dict[str, Json]:
        given = [(column, row[at]) for at, column in self.account if row[at]]
        return {column.name: (cells.read_list if column.is_list else cells.read_value)(cell) for column, cell in given}


def _fault(key: str, email: str, phone: str) -> str:
    if not key:
        return "the row has no id"
    if not is_key(key):
        return f"the id is longer than {KEY_LENGTH} signs or begins with {ERASED!r}"
    if email and _EMAIL.fullmatch(email) is None:
        return f"{email!r} is not an email address"
    return f"the phone number is longer than {PHONE_LENGTH} signs" if len(phone) > PHONE_LENGTH else ""


def _header_faults(names: Sequence[str]) -> Iterator[str]:
    if cells.ID not in names:
        yield "there is no column id"
    for name in dict.fromkeys(name for name in names if names.count(name) > 1):
        yield f"column {name!r} is there twice" if name else "several columns have no name"
    for name in names:
        column = cells.Column.of(name)
        if name not in cells.COLUMNS and not is_name(column.name, of_account=column.of_account):
            yield f"{name!r} cannot be the name of an attribute"
