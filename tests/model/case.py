"""One case: what a simulation is given. As data, so that it can be kept, shrunk and shown."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tests.model.facts import Json, instant_of
from tests.model.interpreter import interpret

KINDS_OF_INTEREST = (
    "join",
    "parallel",
    "event wait",
    "rule wait",
    "goal",
    "exit",
    "re-entry",
    "quiet",
    "split",
    "send",
)


@dataclass
class Case:
    """Flows (the main one first), contacts, events, and how long to play them."""

    flows: list[Json]
    contacts: list[Json]
    events: list[Json]
    start: str
    days: int
    segments: dict[str, Json] = field(default_factory=dict)
    name: str = ""

    @classmethod
    def load(cls, path: Path) -> "Case":
        return cls(**json.loads(path.read_text(encoding="utf-8")))

    def save(self, path: Path) -> None:
        path.write_text(self.text(), encoding="utf-8")

    def text(self) -> str:
        return json.dumps(asdict(self), ensure_ascii=False, indent=1)

    @property
    def main(self) -> Json:
        return self.flows[0]

    def expected(self) -> list[Json]:
        """Give the journal that the interpreter writes."""
        return interpret(
            self.flows, self.contacts, self.events, instant_of(self.start), self.days, segments=self.segments
        )

    def features(self) -> set[str]:
        """Name what of interest stands in the flows."""
        return set().union(*(_features(flow) for flow in self.flows))


def _features(flow: Json) -> set[str]:
    kinds = {node["type"] for node in flow["nodes"]}
    ports = [(edge["from"], edge.get("port", "out")) for edge in flow["edges"]]
    settings = flow.get("settings", {})
    found = {
        "join": "path.join" in kinds,
        "parallel": len(ports) > len(set(ports)),
        "event wait": "wait.event" in kinds,
        "rule wait": "wait.rule" in kinds,
        "goal": "goal" in settings,
        "exit": "exit_when" in settings or "flow.exit" in kinds,
        "re-entry": settings.get("reentry", {}).get("allow", "once") != "once",
        "quiet": "quiet_hours" in settings,
        "split": bool(kinds & {"split.random", "split.ab"}),
        "send": any(kind.startswith("send.") for kind in kinds),
    }
    return {name for name in KINDS_OF_INTEREST if found[name]}


def canonical(journal: list[Json], contacts: list[Json]) -> list[Json]:
    """Bring a journal into the order of time, contact and enrollment, keeping the order within an enrollment."""
    places = {str(contact["id"]): place for place, contact in enumerate(contacts)}
    last = len(places)
    return sorted(
        journal,
        key=lambda line: (
            line["at"],
            places.get(line["contact"], last),
            line["contact"],
            line.get("flow", ""),
            line["enrollment"],
        ),
    )
