"""A plan: a flow version in the shape in which waves use it. Compiled once per version and kept."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import time, timedelta
from functools import cached_property
from typing import Any

from engine.contract.fields import fields_of
from engine.contract.node import ByEvent, ByHand, Entry, NodeType
from engine.library import steps
from engine.rules.model import Rule
from engine.terms import Text


@dataclass(frozen=True)
class PlanNode:
    """A node with its place in the version's topological order.

    Shape: ``targets`` has an entry for every port, empty where the path ends; ``inbound`` the codes by which members
    arrive over edges; ``passes`` is False when an enrollment can pass here at most once.
    """

    index: int
    id: str
    name: Text | None
    type: NodeType[Any]
    config: Any
    ports: tuple[str, ...]
    targets: Mapping[str, tuple[int, ...]]
    inbound: tuple[str, ...]
    ancestors: frozenset[int]
    repeats: bool

    @cached_property
    def entry(self) -> Entry | None:
        """How contacts come in here; None if this is no trigger."""
        entry: Entry | None = self.type.entry(self.config)
        return entry

    @cached_property
    def rules(self) -> tuple[Rule, ...]:
        """The rules in this node's settings."""
        return tuple(found.value for found in fields_of(self.config) if found.hint == "rule")

    @cached_property
    def events(self) -> tuple[str, ...]:
        """The names of events in this node's settings, outside of rules."""
        return tuple(found.value for found in fields_of(self.config) if found.hint == "event")

    def code(self, port: str) -> str:
        """Give the step code of one of this node's ports."""
        return steps.step(self.index, self.ports.index(port))


@dataclass(frozen=True)
class Plan:
    """One flow version, ready to run.

    Shape: ``nodes`` in topological order, document order where that leaves a choice; a node's index is its place.
    ``parallel`` is False when no enrollment can ever have two tokens; ``trigger_places`` keep the document's order;
    ``raw`` is the document.
    """

    version_id: int
    flow_id: int
    flow_key: str
    flow_name: Text
    workspace_id: int
    timezone: str | None
    quiet: tuple[time, time] | None
    goal: Rule | None
    exit: Rule | None
    reentry: str
    cooldown: timedelta
    nodes: tuple[PlanNode, ...]
    parallel: bool
    trigger_places: tuple[int, ...]
    raw: Mapping[str, Any] = field(compare=False, repr=False)

    @cached_property
    def places(self) -> dict[str, int]:
        """Map node ids to indexes."""
        return {node.id: node.index for node in self.nodes}

    @cached_property
    def triggers(self) -> tuple[PlanNode, ...]:
        """The nodes by which contacts come in, in the order of the document."""
        return tuple(self.nodes[place] for place in self.trigger_places)

    @cached_property
    def trigger_events(self) -> tuple[str, ...]:
        """The names of the events by which contacts come in."""
        names = (node.entry.match.name for node in self.triggers if isinstance(node.entry, ByEvent))
        return tuple(dict.fromkeys(names))

    @cached_property
    def by_hand(self) -> tuple[PlanNode, ...]:
        """The triggers by which contacts are let in by hand, by API or from another flow.

        Shape: the first only where one passage at a time is allowed: one occasion lets in once, also who ends at once.
        """
        found = tuple(node for node in self.triggers if isinstance(node.entry, ByHand))
        return found if self.reentry == "always" else found[:1]

    def where(self, index: int, port: int) -> tuple[str, str]:
        """Name the node and port of a step."""
        node = self.nodes[index]
        return node.id, node.ports[port]
