"""Let go of old events, in batches, but of none that anything may still ask for.

Kept for ever, or longer, are: a contact's last event, by which its activity is told; what withdrew or gave consent;
what rules of flows and segments look back at, as far back as they do; what let a contact in who is still under way.
Rules that are drawn later see what is left.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from engine.rules.model import Rule
from engine.rules.names import GRANTS, WITHDRAWALS, event_windows
from engine.run import arrivals
from engine.run.archive import Archive
from engine.run.context import Deployment
from engine.run.lineage import ENROLLMENT
from engine.run.pruning import CONTACT, CURSOR, Pruned, Stop, Tell
from engine.run.recorder import PASSIVE_EVENTS
from engine.store.rowsets import numbers, pack
from engine.store.session import Store
from engine.terms import DAY, Json, Micros, from_micros

EVENT: Final = arrivals.EVENT
AHEAD: Final = arrivals.AHEAD

FIRST_MOVED: Final = -(2**63)
"""Events that came from another part in a merge have numbers below zero, from here on."""

EVENTS: Final = 10_000
"""So many events are looked at in a transaction."""

LEAST: Final = 7 * DAY
"""Events are kept at least so long: until then one that is sent again is known again."""


@dataclass(frozen=True)
class Needed:
    """Which events are still asked for: names by how far back, nothing for ever; and those that let contacts in."""

    windows: Mapping[str, Micros | None]
    entries: frozenset[str]


def needed(deployment: Deployment) -> Needed:
    """Read from all flows and segments which events they may ask for."""
    windows: dict[str, Micros | None] = dict.fromkeys(WITHDRAWALS | GRANTS)
    for rule in _rules(deployment):
        for name, within in event_windows(rule, deployment.segments).items():
            before = windows.get(name, 0)
            windows[name] = None if within is None or before is None else max(within, before)
    return Needed(windows, frozenset(name for plan in deployment.versions() for name in plan.trigger_events))


def _rules(deployment: Deployment) -> Iterator[Rule]:
    yield from deployment.segments.values()
    for plan in deployment.versions():
        yield from (rule for rule in (plan.goal, plan.exit) if rule is not None)
        yield from (rule for node in plan.nodes for rule in node.rules)


def prune_events(
    store: Store,
    deployment: Deployment,
    before: Micros,
    now: Micros,
    archive: Archive | None,
    done: Pruned,
    stop: Stop,
    tell: Tell,
) -> None:
    """Delete events that were received before an instant, have acted, and are needed by nobody.

    Cost: goes through the old events, ``EVENTS`` in a transaction.
    """
    asked = needed(deployment)
    for part, moved in product(range(store.parts), (True, False)):
        first: int | None = FIRST_MOVED if moved else 0
        while first is not None and not stop():
            with store.read() as connection:
                last = connection.scalar(_last_moved(part, first) if moved else _last(part, first, before))
                gone = _gone(part, first, last or 0, before, now, asked)
                some = last is not None and connection.scalar(sa.select(sa.exists().where(*gone)))
            if some:
                _prune(store, gone, archive, done)
                tell(done.journal + done.events)
            first = last


def _last_moved(part: int, first: int) -> sa.Select[Any]:
    """Find the end of the next batch of events that came from another part in a merge: they lie in any order."""
    moved = [EVENT.c.part == part, EVENT.c.id > first, EVENT.c.id < 0]
    batch = sa.select(EVENT.c.id).where(*moved).order_by(EVENT.c.id).limit(EVENTS).subquery()
    return sa.select(sa.func.max(batch.c.id))


def _last(part: int, first: int, before: Micros) -> sa.Select[Any]:
    """Find the end of the next batch of old events; nothing when there are none."""
    old = [EVENT.c.part == part, EVENT.c.id > first]
    batch = sa.select(EVENT.c.id, EVENT.c.received_at).where(*old).order_by(EVENT.c.id).limit(EVENTS).subquery()
    # They are numbered as they were received: where a young one comes, all that follow are young.
    return sa.select(sa.func.max(batch.c.id)).where(batch.c.received_at < before)


def _gone(part: int, first: int, last: int, before: Micros, now: Micros, asked: Needed) -> list[sa.ColumnElement[bool]]:
    """Choose of a batch the events that nobody needs."""
    e = EVENT.c
    windows = sorted((name, within) for name, within in asked.windows.items() if within is not None)
    for_ever = sorted(name for name, within in asked.windows.items() if within is None)
    reader = sa.select(CURSOR.c.position).where(CURSOR.c.part == part, CURSOR.c.name == arrivals.CURSOR)
    waiting = sa.exists().where(AHEAD.c.part == part, AHEAD.c.id == e.id)
    return [
        e.part == part,
        e.id > first,
        e.id <= last,
        e.id <= sa.func.coalesce(reader.scalar_subquery(), 0),
        e.received_at < before,
        e.at < before,
        ~waiting,
        e.name.not_in(for_ever),
        *(sa.or_(e.name != name, e.at <= now - within) for name, within in windows),
        _followed(),
        sa.or_(e.name.not_in(sorted(asked.entries)), ~_under_way()),
    ]


def _followed() -> sa.ColumnElement[bool]:
    """Tell of an event whether the contact was active after it: branches ask how long somebody has been silent."""
    later = EVENT.alias("later")
    after = sa.or_(later.c.at > EVENT.c.at, sa.and_(later.c.at == EVENT.c.at, later.c.id > EVENT.c.id))
    mine = sa.and_(later.c.part == EVENT.c.part, later.c.contact_id == EVENT.c.contact_id)
    active = later.c.name.not_in(PASSIVE_EVENTS)
    return sa.exists().where(mine, active, after).correlate(EVENT)


def _under_way() -> sa.ColumnElement[bool]:
    mine = sa.and_(ENROLLMENT.c.part == EVENT.c.part, ENROLLMENT.c.contact_id == EVENT.c.contact_id)
    return sa.exists().where(mine, ENROLLMENT.c.state == "active").correlate(EVENT)


def _prune(store: Store, gone: list[sa.ColumnElement[bool]], archive: Archive | None, done: Pruned) -> None:
    with store.write() as connection:
        # By number: what is deleted is what was kept in the archive, whatever happens meanwhile.
        found = {"chosen": pack(connection.scalars(sa.select(EVENT.c.id).where(*gone).order_by(EVENT.c.id)))}
        chosen = [gone[0], EVENT.c.id.in_(numbers(store.name, "chosen"))]
        if archive is not None:
            archive.keep("events", _lines(connection, chosen, found))
        done.events += connection.execute(EVENT.delete().where(*chosen), found).rowcount


def _lines(
    connection: Connection, chosen: list[sa.ColumnElement[bool]], found: Mapping[str, str]
) -> Iterator[dict[str, Json]]:
    """Write events as calls of the tracking API, which ``dripline events import`` reads."""
    known = sa.and_(CONTACT.c.part == EVENT.c.part, CONTACT.c.id == EVENT.c.contact_id)
    e = EVENT.c
    rows = sa.select(CONTACT.c.key, e.name, e.at, e.source, e.message_id, e.properties)
    told = rows.select_from(EVENT.join(CONTACT, known)).where(*chosen).order_by(e.id)
    for row in connection.execute(told, found):
        yield {
            "type": "track",
            "messageId": row.message_id,
            "userId": row.key,
            "event": row.name,
            "timestamp": from_micros(row.at).isoformat(timespec="microseconds"),
            "properties": row.properties,
            "context": {"source": row.source},
        }
