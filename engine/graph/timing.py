"""Time along the paths: waits that are over before anyone comes, and too many messages in a week.

Nobody is at hand, so it is played through with imagined entries: at midnight of a day, from which every calendar day
of the flow lies ahead in full; and at the present instant, for waits that name a date.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from heapq import heappop, heappush
from typing import Final
from zoneinfo import ZoneInfo

from engine.civil import WaitUntil, effective_zone, resolve_wait
from engine.contract.findings import Finding
from engine.graph.model import Document, NodeDoc
from engine.graph.order import Order
from engine.graph.text import warning

WEEK: Final = timedelta(days=7)
NO_TIME: Final = timedelta(0)
LAST_ZONE: Final = ZoneInfo("Etc/GMT+12")
"""Where every calendar date ends last: a date that is over there is over everywhere."""


@dataclass(frozen=True)
class Entry:
    """An imagined entry: when, and in which zone the contact lives."""

    at: datetime
    tz: ZoneInfo


class Passage:
    """One imagined entry, played through."""

    def __init__(self, document: Document, order: Order, targets: Mapping[str, WaitUntil], entry: Entry) -> None:
        self.document = document
        self.order = order
        self.targets = targets
        self.entry = entry
        self.places = {node.id: place for place, node in enumerate(order.nodes)}

    def instant(self, node: NodeDoc, arrival: datetime) -> datetime | None:
        """Tell until when a contact who comes to a wait for a civil time would rest."""
        return resolve_wait(self.targets[node.id], now=arrival, entered=self.entry.at, tz=self.entry.tz)

    def leave(self, node: NodeDoc, port: str, arrival: datetime) -> datetime:
        """Tell when a contact who came to a node can leave it by a port at the earliest."""
        if node.id in self.targets:
            instant = self.instant(node, arrival)
            return arrival if instant is None else max(arrival, instant)
        return arrival + node.least_waits.get(port, NO_TIME)

    def arrivals(self) -> dict[str, tuple[datetime, datetime]]:
        """Tell when contacts come to each node by the quickest and by the slowest of the ways."""
        came = {node.id: (self.entry.at, self.entry.at) for node in self.order.nodes if node.is_trigger}
        for node in self.order.nodes:
            if node.id in came:
                early, late = came[node.id]
                for edge in self.document.leaving[node.id]:
                    first = self.leave(node, edge.port, early)
                    last = first if early == late else self.leave(node, edge.port, late)
                    known = came.get(edge.target)
                    came[edge.target] = (first, last) if known is None else (min(first, known[0]), max(last, known[1]))
        return came

    def one_too_many(self, first: NodeDoc, start: datetime, most: int) -> NodeDoc | None:
        """Walk on from a message for a week, keeping for each number of messages the earliest arrival."""
        came: dict[str, dict[int, datetime]] = {first.id: {0: start}}
        waiting = [self.places[first.id]]
        while waiting:
            node = self.order.nodes[heappop(waiting)]
            for count, at in came.pop(node.id).items():
                sent = count + _reaches(node)
                if sent > most:
                    return node
                for edge in self.document.leaving[node.id]:
                    left = self.leave(node, edge.port, at)
                    if left >= start + WEEK or self.places[edge.target] <= self.places[node.id]:
                        continue  # beyond the week, or an edge that closes a circle
                    if edge.target not in came:
                        came[edge.target] = {}
                        heappush(waiting, self.places[edge.target])
                    known = came[edge.target]
                    known[sent] = min(known.get(sent, left), left)
        return None


def check_timing(document: Document, order: Order, now: datetime, most_messages: int) -> Iterator[Finding]:
    """Find waits that nobody comes to in time, and paths with too many messages."""
    targets = {node.id: target for node in order.nodes if (target := _target(node)) is not None}
    midnights = _midnights(document, targets, now)
    yield from _past(document, order, targets, midnights, Entry(now.astimezone(UTC), LAST_ZONE))
    for entry in midnights:
        found = _crowded(Passage(document, order, targets, entry), most_messages)
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
    days = (today + timedelta(days=day) for day in range(7 if weekly else 1))
    return [Entry(datetime.combine(day, time(0), tzinfo=tz).astimezone(UTC), tz) for day in days]


def _past(
    document: Document, order: Order, targets: Mapping[str, WaitUntil], midnights: list[Entry], present: Entry
) -> Iterator[Finding]:
    # A second after midnight: almost nobody enters at midnight itself.
    entries = [*(Entry(entry.at + timedelta(seconds=1), entry.tz) for entry in midnights), present]
    passages = [Passage(document, order, targets, entry) for entry in entries] if targets else []
    arrivals = [(passage, passage.arrivals()) for passage in passages]
    for node in order.nodes:
        if node.id not in targets:
            continue
        worlds = arrivals[-1:] if targets[node.id].date is not None else arrivals[:-1]
        if all(node.id in came and _is_over(passage, node, came[node.id][0]) for passage, came in worlds):
            words = "is over before anyone can come here, so everybody goes on at once"
            yield warning("wait.past", f"{node.path}.config", words, "wait for something later", node.id)


def _is_over(passage: Passage, node: NodeDoc, arrival: datetime) -> bool:
    instant = passage.instant(node, arrival)
    return instant is None or instant < arrival


def _crowded(passage: Passage, most: int) -> Finding | None:
    """Find the first stretch of a path on which more than ``most`` messages can fall into seven days."""
    came = passage.arrivals()
    for node in passage.order.nodes:
        if node.id not in came or not _reaches(node):
            continue
        for start in sorted(set(came[node.id])):
            last = passage.one_too_many(node, start, most)
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
