"""A rehearsal day by day: where contacts rest, what passed each edge, what was sent, and some ways that were taken."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final, TypeAlias

from engine.terms import Json

Edge: TypeAlias = tuple[str, str, str]
Line: TypeAlias = Mapping[str, Json]

SAMPLES: Final = 8
"""So many different ways are shown."""


@dataclass(frozen=True)
class Day:
    """One day of a rehearsal.

    Shape: ``resting`` counts contacts at nodes when the day ends; ``passed`` who took each edge on it; ``ends`` how
    enrollments ended on it.
    """

    day: date
    entered: int
    sent: int
    suppressed: int
    active: int
    ends: Mapping[str, int]
    resting: Mapping[str, int]
    passed: Mapping[Edge, int]


@dataclass(frozen=True)
class Sample:
    """One enrollment that stands for all that went the same way: whose, how many they are, and what happened."""

    contact: str
    share: int
    lines: tuple[Line, ...]


def days_of(
    lines: Iterable[Line], targets: Mapping[tuple[str, str], Sequence[str]], first: date, count: int
) -> list[Day]:
    """Part a journal into days.

    Shape: ``targets`` says where the edges of each port lead; a day for each of ``count``, also where nothing happened.
    Cost: one look at every line.
    """
    book = _Book(targets)
    by_day: dict[str, list[Line]] = defaultdict(list)
    for line in lines:
        by_day[str(line["at"])[:10]].append(line)
    return [book.close(day, by_day.get(day.isoformat(), [])) for day in _days(first, count)]


def samples(lines: Iterable[Line], most: int = SAMPLES) -> list[Sample]:
    """Choose enrollments that went different ways, the most trodden first."""
    passages: dict[tuple[str, int], list[Line]] = defaultdict(list)
    for line in lines:
        passages[str(line["contact"]), int(str(line["enrollment"]))].append(line)
    ways: dict[tuple[Any, ...], list[tuple[str, int]]] = defaultdict(list)
    for key, own in passages.items():
        ways[tuple((line.get("node"), line.get("port"), line.get("message"), line.get("end")) for line in own)].append(
            key
        )
    common = sorted(ways.values(), key=lambda keys: -len(keys))[:most]
    return [Sample(keys[0][0], len(keys), tuple(passages[keys[0]])) for keys in common]


def _days(first: date, count: int) -> Iterable[date]:
    return (first + timedelta(days=number) for number in range(count))


class _Book:
    """Where every enrollment stands, while lines are read."""

    def __init__(self, targets: Mapping[tuple[str, str], Sequence[str]]) -> None:
        self.targets = targets
        self.at: dict[tuple[str, int], Counter[str]] = {}
        self.resting: Counter[str] = Counter()

    def close(self, day: date, lines: Iterable[Line]) -> Day:
        """Read the lines of a day."""
        passed: Counter[Edge] = Counter()
        told: Counter[str] = Counter()
        ends: Counter[str] = Counter()
        entered = 0
        for line in lines:
            key = str(line["contact"]), int(str(line["enrollment"]))
            if key not in self.at:
                entered += 1
                self.at[key] = Counter()
            if "port" in line:
                self._step(key, str(line["node"]), str(line["port"]), passed)
            elif "message" in line:
                told[str(line["message"])] += 1
            else:
                ends[str(line["end"])] += 1
                self.resting -= self.at[key]
                self.at[key] = Counter({"": -1})
        active = sum(not where.get("") for where in self.at.values())
        resting = {node: number for node, number in self.resting.items() if number > 0}
        return Day(day, entered, told["sent"], told["suppressed"], active, ends, resting, passed)

    def _step(self, key: tuple[str, int], node: str, port: str, passed: Counter[Edge]) -> None:
        mine = self.at[key]
        if mine[node] > 0:
            mine[node] -= 1
            self.resting[node] -= 1
        for target in self.targets.get((node, port), ()):
            passed[node, port, target] += 1
            mine[target] += 1
            self.resting[target] += 1
