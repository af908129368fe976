"""How long it may still take: the evidence seen as a score that drifts towards a bound."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist
from typing import Final

import numpy as np

from engine.experiments.stats.belief import score_of
from engine.experiments.stats.pairs import Floats
from engine.experiments.stats.spending import crossing_chances

_SPREAD: Final = 0.2
_MULTIPLES: Final = np.array([0.5, 1.0, 2.0, 4.0, 8.0])
_LOG_WEIGHTS: Final = np.log(np.array([1.0, 2.0, 3.0, 2.0, 1.0]) / 9.0)
_LOOKS: Final = 80
_NORMAL: Final = NormalDist()
NEVER: Final = 1e9
"""More contacts than anybody has: no decision in sight."""

FUTILE: Final = 0.02
"""A test whose chance of a winner by its end is below this is not worth going on with."""


def needed_score(information: Floats, needed: float, mde: float) -> Floats:
    """Give the score at which the evidence is ``needed``, for amounts of information."""
    lifts = mde * _MULTIPLES
    low: Floats = np.zeros_like(information)
    high: Floats = (needed + 10) / lifts[0] + lifts[-1] * information
    for _ in range(42):
        middle = (low + high) / 2
        exponents = _LOG_WEIGHTS + lifts * middle[:, None] - lifts**2 * information[:, None] / 2
        highest = exponents.max(axis=1)
        reached = highest + np.log(np.exp(exponents - highest[:, None]).sum(axis=1)) >= needed
        low, high = np.where(reached, low, middle), np.where(reached, middle, high)
    return high


@dataclass(frozen=True)
class Outlook:
    """What is to be expected: mature contacts of each variant at the decision, and the chance of one by the end."""

    contacts: float
    chance: float

    @property
    def futile(self) -> bool:
        """Whether it is hardly worth going on."""
        return self.chance < FUTILE


def outlook(successes: Sequence[float], trials: Sequence[float], *, needed: float, mde: float, cap: float) -> Outlook:
    """Look ahead from the counts of the two leading variants to ``cap`` contacts of each.

    Source: a normal lift with a standard deviation of 0.2 before the first contact.
    """
    information, score = score_of(successes, trials)
    contacts = 2 / (1 / trials[0] + 1 / trials[1]) if min(trials) else 0.0
    pooled = (sum(successes) + 1) / (sum(trials) + 2)
    each = pooled * (1 - pooled) / 2
    lift, variance = score / (information + _SPREAD**-2), 1 / (information + _SPREAD**-2)
    ahead = np.geomspace(max(contacts, 10.0), NEVER, 400)
    bound = needed_score(ahead * each, needed, mde)
    there = np.abs(score + lift * (ahead * each - information)) >= bound
    expected = float(ahead[int(np.argmax(there))]) if there.any() else NEVER
    more = max(0.0, cap * each - information)
    at_cap = float(needed_score(np.array([cap * each]), needed, mde)[0])
    middle, spread = score + lift * more, math.sqrt(more + more**2 * variance)
    if spread == 0:
        return Outlook(expected, float(abs(score) >= at_cap))
    chance = _NORMAL.cdf((middle - at_cap) / spread) + _NORMAL.cdf((-middle - at_cap) / spread)
    return Outlook(expected, min(1.0, chance))


@dataclass(frozen=True)
class Passage:
    """How many mature contacts of each variant it takes: in half, four fifths, and nineteen twentieths of tests."""

    half: float
    most: float
    nearly_all: float


@lru_cache(maxsize=256)
def passage(base: float, lift: float, *, alpha: float = 0.05, mde: float = 0.10, variants: int = 2) -> Passage:
    """Plan a test before it starts: the rate without the change, and the relative lift to find.

    Cost: some ten milliseconds, once for each plan: pages show the same one again and again.
    """
    other = min(0.999, base * (1 + lift))
    apart = abs(math.log(other / (1 - other)) - math.log(base / (1 - base)))
    if apart == 0:
        return Passage(NEVER, NEVER, NEVER)
    pooled = (base + other) / 2
    each = pooled * (1 - pooled) / 2
    needed = math.log(variants / alpha)
    # The information at which a score without chance would arrive; the quantiles lie around it.
    ahead = np.geomspace(1e-3, NEVER, 2_000) / apart**2
    arrived = apart * ahead >= needed_score(ahead, needed, mde)
    if not arrived.any():
        return Passage(NEVER, NEVER, NEVER)
    middle = float(ahead[int(np.argmax(arrived))])
    information = np.linspace(1 / 24, 1, _LOOKS) * middle * 3.2
    bounds = needed_score(information, needed, mde) / np.sqrt(information)
    chances = crossing_chances(information.tolist(), bounds.tolist(), apart)
    found = [float(np.interp(part, chances, information)) / each for part in (0.5, 0.8, 0.95)]
    return Passage(*found)
