"""Let go of old journal and events, when somebody asks for it."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from engine.schedule.pruning import Kept, Pruned, prune_by_age
from engine.wiring import Wiring

__all__ = ["Pruned", "prune"]


def prune(
    wiring: Wiring,
    journal: timedelta | None = None,
    events: timedelta | None = None,
    archive: Path | None = None,
    told: Callable[[float], None] = lambda rows: None,
) -> Pruned | None:
    """Let go of what is older than that; without either, what the settings say. Nothing when they say nothing.

    Errors: ``StoreError`` for less than a day of journal or less than a week of events.
    """
    said = Kept.of(wiring.settings)
    asked = journal is not None or events is not None
    kept = Kept(journal, events, archive or said.archive) if asked else said
    return None if kept.journal is None and kept.events is None else prune_by_age(wiring, kept, tell=told)
