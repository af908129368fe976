"""Let go of the journal of enrollments that ended long ago, in batches, while everything else goes on.

A page never reads the journal for its counts, and ``passage.pruned`` says how many of the counted steps have no row any
more, so that counts and journal can still be compared. Messages, ends and what was concluded stay.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from engine.library import steps
from engine.library.plan import Plan
from engine.run.archive import Archive
from engine.run.lineage import ENROLLMENT, JOURNAL, version_of_step
from engine.store.claims import claim
from engine.store.dialect import upsert
from engine.store.session import Store
from engine.store.tables import Contact, Cursor, Passage
from engine.terms import DAY, HOUR, Json, Micros, format_instant

CONTACT: sa.Table = Contact.__table__  # type: ignore[attr-defined]
CURSOR: sa.Table = Cursor.__table__  # type: ignore[attr-defined]
PASSAGE: sa.Table = Passage.__table__  # type: ignore[attr-defined]

CONTACTS: Final = 2_000
"""So many contacts are gone through in a transaction: a page's command waits for one of them at most."""

PRUNED: Final = "pruned"
"""The cursor that says until when enrollments that ended may have no journal."""

LEAST: Final = DAY
"""The journal of what ended is kept at least so long."""

Stop = Callable[[], bool]
Tell = Callable[[float], None]
Plans = Mapping[int, Plan]


@dataclass
class Pruned:
    """How many rows were let go of, and the steps that they told of."""

    journal: int = 0
    steps: int = 0
    events: int = 0

    def as_json(self) -> dict[str, int]:
        """Give it to programs."""
        return {"journal": self.journal, "steps": self.steps, "events": self.events}


def prune_journal(
    store: Store, plans: Plans, before: Micros, archive: Archive | None, done: Pruned, stop: Stop, tell: Tell
) -> None:
    """Delete the journal of enrollments that ended before an instant.

    Cost: one transaction for each ``CONTACTS`` that have some; who has none costs one look into an index.
    """
    for part in range(store.parts):
        first = 0
        while not stop():
            with store.read() as connection:
                found = connection.scalar(_first(part, first, before))
            if found is None:
                break
            first = found + CONTACTS
            with store.write() as connection:
                claim(connection, part)  # nobody merges a contact between what is kept and what is deleted
                _prune(connection, plans, _Batch(part, found, first, before), archive, done)
            tell(done.journal)


@dataclass(frozen=True)
class _Batch:
    """The contacts of a part from ``first`` to before ``end``."""

    part: int
    first: int
    end: int
    before: Micros

    @property
    def ended(self) -> list[sa.ColumnElement[bool]]:
        """Choose their enrollments that ended long ago."""
        e = ENROLLMENT.c
        return [e.part == self.part, e.contact_id >= self.first, e.contact_id < self.end, *self.over]

    @property
    def over(self) -> list[sa.ColumnElement[bool]]:
        """Choose enrollments that ended long ago."""
        return [ENROLLMENT.c.state != "active", ENROLLMENT.c.ended_at < self.before]


_OF_ROW: Final = sa.and_(
    JOURNAL.c.part == ENROLLMENT.c.part,
    JOURNAL.c.contact_id == ENROLLMENT.c.contact_id,
    JOURNAL.c.enrollment_id == ENROLLMENT.c.id,
)


def _first(part: int, first: int, before: Micros) -> sa.Select[Any]:
    """Find the next contact who has journal to let go of."""
    e = ENROLLMENT.c
    wanted = [e.part == part, e.contact_id >= first, e.state != "active", e.ended_at < before]
    chosen = sa.select(e.contact_id).where(*wanted, sa.exists().where(_OF_ROW))
    return chosen.order_by(e.contact_id).limit(1)


def _prune(connection: Connection, plans: Plans, batch: _Batch, archive: Archive | None, done: Pruned) -> None:
    counted = _count(connection, plans, batch)
    if archive is not None:
        archive.keep("journal", _lines(connection, plans, batch))
    told = [
        {"part": batch.part, "version_id": version, "node": node, "port": port, "hour": hour, "pruned": gone}
        for (version, node, port, hour), gone in sorted(counted.items())
    ]
    if told:
        # A merge takes journal into another part, and leaves the counts where they were: there may be no row yet.
        insert = upsert(PASSAGE, connection.dialect.name)
        more = {"pruned": PASSAGE.c.pruned + insert.excluded.pruned}
        keys = [column.name for column in PASSAGE.primary_key.columns]
        rows = [{**row, "passed": 0} for row in told]
        connection.execute(insert.on_conflict_do_update(index_elements=keys, set_=more), rows)
    # Without the ends of the batch, else PostgreSQL may go through all of it for each row of the journal.
    gone = sa.exists().where(_OF_ROW, *batch.over)
    here = [JOURNAL.c.part == batch.part, JOURNAL.c.contact_id >= batch.first, JOURNAL.c.contact_id < batch.end]
    done.journal += connection.execute(JOURNAL.delete().where(*here, gone)).rowcount
    done.steps += counted.total()
    _note(connection, batch)


def _count(connection: Connection, plans: Plans, batch: _Batch) -> Counter[tuple[int, int, str, int]]:
    """Count the steps by version, node, port and hour: few different paths, however many rows."""
    version, hour = version_of_step().label("version_id"), (JOURNAL.c.at - JOURNAL.c.at % HOUR).label("hour")
    rows = sa.select(version, JOURNAL.c.steps, hour).select_from(ENROLLMENT.join(JOURNAL, _OF_ROW)).where(*batch.ended)
    each = rows.subquery()
    what = (each.c.version_id, each.c.steps, each.c.hour)
    counted: Counter[tuple[int, int, str, int]] = Counter()
    for version_id, path, at, times in connection.execute(sa.select(*what, sa.func.count()).group_by(*what)):
        for node, port in steps.read_steps(path):
            counted[version_id, node, plans[version_id].nodes[node].ports[port], at] += times
    return counted


def _lines(connection: Connection, plans: Plans, batch: _Batch) -> Iterator[dict[str, Json]]:
    """Write the steps down as ``dripline journal`` does, each with its flow."""
    e, j = ENROLLMENT.c, JOURNAL.c
    known = sa.and_(CONTACT.c.part == e.part, CONTACT.c.id == e.contact_id)
    version = version_of_step().label("version_id")
    chosen = (
        sa.select(j.at, CONTACT.c.key, e.ordinal, j.steps, version)
        .select_from(ENROLLMENT.join(JOURNAL, _OF_ROW).join(CONTACT, known))
        .where(*batch.ended)
        .order_by(j.contact_id, e.id, j.at, j.wave, j.token_id)
    )
    for row in connection.execute(chosen):
        plan = plans[row.version_id]
        whose: dict[str, Json] = {"at": format_instant(row.at), "contact": row.key, "enrollment": row.ordinal}
        for node, port in steps.read_steps(row.steps):
            name, way = plan.where(node, port)
            yield {**whose, "node": name, "port": way, "flow": plan.flow_key}


def _note(connection: Connection, batch: _Batch) -> None:
    row = upsert(CURSOR, connection.dialect.name).values(part=batch.part, name=PRUNED, position=batch.before)
    later = sa.case((CURSOR.c.position > row.excluded.position, CURSOR.c.position), else_=row.excluded.position)
    connection.execute(row.on_conflict_do_update(index_elements=["part", "name"], set_={"position": later}))
