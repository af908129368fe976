"""What a version must know of those before it, once enrollments may come over from them.

What an enrollment was sent is noted by version and place, and places shift from version to version: the same node may
have another place, and at a place there may be another node.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from engine.contract.node import Family
from engine.library.plan import Plan, PlanNode

_SILENT = frozenset({Family.TRIGGER, Family.WAIT, Family.BRANCH, Family.SPLIT, Family.PATH})
"""Families whose nodes owe nobody anything, so that nothing is noted under their place."""

Places = Mapping[str, tuple[tuple[int, int], ...]]
"""Under which versions and places a node's messages may lie, by its id."""


def earlier(plan: Plan, plans: Mapping[int, Plan]) -> list[Plan]:
    """List the versions of the same flow that came before, the oldest first."""
    return [each for number, each in sorted(plans.items()) if each.flow_id == plan.flow_id and number < plan.version_id]


def aware(plan: Plan, before: Sequence[Plan]) -> Plan:
    """Let nodes count their passes where an enrollment may have notes of another node under the same place."""
    changed = {node.index for node in plan.nodes if any(_notes(each, node) for each in before)}
    if not changed:
        return plan
    return replace(
        plan, nodes=tuple(replace(node, repeats=node.repeats or node.index in changed) for node in plan.nodes)
    )


def _notes(before: Plan, node: PlanNode) -> bool:
    if node.index >= len(before.nodes):
        return False
    there = before.nodes[node.index]
    return there.id != node.id and there.type.family not in _SILENT


def formerly(plan: Plan, before: Sequence[Plan]) -> Places:
    """Say of the nodes for which the place alone does not tell it where else their messages may lie."""
    found: dict[str, tuple[tuple[int, int], ...]] = {}
    for node in plan.nodes:
        shifted = any(each.places.get(node.id, node.index) != node.index or _notes(each, node) for each in before)
        if shifted:
            versions = [*before, plan]
            found[node.id] = tuple(
                (each.version_id, each.places[node.id]) for each in versions if node.id in each.places
            )
    return found
