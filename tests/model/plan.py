"""A flow document as a graph: order of acting, targets of ports, what lies upstream."""

from dataclasses import dataclass, field
from typing import Any

from tests.model.facts import Json


@dataclass
class Plan:
    """One flow: its nodes by id, in document order."""

    flow: Json
    nodes: dict[str, Json] = field(init=False)
    order: list[str] = field(init=False)
    above: dict[str, set[str]] = field(init=False)

    def __post_init__(self) -> None:
        self.nodes = {node["id"]: node for node in self.flow["nodes"]}
        self.above = {}
        self.order = []
        while len(self.order) < len(self.nodes):
            self._take(next(name for name in self.nodes if name not in self.above and self._is_free(name)))

    def _sources(self, name: str) -> set[str]:
        return {edge["from"] for edge in self.flow.get("edges", []) if edge["to"] == name}

    def _is_free(self, name: str) -> bool:
        return all(source in self.above for source in self._sources(name))

    def _take(self, name: str) -> None:
        """Give the first free node of the document its place; all that leads to it has one."""
        sources = self._sources(name)
        self.above[name] = sources.union(*(self.above[source] for source in sources))
        self.order.append(name)

    @property
    def key(self) -> str:
        return str(self.flow["key"])

    def setting(self, name: str, default: Any = None) -> Any:
        return self.flow.get("settings", {}).get(name, default)

    @property
    def reentry(self) -> str:
        return str(self.setting("reentry", {}).get("allow", "once"))

    def kind(self, name: str) -> str:
        return str(self.nodes[name]["type"])

    def config(self, name: str) -> Json:
        return dict(self.nodes[name].get("config", {}))

    def targets(self, name: str, port: str) -> list[str]:
        """List where a port's edges lead."""
        edges = self.flow.get("edges", [])
        return [e["to"] for e in edges if (e["from"], e.get("port", "out")) == (name, port)]

    def triggers(self, *kinds: str) -> list[str]:
        """List the triggers of these kinds in document order."""
        return [name for name in self.nodes if self.kind(name) in kinds]
