"""What a rehearsal showed, in numbers."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from engine.library.plan import Plan
from engine.terms import Json, format_instant

if TYPE_CHECKING:
    from engine.simulate.runner import Scenario


@dataclass(frozen=True)
class Report:
    """Counts of a rehearsal.

    Shape: ``nodes`` has every node of the flow in its order, with every port: how many passed, and how many on each
    UTC day. ``ends`` counts enrollments by how they ended; ``active`` those that had not. ``experiments`` are the
    reports of the flow's splits.
    """

    flow: str
    start: str
    days: float
    contacts: int
    entered: int
    active: int
    ends: dict[str, int]
    nodes: list[dict[str, Json]]
    messages: dict[str, Json]
    experiments: list[dict[str, Json]] = field(default_factory=list)

    def as_json(self) -> dict[str, Json]:
        """Give the report as the command writes it."""
        return {
            "flow": self.flow,
            "start": self.start,
            "days": self.days,
            "contacts": self.contacts,
            "enrollments": {"entered": self.entered, "active": self.active, "ended": dict(self.ends)},
            "nodes": list(self.nodes),
            "messages": self.messages,
            **({"experiments": list(self.experiments)} if self.experiments else {}),
        }


def make_report(
    plan: Plan,
    journal: Iterable[Mapping[str, Json]],
    scenario: "Scenario",
    experiments: list[dict[str, Json]],
) -> Report:
    """Count a journal."""
    passed: dict[tuple[str, str], Counter[str]] = {}
    ends: Counter[str] = Counter()
    outcomes: Counter[tuple[str, str, str]] = Counter()
    a_day: Counter[tuple[str, str]] = Counter()
    enrollments: set[tuple[str, int]] = set()
    for line in journal:
        if "flow" in line:
            continue
        enrollments.add((str(line["contact"]), int(str(line["enrollment"]))))
        day = str(line["at"])[:10]
        if "port" in line:
            passed.setdefault((str(line["node"]), str(line["port"])), Counter())[day] += 1
        elif "message" in line:
            outcomes[str(line["node"]), str(line["message"]), str(line.get("reason", ""))] += 1
            if line["message"] == "sent":
                a_day[str(line["contact"]), day] += 1
        else:
            ends[str(line["end"])] += 1
    return Report(
        flow=plan.flow_key,
        start=format_instant(scenario.start),
        days=scenario.days,
        contacts=len(scenario.people),
        entered=len(enrollments),
        active=len(enrollments) - ends.total(),
        ends={end: ends[end] for end in ("completed", "goal", "exit")},
        nodes=_nodes(plan, passed),
        messages=_messages(outcomes, a_day),
        experiments=experiments,
    )


def _nodes(plan: Plan, passed: dict[tuple[str, str], Counter[str]]) -> list[dict[str, Json]]:
    found: list[dict[str, Json]] = []
    for node in plan.nodes:
        ports: dict[str, Json] = {}
        for port in node.ports:
            days = passed.get((node.id, port), Counter())
            ports[port] = {"passed": days.total(), "by_day": {day: days[day] for day in sorted(days)}}
        found.append({"node": node.id, "type": node.type.kind, "ports": ports})
    return found


def _messages(outcomes: Counter[tuple[str, str, str]], a_day: Counter[tuple[str, str]]) -> dict[str, Json]:
    counts = sorted(a_day.values())
    sent = sum(count for (_, what, _), count in outcomes.items() if what == "sent")
    suppressed: Counter[str] = Counter()
    by_node: dict[str, Json] = {}
    for (node, what, reason), count in sorted(outcomes.items()):
        if what == "suppressed":
            suppressed[reason] += count
        told = by_node.setdefault(node, {"sent": 0, "suppressed": 0})
        assert isinstance(told, dict)
        told[what] = int(str(told[what])) + count
    reasons: dict[str, Json] = dict(sorted(suppressed.items()))
    return {
        "sent": sent,
        "suppressed": reasons,
        "by_node": by_node,
        "per_contact_and_day": {"max": counts[-1] if counts else 0, "p99": _nearest_rank(counts, 0.99)},
    }


def _nearest_rank(ordered: list[int], share: float) -> int:
    """Take the value at a share of an ordered list, by the nearest rank."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else 0
