"""Play a shipped flow with sample contacts, and keep its funnel.

``python -m tests.flows.rehearsal`` writes the golden funnels anew.
"""

import json
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

from designer.rendering.renderer import JinjaRenderer
from engine.contract.registry import installed
from engine.graph.document import read_document
from engine.run.texts import requirements
from engine.simulate.behaviour import Behaviour
from engine.simulate.population import Person
from engine.simulate.runner import Means, Scenario, simulate
from engine.store import migrate
from engine.store.session import open_store
from engine.terms import Json, to_micros
from tests.flows.shipped import KEYS, behaviour, flow, messages

START = datetime(2026, 3, 2, tzinfo=UTC)
WEBINAR = "2026-03-16T15:00:00+08:00"
DAYS = 120
FEW, MANY = 150, 1_000
PLACES = (
    ("Asia/Shanghai", "zh-CN"),
    ("Europe/Berlin", "de"),
    ("Asia/Shanghai", "en"),
    ("America/New_York", "en"),
    (None, None),
)
TITLES = ("Marketing Director", "operations specialist", "市场总监", None)
INDUSTRIES = ("manufacturing", "Software", "制造业", "logistics", None)
GOLDEN = Path(__file__).parent / "golden"

Funnel = dict[str, dict[str, int]]


@dataclass(frozen=True)
class Played:
    """How many passed each port, how enrollments ended, and what was sent to whom, by local time."""

    funnel: Funnel
    ends: dict[str, int]
    suppressed: dict[str, int]
    sent: dict[str, list[tuple[datetime, str]]]

    def golden(self) -> dict[str, object]:
        return {"nodes": self.funnel, "ends": self.ends, "suppressed": self.suppressed}


@cache
def play(key: str, contacts: int) -> Played:
    document, findings = read_document(json.dumps(flow(key)), installed())
    assert document is not None
    assert findings == []
    people = _people(key, contacts)
    habits = Behaviour.model_validate(behaviour(key))
    store = open_store("sqlite://")
    migrate.create(store)
    try:
        outcome = simulate(store, Scenario([document], people, to_micros(START), DAYS, behaviour=habits), _means())
        journal = outcome.journal
    finally:
        store.close()
    report = json.loads(json.dumps(outcome.report.as_json()))
    zones = {person.key: person.timezone for person in people}
    return Played(
        funnel={node["node"]: _passed(node["ports"]) for node in report["nodes"]},
        ends=report["enrollments"]["ended"],
        suppressed=report["messages"]["suppressed"],
        sent=_sent(journal, zones, document.settings.timezone or "UTC"),
    )


def kept(key: str, contacts: int) -> dict[str, object]:
    read: dict[str, object] = json.loads(_file(key, contacts).read_text(encoding="utf-8"))
    return read


def _people(key: str, contacts: int) -> list[Person]:
    return [_person(key, number) for number in range(1, contacts + 1)]


def _person(key: str, number: int) -> Person:
    """Make a sample contact; one in fifty has no address, one in twenty does not know the date of the webinar."""
    attributes = {"name": f"Ann {number}", "title": _pick(TITLES, number), "industry": _pick(INDUSTRIES, number // 3)}
    if key == "webinar" and number % 20:
        attributes["webinar_at"] = WEBINAR
    zone, locale = PLACES[number % len(PLACES)]
    return Person(
        key=f"c{number:04d}",
        email=f"ann{number}@example.com" if number % 50 else None,
        timezone=zone,
        locale=locale,
        attributes={name: value for name, value in attributes.items() if value is not None},
    )


def _pick(values: tuple[str | None, ...], number: int) -> str | None:
    return values[number % len(values)]


def _means() -> Means:
    renderer = JinjaRenderer()
    return Means(installed(), renderer, requirements(renderer, messages().get))


def _passed(ports: dict[str, dict[str, int]]) -> dict[str, int]:
    return {port: counts["passed"] for port, counts in ports.items()}


def _sent(
    journal: list[dict[str, Json]], zones: dict[str, str | None], fallback: str
) -> dict[str, list[tuple[datetime, str]]]:
    sent = defaultdict(list)
    for line in journal:
        if line.get("message") == "sent":
            contact = str(line["contact"])
            at = datetime.fromisoformat(str(line["at"])).astimezone(ZoneInfo(zones[contact] or fallback))
            sent[contact].append((at, str(line["node"])))
    return dict(sent)


def busiest_week(moments: list[datetime]) -> int:
    """Count the most messages in any seven days."""
    return max(sum(last - timedelta(days=7) < at <= last for at in moments) for last in moments)


def _file(key: str, contacts: int) -> Path:
    return GOLDEN / f"{key}.{contacts}.json"


if __name__ == "__main__":
    for each in KEYS:
        for count in (FEW, MANY):
            text = json.dumps(play(each, count).golden(), indent=1)
            _file(each, count).write_text(text + "\n", encoding="utf-8")
