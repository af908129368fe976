"""What a contact who rests somewhere will be sent next, and when at the earliest."""

from engine.library.plan import Plan, PlanNode
from engine.run.rows import target_instant
from engine.terms import Micros, length_micros


def next_message(
    plan: Plan, place: int, due: Micros, *, workspace: str, zone: str | None, started: Micros
) -> tuple[PlanNode, Micros] | None:
    """Find the message that comes first on any way from a node that is left at ``due``; None when there is none.

    Shape: waits that an event or a rule may end, and dates that contacts carry, count as no time at all.
    """
    earliest: dict[int, Micros] = {place: due}
    found: list[tuple[Micros, int]] = []
    for node in plan.nodes[place:]:
        at = earliest.get(node.index)
        if at is None:
            continue
        if node.type.channel is not None:
            found.append((at, node.index))
            continue
        for port, targets in node.targets.items():
            left = at if node.index == place else _left(plan, node, port, at, workspace, zone, started)
            for target in targets:
                earliest[target] = min(earliest.get(target, left), left)
    if not found:
        return None
    at, index = min(found)
    return plan.nodes[index], at


def _left(
    plan: Plan, node: PlanNode, port: str, at: Micros, workspace: str, zone: str | None, started: Micros
) -> Micros:
    """Tell when a node is left by a port at the earliest."""
    target = node.type.target(node.config)
    if target is not None:
        until = target_instant(target, plan.timezone, workspace, zone or "", at, started)
        return at if until is None else max(at, until)
    return at + length_micros(node.type.least_wait(node.config, port))
