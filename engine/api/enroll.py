"""Let contacts into flows by hand: one, a list of keys, or all."""

import csv
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import islice
from typing import Final, TextIO

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from engine.access.rights import Right
from engine.api.acting import needs
from engine.errors import FlowError, PeopleError
from engine.library.plan import Plan
from engine.people.contacts import places_of
from engine.run.context import Run
from engine.run.moving import enter_moving, enter_range
from engine.run.pace import Pace
from engine.run.tables import ENTRANT, NOW, PART, clear
from engine.run.transactions import transaction
from engine.store.prepared import Prepared, parameter
from engine.store.rowsets import numbers, pack
from engine.store.tables import Contact
from engine.wiring import Wiring, look

CONTACT: sa.Table = Contact.__table__  # type: ignore[attr-defined]
BATCH: Final = 10_000

Progress = Callable[[int], None]


@dataclass
class Enrolled:
    """What became of a request to let contacts in.

    They have taken ``steps`` to their first rest already where their ways were known; the others move in the next tick.
    ``refused`` counts contacts whom the flow's re-entry rule kept out; ``unknown`` are keys that nobody has.
    """

    asked: int = 0
    entered: int = 0
    steps: int = 0
    unknown: tuple[str, ...] = ()

    def count(self, entered: int, steps: int) -> None:
        """Add what came of one trigger."""
        self.entered += entered
        self.steps += steps

    @property
    def refused(self) -> int:
        """Count the contacts whom re-entry kept out."""
        return self.asked - self.entered - len(self.unknown)

    @property
    def words(self) -> str:
        """Say it in a sentence."""
        return f"{self.entered:,} of {self.asked:,} came in, {self.refused:,} were kept out by re-entry"

    def as_json(self) -> dict[str, int | list[str]]:
        """Give it to programs."""
        facts = {"asked": self.asked, "entered": self.entered, "refused": self.refused}
        return {**facts, "unknown": list(self.unknown)}


@needs(Right.RUN)
def enroll(wiring: Wiring, flow: str, contacts: Iterable[str], progress: Progress = lambda _: None) -> Enrolled:
    """Let contacts in by their keys, a batch a transaction.

    Errors: ``FlowError`` when the flow is not live or has no trigger by hand.
    """
    done = Enrolled()
    keys = iter(dict.fromkeys(contacts))
    while batch := list(islice(keys, BATCH)):
        _enroll_batch(wiring, flow, batch, done)
        progress(done.asked)
    return done


@needs(Right.RUN)
def enroll_all(wiring: Wiring, flow: str, progress: Progress = lambda _: None) -> Enrolled:
    """Let all contacts in, a batch a transaction.

    Errors: as ``enroll``.
    """
    done, pace = Enrolled(), Pace(wiring.store)
    for part in range(wiring.store.parts):
        after: int | None = 0
        while after is not None:
            with pace.step(pace.size), transaction(wiring.store, part) as connection:
                after = _enroll_next(_run(wiring, connection, part), flow, after, pace.size, done)
            progress(done.asked)
    return done


def read_keys(file: TextIO) -> Iterator[str]:
    """Read contact keys from CSV: the column ``id``, or the only column.

    Errors: ``PeopleError`` when several columns have no ``id`` among them.
    """
    rows = csv.reader(file)
    header = [name.strip() for name in next(rows, [])]
    if "id" in header:
        place = header.index("id")
    elif len(header) <= 1:
        place = 0
        yield from (name for name in header if name)
    else:
        raise PeopleError("there is no column id; the first line names the columns")
    for row in rows:
        if len(row) > place and row[place].strip():
            yield row[place].strip()


def _enroll_next(run: Run, flow: str, after: int, limit: int, done: Enrolled) -> int | None:
    """Let in the next batch of a part's contacts; give where to go on."""
    plan = _open_by_hand(run, flow)
    first = _following(run.dialect).run(run.connection, run.given(after=after)).scalar()
    if first is None:
        return None
    last, asked = int(first) - 1 + limit, 0
    for trigger in plan.by_hand:
        # All triggers are asked for the same contacts.
        asked, entered, steps = enter_range(run, plan, trigger, first - 1, last)
        done.count(entered, steps)
    done.asked += asked
    return last


def _run(wiring: Wiring, connection: Connection, part: int) -> Run:
    return Run(connection, part, look(wiring, connection), wiring.clock.micros(), exact=False)


def _enroll_batch(wiring: Wiring, flow: str, keys: Sequence[str], done: Enrolled) -> None:
    with wiring.store.read() as connection:
        places = places_of(connection, wiring.store.parts, wiring.workspace_id, keys)
    by_part: dict[int, set[int]] = defaultdict(set)
    for part, contact in places.values():
        by_part[part].add(contact)
    for part in sorted(by_part) or [0]:
        with transaction(wiring.store, part) as connection:
            run = _run(wiring, connection, part)
            plan = _open_by_hand(run, flow)
            clear(connection, ENTRANT)
            _listed(run.dialect).run(connection, run.given(contacts=pack(sorted(by_part[part]))))
            for trigger in plan.by_hand:
                done.count(*enter_moving(run, plan, trigger))
    done.asked += len(keys)
    done.unknown += tuple(key for key in keys if key not in places)


def _open_by_hand(run: Run, flow: str) -> Plan:
    """Find the plan of a flow that lets contacts in by hand now.

    Errors: ``FlowError``.
    """
    version = run.deployment.live.get(flow)
    if version is None:
        raise FlowError(f"flow {flow!r} is not live; publish it first", flow=flow)
    plan = run.deployment.plans[version]
    if plan.flow_id in run.deployment.paused:
        raise FlowError(f"flow {flow!r} is paused and lets nobody in; resume it first", flow=flow)
    if not plan.by_hand:
        raise FlowError(f"flow {flow!r} has no trigger.manual; add one to let contacts in by hand", flow=flow)
    return plan


@cache
def _listed(dialect: str) -> Prepared:
    chosen = sa.select(CONTACT.c.id, NOW).where(CONTACT.c.part == PART, CONTACT.c.id.in_(numbers(dialect, "contacts")))
    return Prepared(ENTRANT.insert().from_select(["contact_id", "now"], chosen), dialect)


@cache
def _following(dialect: str) -> Prepared:
    """Find the next contact; contacts are numbered almost without gaps, so a batch is a range of numbers."""
    mine = [CONTACT.c.part == PART, CONTACT.c.id > parameter("after")]
    return Prepared(sa.select(sa.func.min(CONTACT.c.id)).where(*mine), dialect)
