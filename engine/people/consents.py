"""What contacts allow: their last word per topic and channel, given or withdrawn from outside."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Final, Literal, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from engine.people.changes import number_changes
from engine.people.contacts import Place
from engine.people.suppressions import restrict
from engine.store.dialect import upsert
from engine.store.rowsets import pack, rowset
from engine.store.tables import Consent
from engine.terms import Micros

CONSENT: sa.Table = Consent.__table__  # type: ignore[attr-defined]

ALL: Final = "*"
"""Stands for every topic, or every channel."""


class ConsentRow(NamedTuple):
    """One word of one contact on a topic and a channel, with where it came from."""

    part: int
    contact_id: int
    topic: str
    channel: str
    state: Literal["granted", "withdrawn"]
    source: str
    at: Micros


def grant(
    connection: Connection, place: Place, *, source: str, at: Micros, topic: str = ALL, channel: str = ALL
) -> None:
    """Note that a contact allows a topic on a channel; without them, everything.

    Cost: four statements.
    """
    note(connection, [ConsentRow(*place, topic, channel, "granted", source, at)])


def withdraw(
    connection: Connection, place: Place, *, source: str, at: Micros, topic: str = ALL, channel: str = ALL
) -> None:
    """Note that a contact forbids a topic on a channel; without them, everything.

    Cost: four statements.
    """
    note(connection, [ConsentRow(*place, topic, channel, "withdrawn", source, at)])


def note(connection: Connection, rows: Sequence[ConsentRow]) -> None:
    """Note words of contacts; an older word never overrides a newer one, and of two at once no counts.

    Cost: four statements, however many rows.
    """
    last: dict[tuple[int, int, str, str], ConsentRow] = {}
    for row in sorted(rows, key=lambda row: (row.at, row.state)):
        last[row[:4]] = row
    if not last:
        return
    connection.execute(_noting(connection.dialect.name), {"said": pack(tuple(row) for row in sorted(last.values()))})
    places = {(row.part, row.contact_id) for row in last.values()}
    number_changes(connection, places)
    restrict(connection, places)


@lru_cache(maxsize=2)
def _noting(dialect: str) -> sa.Insert:
    said = rowset(dialect, "said", **{column.name: column.type for column in CONSENT.columns})
    insert = upsert(CONSENT, dialect)
    new = insert.excluded
    newer = sa.or_(new.at > CONSENT.c.at, sa.and_(new.at == CONSENT.c.at, new.state == "withdrawn"))
    statement: sa.Insert = insert.from_select(
        [column.name for column in CONSENT.columns], sa.select(said).where(sa.true())
    ).on_conflict_do_update(
        index_elements=["part", "contact_id", "topic", "channel"],
        set_={"state": new.state, "source": new.source, "at": new.at},
        where=newer,
    )
    return statement
