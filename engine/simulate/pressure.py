"""How hard a rehearsal presses: messages by the hour, and how many come to one contact within a while."""

from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from engine.terms import Json, parse_instant


@dataclass(frozen=True)
class Pressure:
    """Messages of a rehearsal.

    Shape: ``hours`` counts what was sent in each hour in which something was, by its beginning; ``most`` counts
    contacts by the most messages that came to them within ``per``.
    """

    hours: Mapping[datetime, int]
    most: Mapping[int, int]
    per: timedelta

    def above(self, limit: int) -> int:
        """Count the contacts to whom more than so many come."""
        return sum(count for messages, count in self.most.items() if messages > limit)


def pressure_of(lines: Iterable[Mapping[str, Json]], per: timedelta) -> Pressure:
    """Count what a journal says was sent; at the two ends of ``per`` exactly, two messages are within it no more.

    Cost: one look at every line.
    """
    hours: Counter[datetime] = Counter()
    sent: dict[str, list[datetime]] = defaultdict(list)
    for line in lines:
        if line.get("message") == "sent":
            at = parse_instant(str(line["at"]))
            hours[at.replace(minute=0, second=0, microsecond=0)] += 1
            sent[str(line["contact"])].append(at)
    return Pressure(dict(sorted(hours.items())), Counter(_most(sorted(ats), per) for ats in sent.values()), per)


def _most(ats: Iterable[datetime], per: timedelta) -> int:
    """Find the most instants that lie within a length of time."""
    window: deque[datetime] = deque()
    found = 0
    for at in ats:
        window.append(at)
        while window[0] <= at - per:
            window.popleft()
        found = max(found, len(window))
    return found
