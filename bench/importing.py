"""CSV import of contacts, and its floor: the same file read by ``csv`` and put into the same tables in batches."""

import csv
import io
import random
import sqlite3
from collections.abc import Iterator
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any, Final

import orjson
import psycopg
from sqlalchemy import make_url

from bench.floor_sqlite import BATCH, PRAGMAS
from bench.samples import Sample, measured
from bench.timings import timed
from bench.world import CITIES, START
from engine.people.importing import import_contacts
from engine.store.session import open_store
from engine.terms import contact_hash, part_of, to_micros

HEADER: Final = ("id", "email", "phone", "timezone", "locale", "tags", "stage", "plan", "city", "seats", "name")
ZONES: Final = ("Asia/Shanghai", "Europe/Berlin", "America/New_York", "")
COLUMNS: Final = (
    "part", "id", "workspace_id", "key", "hash", "email", "phone", "timezone", "locale", "stage", "attributes",
    "created_at", "changed",
)  # fmt: skip


@cache
def csv_file(contacts: int, folder: Path) -> Path:
    """Write a file with so many contacts."""
    dice = random.Random(7)
    file = folder / f"contacts-{contacts}.csv"
    with file.open("w", encoding="utf-8", newline="") as target:
        writer = csv.writer(target)
        writer.writerow(HEADER)
        for number in range(contacts):
            tags = dice.choice(("", "", "vip", "vip|beta"))
            plan, city = dice.choice(("trial", "paid")), dice.choice(CITIES)
            key, zone = f"c{number:07d}", dice.choice(ZONES)
            row = (key, f"{key}@example.com", f"+86138{number:08d}", zone, "zh-CN", tags, "new", plan, city)
            writer.writerow((*row, dice.randrange(1, 200), f"Contact {number}"))
    return file


def take(url: str, file: Path, contacts: int) -> Sample:
    """Import the file with the engine."""
    store = open_store(url)
    try:
        with timed(store.engine) as timings, file.open("rb") as source, measured() as sample:
            report = import_contacts(store, source, now=to_micros(START))
            sample.work = report.created
        sample.timings = timings
    finally:
        store.close()
    if report.created != contacts or report.problems:
        raise AssertionError(f"{report.created} of {contacts} contacts came in: {report.problems[:3]}")
    return sample


def take_raw(url: str, file: Path, parts: int) -> Sample:
    """Put the file's rows straight into the tables."""
    write = _into_sqlite if url.startswith("sqlite") else _into_postgresql
    return write(url, file, parts)


def _into_sqlite(url: str, file: Path, parts: int) -> Sample:
    connection = sqlite3.connect(str(make_url(url).database), isolation_level=None)
    for pragma in PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")
    contact = f"INSERT INTO contact ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))})"  # noqa: S608
    tag = "INSERT INTO contact_tag (part, contact_id, tag) VALUES (?, ?, ?)"
    with measured() as sample:
        for rows, tags in _batches(file, parts):
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(contact, rows)
            connection.executemany(tag, tags)
            connection.execute("COMMIT")
            sample.work += len(rows)
    connection.close()
    return sample


def _into_postgresql(url: str, file: Path, parts: int) -> Sample:
    plain = make_url(url).set(drivername="postgresql").render_as_string(False)
    with psycopg.connect(plain) as connection, measured() as sample:
        for rows, tags in _batches(file, parts):
            with connection.cursor() as cursor:
                with cursor.copy(f"COPY contact ({', '.join(COLUMNS)}) FROM STDIN") as copy:
                    for row in rows:
                        copy.write_row(row)
                with cursor.copy("COPY contact_tag (part, contact_id, tag) FROM STDIN") as copy:
                    for each in tags:
                        copy.write_row(each)
            connection.commit()
            sample.work += len(rows)
    return sample


def _batches(file: Path, parts: int) -> Iterator[tuple[list[tuple[Any, ...]], list[tuple[int, int, str]]]]:
    now, following = to_micros(START), [1] * parts
    with file.open("rb") as source:
        reader = csv.reader(io.TextIOWrapper(source, encoding="utf-8", newline=""))
        next(reader)
        while lines := list(islice(reader, BATCH)):
            rows: list[tuple[Any, ...]] = []
            tags: list[tuple[int, int, str]] = []
            for key, email, phone, zone, locale, tagged, stage, plan, city, seats, name in lines:
                hashed = contact_hash(key)
                part = part_of(hashed, parts)
                number = following[part]
                following[part] += 1
                values = orjson.dumps({"plan": plan, "city": city, "seats": int(seats), "name": name}).decode()
                known = (email, phone, zone or None, locale, stage)
                rows.append((part, number, 1, key, hashed, *known, values, now, number))
                if tagged:
                    tags.extend((part, number, tag) for tag in tagged.split("|"))
            yield rows, tags
