"""Named segments: make, change, list, count."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from engine.access.rights import Right
from engine.api.acting import needs
from engine.api.kept import keep
from engine.errors import NotFound, RuleError
from engine.rules.model import InSegment, Rule, walk
from engine.rules.parse import parse_rule
from engine.run.cursors import CURSOR
from engine.run.subjects import segment_id
from engine.store.tables import Membership, Segment
from engine.terms import Json, Text, from_micros
from engine.wiring import Wiring

SEGMENT: sa.Table = Segment.__table__  # type: ignore[attr-defined]
MEMBERSHIP: sa.Table = Membership.__table__  # type: ignore[attr-defined]


@dataclass(frozen=True)
class SegmentLine:
    """A segment with its rule and how many are in it, as of the last tick."""

    key: str
    name: Text
    rule: Json
    created_at: datetime
    members: int


@needs(Right.EDIT)
def save_segment(wiring: Wiring, key: str, rule: object, name: Text | None = None) -> bool:
    """Make a segment or change it; give whether it is new. Who is in it is found out in the next ticks.

    Errors: ``RuleError`` for a rule that cannot be read, names a segment that is not there, or names itself.
    """
    if not key or key.startswith("@"):
        raise RuleError("a segment's key is a text that does not begin with @")
    read = parse_rule(rule)
    number, now = segment_id(wiring.workspace_id, key), wiring.clock.micros()
    with wiring.store.write() as connection:
        _refuse_circles(connection, key, read)
        values: dict[str, Any] = {"rule": rule, "created_at": now}
        if name is not None:
            values["name"] = name
        changed = connection.execute(SEGMENT.update().values(values).where(SEGMENT.c.id == number)).rowcount
        if changed:
            # Everybody is looked at again.
            connection.execute(CURSOR.delete().where(CURSOR.c.name == f"segment/{number}"))
            return False
        row = {"id": number, "workspace_id": wiring.workspace_id, "key": key, "name": name or key}
        connection.execute(SEGMENT.insert().values(**row, rule=rule, created_at=now))
        return True


def list_segments(wiring: Wiring) -> list[SegmentLine]:
    """List the named segments with the number of their members.

    Cost: reads every membership; when that takes long the numbers may be older.
    """
    chosen = sa.select(SEGMENT).where(SEGMENT.c.workspace_id == wiring.workspace_id).order_by(SEGMENT.c.key)
    with wiring.store.read() as connection:
        rows = connection.execute(chosen).all()
    inside = keep(wiring, members)
    return [
        SegmentLine(row.key, row.name, row.rule, from_micros(row.created_at), inside.get(row.id, 0)) for row in rows
    ]


def members(wiring: Wiring) -> dict[int, int]:
    """Count who is in each segment, by its id. To be kept."""
    chosen = sa.select(MEMBERSHIP.c.segment_id, sa.func.count()).where(MEMBERSHIP.c.left_at.is_(None))
    with wiring.store.read() as connection:
        rows = connection.execute(chosen.group_by(MEMBERSHIP.c.segment_id))
        return {int(segment): int(count) for segment, count in rows}


def count_members(wiring: Wiring, key: str) -> int:
    """Count who is in a segment, as of the last tick.

    Errors: ``NotFound``.
    """
    found = next((line for line in list_segments(wiring) if line.key == key), None)
    if found is None:
        raise NotFound(f"there is no segment {key!r}", segment=key)
    return found.members


def _refuse_circles(connection: Connection, key: str, rule: Rule) -> None:
    rows = connection.execute(sa.select(SEGMENT.c.key, SEGMENT.c.rule)).all()
    known = {row.key: parse_rule(row.rule) for row in rows} | {key: rule}
    waiting, seen = [rule], set[str]()
    while waiting:
        for part in walk(waiting.pop()):
            if isinstance(part, InSegment) and part.key == key:
                raise RuleError(f"segment {key!r} would be part of itself")
            if isinstance(part, InSegment) and part.key not in known:
                raise RuleError(f"there is no segment {part.key!r}")
            if isinstance(part, InSegment) and part.key not in seen:
                seen.add(part.key)
                waiting.append(known[part.key])
