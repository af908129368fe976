"""What a rehearsal showed, counted line by line from its journal: what the quick counting must agree with."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from engine.library.plan import Plan
from engine.simulate.daily import Day

Line = Mapping[str, Any]


def days_of(lines: Sequence[Line], plan: Plan, first: date, count: int) -> list[Day]:
    targets = {
        (node.id, port): [plan.nodes[target].id for target in targets]
        for node in plan.nodes
        for port, targets in node.targets.items()
    }
    at: dict[tuple[str, int], Counter[str]] = {}
    over: set[tuple[str, int]] = set()
    days = []
    for day in (first + timedelta(days=number) for number in range(count)):
        passed: Counter[tuple[str, str, str]] = Counter()
        told: Counter[str] = Counter()
        ends: Counter[str] = Counter()
        entered = 0
        for line in lines:
            if line["at"][:10] != day.isoformat():
                continue
            key = line["contact"], line["enrollment"]
            entered += key not in at
            mine = at.setdefault(key, Counter())
            if "port" in line:
                mine[line["node"]] -= mine[line["node"]] > 0
                for target in targets[line["node"], line["port"]]:
                    passed[line["node"], line["port"], target] += 1
                    mine[target] += 1
            elif "message" in line:
                told[line["message"]] += 1
            else:
                ends[line["end"]] += 1
                over.add(key)
        resting = sum((where for key, where in at.items() if key not in over), Counter[str]())
        days.append(
            Day(day, entered, told["sent"], told["suppressed"], len(at) - len(over), ends, dict(+resting), passed)
        )
    return days


def ways_of(lines: Sequence[Line]) -> list[tuple[str, int, int, bool]]:
    """List the ways, the most trodden first: whose is the first, how many went it, whether it is over."""
    passages: dict[tuple[str, int], list[Any]] = defaultdict(list)
    for line in lines:
        told = tuple(line.get(name) for name in ("node", "port", "message", "end"))
        passages[line["contact"], line["enrollment"]].append(told)
    ways: dict[Any, list[tuple[str, int]]] = defaultdict(list)
    for key, way in passages.items():
        ways[tuple(way)].append(key)
    common = sorted(ways.items(), key=lambda each: -len(each[1]))
    return [(*keys[0], len(keys), way[-1][-1] is not None) for way, keys in common]


def sent_of(lines: Sequence[Line], per: timedelta) -> tuple[Counter[datetime], Counter[int]]:
    """Count what was sent by the hour, and contacts by the most that came to them within a length of time."""
    hours: Counter[datetime] = Counter()
    sent: dict[str, list[datetime]] = defaultdict(list)
    for line in lines:
        if line.get("message") == "sent":
            at = datetime.fromisoformat(line["at"])
            hours[at.replace(minute=0, second=0)] += 1
            sent[line["contact"]].append(at)
    return hours, Counter(max(sum(end - per < at <= end for at in ats) for end in ats) for ats in sent.values())
