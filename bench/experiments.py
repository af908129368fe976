"""Measure how winners are named: how often among equals, how surely among others, and after how many contacts.

``python -m bench.experiments [--runs 2000] [--quick]`` prints the tables and tells by its exit code whether our rule is
within the tolerance of the reference.
"""

import argparse
import math
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from bench.experiments_end import million, whole_flow, whole_null
from bench.experiments_rules import Rule, peeking, proven, rules
from bench.experiments_traffic import Result, delayed, drifting, of_many, of_two
from engine.experiments.stats.alarms import SPLIT_IS_OFF, split_log_e

ALPHA = 0.05
SEED = 4242
LOOKS, BATCH = 200, 100
EQUAL = (0.005, 0.02, 0.05, 0.1, 0.4)
OTHER: dict[tuple[float, float], tuple[float, float]] = {
    (0.05, 0.06): (0.942, 8_574),
    (0.10, 0.12): (0.9997, 4_274),
    (0.02, 0.03): (0.9999, 4_500),
    (0.40, 0.42): (0.853, 10_414),
}
"""Rates, and the power and the contacts each that our rule must have."""


@dataclass(frozen=True)
class Check:
    """One figure and what it must be."""

    what: str
    found: float
    bound: float
    below: bool = True

    @property
    def holds(self) -> bool:
        """Whether it is as it must be."""
        return self.found <= self.bound if self.below else self.found >= self.bound


def main() -> int:
    """Print the tables; give 0 when every check holds."""
    parser = argparse.ArgumentParser(prog="python -m bench.experiments", description=__doc__)
    parser.add_argument("--runs", type=int, default=2_000, help="runs of every case of two variants")
    parser.add_argument("--seeds", type=int, default=200, help="seeds of the whole flow of equals")
    given = parser.parse_args()
    checks: list[Check] = []
    for part in (_of_two, _of_many, _of_drift, _of_delays, _of_splits, _of_flows):
        began = time.perf_counter()
        checks.extend(part(given.runs, given.seeds))
        print(f"  ({time.perf_counter() - began:.0f} s)\n", flush=True)
    wrong = [check for check in checks if not check.holds]
    for check in wrong:
        print(f"NOT AS IT MUST BE: {check.what}: {check.found:.4f}, bound {check.bound:.4f}")
    print(f"{len(checks) - len(wrong)} of {len(checks)} figures are as they must be")
    return bool(wrong)


def allowed(alpha: float, runs: int) -> float:
    """Give a share of runs that chance alone may reach when the truth is alpha."""
    return alpha + 3 * math.sqrt(alpha * (1 - alpha) / runs)


def _of_two(runs: int, _: int) -> Iterator[Check]:
    print(f"Two variants, a look after every {BATCH} contacts each, up to {LOOKS * BATCH:,}; {runs:,} runs")
    print("| rule | " + " | ".join(f"equal {rate:g}" for rate in EQUAL) + " | ", end="")
    print(" | ".join(f"{a:g} v {b:g}: best / wrong / contacts" for a, b in OTHER) + " |")
    print("|---|" + "---|" * (len(EQUAL) + len(OTHER)))
    for name, rule in rules(LOOKS, BATCH).items():
        equal = {rate: _two(rule, (rate, rate), runs).named for rate in EQUAL}
        other = {rates: _two(rule, rates, runs) for rates in OTHER}
        cells = [*(f"{share:.3f}" for share in equal.values()), *(each.words for each in other.values())]
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)
        if name == "ours":
            yield from (Check(f"equal {rate}", share, allowed(ALPHA, runs)) for rate, share in equal.items())
            for rates, (power, contacts) in OTHER.items():
                spread = 3 * math.sqrt(power * (1 - power) / runs)
                yield Check(f"power {rates}", other[rates].best, power - 0.03 - spread, below=False)
                yield Check(f"contacts {rates}", other[rates].contacts, contacts * 1.05 * (1 + 2 / math.sqrt(runs)))


def _two(rule: Rule, rates: tuple[float, float], runs: int) -> Result:
    return of_two(rule, rates, runs=runs, looks=LOOKS, batch=BATCH, seed=SEED)


def _of_many(runs: int, _: int) -> Iterator[Check]:
    runs = max(100, runs // 5)
    print(f"Several variants, dropped one by one; {runs:,} runs: named, best / wrong / contacts each")
    cases: list[tuple[tuple[float, ...], int, int, float, float]] = [
        ((0.05,) * 3, 60, 250, 0.0, math.inf),
        ((0.05,) * 5, 40, 250, 0.0, math.inf),
        ((0.4,) * 3, 60, 250, 0.0, math.inf),
        ((0.005,) * 3, 60, 250, 0.0, math.inf),
        ((0.05, 0.05, 0.06), 40, 500, 0.9085, 11_371),
        ((0.10, 0.10, 0.10, 0.11, 0.13), 40, 250, 0.9935, 4_305),
    ]
    for rates, looks, batch, power, contacts in cases:
        found = of_many(rates, runs=runs, looks=looks, batch=batch, seed=SEED)
        print(f"| {' '.join(f'{rate:g}' for rate in rates)} | {found.named:.4f} | {found.words} |", flush=True)
        if not power:
            yield Check(f"equal {rates}", found.named, allowed(ALPHA, runs))
            continue
        yield Check(f"wrong {rates}", found.wrong, allowed(ALPHA, runs))
        yield Check(f"power {rates}", found.best, power - 0.03 - 3 * math.sqrt(power * (1 - power) / runs), below=False)
        yield Check(f"contacts {rates}", found.contacts, contacts * 1.05 * (1 + 2 / math.sqrt(runs)))


def _of_drift(runs: int, _: int) -> Iterator[Check]:
    runs = max(60, runs // 20)
    print(f"Equals whose rate drifts fourfold, 400 contacts a day for 120 days; {runs:,} runs: named")
    for floor in (False, True):
        found = drifting((0.05, 0.05), runs=runs, days=120, a_day=400, floor=floor, seed=SEED)
        print(f"| {'traffic follows the evidence' if floor else 'equal traffic'} | {found.named:.4f} |", flush=True)
        yield Check(f"drift, earn {floor}", found.named, allowed(ALPHA, runs))


def _of_delays(runs: int, _: int) -> Iterator[Check]:
    runs = max(60, runs // 20)
    print(
        f"Conversions come late, half a day for a and three days for b in the mean; {runs:,} runs: named, best / wrong"
    )
    for rates in ((0.05, 0.05), (0.10, 0.12)):
        for name, rule, mature in (
            ("z test at every look, all so far", peeking(), False),
            ("ours, all so far", proven(), False),
            ("ours, mature only", proven(), True),
        ):
            found = delayed(rule, rates, (0.5, 3.0), mature=mature, runs=runs, seed=SEED)
            print(
                f"| {rates[0]:g} v {rates[1]:g} | {name} | {found.named:.3f} | {found.best:.3f} / {found.wrong:.3f} |",
                flush=True,
            )
            if mature and rates[0] == rates[1]:
                yield Check("delayed equals", found.named, allowed(ALPHA, runs))
            elif mature:
                yield Check("delayed, wrong", found.wrong, allowed(0.025, runs))
                yield Check("delayed, best", found.best, 0.93 - 3 * math.sqrt(0.93 * 0.07 / runs), below=False)


def _of_splits(runs: int, _: int) -> Iterator[Check]:
    print("A split that is not as drawn, a look after every 100 contacts")
    chance = np.random.default_rng(SEED)
    for name, shares, within in (("55 to 45", (0.55, 0.45), 2_500), ("10% of b dropped", (1 / 1.9, 0.9 / 1.9), 9_000)):
        needed = [_alarm(chance.multinomial(100, shares, size=400).cumsum(axis=0)) for _ in range(300)]
        print(f"| {name} | noticed after {np.mean(needed):,.0f} contacts in the mean |", flush=True)
        yield Check(f"split {name}", float(np.mean(needed)), within * 1.1)
    counts = chance.multinomial(250, (0.5, 0.5), size=(1_000, 200)).cumsum(axis=1)
    alarms = sum(_alarm(run) < 50_001 for run in counts)
    print(f"| as drawn, 1,000 runs of 50,000 | {alarms} alarms |", flush=True)
    yield Check("healthy splits", alarms, 4)


def _alarm(counts: "np.ndarray[tuple[int, ...], np.dtype[np.int64]]") -> int:
    """Give the number of contacts at the first alarm; more than all where there is none."""
    for seen in counts:
        if split_log_e(seen.tolist(), (0.5, 0.5)) >= SPLIT_IS_OFF:
            return int(seen.sum())
    return int(counts[-1].sum()) + 1


def _of_flows(_: int, seeds: int) -> Iterator[Check]:
    print("A whole flow: the wave divides, events count, the engine promotes")
    promoted = whole_flow(20_000, (0.05, 0.065))
    print(f"| 20,000 contacts, 5% against 6.5% | {promoted.words} |", flush=True)
    yield Check("whole flow", float(promoted.winner == "b"), 1.0, below=False)
    for late in (False, True):
        share, took = whole_null(seeds, 20_000, 0.05, late=late)
        delayed_words = ", late" if late else ""
        print(
            f"| 20,000 contacts, 5% against 5%{delayed_words}, {seeds} seeds | {share:.3f} promoted ({took:.0f} s) |",
            flush=True,
        )
        yield Check(f"whole flow of equals{delayed_words}", share, allowed(ALPHA, seeds))
    for kind in ("sqlite", "postgresql"):
        for contacts in (1_000, 1_000_000):
            millis, first = million(kind, contacts)
            words = f"{millis:.1f} ms; the first, which folds four weeks of counts, {first:.0f} ms"
            print(f"| an evidence update at {contacts:,} exposures, {kind} | {words} |", flush=True)
            yield Check(f"update at {contacts}, {kind}", millis, 50)


if __name__ == "__main__":
    sys.exit(main())
