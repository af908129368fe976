"""Made-up traffic for experiments: many runs at once, divided by chance, with drift, delays and dropped variants."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations

import numpy as np

from bench.experiments_rules import Rule
from engine.experiments.stats import race
from engine.experiments.stats.belief import earned_weights
from engine.experiments.stats.pairs import Floats, pair_log_e

CHUNK = 250


@dataclass(frozen=True)
class Result:
    """What a rule did in many runs: shares of runs that named anybody, the best, another; contacts each in the mean."""

    named: float
    best: float
    wrong: float
    contacts: float

    @property
    def words(self) -> str:
        """Say it in a cell."""
        return f"{self.best:.3f} / {self.wrong:.4f} / {self.contacts:,.0f}"


def increments(rates: Sequence[float], runs: int, looks: int, batch: int, seed: int) -> tuple[Floats, Floats]:
    """Divide ``batch`` contacts a variant between two looks."""
    chance = np.random.default_rng(seed)
    number = len(rates)
    shown = chance.multinomial(batch * number, [1 / number] * number, size=(runs, looks))
    return chance.binomial(shown, np.asarray(rates)).astype(float), shown.astype(float)


def of_two(rule: Rule, rates: tuple[float, float], *, runs: int, looks: int, batch: int, seed: int) -> Result:
    """Run a test of two variants many times."""
    winners, used = [], []
    for start in range(0, runs, CHUNK):
        won, shown = increments(rates, min(CHUNK, runs - start), looks, batch, seed + start)
        named = rule(won, shown)
        decided = named >= 0
        when = np.where(decided.any(axis=1), decided.argmax(axis=1), looks - 1)
        winners.append(np.where(decided.any(axis=1), named[np.arange(len(named)), when], -1.0))
        used.append((when + 1) * batch)
    return _result(np.concatenate(winners), np.concatenate(used), rates)


def of_many(rates: Sequence[float], *, runs: int, looks: int, batch: int, seed: int, alpha: float = 0.05) -> Result:
    """Run a test of several variants; those that are dropped give their traffic to the others."""
    chance = np.random.default_rng(seed)
    number, needed = len(rates), race.threshold(len(rates), alpha)
    won, shown = np.zeros((runs, looks, number)), np.zeros((runs, looks, number))
    left = np.ones((runs, number), dtype=bool)
    used = np.full(runs, float(looks * batch))
    for look in range(looks):
        weights = left / left.sum(axis=1, keepdims=True)
        for run in range(runs):
            shown[run, look] = chance.multinomial(batch * number, weights[run])
        won[:, look] = chance.binomial(shown[:, look].astype(int), np.asarray(rates))
        going = np.flatnonzero(left.sum(axis=1) > 1)
        found = np.full((runs, number, number), -np.inf)
        for beaten, better in permutations(range(number), 2):
            both = going[left[going, beaten] & left[going, better]]
            if len(both):
                pair = [beaten, better]
                past = slice(0, look + 1)
                found[both, beaten, better] = pair_log_e(won[both, past][..., pair], shown[both, past][..., pair])
        for run in going[found[going].max(axis=(1, 2)) >= needed]:
            left[run, race.dropped(found[run], np.flatnonzero(left[run]).tolist(), needed)] = False
            if left[run].sum() == 1:
                used[run] = (look + 1) * batch
    winners = np.where(left.sum(axis=1) == 1, left.argmax(axis=1), -1.0)
    return _result(winners, used, rates)


def drifting(rates: Sequence[float], *, runs: int, days: int, a_day: int, floor: bool, seed: int) -> Result:
    """Let rates drift fourfold and by the weekday, with traffic that follows the evidence; a week until maturity."""
    chance = np.random.default_rng(seed)
    number, needed = len(rates), race.threshold(len(rates), 0.05)
    drift = np.linspace(0.5, 2.0, days) * (1 + 0.3 * np.sin(2 * np.pi * np.arange(days) / 7))
    winners, used = np.full(runs, -1.0), np.full(runs, days * a_day / number)
    for run in range(runs):
        won, shown, weights = (np.zeros((days, number)) for _ in range(3))
        now = np.full(number, 1 / number)
        for day in range(days):
            weights[day], shown[day] = now, chance.multinomial(a_day, now)
            won[day] = chance.binomial(shown[day].astype(int), np.minimum(np.asarray(rates) * drift[day], 1))
            mature = day - 6
            if mature < 1:
                continue
            found = race.evidence(won[:mature], shown[:mature], weights[:mature])
            if (gone := race.dropped(found, range(number), needed)) and len(gone) == number - 1:
                winners[run] = next(each for each in range(number) if each not in gone)
                used[run] = mature * a_day // number
                break
            if floor:
                now = np.array(earned_weights(won[:mature].sum(axis=0).tolist(), shown[:mature].sum(axis=0).tolist()))
    return _result(winners, used, rates)


def delayed(
    rule: Rule, rates: tuple[float, float], delays: tuple[float, float], *, mature: bool, runs: int, seed: int
) -> Result:
    """Let conversions come late, 400 contacts a day for 60 days; count mature ones, or all that is known so far."""
    chance = np.random.default_rng(seed)
    days, a_day, window = 60, 400, 7
    winners, used = np.full(runs, -1.0), np.full(runs, days * a_day / 2)
    for run in range(runs):
        at = np.sort(chance.uniform(0, days, days * a_day))
        variant = chance.integers(0, 2, days * a_day)
        tau = np.asarray(delays)[variant]
        late = -tau * np.log(1 - chance.random(days * a_day) * (1 - np.exp(-window / tau)))
        when = np.where(chance.random(days * a_day) < np.asarray(rates)[variant], at + late, np.inf)
        for now in range(1, days + window + 1):
            seen = at + (window if mature else 0) <= now
            if not seen.any():
                continue
            cell = at[seen].astype(int) * 2 + variant[seen]
            shown = np.bincount(cell, minlength=2 * days).reshape(days, 2).astype(float)
            won = np.bincount(cell, weights=when[seen] <= now, minlength=2 * days).reshape(days, 2).astype(float)
            filled = int(at[seen].max()) + 1
            named = rule(won[None, :filled], shown[None, :filled])[0, -1]
            if named >= 0:
                winners[run], used[run] = int(named), now
                break
    return _result(winners, used, rates)


def _result(winners: Floats, used: Floats, rates: Sequence[float]) -> Result:
    given = np.asarray(rates)
    named = winners >= 0
    truly = named & (given[np.maximum(winners, 0).astype(int)] >= given.max())
    equal = np.ptp(given) == 0
    return Result(
        float(named.mean()),
        float(truly.mean()),
        0.0 if equal else float((named & ~truly).mean()),
        float(np.mean(used)),
    )
