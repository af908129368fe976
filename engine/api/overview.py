"""What the list of flows shows beside the counts: when a draft was changed, and how busy a flow was day by day."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from engine.api.kept import keep
from engine.graph.document import read_document
from engine.graph.model import Document
from engine.library import drafts
from engine.store.tables import Draft, Flow, FlowVersion, Passage
from engine.terms import DAY, from_micros
from engine.wiring import Wiring

DRAFT: sa.Table = Draft.__table__  # type: ignore[attr-defined]
FLOW: sa.Table = Flow.__table__  # type: ignore[attr-defined]
VERSION: sa.Table = FlowVersion.__table__  # type: ignore[attr-defined]
PASSAGE: sa.Table = Passage.__table__  # type: ignore[attr-defined]

DAYS: Final = 14


@dataclass(frozen=True)
class DraftLine:
    """A flow's draft: its revision, and when it was changed last."""

    key: str
    revision: int
    changed_at: datetime


def list_drafts(wiring: Wiring) -> dict[str, DraftLine]:
    """List all drafts by the keys of their flows."""
    chosen = (
        sa.select(FLOW.c.key, DRAFT.c.revision, DRAFT.c.changed_at)
        .join(DRAFT, DRAFT.c.flow_id == FLOW.c.id)
        .where(FLOW.c.workspace_id == wiring.workspace_id)
    )
    with wiring.store.read() as connection:
        return {
            row.key: DraftLine(row.key, row.revision, from_micros(row.changed_at)) for row in connection.execute(chosen)
        }


def drawing_of(wiring: Wiring, key: str) -> Document | None:
    """Read a flow's draft to draw it; nothing when not even that can be done.

    Errors: ``NotFound``.
    """
    with wiring.store.read() as connection:
        raw = drafts.load(connection, wiring.workspace_id, key)[2]
    return read_document(raw, wiring.registry)[0]


def busy_days(wiring: Wiring, days: int = DAYS) -> Mapping[str, list[int]]:
    """Count the steps that contacts took in each flow on each of the last days, today last.

    Cost: reads the counters of those days, not the journal; when that takes long the answer may be older.
    """
    return keep(wiring, steps_by_day, days)


def steps_by_day(wiring: Wiring, days: int) -> dict[str, list[int]]:
    """Count what ``busy_days`` tells. To be kept."""
    today = wiring.clock.micros() // DAY
    day: Any = PASSAGE.c.hour // DAY
    chosen = (
        sa.select(FLOW.c.key, day.label("day"), sa.func.sum(PASSAGE.c.passed).label("steps"))
        .join(VERSION, VERSION.c.id == PASSAGE.c.version_id)
        .join(FLOW, FLOW.c.id == VERSION.c.flow_id)
        .where(FLOW.c.workspace_id == wiring.workspace_id, PASSAGE.c.hour >= (today - days + 1) * DAY)
        .group_by(FLOW.c.key, day)
    )
    found: dict[str, list[int]] = {}
    with wiring.store.read() as connection:
        for row in connection.execute(chosen):
            place = int(row.day) - (today - days + 1)
            if 0 <= place < days:
                found.setdefault(row.key, [0] * days)[place] = int(row.steps)
    return found
