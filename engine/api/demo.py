"""The demo: sample contacts who live their lives on a fast clock, so that a newcomer sees flows at work."""

import heapq
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final

import orjson
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from engine.api import documents, flows, workspaces
from engine.api.documents import Shipped
from engine.api.sample import manner_of, sample_contacts
from engine.channels.base import MessageKey
from engine.clock import FastClock, RealClock
from engine.people.events import record
from engine.people.segment_api import IncomingEvent
from engine.people.upserting import upsert
from engine.schedule.work import tick_once
from engine.simulate.behaviour import Behaviour, Habit, Happening, happenings, reactions
from engine.store.dialect import upsert as upsert_row
from engine.store.tables import Contact, Inbox, Message, Meta
from engine.terms import DAY, HOUR, SECOND, Json, Micros, from_micros
from engine.wiring import Wiring, with_clock

CONTACT: sa.Table = Contact.__table__  # type: ignore[attr-defined]
INBOX: sa.Table = Inbox.__table__  # type: ignore[attr-defined]
MESSAGE: sa.Table = Message.__table__  # type: ignore[attr-defined]
META: sa.Table = Meta.__table__  # type: ignore[attr-defined]

FLOWS: Final = ("trial-day1-8", "dormancy-30-60-90", "ab-promote")
SHARES: Final = (0.4, 0.75)
"""Up to where the manners of those lie who try the product out, and of those who have fallen silent."""

SEED: Final = 7
SEASON: Final = 60 * DAY
"""What happens to contacts is drawn for so long at a time."""

DAILY: Final = 0.008
"""New contacts a day, as a share of those that the demo began with."""

OLDEST: Final = 200 * DAY
DELIVERY: Final = 2 * SECOND
BATCH: Final = 1_000
STATE: Final = "demo"
SOURCE: Final = "demo"

Progress = Callable[[float], None]


@dataclass
class Demo:
    """A running demo.

    Shape: ``ahead`` is a heap of what is going to happen; ``now`` until when everything has; ``seen`` until when
    contacts have seen their messages.
    """

    clock: FastClock
    habits: Mapping[str, Sequence[Habit]]
    manners: Mapping[str, Behaviour]
    began_with: int
    season: Micros
    made_until: Micros
    contacts: int
    now: Micros
    seen: Micros
    ahead: list[tuple[Micros, int, Happening]] = field(default_factory=list)
    drawn: int = 0

    @classmethod
    def begin(
        cls, wiring: Wiring, shipped: Shipped, contacts: int, *, speed: float, progress: Progress = lambda _: None
    ) -> "Demo":
        """Go on where a demo stopped; in a new database, make contacts with a past and publish the flows."""
        state = _read_state(wiring)
        if state is None:
            now = RealClock().micros() // HOUR * HOUR
            state = {"now": now, "season": now, "began_with": contacts, "contacts": contacts, "made_until": now}
            _populate(with_clock(wiring, _standing(now)), shipped, contacts, now, progress)
        manners = {key: Behaviour.model_validate(shipped.behaviours[key]) for key in FLOWS}
        with wiring.store.read() as connection:
            plans = wiring.deployments.current(connection).plans.values()
            habits = {key: manners[key].habits(plans, {}) for key in FLOWS}
        clock = FastClock.starting_now(speed, from_micros(state["now"]))
        demo = cls(
            clock=clock,
            habits=habits,
            manners=manners,
            began_with=state["began_with"],
            season=state["season"],
            made_until=state["made_until"],
            contacts=state["contacts"],
            now=state["now"],
            seen=state["now"],
        )
        demo.draw(wiring)
        return demo

    def go_on(self, wiring: Wiring) -> int:
        """Let everything happen up to now; give how many events that were."""
        self.now = self.clock.micros()
        if self.now >= self.season + SEASON:
            self.season = self.now
            self.draw(wiring)
        self._grow(wiring)
        self._react(wiring)
        due: list[Happening] = []
        while self.ahead and self.ahead[0][0] <= self.now:
            due.append(heapq.heappop(self.ahead)[2])
        rows = iter(due)
        while batch := list(islice(rows, BATCH)):
            with wiring.store.write() as connection:
                record(connection, wiring.store.parts, [_event(each, self.now) for each in batch])
        _write_state(wiring, self)
        return len(due)

    def draw(self, wiring: Wiring) -> None:
        """Draw what happens to all contacts until the season ends; what is over is left out."""
        self.ahead, self.drawn = [], 0
        with wiring.store.read() as connection:
            rows = connection.execute(sa.select(CONTACT.c.key, CONTACT.c.created_at).order_by(CONTACT.c.key)).all()
        for key, created_at in rows:
            if key.startswith("c"):
                self._draw_for(key, max(self.season, created_at))

    def _draw_for(self, key: str, start: Micros) -> None:
        seed = SEED + self.season // DAY
        for each in happenings(key, self.habits[flow_of(key)], seed, start, self.season + SEASON):
            if each.at > self.now:
                self._expect(each)

    def _expect(self, happening: Happening) -> None:
        self.drawn += 1
        heapq.heappush(self.ahead, (happening.at, self.drawn, happening))

    def _grow(self, wiring: Wiring) -> None:
        """Let new contacts come, a few a day."""
        count = int(self.began_with * DAILY * (self.now - self.made_until) / DAY)
        if count == 0:
            return
        rows = list(sample_contacts(self.contacts + 1, count, SEED, self.now, self.now))
        with wiring.store.write() as connection:
            upsert(connection, wiring.store.parts, wiring.workspace_id, rows, self.now)
        self.contacts, self.made_until = self.contacts + count, self.now
        for row in rows:
            self._draw_for(row.key, self.now)

    def _react(self, wiring: Wiring) -> None:
        """Let contacts open, click, answer or unsubscribe from what they were sent meanwhile."""
        # What is being delivered at this moment appears a little later than it says.
        until = self.now - int(self.clock.speed * DELIVERY)
        with wiring.store.read() as connection:
            for key, message_key, node, at in _delivered(wiring, connection, self.seen, until):
                about: dict[str, Json] = {"node": node, "message_key": message_key}
                for each in reactions(key, message_key, about, at, self.manners[flow_of(key)], SEED):
                    self._expect(each)
        self.seen = max(self.seen, until)


def flow_of(key: str) -> str:
    """Tell by which flow's behaviour a sample contact goes."""
    manner = manner_of(key, SEED)
    return FLOWS[sum(manner >= share for share in SHARES)]


def _standing(now: Micros) -> FastClock:
    return FastClock(now, RealClock().micros(), 0.0)


def _populate(wiring: Wiring, shipped: Shipped, count: int, now: Micros, progress: Progress) -> None:
    """Make contacts with a past, and let the flows begin."""
    workspaces.change_workspace(wiring, name="Demo", timezone="Asia/Shanghai")
    rows = iter(sample_contacts(1, count, SEED, now - OLDEST, now - DAY))
    made = 0
    while batch := list(islice(rows, BATCH)):
        past = [event for row in batch for event in _past(row.key, row.created_at or now, now)]
        with wiring.store.write() as connection:
            upsert(connection, wiring.store.parts, wiring.workspace_id, batch, now)
            record(connection, wiring.store.parts, [_event(each, each.at) for each in past])
        made += len(batch)
        progress(made)
    # The past is over before flows begin: it lets nobody in.
    tick_once(wiring)
    for key in FLOWS:
        documents.import_document(wiring, shipped, key)
        flows.publish(wiring, key)


def _past(key: str, created: Micros, now: Micros) -> Iterator[Happening]:
    """Give a contact a past: some were here lately, others have been silent for a month, two, or three."""
    chance = random.Random(f"dripline past {SEED}/{key}")  # noqa: S311 - sample data, no secret
    is_silent = flow_of(key) == "dormancy-30-60-90"
    last = now - (chance.randrange(31, 120) if is_silent else chance.randrange(1, 25)) * DAY - chance.randrange(DAY)
    at = max(created, last - 40 * DAY)
    while at < last:
        name, properties = chance.choice((("page_viewed", {"path": "/news"}), ("product_used", {"feature": "forms"})))
        yield Happening(key, at, name, dict(properties))
        at += chance.randrange(2 * DAY, 15 * DAY)


def _event(each: Happening, now: Micros) -> IncomingEvent:
    message_id = f"{each.contact}/{each.at}/{each.name}"
    return IncomingEvent(
        "track", each.contact, message_id, now, now, SOURCE, name=each.name, properties=each.properties
    )


def _delivered(
    wiring: Wiring, connection: Connection, since: Micros, until: Micros
) -> Iterator[tuple[str, str, str, Micros]]:
    """List what came into the inbox meanwhile: contact, message, node and instant."""
    mine = sa.and_(CONTACT.c.part == INBOX.c.part, CONTACT.c.id == INBOX.c.contact_id)
    chosen = (
        sa.select(INBOX.c.message_key, INBOX.c.at, CONTACT.c.key)
        .join(CONTACT, mine)
        .where(INBOX.c.part.in_(range(wiring.store.parts)), INBOX.c.at > since, INBOX.c.at <= until)
        .order_by(INBOX.c.at, INBOX.c.message_key)
    )
    for row in connection.execute(chosen).all():
        key = MessageKey.parse(row.message_key)
        same = [MESSAGE.c[name] == value for name, value in key._asdict().items()]
        version_id = connection.scalar(sa.select(MESSAGE.c.version_id).where(*same))
        plan = None if version_id is None else wiring.deployments.plan(connection, version_id)
        if plan is not None:
            yield row.key, row.message_key, plan.nodes[key.node].id, row.at


def _read_state(wiring: Wiring) -> dict[str, Any] | None:
    with wiring.store.read() as connection:
        text = connection.scalar(sa.select(META.c.value).where(META.c.name == STATE))
    return None if text is None else orjson.loads(text)


def _write_state(wiring: Wiring, demo: Demo) -> None:
    names = ("now", "season", "began_with", "contacts", "made_until")
    value = orjson.dumps({name: getattr(demo, name) for name in names}).decode()
    with wiring.store.write() as connection:
        insert = upsert_row(META, wiring.store.name).values(name=STATE, value=value)
        connection.execute(insert.on_conflict_do_update(index_elements=["name"], set_={"value": insert.excluded.value}))
