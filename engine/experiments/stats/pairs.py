"""Evidence that one variant beats another, valid at every look: a mixture e-process on conversions by epoch.

Source: Turner, Ly, Grünwald, "Generic e-variables for exact sequential k-sample tests" (JSPI 2024); the split's known
probability as in Lindon, Malek, "Anytime-valid inference for multinomial count data" (NeurIPS 2022); Ville's
inequality bounds the chance that it is ever large among equals (ADR 0012).
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

PSEUDO = 20.0
"""How many imagined contacts the hint of the base rate weighs."""

_MULTIPLES = np.array([0.5, 1.0, 2.0, 4.0, 8.0])
_LOG_WEIGHTS = np.log(np.array([1.0, 2.0, 3.0, 2.0, 1.0]) / 9.0)


@dataclass(frozen=True)
class Prior:
    """What is believed before the first contact.

    ``mde`` is the smallest lift worth having on the log-odds scale; ``hint`` a guess of the rate, which only tunes.
    """

    mde: float = 0.10
    hint: float = 0.05

    @cached_property
    def lifts(self) -> Floats:
        """The lifts that the mixture looks for."""
        return self.mde * _MULTIPLES


DEFAULT = Prior()


def pair_path(
    successes: npt.ArrayLike,
    trials: npt.ArrayLike,
    weights: npt.ArrayLike | None = None,
    ratio: npt.ArrayLike = 1.0,
    prior: Prior = DEFAULT,
) -> Floats:
    """Give the logarithm of the evidence that variant 1's rate exceeds ``ratio`` times that of variant 0, by epoch.

    Shape: ``[..., epochs, 2]`` of increments, oldest epoch first, to ``[..., epochs]``; ``ratio`` broadcasts over
    the leading axes; ``weights`` are those in force at assignment, alike if None.
    """
    return _mixture(np.cumsum(_log_factors(successes, trials, weights, ratio, prior), axis=-2))


def pair_log_e(
    successes: npt.ArrayLike,
    trials: npt.ArrayLike,
    weights: npt.ArrayLike | None = None,
    ratio: npt.ArrayLike = 1.0,
    prior: Prior = DEFAULT,
) -> Floats:
    """Give the logarithm of the evidence after the last epoch; 0 before the first."""
    return _mixture(_log_factors(successes, trials, weights, ratio, prior).sum(axis=-2))


def _mixture(by_lift: Floats) -> Floats:
    exponents = by_lift + _LOG_WEIGHTS
    highest = exponents.max(axis=-1, keepdims=True)
    found: Floats = highest[..., 0] + np.log(np.exp(exponents - highest).sum(axis=-1))
    return found


def _log_factors(
    successes: npt.ArrayLike,
    trials: npt.ArrayLike,
    weights: npt.ArrayLike | None,
    ratio: npt.ArrayLike,
    prior: Prior,
) -> Floats:
    """Give each epoch's contribution for each lift.

    The rates of an epoch are fixed by earlier epochs only, so that every factor has mean 1 (or less) under the
    hypothesis, whatever the true base rate is and however it drifts.
    """
    won, seen = np.asarray(successes, dtype=float), np.asarray(trials, dtype=float)
    share = _share(weights, won.shape)
    times = np.asarray(ratio, dtype=float)[..., None]
    base = np.clip(_base(won, seen, prior) / ((1 - share) + share * times), 1e-4, 0.999 / np.maximum(times, 1.0))
    rates = _tilted(base, -prior.lifts / 2), _tilted(times * base, prior.lifts / 2)
    null = _on_the_line(rates, share[..., None], times[..., None])
    factors = np.zeros(np.broadcast_shapes(null.shape, (*won.shape[:-1], 1)))
    for variant, bound in ((0, null), (1, times[..., None] * null)):
        hits, misses = won[..., variant, None], (seen - won)[..., variant, None]
        factors += (
            hits * np.log(rates[variant] / bound) + misses * np.log1p(-rates[variant]) - misses * np.log1p(-bound)
        )
    return factors


def _share(weights: npt.ArrayLike | None, shape: tuple[int, ...]) -> Floats:
    """Give the probability of variant 1 within the pair; epochs in which neither was given say nothing anyhow."""
    if weights is None:
        return np.full(shape[:-1], 0.5)
    given = np.asarray(weights, dtype=float)
    total = given.sum(axis=-1)
    both = np.divide(given[..., 1], total, out=np.full(total.shape, 0.5), where=total > 0)
    return np.broadcast_to(both, shape[:-1])


def _base(won: Floats, seen: Floats, prior: Prior) -> Floats:
    """Give the pair's pooled rate over earlier epochs."""
    wins, shown = won.sum(axis=-1), seen.sum(axis=-1)
    earlier_wins, earlier_shown = np.cumsum(wins, axis=-1) - wins, np.cumsum(shown, axis=-1) - shown
    rate: Floats = (earlier_wins + prior.hint * PSEUDO) / (earlier_shown + PSEUDO)
    return rate


def _tilted(rate: Floats, lifts: Floats) -> Floats:
    odds = np.log(rate / (1 - rate))[..., None] + lifts
    tilted: Floats = 1 / (1 + np.exp(-odds))
    return tilted


def _on_the_line(rates: tuple[Floats, Floats], share: Floats, times: Floats) -> Floats:
    """Find variant 0's rate of the hypothesis that is hardest to tell from the tilted rates.

    The rationalised root: the textbook form cancels where the base rate is high.
    """
    first, second = (1 - share) * (1 - rates[0]), share * (1 - rates[1])
    half = 1 + times - first * times - second
    found: Floats = 2 * (1 - first - second) / (half + np.sqrt(half**2 - 4 * times * (1 - first - second)))
    # A variant that nobody can be given has no line of its own: any rate below 1 will do.
    return np.clip(found, 0.0, (1 - 1e-12) / np.maximum(times, 1.0))
