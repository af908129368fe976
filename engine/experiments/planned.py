"""Looks at a test whose size was fixed in advance: alpha is spent as contacts come in."""

import math
from typing import Final

from engine.contract.comparison import Comparison
from engine.experiments.counts import Counts, Stands
from engine.experiments.stats import spending

Look = tuple[float, float, float]
"""How much of the information was in, the bound on z, and the leader's least z over its rivals."""

LEAST_STEP: Final = 0.02
"""A look is worth taking when so much more of the information is in."""


def planned_act(
    stands: Stands, counts: Counts, comparison: Comparison, left: list[int]
) -> tuple[tuple[Look, ...], int | None] | None:
    """Take the next look; give all looks and the winner, None before there is enough for one.

    Shape: of several variants the winner must beat each of the others, and all pairs share alpha.
    """
    shown, won = counts.totals
    own = slice(0, counts.variants)
    part = min(1.0, float(shown[own].sum()) / (comparison.size or math.inf))
    done = stands.looks[-1][0] if stands.looks else 0.0
    if done >= 1 or (part - done < LEAST_STEP and part < 1):
        return None
    pairs = counts.variants * (counts.variants - 1) / 2
    parts = [*(look[0] for look in stands.looks), part]
    bound = spending.boundaries(parts, spending.linear(comparison.alpha / pairs))[-1]
    rates = {each: won[each] / shown[each] if shown[each] else 0.0 for each in left}
    best = max(left, key=lambda each: rates[each])
    scores = [spending.z_score([won[each], won[best]], [shown[each], shown[best]]) for each in left if each != best]
    score = float(min(scores, default=0.0))
    looks = (*stands.looks, (part, bound, score))
    return looks, best if score >= bound else None
