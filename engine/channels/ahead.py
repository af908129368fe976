"""Render the next messages before anyone commits to sending them, many at a time; the intent follows later, for few.

What a message says is what was known of its contact at most ``FRESH`` before its intent. Whether it may go at all is
asked in the intent's own statement.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from sqlalchemy.engine import Connection

from engine.channels import outbox
from engine.channels.base import MessageContent
from engine.channels.links import Links
from engine.channels.outbox import Claimed, Result
from engine.channels.prepare import BROKEN, Claim, ContentOf, Ready, prepare
from engine.channels.recipients import load_recipients
from engine.channels.render import Renderer
from engine.channels.surroundings import Surroundings, quiet_end
from engine.store.session import Store
from engine.terms import SECOND, Micros

FRESH: Final = SECOND
"""How old what was rendered may be; then it is rendered anew."""

MOST: Final = 128
"""How many messages are rendered at a time where a round hands over as many within ``FRESH``."""


Place = tuple[int, str]
"""A part and a channel."""


class Prospect(NamedTuple):
    """A due message: what will be made of it when it is claimed, or until when quiet hours keep it."""

    claimed: Claimed
    made: Ready | Result | None
    claim: Claim | None = None
    quiet_until: Micros | None = None


@dataclass
class Stock:
    """What one channel has rendered ahead in one part.

    It takes as many at a time as were used before they were ``FRESH`` no more: few where the network is slow.
    """

    store: Store
    renderer: Renderer
    links: Links
    content_of: ContentOf
    surroundings: Surroundings
    contents: dict[tuple[int, int], MessageContent | None] = field(default_factory=dict)
    _prospects: list[Prospect] = field(default_factory=list)
    _place: Place | None = None
    _since: Micros = 0
    _used: int = 0

    def take(self, place: Place, want: int, now: Micros) -> list[Prospect]:
        """Give the next messages of a part and channel, oldest first; none when no more are due.

        Cost: mostly none; those of ``load_recipients`` and one more when messages have to be rendered.
        """
        if not self._prospects or place != self._place or now - self._since > FRESH:
            self._prospects = self._look(place, max(want, min(2 * self._used, MOST)), now)
            self._place, self._since, self._used = place, now, 0
        taken = self._prospects[:want]
        self._prospects = self._prospects[want:]
        self._used += len(taken)
        return taken

    def quiet_until(self, prospect: Prospect, now: Micros) -> Micros | None:
        """Tell until when quiet hours keep a message that is about to go; ``None`` when they do not."""
        claim = prospect.claim
        return prospect.quiet_until if claim is None else self._quiet_end(claim, now)

    def _quiet_end(self, claim: Claim, now: Micros) -> Micros | None:
        return quiet_end(claim.content, claim.recipient, self.surroundings, now)

    def _look(self, place: Place, limit: int, now: Micros) -> list[Prospect]:
        with self.store.read() as connection:
            due = outbox.next_due(connection, *place, now=now, limit=limit)
            claims = self._read(connection, place[0], due)
        quiet = {each.claimed: self._quiet_end(each, now) for each in claims}
        loud = [each for each in claims if quiet[each.claimed] is None]
        made = zip(loud, prepare(self.renderer, self.links, loud, now), strict=True)
        ready = {each.claimed: Prospect(each.claimed, result, each) for each, result in made}
        kept = {claimed: Prospect(claimed, None, None, end) for claimed, end in quiet.items() if end is not None}
        return [ready.get(each) or kept.get(each) or Prospect(each, Result(each, suppressed=BROKEN)) for each in due]

    def _read(self, connection: Connection, part: int, due: Sequence[Claimed]) -> list[Claim]:
        """Read what due messages say and whom they are for; those are left out of which either is gone."""
        contents = {each: content for each in due if (content := self._content(each)) is not None}
        wanted = [(each.key, content) for each, content in contents.items()]
        people = load_recipients(connection, part, wanted, self.links)
        return [Claim(each, content, people[each.key]) for each, content in contents.items() if each.key in people]

    def _content(self, claimed: Claimed) -> MessageContent | None:
        place = (claimed.version_id, claimed.key.node)
        if place not in self.contents:
            try:
                self.contents[place] = self.content_of(*place)
            except Exception:  # noqa: BLE001 - a version or template that is gone or broken stops nobody else's message
                self.contents[place] = None
        return self.contents[place]
