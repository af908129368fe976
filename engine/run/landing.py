"""Where tokens of an earlier version land in the newest one: what follows from the two plans alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from typing import Final

from engine.errors import FlowError
from engine.library.plan import Plan, PlanNode
from engine.library.steps import MAX_NODES

STAY: Final = ""
"""Chosen for a node whose contacts are to stay on their version."""

LEAVE: Final = "!exit"
"""Chosen for a node whose contacts are to leave the flow; no node can be called so."""

Chosen = Mapping[str, str]
"""What was chosen for nodes: the id of a node of the new version, ``STAY`` or ``LEAVE``, by the id of the old one."""

PLACES: Final = 1 << (MAX_NODES - 1).bit_length()
OUTSIDE: Final = -1
"""The place of those who leave."""


class How(IntEnum):
    """How a token goes over: its node is as it was; has other settings; is another one; or it leaves the flow."""

    KEPT = 0
    CHANGED = 1
    MAPPED = 2
    LEFT = 3


@dataclass(frozen=True)
class Landing:
    """Where the tokens at one place go, and how; ``target`` is a place in the new version, or ``OUTSIDE``."""

    target: int
    how: How


@dataclass(frozen=True)
class Crossing:
    """The way from one version to the newest.

    Shape: ``landings`` by the places of the old plan that lead anywhere; ``former`` are plans of versions that
    enrollments of the old one may have come from.
    """

    old: Plan
    new: Plan
    landings: Mapping[int, Landing]
    former: Sequence[Plan]

    @cached_property
    def same_drawing(self) -> bool:
        """Whether nodes and edges are the same, so that only settings differ."""
        return _drawing(self.old) == _drawing(self.new)

    @cached_property
    def again(self) -> list[int]:
        """List what would be done twice: who rests at a place and has a note of a version and place stays.

        Shape: one number for version, place of rest and place of the note, as ``noted`` writes it.
        """
        if self.same_drawing and all(landing.how < How.MAPPED for landing in self.landings.values()):
            return []
        found: list[int] = []
        for place, landing in self.landings.items():
            if landing.how is not How.LEFT:
                ahead = {node.id for node in self.new.nodes if landing.target in (node.index, *node.ancestors)}
                found += self._notes(place, ahead)
        return found

    def _notes(self, place: int, ahead: set[str]) -> list[int]:
        above = self.old.nodes[place].ancestors
        mine = [noted(self.old.version_id, place, node.index) for node in self.old.nodes if node.id in ahead]
        # Where paths part, another token of the enrollment, gone by now, may have been anywhere.
        found = mine if self.old.parallel else [note for note in mine if note % PLACES in above]
        for plan in self.former:
            found += [noted(plan.version_id, place, node.index) for node in plan.nodes if node.id in ahead]
        return found


def noted(version: int, rest: int, place: int) -> int:
    """Put a version, a place of rest and a place of a note into one number."""
    return (version * PLACES + rest) * PLACES + place


def cross(old: Plan, new: Plan, chosen: Chosen, former: Sequence[Plan] = ()) -> Crossing:
    """Find where every place of an older version leads.

    Shape: a node whose id and type are still there leads to itself unless something else was chosen.
    Errors: ``FlowError`` for a choice that the new version does not have.
    """
    check(new, chosen)
    landings: dict[int, Landing] = {}
    for node in old.nodes:
        landing = _landing(node, old, new, chosen.get(node.id))
        if landing is not None:
            landings[node.index] = landing
    return Crossing(old, new, landings, former)


def check(new: Plan, chosen: Chosen) -> None:
    """See that every choice is a node of a version where somebody can be put.

    Errors: ``FlowError``.
    """
    for name, target in chosen.items():
        if target in (STAY, LEAVE):
            continue
        place = new.places.get(target)
        if place is None:
            raise FlowError(f"there is no node {target!r} in the new version, chosen for {name!r}", node=target)
        if target != name and new.nodes[place].entry is not None:
            raise FlowError(f"{target!r} is a trigger: nobody can be put there; choose a later node", node=target)


def _landing(node: PlanNode, old: Plan, new: Plan, choice: str | None) -> Landing | None:
    if choice == STAY:
        return None
    if choice == LEAVE:
        return Landing(OUTSIDE, How.LEFT)
    place = new.places.get(node.id if choice is None else choice)
    if place is None:
        return None
    there = new.nodes[place]
    if there.id == node.id and there.type.kind == node.type.kind:
        alike = there.config == node.config and (old.timezone, old.quiet) == (new.timezone, new.quiet)
        return Landing(place, How.KEPT if alike else How.CHANGED)
    return None if choice is None else Landing(place, How.MAPPED)


def _drawing(plan: Plan) -> dict[str, object]:
    return {
        node.id: (
            node.type.kind,
            {port: sorted(plan.nodes[target].id for target in targets) for port, targets in node.targets.items()},
        )
        for node in plan.nodes
    }
