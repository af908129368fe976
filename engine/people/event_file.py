"""Import events from a file of Segment calls, one a line: streamed, in batches, refusals by line."""

import codecs
import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import Final

import orjson

from engine.people.events import Recorded, record
from engine.people.lines import Readable
from engine.people.segment_api import CALL_BYTES, Call, Envelope, IncomingEvent, Refusal, Refused, read_single
from engine.people.transactions import collector_off, committed
from engine.store.session import Store
from engine.terms import Micros

BATCH: Final = 5_000
KEPT: Final = 1_000
CHUNK: Final = 1 << 18
LONGEST: Final = 64 * CALL_BYTES
SOURCE: Final = "import"
"""The source of events that came from a file."""


@dataclass
class EventReport:
    """What became of a file.

    ``rows`` counts lines with a call; ``refused`` those that were not accepted, of which the first are in
    ``refusals``, with the number of their line.
    """

    rows: int = 0
    refused: int = 0
    recorded: Recorded = field(default_factory=Recorded)
    refusals: list[Refusal] = field(default_factory=list)

    def tell(self, refusal: Refusal) -> None:
        """Note a line that was not accepted."""
        self.refused += 1
        if len(self.refusals) < KEPT:
            self.refusals.append(refusal)


def import_events(
    store: Store,
    source: Readable,
    *,
    now: Micros,
    workspace_id: int = 1,
    progress: Callable[[int], None] = lambda position: None,
    batch: int = BATCH,
) -> EventReport:
    """Record the calls of a file; a line that is none is told and passed over.

    Shape: a call without type is a track call; one without message id is known again by its text, so that the same
    file twice is harmless. Instants are taken as they stand, also future ones.
    ``progress`` hears after each transaction how many bytes were read.
    """
    report = EventReport()
    envelope = Envelope(SOURCE, now, workspace_id, is_live=False, message_id=_digest)
    numbered = enumerate(_lines(source), start=1)
    position = 0
    while lines := list(islice(numbered, batch)):
        with collector_off():
            rows = list(_accepted(lines, envelope, report))
            report.recorded += committed(store, partial(record, parts=store.parts, rows=rows))
        position += sum(len(line) for _, line in lines)
        progress(position)
    return report


def _accepted(lines: Sequence[tuple[int, bytes]], envelope: Envelope, report: EventReport) -> Iterator[IncomingEvent]:
    for number, line in lines:
        text = line.strip()
        if not text:
            continue
        report.rows += 1
        try:
            yield read_line(text, envelope)
        except Refused as fault:
            payload = text[:CALL_BYTES].decode("utf-8", "replace")
            report.tell(Refusal(number, fault.code, fault.reason, payload))


def read_line(line: bytes, envelope: Envelope) -> IncomingEvent:
    """Read one line of a file: a call, a track call when it does not say.

    Errors: ``Refused``.
    """
    try:
        call = orjson.loads(line)
    except orjson.JSONDecodeError as fault:
        raise Refused("json", f"the line is not JSON: {fault}") from None
    kind = None if isinstance(call, dict) and call.get("type") else "track"
    return read_single(line, call, envelope, kind)


def _digest(call: Call) -> str:
    return hashlib.sha256(orjson.dumps(call, option=orjson.OPT_SORT_KEYS)).hexdigest()[:32]


def _lines(source: Readable) -> Iterator[bytes]:
    """Split a stream into lines; one that is longer than any call may be is cut."""
    pending = source.read(CHUNK).removeprefix(codecs.BOM_UTF8)
    while pending:
        *lines, rest = pending.split(b"\n")
        yield from (line + b"\n" for line in lines)
        more = source.read(CHUNK)
        if rest and (not more or len(rest) > LONGEST):
            yield rest
            rest = b""
        pending = rest + more
