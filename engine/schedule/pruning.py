"""Let go of old journal and events as the settings say, or as somebody asks."""

from contextlib import nullcontext
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from engine.errors import StoreError
from engine.run import pruning, pruning_events
from engine.run.archive import Archive
from engine.run.pruning import Pruned, Stop, Tell
from engine.settings import Settings
from engine.terms import Micros, length_micros
from engine.wiring import Wiring, look

__all__ = ["Kept", "Pruned", "prune_by_age"]


@dataclass(frozen=True)
class Kept:
    """How long what is kept, nothing for ever; ``archive`` is where it is written before it goes."""

    journal: timedelta | None = None
    events: timedelta | None = None
    archive: Path | None = None

    @classmethod
    def of(cls, settings: Settings) -> "Kept":
        """Take the settings' word."""
        return cls(settings.keep_journal, settings.keep_events, settings.archive)


def prune_by_age(wiring: Wiring, kept: Kept, stop: Stop = lambda: False, tell: Tell = lambda rows: None) -> Pruned:
    """Let go of what is older than it has to be kept, in batches; give how many rows.

    Errors: ``StoreError`` for less than a day of journal or less than a week of events.
    """
    now, done = wiring.clock.micros(), Pruned()
    journal = _before(kept.journal, now, pruning.LEAST, "the journal is kept for a day at least")
    events = _before(kept.events, now, pruning_events.LEAST, "events are kept for a week at least")
    if journal is None and events is None:
        return done
    with wiring.store.read() as connection:
        deployment = look(wiring, connection)
        plans = wiring.deployments.plans_of(connection)
    with Archive(kept.archive, now) if kept.archive is not None else nullcontext() as archive:
        if journal is not None:
            pruning.prune_journal(wiring.store, plans, journal, archive, done, stop, tell)
        if events is not None:
            pruning_events.prune_events(wiring.store, deployment, events, now, archive, done, stop, tell)
    return done


def _before(age: timedelta | None, now: Micros, least: Micros, says: str) -> Micros | None:
    if age is None:
        return None
    if length_micros(age) < least:
        raise StoreError(says)
    return now - length_micros(age)
