"""Take calls of the Segment HTTP tracking API in: who sends, what is accepted, and when it is safe."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Final

import orjson
from sqlalchemy.engine import Connection

from engine.access import keys
from engine.access.keys import KeyRing
from engine.clock import Clock
from engine.errors import AccessError
from engine.people.events import Recorded
from engine.people.intake import Intake, IntakeFull, Submission
from engine.people.segment_api import (
    KINDS,
    Envelope,
    IncomingEvent,
    Refusal,
    Refused,
    read_batch,
    read_moment,
    read_single,
)
from engine.store.session import Store
from engine.terms import MINUTE, Micros

__all__ = ["BATCHES", "KINDS", "Ingest", "IntakeFull", "Taken", "open_ingest"]

BATCHES: Final = ("batch", "import")
"""Addresses that take many calls at once."""


@dataclass(frozen=True)
class Taken:
    """What became of a request so far.

    ``whole`` says that it was refused as a whole: the one call that it has, or a batch that is none. ``done`` is set
    once everything is committed.
    """

    accepted: int
    refused: Sequence[Refusal]
    whole: bool
    done: "Future[Recorded]"


@dataclass(frozen=True)
class Ingest:
    """The way in for events."""

    clock: Clock
    ring: KeyRing
    intake: Intake

    def take(self, kind: str, key: str | None, body: bytes) -> Taken:
        """Take the body of a request to ``/v1/{kind}``; without ``key`` it stands in the body.

        Errors: ``AccessError`` for a key that is none; ``IntakeFull`` when the sender should come again later.
        """
        now = self.clock.micros()
        sent = _parsed(body)
        written = sent.get("writeKey") if isinstance(sent, dict) else None
        holder = self.ring.verify(key or (written if isinstance(written, str) else ""))
        if holder is None:
            raise AccessError("the write key is missing or not valid; make one with dripline keys create")
        envelope = Envelope(holder.id, now, holder.workspace_id)
        try:
            accepted, refused = _read(kind, body, sent, envelope)
            whole = False
        except Refused as fault:
            accepted, refused = [], [Refusal(0, fault.code, fault.reason, body.decode("utf-8", "replace"))]
            whole = True
        submission = Submission(holder.id, now, accepted, refused, holder.workspace_id, len(body))
        return Taken(len(accepted), refused, whole, self.intake.submit(submission))

    def close(self) -> None:
        """Write what waits and stop."""
        self.intake.close()


def open_ingest(
    store: Store, clock: Clock, told: Callable[[Recorded], None] = lambda recorded: None, *, start: bool = True
) -> Ingest:
    """Open the way in; ``told`` hears of everything that was recorded.

    Shape: without ``start`` nothing is written until ``intake.drain`` is called.
    """
    intake = Intake(store, alongside=_Uses(clock), told=told)
    return Ingest(clock, KeyRing(store), intake.start() if start else intake)


class _Uses:
    """Note when keys were used, at most once a minute each."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._noted: dict[str, Micros] = {}

    def __call__(self, connection: Connection, submissions: Sequence[Submission]) -> None:
        now = self._clock.micros()
        due = {each.source for each in submissions if now - self._noted.get(each.source, now - MINUTE) >= MINUTE}
        if due:
            keys.note_use(connection, due, now=now)
            self._noted.update(dict.fromkeys(due, now))


@dataclass(frozen=True)
class _Broken:
    """Stands for a body that is not JSON."""

    reason: str


def _parsed(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as fault:
        return _Broken(str(fault))


def _read(kind: str, body: bytes, sent: Any, envelope: Envelope) -> tuple[list[IncomingEvent], list[Refusal]]:
    """Read all calls of a request.

    Errors: ``Refused`` when it is refused as a whole.
    """
    if isinstance(sent, _Broken):
        raise Refused("json", f"the body is not JSON: {sent.reason}")
    if kind not in BATCHES:
        return [read_single(body, sent, envelope, kind)], []
    calls, envelope = _opened(sent, envelope)
    return read_batch(body, calls, envelope)


def _opened(sent: Any, envelope: Envelope) -> tuple[list[object], Envelope]:
    """Read what a batch says about all its calls."""
    if not isinstance(sent, dict) or not isinstance(sent.get("batch"), list):
        raise Refused("batch", "batch is a list of calls")
    context = sent.get("context") or {}
    if not isinstance(context, dict):
        raise Refused("context", "context is a JSON object")
    sent_at = read_moment(sent["sentAt"], "sentAt") if sent.get("sentAt") else None
    return sent["batch"], envelope._replace(context=context, sent_at=sent_at)
