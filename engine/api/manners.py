"""How contacts have behaved lately: what a simulation assumes, unless its user says otherwise."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from engine.api.kept import keep
from engine.api.matching import count_contacts
from engine.api.sampling import in_run, runs, strewn
from engine.channels.base import EMAIL
from engine.contract.node import ByEvent
from engine.library.plan import Plan
from engine.rules.model import Rule
from engine.rules.names import event_names
from engine.simulate.behaviour import GOAL_A_DAY, RECEIPTS, Behaviour
from engine.store.rowsets import pack
from engine.store.tables import Contact, Event, Flow, FlowVersion, Message
from engine.terms import DAY
from engine.wiring import Wiring

CONTACT: sa.Table = Contact.__table__  # type: ignore[attr-defined]
EVENT: sa.Table = Event.__table__  # type: ignore[attr-defined]
FLOW: sa.Table = Flow.__table__  # type: ignore[attr-defined]
MESSAGE: sa.Table = Message.__table__  # type: ignore[attr-defined]
VERSION: sa.Table = FlowVersion.__table__  # type: ignore[attr-defined]

LOOKED_BACK: Final = 90 * DAY
RIPE: Final = DAY
"""Messages younger than this may still be opened, and do not count."""
SAMPLE: Final = 4_000
"""So many contacts are looked at, or a few more."""
ENOUGH: Final = 100
"""From fewer messages no rate is taken."""
ENOUGH_DAYS: Final = 300
"""From fewer days of contacts no frequency is taken."""
LEFT: Final = "unsubscribed"


@dataclass(frozen=True)
class Rate:
    """A share, 0 to 1, and where it is from.

    Shape: ``source`` is ``flow`` or ``workspace`` for what has been seen, of ``seen`` messages; ``template`` for what
    the shipped flow says, ``default`` for a guess.
    """

    share: float
    source: str = "default"
    seen: int = 0


@dataclass(frozen=True)
class Manner:
    """What is assumed of contacts: rates of messages, and how often a day events happen in the mean, by name.

    Shape: ``usual`` has the events that have been seen; ``goals`` are those that the flow's goal asks for, and
    ``purchase`` is how often a day one of them happens, if there is any.
    """

    behaviour: Behaviour
    open: Rate
    click: Rate
    unsubscribe: Rate
    purchase: Rate | None
    goals: tuple[str, ...] = ()
    usual: Mapping[str, float] = field(default_factory=dict)


@dataclass
class _Seen:
    """What a sample of contacts did: per version its mails, how often events happened, over how many days."""

    mails: dict[int, Counter[str]] = field(default_factory=dict)
    events: Counter[str] = field(default_factory=Counter)
    days: float = 0.0

    def of(self, versions: set[int] | None) -> Counter[str]:
        """Add up the mails of these versions, or of all; how many unsubscribed is known of all only."""
        mine = [count for version, count in self.mails.items() if versions is None or version in versions]
        whole = sum(mine, Counter[str]())
        return whole if versions is not None else whole + Counter({"left": self.events[LEFT]})

    def a_day(self, name: str) -> float:
        """Tell how often a day an event happens to a contact, in the mean."""
        return self.events[name] / self.days


def manner_of(wiring: Wiring, said: Mapping[str, Any] | None, key: str, plan: Plan | None) -> Manner:
    """Tell how contacts behave in a flow: as they did in the last 90 days, else as its template says, else plainly.

    Shape: ``plan`` is what is going to be played, if it can be.
    Cost: four statements, which look at some 4,000 contacts, spread evenly.
    """
    behaviour = Behaviour() if said is None else Behaviour.model_validate(said)
    total = keep(wiring, count_contacts)
    with wiring.store.read() as connection:
        goals, others = _names(plan, wiring.deployments.current(connection).segments)
        seen = _look(wiring, connection, total, (*goals, *others, LEFT))
        chosen = sa.select(VERSION.c.id).join(FLOW, FLOW.c.id == VERSION.c.flow_id)
        mine = FLOW.c.workspace_id == wiring.workspace_id, FLOW.c.key == key
        ours = seen.of(set(connection.scalars(chosen.where(*mine))))
    # What the whole workspace did says more than a guess, and what this flow did more than that.
    from_where = [("flow", ours), ("workspace", seen.of(None))]
    plain = "template" if said is not None else "default"

    def rate(name: str, count: str, of: str) -> Rate:
        for source, mails in from_where if count != "left" else from_where[1:]:
            if mails[of] >= ENOUGH:
                return Rate(min(1.0, mails[count] / mails[of]), source, mails[of])
        return Rate(getattr(behaviour, name), plain if name in (said or {}) else "default")

    return Manner(
        behaviour,
        rate("open", "opened", "sent"),
        rate("click", "clicked", "sent"),
        rate("unsubscribe", "left", "opened"),
        _purchase(seen, behaviour, goals, plain),
        goals,
        {name: seen.a_day(name) for name in others if seen.events[name] and seen.days >= ENOUGH_DAYS},
    )


def _names(plan: Plan | None, segments: Mapping[str, Rule]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Name the events that the goal of a flow asks for, and the others that it asks about, but for its triggers'."""
    if plan is None:
        return (), ()
    starts = {node.entry.match.name for node in plan.triggers if isinstance(node.entry, ByEvent)}
    goals = event_names(plan.goal, segments) if plan.goal is not None else frozenset()
    others = {name for node in plan.nodes for rule in node.rules for name in event_names(rule, segments)}
    others.update(*(node.events for node in plan.nodes))
    found = [{name for name in names if not name.startswith(RECEIPTS)} for names in (goals, others - goals - starts)]
    return tuple(sorted(found[0])), tuple(sorted(found[1]))


def _purchase(seen: _Seen, behaviour: Behaviour, goals: Sequence[str], plain: str) -> Rate | None:
    """Tell how often a day a contact reaches what the flow is for."""
    if behaviour.purchase is not None:
        return Rate(behaviour.purchase.per_day, plain)
    if not goals:
        return None
    if seen.days >= ENOUGH_DAYS and any(seen.events[name] for name in goals):
        return Rate(sum(seen.a_day(name) for name in goals) / len(goals), "workspace", round(seen.days))
    return Rate(GOAL_A_DAY)


def _look(wiring: Wiring, connection: Connection, total: int, names: Sequence[str]) -> _Seen:
    """Look at contacts spread evenly over all; ``total`` is about how many there are."""
    seen, now = _Seen(), wiring.clock.micros()
    chosen = runs(wiring.store.name)
    some = chosen.join(CONTACT, sa.and_(in_run(chosen, CONTACT.c.id), CONTACT.c.workspace_id == wiring.workspace_id))
    given = {"runs": pack(strewn(connection, CONTACT.c.id, wiring.store.parts, total // SAMPLE + 1))}
    earliest = now - LOOKED_BACK
    known = sa.case((CONTACT.c.created_at < earliest, LOOKED_BACK), else_=now - CONTACT.c.created_at)
    seen.days = float(connection.scalar(sa.select(sa.func.sum(known)).select_from(some), given) or 0) / DAY
    of = {"sent": MESSAGE.c.sent_at, "opened": MESSAGE.c.opened_at, "clicked": MESSAGE.c.clicked_at}
    mails = sa.select(MESSAGE.c.version_id, *(sa.func.count(column).label(name) for name, column in of.items()))
    mails = mails.select_from(some.join(MESSAGE, _whose(MESSAGE)))
    lately = MESSAGE.c.channel == EMAIL, MESSAGE.c.sent_at.between(earliest, now - RIPE)
    for row in connection.execute(mails.where(*lately).group_by(MESSAGE.c.version_id), given):
        seen.mails[row.version_id] = Counter({name: getattr(row, name) for name in of})
    events = sa.select(EVENT.c.name, sa.func.count().label("times")).select_from(some.join(EVENT, _whose(EVENT)))
    events = events.where(EVENT.c.name.in_(names), EVENT.c.at >= earliest).group_by(EVENT.c.name)
    seen.events.update({row.name: row.times for row in connection.execute(events, given)})
    return seen


def _whose(table: sa.Table) -> sa.ColumnElement[bool]:
    return sa.and_(table.c.part == CONTACT.c.part, table.c.contact_id == CONTACT.c.id)
