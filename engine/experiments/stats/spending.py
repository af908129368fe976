"""Planned tests: a size fixed in advance, looked at whenever one likes, with alpha spent as data come in.

Source: Kim, DeMets, Biometrika 74 (1987): spending functions; Lan, DeMets, Biometrika 70 (1983); the recursion over
looks of Armitage, McPherson, Rowe, JRSS A 132 (1969).
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Final

import numpy as np
import numpy.typing as npt

from engine.experiments.stats.pairs import Floats

_NORMAL: Final = NormalDist()
_POINTS: Final = 301
_STEPS: Final = 40

Spending = Callable[[float], float]
"""How much of alpha may be used up when a part of the information, 0 to 1, is in."""


def linear(alpha: float) -> Spending:
    """Spend in proportion to the information (Kim and DeMets with power 1)."""
    return lambda part: alpha * min(1.0, part)


def like_o_brien_fleming(alpha: float) -> Spending:
    """Spend little early and most at the end (Lan and DeMets), half of it on each side."""
    edge = _NORMAL.inv_cdf(1 - alpha / 4)
    return lambda part: 2 * math.erfc(edge / math.sqrt(2 * min(1.0, part))) if part > 0 else 0.0


@dataclass(frozen=True)
class _Walk:
    """Where the score process stands that has not crossed yet: a density on a grid."""

    places: Floats
    mass: Floats
    information: float

    def outside(self, bound: float, to: float, drift: float = 0.0) -> float:
        """Give the chance to lie beyond ``±bound`` on the scale of z when the information has grown."""
        spread, edge = math.sqrt(to - self.information), bound * math.sqrt(to)
        middle = self.places + drift * (to - self.information)
        beyond = _upper((edge - middle) / spread) + _upper((edge + middle) / spread)
        return float((self.mass * beyond).sum())

    def step(self, bound: float, to: float, drift: float = 0.0) -> "_Walk":
        """Go on with what stays inside."""
        spread, edge = math.sqrt(to - self.information), bound * math.sqrt(to)
        places = np.linspace(-edge, edge, _POINTS)
        weights = _simpson(_POINTS, 2 * edge / (_POINTS - 1))
        apart = (places[:, None] - self.places[None, :] - drift * (to - self.information)) / spread
        density = (np.exp(-0.5 * apart**2) / (spread * math.sqrt(2 * math.pi))) @ self.mass
        return _Walk(places, density * weights, to)


_START: Final = _Walk(np.zeros(1), np.ones(1), 0.0)


def boundaries(parts: Sequence[float], spending: Spending) -> list[float]:
    """Give the two-sided bound on z for each look, so that by then no more than was allowed is spent.

    Shape: ``parts`` ascend from above 0 to at most 1; a look that may spend nothing has an infinite bound.
    """
    found: list[float] = []
    walk, spent = _START, 0.0
    for part in parts:
        may = spending(part) - spent
        if may <= 1e-15:
            found.append(math.inf)
            continue
        bound = _solve(lambda edge, walk=walk, part=part: walk.outside(edge, part), may)  # type: ignore[misc]
        walk, spent = walk.step(bound, part), spending(part)
        found.append(bound)
    return found


def constant_bound(looks: int, alpha: float, shape: float) -> float:
    """Give the classical constant for looks at equal distances.

    Shape: ``shape`` 0 is Pocock's, the same bound at every look; 0.5 O'Brien's and Fleming's, falling with the root.
    """
    parts = [(place + 1) / looks for place in range(looks)]

    def spent(constant: float) -> float:
        walk, total = _START, 0.0
        for part in parts:
            bound = constant * part**-shape
            total += walk.outside(bound, part)
            walk = walk.step(bound, part)
        return total

    return _solve(spent, alpha)


def z_score(successes: Sequence[float], trials: Sequence[float]) -> float:
    """Give the pooled two-sample statistic, variant 1 against variant 0."""
    if not min(trials):
        return 0.0
    pooled = sum(successes) / sum(trials)
    variance = pooled * (1 - pooled) * (1 / trials[0] + 1 / trials[1])
    return 0.0 if variance <= 0 else (successes[1] / trials[1] - successes[0] / trials[0]) / math.sqrt(variance)


def crossed(z: Sequence[float], bounds: Sequence[float]) -> int | None:
    """Name the winner of the first look at which the statistic lay beyond its bound."""
    for score, bound in zip(z, bounds, strict=True):
        if abs(score) >= bound:
            return 1 if score > 0 else 0
    return None


def crossing_chances(information: Sequence[float], bounds: Sequence[float], drift: float) -> Floats:
    """Give the chance that a score with a drift has left the bounds by each look."""
    walk, total, found = _START, 0.0, []
    for amount, bound in zip(information, bounds, strict=True):
        total += walk.outside(bound, amount, drift)
        found.append(total)
        walk = walk.step(bound, amount, drift)
    return np.array(found)


def _solve(spent: Callable[[float], float], allowed: float) -> float:
    low, high = 0.0, 12.0
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if spent(middle) > allowed else (low, middle)
    return high


def _upper(edge: Floats) -> Floats:
    return np.array([0.5 * math.erfc(each / math.sqrt(2)) for each in edge.tolist()])


def _simpson(points: int, width: float) -> npt.NDArray[np.float64]:
    weights = np.full(points, 2.0)
    weights[1::2] = 4.0
    weights[0] = weights[-1] = 1.0
    return weights * width / 3
