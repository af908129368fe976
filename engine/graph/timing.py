"""Time along the paths: waits that are over before anyone comes, and too many messages in a week.

Nobody is at hand, so it is played through with imagined entries: at midnight of a day, from which every calendar day
of the flow lies ahead in full; and at the present instant, for waits that name a date.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from heapq import heappop, heappush
from typing import Final, TypeAlias
from zoneinfo import ZoneInfo

from engine.civil import WaitUntil, effective_zone, resolve_wait
from engine.contract.findings import Finding
from engine.graph.model import Document, NodeDoc
from engine.graph.order import Order
from engine.graph.text import warning

WEEK: Final = timedelta(days=7)
LAST_ZONE: Final = ZoneInfo("Etc/GMT+12")
"""Where every calendar date ends last: a date that is over there is over everywhere."""


Choose: TypeAlias = Callable[[datetime, datetime], datetime]


@dataclass(frozen=True)
class Entry:
    """An imagined entry: when, and in which zone the contact lives."""

    at: datetime
    tz: ZoneInfo


def check_timing(document: Document, order: Order, now: datetime, most_messages: int) -> Iterator[Finding]:
    """Find waits that nobody comes to in time, and paths with too many messages."""
    targets = {node.id: target for node in order.nodes if (target := _target(node)) is not None}
    entries = _midnights(document, targets, now)
    yield from _past(document, order, targets, entries, Entry(now.astimezone(UTC), LAST_ZONE))
    for entry in entries:
        found = _crowded(document, order, entry, most_messages)
        if found is not None:
            yield found
            return


def _target(node: NodeDoc) -> WaitUntil | None:
    if node.node_type is None or node.config is None:
        return None
    return node.node_type.target(node.config)


def _midnights(document: Document, targets: Mapping[str, WaitUntil], now: datetime) -> list[Entry]:
    """Enter at midnight: on each day of a week if the day of the week makes a difference, else on one."""
    tz = effective_zone(document.settings.timezone)
    today = now.astimezone(tz).date()
    weekly = any(
        target.weekday is not None or target.calendar is not None or target.business_days is not None
        for target in targets.values()
    )
    days = range(7 if weekly else 1)
    return [
        Entry(datetime.combine(today + timedelta(days=day), time(0), tzinfo=tz).astimezone(UTC), tz) for day in days
    ]


def _past(
    document: Document, order: Order, targets: Mapping[str, WaitUntil], midnights: list[Entry], present: Entry
) -> Iterator[Finding]:
    # A second after midnight: almost nobody enters at midnight itself.
    midnights = [Entry(entry.at + timedelta(seconds=1), entry.tz) for entry in midnights]
    arrivals = {entry: _arrivals(document, order, entry, min) for entry in (*midnights, present)}
    for node in order.nodes:
        if node.id not in targets:
            continue
        worlds = [present] if targets[node.id].date is not None else midnights
        came = [(entry, arrivals[entry].get(node.id)) for entry in worlds]
        if all(at is not None and _is_over(targets[node.id], at, entry) for entry, at in came):
            words = "is over before anyone can come here, so everybody goes on at once"
            yield warning("wait.past", f"{node.path}.config", words, "wait for something later", node.id)


def _is_over(target: WaitUntil, arrival: datetime, entry: Entry) -> bool:
    instant = resolve_wait(target, now=arrival, entered=entry.at, tz=entry.tz)
    return instant is None or instant < arrival


def _leave(node: NodeDoc, port: str, arrival: datetime, entry: Entry) -> datetime:
    """Tell when a contact who came to a node can leave it by a port at the earliest."""
    if node.node_type is None or node.config is None:
        return arrival
    target = _target(node)
    if target is None:
        return arrival + node.node_type.least_wait(node.config, port)
    instant = resolve_wait(target, now=arrival, entered=entry.at, tz=entry.tz)
    return arrival if instant is None else max(arrival, instant)


def _arrivals(document: Document, order: Order, entry: Entry, choose: Choose) -> dict[str, datetime]:
    """Tell when contacts come to each node by the quickest way (``min``) or the slowest (``max``) of the ways."""
    arrivals = {node.id: entry.at for node in order.nodes if node.is_trigger}
    for node in order.nodes:
        if node.id not in arrivals:
            continue
        for edge in document.leaving[node.id]:
            left = _leave(node, edge.port, arrivals[node.id], entry)
            arrivals[edge.target] = choose(arrivals.get(edge.target, left), left)
    return arrivals


def _crowded(document: Document, order: Order, entry: Entry, most: int) -> Finding | None:
    """Find the first stretch of a path on which more than ``most`` messages can fall into seven days."""
    places = {node.id: place for place, node in enumerate(order.nodes)}
    early, late = (_arrivals(document, order, entry, choose) for choose in (min, max))
    for node in order.nodes:
        if node.id not in early or not _reaches(node):
            continue
        for start in sorted({early[node.id], late[node.id]}):
            last = _one_too_many(document, order, places, node, start, entry, most)
            if last is not None:
                return warning(
                    "messages.many",
                    last.path,
                    f"from {node.id!r} to {last.id!r} more than {most} messages can reach a contact within 7 days",
                    "space them out, or send fewer",
                    last.id,
                    most=most,
                    first=node.id,
                )
    return None


def _reaches(node: NodeDoc) -> bool:
    return node.node_type is not None and node.node_type.reaches_contact


def _one_too_many(
    document: Document,
    order: Order,
    places: Mapping[str, int],
    first: NodeDoc,
    start: datetime,
    entry: Entry,
    most: int,
) -> NodeDoc | None:
    """Walk on from a message for a week, keeping for each number of messages the earliest arrival."""
    came: dict[str, dict[int, datetime]] = {first.id: {0: start}}
    waiting = [places[first.id]]
    while waiting:
        node = order.nodes[heappop(waiting)]
        for count, at in came.pop(node.id, {}).items():
            sent = count + _reaches(node)
            if sent > most:
                return node
            for edge in document.leaving[node.id]:
                left = _leave(node, edge.port, at, entry)
                if left >= start + WEEK or places[edge.target] <= places[node.id]:
                    continue  # beyond the week, or an edge that closes a circle
                if edge.target not in came:
                    came[edge.target] = {}
                    heappush(waiting, places[edge.target])
                known = came[edge.target]
                known[sent] = min(known.get(sent, left), left)
    return None
