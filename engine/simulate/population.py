"""Who is in the rehearsal: contacts from a CSV file, or synthetic ones from a seed."""

import csv
import random
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import orjson

from engine.errors import PeopleError
from engine.terms import Json

_COLUMNS: Final = ("id", "email", "phone", "timezone", "locale", "tags", "stage", "account")
_GIVEN: Final = ("Anna", "Ben", "Chen", "Dana", "Emil", "Fang", "Grace", "Hao", "Ines", "Jun", "Kim", "Lei", "Omar")
_FAMILY: Final = ("Wang", "Li", "Zhang", "Meyer", "Smith", "Garcia", "Novak", "Tanaka", "Silva", "Rossi", "Kumar")
_PLACES: Final = (
    ("Asia/Shanghai", "zh-CN", 6),
    ("Europe/Berlin", "de", 1),
    ("America/New_York", "en-US", 2),
    ("Asia/Singapore", "en", 1),
)
_INDUSTRIES: Final = ("software", "manufacturing", "retail", "finance", "education")
_TITLES: Final = ("marketing manager", "operations lead", "founder", "sales director")


@dataclass(frozen=True)
class Person:
    """One contact of the rehearsal, as it is told from outside."""

    key: str
    email: str | None = None
    phone: str | None = None
    timezone: str | None = None
    locale: str | None = None
    stage: str | None = None
    account: str | None = None
    tags: tuple[str, ...] = ()
    attributes: dict[str, Json] = field(default_factory=dict)


def read_people(path: Path) -> list[Person]:
    """Read contacts from CSV: the known columns, every other one an attribute.

    Shape: in the order of the file; ``tags`` are split by ``|``; a cell that is a JSON number or boolean is one, an
    empty cell is absent.
    Errors: ``PeopleError`` names the line of the first fault.
    """
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(_people(csv.reader(file), path.name))


def _people(rows: Iterable[list[str]], name: str) -> Iterator[Person]:
    header: list[str] | None = None
    seen: set[str] = set()
    for line, cells in enumerate(rows, start=1):
        if not cells:
            continue
        if header is None:
            header = [cell.strip() for cell in cells]
            if "id" not in header:
                raise PeopleError(f"{name}, line {line}: there is no column id; the first line names the columns")
            continue
        if len(cells) != len(header):
            raise PeopleError(f"{name}, line {line}: {len(cells)} cells where the header has {len(header)}")
        person = _person(dict(zip(header, cells, strict=True)))
        if not person.key or person.key in seen:
            raise PeopleError(f"{name}, line {line}: the id {person.key!r} is empty or there twice")
        seen.add(person.key)
        yield person


def _person(row: dict[str, str]) -> Person:
    cells = {name: text for name, text in row.items() if text != ""}
    return Person(
        key=cells.get("id", ""),
        email=cells.get("email"),
        phone=cells.get("phone"),
        timezone=cells.get("timezone"),
        locale=cells.get("locale"),
        stage=cells.get("stage"),
        account=cells.get("account"),
        tags=tuple(tag.strip() for tag in cells.get("tags", "").split("|") if tag.strip()),
        attributes={name: cell_value(text) for name, text in cells.items() if name not in _COLUMNS},
    )


def cell_value(text: str) -> Json:
    """Read a cell: a JSON number or boolean is one, everything else is text."""
    if text[:1] not in "-0123456789tf":
        return text
    try:
        value: Json = orjson.loads(text)
    except orjson.JSONDecodeError:
        return text
    return value if isinstance(value, bool | int | float) else text


@dataclass(frozen=True)
class Crowd(Collection[Person]):
    """So many synthetic contacts, the same for the same seed; they are made whenever they are gone through."""

    count: int
    seed: int

    def __len__(self) -> int:
        """Give their number."""
        return self.count

    def __contains__(self, person: object) -> bool:
        """Tell whether somebody is one of them."""
        return any(each == person for each in self)

    def __iter__(self) -> Iterator[Person]:
        """Make one after the other."""
        chance = random.Random(f"dripline people {self.seed}")  # noqa: S311 - a rehearsal must repeat itself
        places = [place for place in _PLACES for _ in range(place[2])]
        for number in range(1, self.count + 1):
            given, family = chance.choice(_GIVEN), chance.choice(_FAMILY)
            timezone, locale, _ = chance.choice(places)
            yield Person(
                key=f"c{number:06d}",
                email=None if chance.random() < 0.02 else f"{given.lower()}.{family.lower()}.{number}@example.com",
                phone=f"+86139{number:08d}" if timezone == "Asia/Shanghai" else None,
                timezone=timezone,
                locale=locale,
                stage=chance.choice(("subscribed", "identified", "mql")),
                account=f"account-{chance.randrange(max(1, self.count // 4)):05d}",
                attributes={
                    "name": f"{given} {family}",
                    "title": chance.choice(_TITLES),
                    "industry": chance.choice(_INDUSTRIES),
                },
            )
