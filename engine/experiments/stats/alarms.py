"""Alarms that hold at every look: a split that is not what was drawn, and a variant that does harm."""

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from engine.experiments.stats.pairs import Prior, pair_log_e

CONCENTRATION: Final = 1_000.0
SPLIT_IS_OFF: Final = math.log(1_000.0)
"""Evidence at which a split counts as broken: one of a thousand healthy ones is ever wrongly called so."""

HARM_ALPHA: Final = 0.05
HARM: Final = Prior(mde=0.25, hint=0.002)


def split_log_e(counts: Sequence[float] | npt.ArrayLike, weights: Sequence[float] | npt.ArrayLike) -> float:
    """Give the logarithm of the evidence that contacts are not divided by these weights.

    Shape: for each time in which the weights stayed the same apart; add the logarithms.
    Source: Lindon, Malek, "Anytime-valid inference for multinomial count data" (NeurIPS 2022).
    """
    seen, given = np.asarray(counts, dtype=float), np.asarray(weights, dtype=float)
    given = given / given.sum()
    evidence = math.lgamma(CONCENTRATION) - math.lgamma(CONCENTRATION + float(seen.sum()))
    for count, share in zip(seen.tolist(), given.tolist(), strict=True):
        if share > 0:
            evidence += math.lgamma(CONCENTRATION * share + count) - math.lgamma(CONCENTRATION * share)
            evidence -= count * math.log(share)
        elif count:
            return math.inf
    return evidence


def split_is_off(counts: Sequence[float], weights: Sequence[float], alpha: float = 0.001) -> bool:
    """Tell whether contacts are surely not divided by these weights."""
    return split_log_e(counts, weights) >= -math.log(alpha)


def harm_threshold(variants: int, guardrails: int) -> float:
    """Give the logarithm of the evidence at which a variant is paused."""
    return math.log(max(1, variants - 1) * max(1, guardrails) / HARM_ALPHA)


def harm_log_e(happened: npt.ArrayLike, shown: npt.ArrayLike, weights: npt.ArrayLike | None = None) -> float:
    """Give the logarithm of the evidence that a bad event is more frequent with variant 1 than with variant 0."""
    return float(pair_log_e(happened, shown, weights, prior=HARM))
