"""Made-up traffic: many runs of one test at once, looked at after every epoch."""

from collections.abc import Callable, Sequence

import numpy as np

from engine.experiments.stats import race
from engine.experiments.stats.pairs import Floats

Rule = Callable[[Floats, Floats], Floats]
"""Names a winner for each run and look, or -1: from increments ``[runs, looks, variants]`` to ``[runs, looks]``."""


def traffic(rates: Sequence[float], *, runs: int, looks: int, each: int, seed: int) -> tuple[Floats, Floats]:
    """Let ``each`` contacts a variant come between two looks, divided by chance."""
    chance = np.random.default_rng(seed)
    number = len(rates)
    shown = chance.multinomial(each * number, [1 / number] * number, size=(runs, looks))
    return chance.binomial(shown, np.asarray(rates)).astype(float), shown.astype(float)


def winners(rule: Rule, won: Floats, shown: Floats) -> tuple[Floats, Floats]:
    """Give the winner of each run, -1 for none, and the number of looks that it took."""
    named = rule(won, shown)
    decided = named >= 0
    when = np.where(decided.any(axis=1), decided.argmax(axis=1), named.shape[1] - 1)
    first = named[np.arange(len(named)), when]
    return np.where(decided.any(axis=1), first, -1), when + 1.0


def proven(alpha: float) -> Rule:
    """The rule of this house, for two variants."""

    def rule(won: Floats, shown: Floats) -> Floats:
        found = race.paths(won, shown)
        needed = race.threshold(2, alpha)
        chosen: Floats = np.where(found[..., 0, 1] >= needed, 1.0, np.where(found[..., 1, 0] >= needed, 0.0, -1.0))
        return chosen

    return rule


def peeking(bound: float = 1.96) -> Rule:
    """The rule of many others: a test for one look, asked at every look."""

    def rule(won: Floats, shown: Floats) -> Floats:
        wins, seen = won.cumsum(axis=1), shown.cumsum(axis=1)
        pooled = wins.sum(axis=2) / seen.sum(axis=2)
        spread = np.sqrt(pooled * (1 - pooled) * (1 / seen[..., 0] + 1 / seen[..., 1]))
        score = (wins[..., 1] / seen[..., 1] - wins[..., 0] / seen[..., 0]) / np.maximum(spread, 1e-12)
        return np.where(np.abs(score) >= bound, (score > 0).astype(float), -1.0)

    return rule
