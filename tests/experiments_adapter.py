"""Our statistics under the names that outside acceptance scripts call.

Every function is thin: it hands on to ``engine.experiments.stats``.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from engine.experiments.stats import alarms, interval, pairs, race


def _prior(mde: float = 0.10, hint: float = 0.05) -> pairs.Prior:
    return pairs.Prior(mde, hint)


def pair_log_e(
    successes: npt.ArrayLike,
    trials: npt.ArrayLike,
    weights: npt.ArrayLike | None = None,
    ratio: float = 1.0,
    mde: float = 0.10,
    hint: float = 0.05,
) -> float:
    return float(pairs.pair_log_e(successes, trials, weights, ratio, _prior(mde, hint)))


def alive(
    successes: npt.ArrayLike, trials: npt.ArrayLike, alpha: float, weights: npt.ArrayLike | None = None, **prior: Any
) -> set[int]:
    return set(race.standing(successes, trials, alpha, weights, _prior(**prior)))


def decide(
    successes: npt.ArrayLike, trials: npt.ArrayLike, alpha: float, weights: npt.ArrayLike | None = None, **prior: Any
) -> int | None:
    left = race.standing(successes, trials, alpha, weights, _prior(**prior))
    return left[0] if len(left) == 1 else None


def lift_cs(
    successes: npt.ArrayLike, trials: npt.ArrayLike, alpha: float, w: npt.ArrayLike | None = None, **prior: Any
) -> tuple[float, float]:
    return interval.lift_interval(successes, trials, alpha, w, _prior(**prior))


def srm_log_e(counts: Any, weights: Any) -> float:
    return alarms.split_log_e(counts, weights)


def srm_flag(counts: Any, weights: Any, alpha: float) -> bool:
    return alarms.split_is_off(counts, weights, alpha)


def decide_events(
    assigned_at: npt.NDArray[np.float64],
    arm: npt.NDArray[np.int64],
    converted_at: npt.NDArray[np.float64],
    now: float,
    window: float,
    alpha: float,
) -> int | None:
    mature = assigned_at + window <= now
    if not mature.any():
        return None
    day, variant = assigned_at[mature].astype(int), arm[mature]
    in_time = converted_at[mature] <= assigned_at[mature] + window
    shape = int(day.max()) + 1, max(2, int(arm.max()) + 1)
    shown, won = np.zeros(shape), np.zeros(shape)
    np.add.at(shown, (day, variant), 1)
    np.add.at(won, (day, variant), in_time)
    return decide(won, shown, alpha)
