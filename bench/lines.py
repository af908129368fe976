"""What is measured: each line has our side and its floor."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from bench import dispatching, executor, floor_postgresql, floor_sqlite, importing, ingest, random_waits
from bench.databases import Databases, Fill
from bench.samples import Sample
from engine.store.session import PARTS

Side = Callable[[str], Sample]


@dataclass(frozen=True)
class Line:
    """One line of the table. ``must`` is the least share of the floor's rate that is accepted."""

    name: str
    says: str
    unit: str
    must: float
    fill: Fill
    ours: Side
    floor: Side


def lines(databases: Databases, contacts: int, folder: Path, *, timing: bool = False) -> Mapping[str, Line]:
    """List what can be measured on a kind of database; ``timing`` asks for the time of each statement."""
    floor = (floor_sqlite if databases.kind == "sqlite" else floor_postgresql).carry
    file = partial(importing.csv_file, contacts, folder)
    parts = PARTS[databases.kind]
    strewn = random_waits.carry_sqlite if databases.kind == "sqlite" else random_waits.carry_postgresql
    mails = min(contacts, MAILS)
    return {
        "executor": Line(
            "executor",
            f"{contacts:,} contacts: entry → rule → 50/50 split → message → wait 1 day → end",
            "steps",
            0.5,
            lambda store: executor.prepare(store, contacts),
            lambda url: executor.carry(url, contacts),
            lambda url: floor(url, contacts),
        ),
        "random": Line(
            "random",
            f"the same, where {contacts:,} waits come due in random order, in {random_waits.TICKS} ticks",
            "steps",
            0.4,
            lambda store: executor.prepare(store, contacts),
            lambda url: random_waits.carry(url, contacts),
            lambda url: strewn(url, contacts),
        ),
        "dispatch": Line(
            "dispatch",
            f"{mails:,} mails rendered and handed over by SMTP on the loopback",
            "mails",
            0.5,
            lambda store: dispatching.prepare(store, mails),
            lambda url: dispatching.hand_over(url, mails, timing=timing),
            lambda url: dispatching.hand_over_raw(url, mails),
        ),
        "import": Line(
            "import",
            f"CSV of {contacts:,} contacts, 11 columns",
            "rows",
            0.4,
            lambda store: None,
            lambda url: importing.take(url, file(), contacts),
            lambda url: importing.take_raw(url, file(), parts),
        ),
        "ingest": Line(
            "ingest",
            f"{contacts:,} events of {contacts // ingest.EVENTS_EACH:,} contacts, in requests of {ingest.CALLS:,}",
            "events",
            0.4,
            lambda store: ingest.prepare(store, contacts),
            lambda url: ingest.take(url, contacts),
            lambda url: ingest.take_raw(url, contacts, parts),
        ),
    }


MAILS: Final = 20_000
"""So many mails are handed over at most."""

NAMES: Final = (
    "executor", "random", "import", "ingest", "dispatch", "statements", "memory", "disk", "latency", "waking", "apart",
    "segments", "pages", "rehearsal", "peers",
)  # fmt: skip
