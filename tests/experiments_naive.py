"""Rules by which most systems name a winner of two, under the names that outside acceptance scripts call.

They must fail there: a script that lets them pass would say nothing about ours.
"""

import numpy as np
import numpy.typing as npt

from bench import experiments_rules
from bench.experiments_rules import Rule

Counts = npt.NDArray[np.int64]


def highest(successes: Counts, trials: Counts, alpha: float, weights: object = None) -> int | None:
    """Take the higher rate once each has been shown to a thousand."""
    each = int(trials[0].mean())
    return _named(experiments_rules.highest(1_000, each), successes, trials)


def peeking(successes: Counts, trials: Counts, alpha: float, weights: object = None) -> int | None:
    """Ask a test that is meant for one look at every look."""
    return _named(experiments_rules.peeking(), successes, trials)


def believed(successes: Counts, trials: Counts, alpha: float, weights: object = None) -> int | None:
    """Stop as soon as one is better with a posterior probability of 95 %."""
    return _named(experiments_rules.believed(0.95), successes, trials)


def _named(rule: Rule, successes: Counts, trials: Counts) -> int | None:
    found = int(rule(successes[None].astype(float), trials[None].astype(float))[0, -1])
    return None if found < 0 else found
