"""Rules by which winners are named, ours and those of others, for many runs of a test at once.

Each takes increments ``[runs, looks, 2]`` of conversions and contacts and gives the winner that it would name at each
look, or -1.
"""

from collections.abc import Callable, Mapping

import numpy as np

from engine.experiments.stats import race, spending
from engine.experiments.stats.pairs import Floats

Rule = Callable[[Floats, Floats], Floats]


def proven(alpha: float = 0.05) -> Rule:
    """Name who is proven better: the rule of this engine."""

    def rule(won: Floats, shown: Floats) -> Floats:
        found, needed = race.paths(won, shown), race.threshold(2, alpha)
        named: Floats = np.where(found[..., 0, 1] >= needed, 1.0, np.where(found[..., 1, 0] >= needed, 0.0, -1.0))
        return named

    return rule


def highest(each: int, batch: int) -> Rule:
    """Name the higher rate once so many contacts were shown each variant."""

    def rule(won: Floats, shown: Floats) -> Floats:
        wins, seen = won.cumsum(axis=1), shown.cumsum(axis=1)
        named = np.where(wins[..., 1] / seen[..., 1] > wins[..., 0] / seen[..., 0], 1.0, 0.0)
        named[:, : max(0, each // batch - 1)] = -1.0
        return named

    return rule


def peeking(bound: float = 1.96) -> Rule:
    """Ask a test that is meant for one look at every look."""
    return lambda won, shown: _beyond(z_scores(won, shown), bound)


def one_look(bound: float = 1.96) -> Rule:
    """Ask a test once, at the end."""

    def rule(won: Floats, shown: Floats) -> Floats:
        named = _beyond(z_scores(won, shown), bound)
        named[:, :-1] = -1.0
        return named

    return rule


def believed(chance: float) -> Rule:
    """Name who is better with this posterior probability, at every look (normal approximation of the posteriors)."""

    def rule(won: Floats, shown: Floats) -> Floats:
        hits, seen = won.cumsum(axis=1) + 1, shown.cumsum(axis=1) + 2
        rate = hits / seen
        spread = np.sqrt((rate * (1 - rate) / (seen + 1)).sum(axis=-1))
        bound = spending._NORMAL.inv_cdf(chance)  # noqa: SLF001 - the same normal distribution
        return _beyond((rate[..., 1] - rate[..., 0]) / np.maximum(spread, 1e-12), bound)

    return rule


def group_sequential(looks: int, alpha: float = 0.05) -> Rule:
    """Spend alpha in proportion to the information of a size that was fixed before."""
    bounds = np.array(spending.boundaries([(at + 1) / looks for at in range(looks)], spending.linear(alpha)))
    return lambda won, shown: _beyond(z_scores(won, shown), bounds)


def rules(looks: int, batch: int) -> Mapping[str, Rule]:
    """List the rules that are compared."""
    return {
        "highest after 1,000 each": highest(1_000, batch),
        "z test, one look at the end": one_look(),
        "z test at every look": peeking(),
        "P(best) >= 95% at every look": believed(0.95),
        "group sequential, planned size": group_sequential(looks),
        "ours": proven(),
    }


def z_scores(won: Floats, shown: Floats) -> Floats:
    """Give the pooled statistic after each look."""
    wins, seen = won.cumsum(axis=1), shown.cumsum(axis=1)
    pooled = wins.sum(axis=-1) / seen.sum(axis=-1)
    spread = np.sqrt(pooled * (1 - pooled) * (1 / seen[..., 0] + 1 / seen[..., 1]))
    found: Floats = (wins[..., 1] / seen[..., 1] - wins[..., 0] / seen[..., 0]) / np.maximum(spread, 1e-12)
    return found


def _beyond(score: Floats, bound: float | Floats) -> Floats:
    named: Floats = np.where(np.abs(score) >= bound, np.where(score > 0, 1.0, 0.0), -1.0)
    return named
