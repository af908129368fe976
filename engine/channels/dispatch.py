"""Hand over what is owed: render, claim and commit the intent, call the network outside of any transaction, record.

At most ``concurrency`` calls of a channel are under way at any moment, each for as many messages as the channel takes
at once: so many are between intent and result, and a crash leaves at most that many in doubt. The results of some calls
and the intents of the next are one transaction.
"""

import asyncio
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property

from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError

from engine.channels import outbox
from engine.channels.ahead import Place, Prospect, Stock
from engine.channels.base import SENT, Channel, Outcome, Outgoing, in_doubt
from engine.channels.flights import Flights
from engine.channels.happenings import BOUNCED, Happening, RecordEvents, take_note
from engine.channels.links import Links
from engine.channels.outbox import Claimed, Result
from engine.channels.prepare import ContentOf, Ready
from engine.channels.render import Renderer
from engine.channels.surroundings import Surroundings, read_surroundings
from engine.clock import Clock
from engine.store.claims import MESSAGES, claim, own_order
from engine.store.session import Store
from engine.terms import Json, Micros, length_micros

CONCURRENCY = 8
LIMIT = 2_000

FRESH = 0.05
"""Seconds for which a list of places holds: then others may have handed over what waited there."""


@dataclass
class DispatchReport:
    """What became of the messages of one round."""

    sent: int = 0
    again: int = 0
    failed: int = 0
    in_doubt: int = 0
    suppressed: int = 0
    put_off: int = 0

    def count(self, results: Sequence[Result]) -> None:
        """Add results."""
        for result in results:
            state = "suppressed" if result.outcome is None else _COUNTED[result.outcome.state]
            setattr(self, state, getattr(self, state) + 1)

    @property
    def total(self) -> int:
        """How many messages were looked at."""
        return self.sent + self.again + self.failed + self.in_doubt + self.suppressed + self.put_off


_COUNTED = {"sent": "sent", "temporary": "again", "permanent": "failed", "in_doubt": "in_doubt"}


NoteSent = Callable[[Connection, str, Sequence[Claimed]], None]
"""Hear of messages that a worker has just recorded as sent, in the same transaction."""


def _nobody_counts(connection: Connection, worker: str, sent: Sequence[Claimed]) -> None:
    pass


@dataclass(frozen=True)
class Office:
    """All that dispatch works with."""

    store: Store
    clock: Clock
    channels: Mapping[str, Channel]
    renderer: Renderer
    content_of: ContentOf
    links: Links
    record_events: RecordEvents
    note_sent: NoteSent = _nobody_counts
    broken_off: threading.Event = field(default_factory=threading.Event)
    """Set when a round of this process has failed: it may have left messages between intent and result."""


def dispatch(
    office: Office,
    *,
    worker: str,
    limit: int = LIMIT,
    concurrency: int = CONCURRENCY,
    stop: Callable[[], bool] = lambda: False,
) -> DispatchReport:
    """Hand over messages that are due, at most ``limit`` of each channel.

    Shape: ``worker`` names this start of this process and no other. Returns early, with nothing in flight, when
    ``stop`` says so. Errors: those of the database; of what was in flight then the next round decides as ``recover``
    does of what a process left that died.
    """
    report = DispatchReport()
    if office.broken_off.is_set():
        # Nobody else decides about what this worker left: it lives.
        recover(office.store, office.clock, office.channels, only=worker)
        office.broken_off.clear()
    with office.store.read() as connection:
        surroundings = read_surroundings(connection)
        lanes = [
            _Lane(office, channel, names, worker, limit, concurrency, stop, report, surroundings)
            for channel, names in _grouped(office.channels)
        ]
        due = [lane for lane in lanes if lane.find_due(connection)]
    if due:
        try:
            asyncio.run(_run(due))
        except BaseException:
            office.broken_off.set()
            raise
    return report


def recover(
    store: Store,
    clock: Clock,
    channels: Mapping[str, Channel],
    *,
    living: Sequence[str] = (),
    only: str | None = None,
    after: timedelta = timedelta(0),
) -> tuple[int, int]:
    """Find messages whose worker died between intent and result: send them again where that does no harm.

    Shape: how many are queued again, and how many are in doubt now. ``living`` are workers known to be alive; ``only``
    names the one whose messages these are, alive or not; intents younger than ``after`` are left alone. Cost: at most
    two statements a part.
    """
    keyed = [name for name, channel in channels.items() if channel.keyed]
    now = clock.micros()
    again = lost = 0
    for part in range(store.parts):
        with store.write() as connection:
            found = outbox.take_back(
                connection,
                part,
                now=now,
                before=now - length_micros(after) + 1,
                living=living,
                only=only,
                keyed=keyed,
            )
        again, lost = again + found[0], lost + found[1]
    return again, lost


def _grouped(channels: Mapping[str, Channel]) -> list[tuple[Channel, list[str]]]:
    """Bring names together that one object delivers, such as the inbox."""
    groups: dict[int, tuple[Channel, list[str]]] = {}
    for name, channel in sorted(channels.items()):
        groups.setdefault(id(channel), (channel, []))[1].append(name)
    return list(groups.values())


async def _run(lanes: "list[_Lane]") -> None:
    """Let all lanes come to their end, also when one of them fails: what they hand over is written down."""
    ends = await asyncio.gather(*(lane.run(alone=len(lanes) == 1) for lane in lanes), return_exceptions=True)
    for fault in (end for end in ends if end is not None):
        raise fault


@dataclass
class _Lane:
    """One channel's round: a window of messages in flight over the parts that have due ones."""

    office: Office
    channel: Channel
    names: list[str]
    worker: str
    limit: int
    concurrency: int
    stop: Callable[[], bool]
    report: DispatchReport
    surroundings: Surroundings
    places: list[Place] = field(default_factory=list)
    looked: float = 0.0
    found: bool = False
    """Whether anything was found at the present place."""
    taken: bool = False
    """Whether what was found there went to others."""
    flights: Flights = field(default_factory=Flights)

    @cached_property
    def stock(self) -> Stock:
        """What is rendered and waits for room in the window."""
        office = self.office
        return Stock(office.store, office.renderer, office.links, office.content_of, self.surroundings, self.worker)

    def find_due(self, connection: Connection) -> bool:
        """Look which parts have messages to hand over, by which of the channel's names."""
        now, parts = self.office.clock.micros(), range(self.office.store.parts)
        places = outbox.places_with_due(connection, parts, now, self.names)
        # Who meets others leaves the messages to them.
        self.places = sorted(places, key=lambda place: own_order(place[0]))
        self.looked = time.monotonic()
        return bool(places)

    def _leave(self, *, others: bool) -> None:
        """Go on to the next place; after one where ``others`` have been, to one where there is something left to do."""
        self.places.pop(0)
        self.found = False
        if others and self.places and time.monotonic() - self.looked > FRESH:
            left = sorted({part for part, _ in self.places})
            with self.office.store.read() as connection:
                now = self.office.clock.micros()
                still_due = set(outbox.places_with_due(connection, left, now, self.names))
            self.places = [place for place in self.places if place in still_due]
            self.looked = time.monotonic()

    async def run(self, *, alone: bool) -> None:
        """Keep the window full until nothing is due, the limit is reached or somebody says stop.

        Shape: ``alone`` says that no other lane has calls under way in this event loop.
        """
        await self.channel.open()
        done: list[Result] = []
        try:
            while True:
                if alone and not self.flights:
                    # Nobody waits for the network: to go to another thread and back would cost as much as a statement.
                    ready, done = self._turn(done, self._room())
                else:
                    ready, done = await asyncio.to_thread(self._turn, done, self._room())
                for group in self._groups(ready):
                    self.flights.begin(self._deliver(group))
                if self.places and self._room():
                    continue
                if self.flights:
                    done += await self.flights.some()
                elif not done:
                    return
        finally:
            await self.flights.all()
            await self.channel.close()
            await asyncio.to_thread(self.stock.close)

    def _room(self) -> int:
        """How many more messages may be claimed now."""
        room = (self.concurrency - len(self.flights)) * self.channel.batch
        return 0 if self.stop() else min(room, self.limit)

    def _groups(self, ready: Sequence[Ready]) -> list[Sequence[Ready]]:
        return [ready[start : start + self.channel.batch] for start in range(0, len(ready), self.channel.batch)]

    def _turn(self, done: Sequence[Result], want: int) -> tuple[list[Ready], list[Result]]:
        """Record what is done and commit to the next messages; give what is ready to go, and results of what is not."""
        now = self.office.clock.micros()
        next_ones = self._next(want, now)
        if not done and not next_ones:
            return [], []
        with self.office.store.write() as connection:
            self._record(connection, done, now)
            claimed = self._claim(connection, next_ones, now) if next_ones else []
        if self.taken:
            self.taken = False
            self._leave(others=True)
        self.limit -= len(claimed)
        made = [each.made for each in claimed]
        return [each for each in made if isinstance(each, Ready)], [each for each in made if isinstance(each, Result)]

    def _next(self, want: int, now: Micros) -> list[Prospect]:
        """Give the next messages, of one part; where nothing is due any more is left."""
        while want and self.places:
            if prospects := self.stock.take(self.places, want, now):
                self.found = True
                return prospects
            self._leave(others=not self.found)
        return []

    def _claim(self, connection: Connection, prospects: Sequence[Prospect], now: Micros) -> list[Prospect]:
        """Take messages of a part, but for those whose contacts have quiet hours now.

        A cap counts what others have taken, so that under one a part is not taken from by two at the same time. Where
        nothing could be taken others are at it, and the part is left to them.
        """
        part, _ = self.places[0]
        caps = self.surroundings.caps
        if caps and not claim(connection, part, MESSAGES, wait=False):
            self.taken = True
            return []
        wanted = [each.claimed for each in prospects]
        claimed, seen = outbox.claim(connection, part, wanted, now=now, worker=self.worker, caps=caps)
        self.taken = not seen
        self.report.suppressed += seen - len(claimed)
        mine = set(claimed)
        return self._without_quiet(connection, [each for each in prospects if each.claimed in mine], now)

    def _without_quiet(self, connection: Connection, prospects: Sequence[Prospect], now: Micros) -> list[Prospect]:
        ends = {each.claimed: self.stock.quiet_until(each, now) for each in prospects}
        quiet = {claimed: end for claimed, end in ends.items() if end is not None}
        outbox.put_off(connection, quiet.items())
        self.report.put_off += len(quiet)
        return [each for each in prospects if each.claimed not in quiet]

    def _record(self, connection: Connection, done: Sequence[Result], now: Micros) -> None:
        outbox.record(connection, self.worker, now, done, keyed=self.channel.keyed)
        went = [each.claimed for each in done if each.outcome is not None and each.outcome.state == SENT]
        self.office.note_sent(connection, self.worker, went)
        bounced = [each for each in done if each.outcome is not None and each.outcome.bounce]
        take_note(connection, self.office.record_events, [_bounce(each, now) for each in bounced])
        self.report.count(done)

    async def _deliver(self, group: Sequence[Ready]) -> list[Result]:
        outcomes = await self._outcomes([each.outgoing for each in group])
        return [
            Result(each.claimed, outcome, workspace_id=each.workspace_id)
            for each, outcome in zip(group, outcomes, strict=True)
        ]

    async def _outcomes(self, messages: list[Outgoing]) -> list[Outcome]:
        try:
            return await self.channel.deliver(messages)
        except DBAPIError:
            # It is our own database that failed, not the other end: the round does, and the next one decides.
            raise
        except Exception as fault:  # noqa: BLE001 - whatever a channel throws, nobody knows whether the messages went
            return [in_doubt(f"{type(fault).__name__}: {fault}")] * len(messages)


def _bounce(result: Result, now: Micros) -> Happening:
    key = result.claimed.key
    properties: dict[str, Json] = {"message_key": str(key), "channel": result.claimed.channel}
    return Happening(key.part, key.contact_id, result.workspace_id, BOUNCED, now, properties, f"{key}:bounced")
