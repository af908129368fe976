"""What is believed of the variants: for showing and for dividing traffic, never for naming a winner."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from engine.experiments.stats.pairs import Floats

_REACH: Final = 10.0
_POINTS: Final = 801


def best_chances(successes: Sequence[float], trials: Sequence[float]) -> list[float]:
    """Give each variant's probability to be the best, with an even prior on every rate.

    Source: the integral of one posterior's density times the others' distribution functions; no chance in it.
    """
    hits = np.asarray(successes, dtype=float) + 1
    misses = np.asarray(trials, dtype=float) - np.asarray(successes, dtype=float) + 1
    rates = _grid(hits, misses)
    logs = (hits[:, None] - 1) * np.log(rates) + (misses[:, None] - 1) * np.log1p(-rates)
    density = np.exp(logs - logs.max(axis=1, keepdims=True))
    widths = np.diff(rates)
    below = np.concatenate(
        [np.zeros((len(hits), 1)), np.cumsum((density[:, 1:] + density[:, :-1]) / 2 * widths, axis=1)], axis=1
    )
    density, below = density / below[:, -1:], below / below[:, -1:]
    chances = []
    for variant in range(len(hits)):
        beaten = np.prod(np.delete(below, variant, axis=0), axis=0) * density[variant]
        chances.append(float(((beaten[1:] + beaten[:-1]) / 2 * widths).sum()))
    total = sum(chances)
    return [chance / total for chance in chances]


def _grid(hits: Floats, misses: Floats) -> Floats:
    """Lay points so that every posterior is seen, however narrow."""
    count = hits + misses
    mean = hits / count
    spread = np.sqrt(mean * (1 - mean) / (count + 1))
    ends = np.clip(np.stack([mean - _REACH * spread, mean + _REACH * spread]), 1e-12, 1 - 1e-12)
    points = [np.linspace(low, high, _POINTS) for low, high in ends.T.tolist()]
    return np.unique(np.concatenate([*points, np.linspace(1e-12, 1 - 1e-12, 101)]))


def floor_of(variants: int) -> float:
    """Give the least share of a variant that stands: less would starve the proof."""
    return 0.20 if variants <= 2 else 0.10


def earned_weights(successes: Sequence[float], trials: Sequence[float]) -> list[float]:
    """Divide traffic by the chance to be the best, with a floor; on mature counts only, constant within a day.

    Source: Thompson, Biometrika 25 (1933); the floor and known weights as in Liang, Bojinov, arXiv 2311.05794.
    """
    floor = floor_of(len(trials))
    raised = [max(floor, chance) for chance in best_chances(successes, trials)]
    return [each / sum(raised) for each in raised]


def shrunk_lift(successes: Sequence[float], trials: Sequence[float], spread: float = 0.2) -> float:
    """Estimate variant 1's lift over variant 0 on the log-odds scale, drawn towards none while there is little."""
    information, score = score_of(successes, trials)
    return score / (information + spread**-2)


def score_of(successes: Sequence[float], trials: Sequence[float]) -> tuple[float, float]:
    """Give the information about the log-odds lift of variant 1 over variant 0, and the score: lift by information."""
    first, second = trials
    if not first or not second:
        return 0.0, 0.0
    pooled = (sum(successes) + 1) / (first + second + 2)
    harmonic = first * second / (first + second)
    return harmonic * pooled * (1 - pooled), harmonic * (successes[1] / second - successes[0] / first)
