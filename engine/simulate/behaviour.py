"""What synthetic contacts do: how often things happen to them, and what they make of messages.

Every draw is a function of the seed and of what it is about, never of the order of drawing: the same seed gives the
same world, however it is played.
"""

import hashlib
import math
import random
import struct
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from engine.contract.node import ByEvent
from engine.library.plan import Plan
from engine.rules.model import Rule
from engine.rules.names import event_names
from engine.terms import DAY, HOUR, Json, Micros

RECEIPTS = "message_"
GOAL_A_DAY = 0.01
OFTEN_A_DAY = 0.1
"""How often a day a goal, and anything else that a flow asks about, is guessed to happen."""

_EIGHT = struct.Struct(">8I")
"""Eight numbers of 32 bits in a SHA-256."""


class Habit(BaseModel):
    """An event that contacts emit by chance."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    event: str
    per_day: float = Field(ge=0, le=100, description="How often a day, in the mean.")
    from_day: float = Field(0, ge=0, description="Days after the start, or after the event named in `after`.")
    to_day: float | None = Field(None, description="Until which day; the end of the rehearsal when absent.")
    once: bool = Field(False, description="Happens at most once to each contact.")
    after: str | None = Field(None, description="Only to contacts to whom this event has happened, and after it.")
    properties: dict[str, Any] = Field(default_factory=dict)


class Purchase(BaseModel):
    """The event that is a purchase."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    event: str
    per_day: float = Field(ge=0, le=100)
    after: str | None = None


class Response(BaseModel):
    """What a message of one node brings about: so variants of a split differ."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    node: str = Field(description="The node that sends the message.")
    event: str
    chance: float = Field(ge=0, le=1)
    days: float = Field(1.0, gt=0, le=365, description="How long after the message, in the mean.")


class Behaviour(BaseModel):
    """Probabilities of what contacts do; whatever is absent has a plain default."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    events: tuple[Habit, ...] | None = None
    open: float = Field(0.4, ge=0, le=1)
    click: float = Field(0.1, ge=0, le=1)
    reply: float = Field(0.0, ge=0, le=1)
    unsubscribe: float = Field(0.002, ge=0, le=1)
    bounce: float = Field(0.0, ge=0, le=1)
    purchase: Purchase | None = None
    responses: tuple[Response, ...] = ()
    usual: dict[str, float] = Field(
        default_factory=dict, description="How often a day, by event, where nothing else is said: instead of a guess."
    )
    activity: float = Field(1.0, ge=0, le=100, description="A factor for events that happen more than once.")

    def habits(self, plans: Iterable[Plan], segments: Mapping[str, Rule]) -> list[Habit]:
        """List the habits; without any named, whatever the flows look for happens now and then."""
        found = list(self.events) if self.events is not None else list(_guessed(plans, segments, self.usual))
        if self.activity != 1:
            found = [
                habit if habit.once else habit.model_copy(update={"per_day": min(100, habit.per_day * self.activity)})
                for habit in found
            ]
        if self.purchase is not None:
            bought = self.purchase
            found.append(Habit(event=bought.event, per_day=bought.per_day, once=True, after=bought.after))
        return found


def _guessed(plans: Iterable[Plan], segments: Mapping[str, Rule], usual: Mapping[str, float]) -> Iterator[Habit]:
    starts: set[str] = set()
    goals: set[str] = set()
    others: set[str] = set()
    for plan in plans:
        starts |= {node.entry.match.name for node in plan.triggers if isinstance(node.entry, ByEvent)}
        for ending in (plan.goal, plan.exit):
            goals |= event_names(ending, segments) if ending is not None else set()
        for node in plan.nodes:
            others.update(node.events, *(event_names(rule, segments) for rule in node.rules))
    for name in sorted(starts):
        yield Habit(event=name, per_day=0.5, to_day=7, once=True)
    for name in sorted((goals | others) - starts):
        if not name.startswith(RECEIPTS):
            per_day = usual.get(name, GOAL_A_DAY if name in goals else OFTEN_A_DAY)
            yield Habit(event=name, per_day=min(100, per_day), once=name in goals)


class Happening(NamedTuple):
    """An event that is going to happen to a contact."""

    contact: str
    at: Micros
    name: str
    properties: Mapping[str, Json] = MappingProxyType({})
    noted: bool = False
    """Whether it only tells what its message can note as soon as it is sent: rules look when that was."""


def happenings(key: str, habits: Iterable[Habit], seed: int, start: Micros, end: Micros) -> list[Happening]:
    """Draw what happens to one contact from start to end, but for what messages bring about."""
    first: dict[str, Micros] = {}
    found: list[Happening] = []
    for place, habit in enumerate(habits):
        origin = start if habit.after is None else first.get(habit.after)
        if origin is None or habit.per_day == 0:
            continue
        chance = random.Random(f"{seed}/{key}/{habit.event}/{place}")  # noqa: S311 - a rehearsal must repeat itself
        name, properties = habit.event, habit.properties
        at: float = origin + habit.from_day * DAY
        until = min(end, origin + habit.to_day * DAY if habit.to_day is not None else end)
        while (at := at + chance.expovariate(habit.per_day) * DAY) < until:
            moment = _whole(at)
            first[name] = min(moment, first.get(name, moment))
            found.append(Happening(key, moment, name, properties))
            if habit.once:
                break
    return found


def reactions(
    key: str, message: str, about: Mapping[str, Json], at: Micros, how: Behaviour, seed: int
) -> Iterator[Happening]:
    """Draw what a contact makes of a message: bounced, or opened, perhaps clicked, answered, or unsubscribed from.

    Shape: ``message`` decides the draws; ``about`` are the properties by which the events name the message.
    """
    draws = _EIGHT.unpack(hashlib.sha256(f"{seed}/{key}/{message}".encode()).digest())
    bounced, opened, clicked, replied, left, pause, more, _ = (draw / 2**32 for draw in draws)
    if bounced < how.bounce:
        yield Happening(key, at + 60_000_000, "message_bounced", about)
        return
    if opened >= how.open:
        return
    # People read their mail within hours: exponential, three hours in the mean.
    seen = at + 60_000_000 + _whole(-math.log(1 - pause) * 3 * HOUR)
    yield Happening(key, seen, "message_opened", about, noted=True)
    after = seen + 1_000_000 + _whole(more * 300_000_000)
    if clicked * how.open < how.click:
        yield Happening(key, after, "message_clicked", about, noted=True)
    if replied < how.reply:
        yield Happening(key, after + 60_000_000, "message_replied", about, noted=True)
    if left < how.unsubscribe:
        yield Happening(key, after, "unsubscribed", about)


def responses(key: str, message: str, node: str, at: Micros, how: Behaviour, seed: int) -> Iterator[Happening]:
    """Draw what else a contact does because of a message."""
    for place, response in enumerate(how.responses):
        if response.node != node:
            continue
        draws = _EIGHT.unpack(hashlib.sha256(f"{seed}/{key}/{message}/{response.event}/{place}".encode()).digest())
        happens, pause = (draw / 2**32 for draw in draws[:2])
        if happens < response.chance:
            later = _whole(-math.log(1 - pause) * response.days * DAY)
            yield Happening(key, at + 1_000_000 + later, response.event, {"node": node})


def _whole(micros: float) -> Micros:
    return int(micros) // 1_000_000 * 1_000_000
