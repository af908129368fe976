"""Render the next messages before anyone commits to sending them, many at a time; the intent follows later, for few.

What a message says is what was known of its contact at most ``FRESH`` before its intent. Whether it may go at all is
asked in the intent's own statement.
"""

from collections.abc import Collection, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final, NamedTuple

from sqlalchemy.engine import Connection

from engine.channels import outbox
from engine.channels.base import MessageContent, MessageKey
from engine.channels.links import Links
from engine.channels.outbox import Claimed, Result
from engine.channels.prepare import BROKEN, Claim, ContentOf, Ready, prepare
from engine.channels.recipients import load_recipients
from engine.channels.render import Renderer
from engine.channels.surroundings import Surroundings, quiet_end
from engine.store import leases
from engine.store.claims import MESSAGES
from engine.store.session import Store
from engine.terms import SECOND, Micros

FRESH: Final = SECOND
"""How old what was rendered may be; then it is rendered anew."""

MOST: Final = 96
"""How many messages are rendered at a time where all of them are handed over while they are fresh."""

Place = tuple[int, str]
"""A part and a channel."""


class Lot(NamedTuple):
    """What was read and rendered at a time; ``last`` says that nothing else was due there."""

    prospects: list["Prospect"]
    last: bool


class Prospect(NamedTuple):
    """A due message: what will be made of it when it is claimed, or until when quiet hours keep it.

    ``at`` is when it was looked at.
    """

    at: Micros
    claimed: Claimed
    made: Ready | Result | None
    claim: Claim | None = None
    quiet_until: Micros | None = None


@dataclass
class Stock:
    """What one channel has rendered ahead.

    While some of it is handed over the next is rendered by a thread of its own, also that of the next part. It is
    rendered in small lots where the network is too slow for large ones to stay fresh.
    """

    store: Store
    renderer: Renderer
    links: Links
    content_of: ContentOf
    surroundings: Surroundings
    worker: str
    contents: dict[tuple[int, int], MessageContent | None] = field(default_factory=dict)
    _place: Place | None = None
    _prospects: list[Prospect] = field(default_factory=list)
    _last: bool = False
    _coming: tuple[Place, Future[Lot]] | None = None
    _lot: int = 1
    _reserved: set[str] = field(default_factory=set)
    _hands: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, "render ahead"))

    def take(self, places: Sequence[Place], want: int, now: Micros) -> list[Prospect]:
        """Give the next messages of the first of these parts and channels, oldest first; none when no more are due.

        Shape: when nothing else was due there as it was looked at, nobody looks again; the next place is prepared then.
        Cost: for each lot the statements of ``load_recipients`` and one more.
        """
        if places[0] != self._place:
            self._go_to(places[0])
        elif self._is_stale(self._prospects, now):
            self._go_to(places[0])
            self._lot //= 4
        if len(self._prospects) < want and not self._last:
            self._take_in(self._next_lot(places[0], want, now))
        taken, self._prospects = self._prospects[:want], self._prospects[want:]
        # Where nothing was found others have been, and whoever asks looks first where they have not.
        if taken and self._coming is None and len(self._prospects) <= self._lot // 2:
            self._begin_next(places, taken, now)
        return taken

    def close(self) -> None:
        """Forget everything; wait for what is being rendered, and leave all places to others."""
        self._forget()
        self._hands.shutdown()
        if self._reserved:
            leases.leave(self.store, [self.worker], self._reserved)

    def _go_to(self, place: Place) -> None:
        """Begin with a place anew; what is being rendered of it is kept if nothing else of it is known."""
        self._prospects, self._last = [], False
        if place == self._place or (self._coming is not None and self._coming[0] != place):
            self._forget()
        self._place = place

    def _forget(self) -> None:
        self._prospects = []
        coming, self._coming = self._coming, None
        if coming is not None and not coming[1].cancel():
            coming[1].result()

    def _take_in(self, lot: Lot) -> None:
        self._prospects += lot.prospects
        self._last = lot.last

    def _next_lot(self, place: Place, want: int, now: Micros) -> Lot:
        coming, self._coming = self._coming, None
        lot = None if coming is None else coming[1].result()
        if lot is not None and self._is_stale(lot.prospects, now):
            lot = None
            self._lot //= 4
        if lot is None and self._prospects:
            return Lot([], last=False)
        self._lot = max(want, min(2 * self._lot, MOST))
        return lot or self._look(place, self._lot, now)

    def _is_stale(self, prospects: Sequence[Prospect], now: Micros) -> bool:
        return bool(prospects) and now - prospects[0].at > FRESH

    def _begin_next(self, places: Sequence[Place], taken: Sequence[Prospect], now: Micros) -> None:
        """Let the next lot be rendered: of this place behind what is known, or the first of the next place."""
        if not self._last and self._prospects:
            known = frozenset(each.claimed.key for each in (*taken, *self._prospects))
            self._coming = places[0], self._hands.submit(self._look, places[0], self._lot, now, known)
        elif self._last and len(places) > 1:
            self._coming = places[1], self._hands.submit(self._look, places[1], self._lot, now)

    def quiet_until(self, prospect: Prospect, now: Micros) -> Micros | None:
        """Tell until when quiet hours keep a message that is about to go; ``None`` when they do not."""
        claim = prospect.claim
        return prospect.quiet_until if claim is None else self._quiet_end(claim, now)

    def _quiet_end(self, claim: Claim, now: Micros) -> Micros | None:
        return quiet_end(claim.content, claim.recipient, self.surroundings, now)

    def _look(self, place: Place, lot: int, now: Micros, known: Collection[MessageKey] = ()) -> Lot:
        """Read and render the next messages behind those that are known; none where another worker has just done so."""
        if not self._reserve(place):
            return Lot([], last=True)
        with self.store.read() as connection:
            listed = outbox.next_due(connection, *place, now=now, limit=lot + len(known))
            due = [each for each in listed if each.key not in known]
            claims = self._read(connection, place[0], due)
        quiet = {each.claimed: self._quiet_end(each, now) for each in claims}
        loud = [each for each in claims if quiet[each.claimed] is None]
        made = zip(loud, prepare(self.renderer, self.links, loud, now), strict=True)
        ready = {each.claimed: Prospect(now, each.claimed, result, each) for each, result in made}
        prospects = [ready.get(each) or self._unmade(each, quiet.get(each), now) for each in due]
        return Lot(prospects, last=len(listed) < lot + len(known))

    def _reserve(self, place: Place) -> bool:
        part, channel = place
        name = f"{MESSAGES}/{part}/{channel}"
        # For as long as what is read now stays fresh.
        mine = leases.reserve(self.store, name, self.worker, timedelta(microseconds=FRESH))
        if mine:
            self._reserved.add(name)
        return mine

    def _unmade(self, claimed: Claimed, quiet_until: Micros | None, now: Micros) -> Prospect:
        """Nothing is made of what has to wait, nor of what has nothing to say or nobody to say it to."""
        if quiet_until is not None:
            return Prospect(now, claimed, None, quiet_until=quiet_until)
        return Prospect(now, claimed, Result(claimed, suppressed=BROKEN))

    def _read(self, connection: Connection, part: int, due: Sequence[Claimed]) -> list[Claim]:
        """Read what due messages say and whom they are for; those are left out of which either is gone."""
        contents = {each: content for each in due if (content := self._content(each)) is not None}
        wanted = [(each.key, content) for each, content in contents.items()]
        people = load_recipients(connection, part, wanted, self.links) if wanted else {}
        return [Claim(each, content, people[each.key]) for each, content in contents.items() if each.key in people]

    def _content(self, claimed: Claimed) -> MessageContent | None:
        place = (claimed.version_id, claimed.key.node)
        if place not in self.contents:
            try:
                self.contents[place] = self.content_of(*place)
            except Exception:  # noqa: BLE001 - a version or template that is gone or broken stops nobody else's message
                self.contents[place] = None
        return self.contents[place]
