"""Which variants are still in the race: one is dropped when another is proven better, and the last one wins.

With the threshold ``variants / alpha`` a best variant is dropped, and a winner named among equals, with a chance of
at most alpha, whatever the number of looks and however the traffic of dropped ones is spread (ADR 0012).
"""

import math
from collections.abc import Sequence
from itertools import permutations

import numpy as np
import numpy.typing as npt

from engine.experiments.stats.pairs import DEFAULT, Floats, Prior, pair_log_e, pair_path


def threshold(variants: int, alpha: float) -> float:
    """Give the logarithm of the evidence that is needed to drop a variant."""
    return math.log(variants / alpha)


def evidence(
    successes: npt.ArrayLike, trials: npt.ArrayLike, weights: npt.ArrayLike | None = None, prior: Prior = DEFAULT
) -> Floats:
    """Give the logarithm of the evidence of every pair now.

    Shape: ``[epochs, variants]`` to a matrix whose row is the variant that is beaten, its column the one that beats.
    """
    won, seen, given = _arrays(successes, trials, weights)
    found = np.zeros((won.shape[1], won.shape[1]))
    for beaten, better in permutations(range(won.shape[1]), 2):
        pair = [beaten, better]
        found[beaten, better] = pair_log_e(won[:, pair], seen[:, pair], given[:, pair], prior=prior)
    return found


def paths(
    successes: npt.ArrayLike, trials: npt.ArrayLike, weights: npt.ArrayLike | None = None, prior: Prior = DEFAULT
) -> Floats:
    """Give the evidence of every pair after every epoch.

    Shape: ``[..., epochs, variants]`` to ``[..., epochs, variants, variants]``.
    """
    won, seen, given = _arrays(successes, trials, weights)
    number = won.shape[-1]
    found = np.zeros((*won.shape, number))
    for beaten, better in permutations(range(number), 2):
        pair = [beaten, better]
        found[..., beaten, better] = pair_path(won[..., pair], seen[..., pair], given[..., pair], prior=prior)
    return found


def dropped(found: Floats, standing: Sequence[int], needed: float) -> list[int]:
    """List the variants that are proven worse than one that stands, the worst first; never the last one."""
    left, gone = list(standing), []
    while len(left) > 1:
        most = {beaten: max(found[beaten, better] for better in left if better != beaten) for beaten in left}
        worst = max(left, key=lambda variant: most[variant])
        if most[worst] < needed:
            break
        left.remove(worst)
        gone.append(worst)
    return gone


def standing(
    successes: npt.ArrayLike,
    trials: npt.ArrayLike,
    alpha: float,
    weights: npt.ArrayLike | None = None,
    prior: Prior = DEFAULT,
) -> list[int]:
    """Play the race over all epochs, with a look after each; give the variants that are left."""
    path = paths(successes, trials, weights, prior)
    number = path.shape[-1]
    needed = threshold(number, alpha)
    left = list(range(number))
    for look in path:
        left = [variant for variant in left if variant not in dropped(look, left, needed)]
    return left


def leader(found: Floats, standing: Sequence[int]) -> int:
    """Name the variant that is least beaten of those that stand."""
    return min(standing, key=lambda beaten: (max(found[beaten, each] for each in standing if each != beaten), beaten))


def p_value(found: Floats, standing: Sequence[int]) -> float:
    """Give the always-valid p-value of the leader; a running least over time stays valid."""
    if len(standing) < 2:
        return 0.0
    best = leader(found, standing)
    least = min(found[rival, best] for rival in standing if rival != best)
    return min(1.0, len(found) * math.exp(-least))


def _arrays(
    successes: npt.ArrayLike, trials: npt.ArrayLike, weights: npt.ArrayLike | None
) -> tuple[Floats, Floats, Floats]:
    won, seen = np.asarray(successes, dtype=float), np.asarray(trials, dtype=float)
    given = np.full(won.shape, 1.0) if weights is None else np.broadcast_to(np.asarray(weights, dtype=float), won.shape)
    return won, seen, given
