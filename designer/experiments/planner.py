"""The planner of a test: from what comes to a split to the contacts and days that a decision takes."""

from typing import Any

from fastapi import Request

from designer.views import Pages
from engine.api import experiments
from engine.api.drawing import Sheet
from engine.api.planner import traffic_at
from engine.contract.comparison import Comparison
from engine.graph.model import Document, NodeDoc

LEAST_RATE, MOST_RATE = 0.01, 99.0
LEAST_LIFT, MOST_LIFT = 0.5, 500.0
GUESS = 5.0
"""The rate in percent that is assumed where nobody knows one."""


def comparison_of(node: NodeDoc | None) -> Comparison | None:
    """Give what a node of a draft compares; None for one that compares nothing."""
    if node is None or node.node_type is None or node.config is None:
        return None
    found: Comparison | None = node.node_type.compares(node.config)
    return found


def plan_of(base: float, lift: float, a_day: float, *, alpha: float, mde: float, variants: int) -> dict[str, Any]:
    """Plan a test: rate and lift in percent, and the contacts a day that are compared."""
    base, lift = min(MOST_RATE, max(LEAST_RATE, base)), min(MOST_LIFT, max(LEAST_LIFT, lift))
    found = experiments.plan_test(base / 100, lift / 100, a_day, alpha=alpha, mde=mde, variants=max(2, variants))
    return {**found, "base": base, "lift": lift, "a_day": a_day}


def plan_for(comparison: Comparison, base: float, lift: float, a_day: float) -> dict[str, Any]:
    """Plan a test of these variants."""
    known = {"alpha": comparison.alpha, "mde": comparison.mde}
    return plan_of(base, lift, a_day, variants=len(comparison.variants), **known)


def planner(pages: Pages, request: Request, sheet: Sheet, document: Document, node: NodeDoc) -> str:
    """Draw the planner of a node of a draft; nothing for a node that compares nothing."""
    comparison = comparison_of(node)
    if comparison is None or len(comparison.variants) < 2:
        return ""
    seen = traffic_at(pages.wiring, sheet.flow.key, document, node.id, comparison)
    base = GUESS if seen.rate is None else round(seen.rate * 100, 2)
    plan = plan_for(comparison, base, comparison.mde * 100, round(seen.a_day, 1))
    return pages.write(request, "experiments/planner.html", plan=plan, seen=seen, flow=sheet.flow.key, node=node.id)
