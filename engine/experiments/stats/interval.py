"""Between which values a lift lies, at every look."""

import math

import numpy as np
import numpy.typing as npt

from engine.experiments.stats.pairs import DEFAULT, Prior, pair_log_e

WIDEST = math.log(1e3)
_POINTS, _ROUNDS = 33, 4


def lift_interval(
    successes: npt.ArrayLike,
    trials: npt.ArrayLike,
    alpha: float,
    weights: npt.ArrayLike | None = None,
    prior: Prior = DEFAULT,
    variants: int = 2,
) -> tuple[float, float]:
    """Give the always-valid interval for the rate of variant 1 divided by that of variant 0.

    Shape: 0 and infinity where nothing is known yet. With two variants it leaves 1 out exactly when one is proven.
    Source: inversion of the e-process of ``pairs`` (confidence sequence, Howard et al., Annals of Statistics 2021).
    """
    won, seen = np.asarray(successes, dtype=float), np.asarray(trials, dtype=float)
    needed = math.log(variants / alpha)
    low = _edge(won, seen, weights, prior, needed)
    turned = None if weights is None else np.asarray(weights, dtype=float)[..., ::-1]
    high = _edge(won[..., ::-1], seen[..., ::-1], turned, prior, needed)
    return low, math.inf if high == 0 else 1 / high


def _edge(won: npt.ArrayLike, seen: npt.ArrayLike, weights: npt.ArrayLike | None, prior: Prior, needed: float) -> float:
    """Find the greatest ratio that variant 1 is proven to exceed; 0 when there is none."""
    below, above = -WIDEST, WIDEST
    for place in range(_ROUNDS):
        points = np.linspace(below, above, _POINTS)
        proven = pair_log_e(won, seen, weights, np.exp(points), prior) >= needed
        last = int(np.flatnonzero(proven)[-1]) if proven.any() else -1
        if last < 0:
            # Not even the least ratio is proven; in later rounds the lower end was found proven before.
            return 0.0 if place == 0 else math.exp(below)
        below, above = float(points[last]), float(points[min(last + 1, _POINTS - 1)])
    return math.exp(below)
