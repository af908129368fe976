"""Give everything that belongs to one contact to another, if need be in another part of the store.

Rows keep their numbers within a part; in another part they get new ones, in the same order.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from engine.people.contacts import Place
from engine.store import sequences
from engine.store.dialect import insert_ignore
from engine.store.tables import Cursor, Event, EventAhead, metadata

Row: TypeAlias = dict[str, Any]

EVENT: sa.Table = Event.__table__  # type: ignore[attr-defined]
AHEAD: sa.Table = EventAhead.__table__  # type: ignore[attr-defined]
CURSOR: sa.Table = Cursor.__table__  # type: ignore[attr-defined]

EVENT_CURSOR: Final = "events"
"""The cursor of who lets events act."""

EVENTS: Final = "event"
PASSAGES: Final = "enrollment"
"""The sequences that count events, and enrollments and tokens together."""

_ACTED: Final = "event_acted"
"""Counts, downwards from zero, events that acted in another part before they came."""

PLAIN: Final = (
    "assignment",
    "contact_tag",
    "delivery",
    "enrollment",
    "failure",
    "inbox",
    "journal",
    "message",
    "recheck",
    "suppression",
    "task",
    "token",
    "transfer",
)
"""Tables whose rows are taken over as they are; where the survivor has such a row already, its own counts."""

FIRST: Final = ("conversion",)
"""Tables of what happened first: of two rows about the same the earlier counts."""

APART: Final = ("consent", "contact_alias", "event", "exposure", "membership")
"""Tables that need a word of their own."""

_NUMBERED: Final = {"enrollment": ("id",), "token": ("id",)}


def table(name: str) -> sa.Table:
    """Find a table by its name."""
    return metadata.tables[name]


def of_contact(name: str, place: Place) -> sa.ColumnElement[bool]:
    """Choose the rows of a contact in a table."""
    found = table(name)
    return sa.and_(found.c.part == place[0], found.c.contact_id == place[1])


def read(connection: Connection, name: str, place: Place) -> list[Row]:
    """Read the rows of a contact in a table, in the order of their key."""
    found = table(name)
    chosen = sa.select(found).where(of_contact(name, place)).order_by(*found.primary_key.columns)
    return [dict(row) for row in connection.execute(chosen).mappings()]


def remove(connection: Connection, name: str, place: Place) -> None:
    """Delete the rows of a contact in a table."""
    connection.execute(table(name).delete().where(of_contact(name, place)))


def write(connection: Connection, name: str, rows: Sequence[Row]) -> None:
    """Insert rows; those whose key is taken are passed over."""
    if rows:
        connection.execute(insert_ignore(table(name), connection.dialect.name), rows)


def new_numbers(connection: Connection, source: Place, target: Place) -> dict[int, int]:
    """Give new numbers to the enrollments and tokens of a contact that goes to another part; none within one.

    Cost: six statements.
    """
    if source[0] == target[0]:
        return {}
    old: set[int] = set()
    for name in ("enrollment", "token"):
        old.update(connection.scalars(sa.select(table(name).c.id).where(of_contact(name, source))))
    for name in ("journal", "failure", "transfer"):
        old.update(connection.scalars(sa.select(table(name).c.token_id).where(of_contact(name, source))))
    if not old:
        return {}
    first = sequences.take(connection, target[0], PASSAGES, len(old))
    return {number: first + place for place, number in enumerate(sorted(old))}


def take_over(connection: Connection, source: Place, target: Place, numbers: Mapping[int, int]) -> None:
    """Give all rows of one contact to another, but for those of ``consent``, ``contact_alias`` and ``exposure``.

    Cost: a few statements a table.
    """
    for name in PLAIN:
        rows = read(connection, name, source)
        remove(connection, name, source)
        write(connection, name, [_rekeyed(name, row, target, numbers) for row in rows])
    for name in FIRST:
        rows = [*read(connection, name, target), *read(connection, name, source)]
        remove(connection, name, source)
        remove(connection, name, target)
        write(connection, name, _firsts(name, [_rekeyed(name, row, target, numbers) for row in rows]))
    _take_over_stays(connection, source, target)
    _take_over_events(connection, source, target)


def _rekeyed(name: str, row: Row, target: Place, numbers: Mapping[int, int]) -> Row:
    part, contact_id = target
    changed: Row = {column: numbers.get(row[column], row[column]) for column in _renumbered(name) if column in row}
    if name == "inbox":
        _, _, enrollment, *rest = row["message_key"].split("-")
        moved = numbers.get(int(enrollment), int(enrollment))
        changed["message_key"] = "-".join([str(part), str(contact_id), str(moved), *rest])
    return {**row, **changed, "part": part, "contact_id": contact_id}


def _renumbered(name: str) -> tuple[str, ...]:
    return ("enrollment_id", "token_id", *_NUMBERED.get(name, ()))


def _firsts(name: str, rows: Sequence[Row]) -> list[Row]:
    keys = [column.name for column in table(name).primary_key.columns]
    firsts: dict[tuple[Any, ...], Row] = {}
    for row in sorted(rows, key=lambda row: int(row["at"])):
        firsts.setdefault(tuple(row[key] for key in keys), row)
    return list(firsts.values())


def _take_over_stays(connection: Connection, source: Place, target: Place) -> None:
    """Take stays in segments over; where both are in one now, the survivor's own goes on."""
    here = {row["segment_id"] for row in read(connection, "membership", target) if row["left_at"] is None}
    rows = read(connection, "membership", source)
    remove(connection, "membership", source)
    kept = [row for row in rows if row["left_at"] is not None or row["segment_id"] not in here]
    write(connection, "membership", [_rekeyed("membership", row, target, {}) for row in kept])


def _take_over_events(connection: Connection, source: Place, target: Place) -> None:
    """Take events over: those that have not acted yet still will, those that have will not again."""
    if source[0] == target[0]:
        connection.execute(EVENT.update().values(contact_id=target[1]).where(of_contact("event", source)))
        return
    rows = read(connection, "event", source)
    if not rows:
        return
    remove(connection, "event", source)
    cursor = sa.select(CURSOR.c.position).where(CURSOR.c.part == source[0], CURSOR.c.name == EVENT_CURSOR)
    position = connection.scalar(cursor) or 0
    acted = [row for row in rows if row["id"] <= position]
    coming = [row for row in rows if row["id"] > position]
    numbers: dict[int, int] = {}
    if coming:
        first = sequences.take(connection, target[0], EVENTS, len(coming))
        numbers.update((row["id"], first + place) for place, row in enumerate(coming))
    if acted:
        first = sequences.take(connection, target[0], _ACTED, len(acted))
        numbers.update((row["id"], place - first - len(acted) + 1) for place, row in enumerate(acted))
    moved = [{**_rekeyed("event", row, target, {}), "id": numbers[row["id"]]} for row in rows]
    write(connection, "event", moved)
    _take_over_ahead(connection, source[0], target[0], numbers)


def _take_over_ahead(connection: Connection, source: int, target: int, numbers: Mapping[int, int]) -> None:
    """Let events that wait for their instant go on waiting under their new numbers."""
    waiting = sa.and_(AHEAD.c.part == source, AHEAD.c.id.in_(list(numbers)))
    rows = [dict(row) for row in connection.execute(sa.select(AHEAD).where(waiting)).mappings()]
    connection.execute(AHEAD.delete().where(waiting))
    write(connection, "event_ahead", [{**row, "part": target, "id": numbers[row["id"]]} for row in rows])
