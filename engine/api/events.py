"""Events in bulk: calls of the tracking API from a file, one JSON object a line."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import Any, Final

import orjson
from sqlalchemy.engine import Connection

from engine.people.events import Recorded, record
from engine.people.lines import Lines, Readable
from engine.people.segment_api import Call, Envelope, IncomingEvent, Refused, read_single
from engine.people.transactions import committed
from engine.wiring import Wiring

SOURCE: Final = "import"
BATCH: Final = 2_000
KEPT: Final = 1_000
"""So many refusals are kept with their lines; the others are only counted."""

Progress = Callable[[float], None]


@dataclass(frozen=True)
class Problem:
    """A line that was refused, and why."""

    line: int
    reason: str
    level: str = "refused"


@dataclass
class Imported:
    """What became of a file; ``problems`` are the first thousand refusals."""

    taken: int = 0
    repeated: int = 0
    refused: int = 0
    problems: list[Problem] = field(default_factory=list)

    @property
    def words(self) -> str:
        """Say it in a sentence."""
        return f"{self.taken:,} taken, {self.repeated:,} known before, {self.refused:,} refused"

    def as_json(self) -> dict[str, Any]:
        """Give it to programs."""
        facts = {name: getattr(self, name) for name in ("taken", "repeated", "refused")}
        return {**facts, "problems": [{"line": each.line, "reason": each.reason} for each in self.problems]}


def import_events(wiring: Wiring, source: Readable, progress: Progress = lambda _: None) -> Imported:
    """Take calls over; a line that cannot be taken is told and passed over.

    Shape: calls may lie in the future. A line without a ``messageId`` is known again by its text, so that importing a
    file twice changes nothing. ``progress`` hears how many bytes were read.
    """
    done = Imported()
    lines = Lines(source)
    calls = _calls(lines, Envelope(SOURCE, wiring.clock.micros(), wiring.workspace_id, is_live=False), done)
    while batch := list(islice(calls, BATCH)):
        recorded = committed(wiring.store, partial(_record, wiring.store.parts, batch))
        done.taken += len(batch) - recorded.repeated
        done.repeated += recorded.repeated
        progress(lines.position)
    progress(lines.position)
    return done


def _record(parts: int, rows: list[IncomingEvent], connection: Connection) -> Recorded:
    return record(connection, parts, rows)


def _calls(lines: Lines, envelope: Envelope, done: Imported) -> Iterator[IncomingEvent]:
    for number, text in enumerate(lines, start=1):
        body = text.strip().encode(errors="surrogateescape")
        if not body:
            continue
        try:
            yield read_single(body, _parsed(body), envelope._replace(message_id=_by_text(body)), None)
        except Refused as fault:
            done.refused += 1
            if len(done.problems) < KEPT:
                done.problems.append(Problem(number, fault.reason))


def _parsed(body: bytes) -> object:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as fault:
        raise Refused("json", f"is no JSON: {fault}") from None


def _by_text(body: bytes) -> Callable[[Call], str]:
    return lambda _: hashlib.sha256(body).hexdigest()
