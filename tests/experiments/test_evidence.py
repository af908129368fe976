"""The evidence: golden values, exactness by enumeration, and what it promises under a look after every batch."""

import itertools
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.experiments.stats.alarms import split_log_e
from engine.experiments.stats.interval import lift_interval
from engine.experiments.stats.pairs import Prior, pair_log_e, pair_path
from engine.experiments.stats.race import dropped, evidence, leader, p_value, standing, threshold
from tests.experiments.trials import Rule, peeking, proven, traffic, winners

GOLDEN: dict[str, Any] = json.loads((Path(__file__).parent / "golden.json").read_text())
CLOSE = 1e-5
RUNS = 400


def _prior(case: dict[str, Any]) -> Prior:
    return Prior(**case.get("params", {}))


@pytest.mark.parametrize("case", GOLDEN["pair"], ids=lambda case: str(case["name"]))
def test_golden_evidence_decision_and_interval(case: dict[str, Any]) -> None:
    found = evidence(case["successes"], case["trials"], case["weights"], _prior(case))
    for beaten, better in itertools.permutations(range(len(found)), 2):
        assert found[beaten, better] == pytest.approx(case["log_e"][beaten][better], abs=CLOSE)
    left = standing(case["successes"], case["trials"], case["alpha"], case["weights"], _prior(case))
    assert (left[0] if len(left) == 1 else None) == case["decide"]
    if "lift_cs" in case:
        low, high = lift_interval(case["successes"], case["trials"], case["alpha"], case["weights"], _prior(case))
        wanted = [math.inf if bound is None else bound for bound in case["lift_cs"]]
        assert [low, high] == pytest.approx(wanted, rel=2e-3, abs=2e-3)


@pytest.mark.parametrize("case", GOLDEN["ratio"], ids=lambda case: f"ratio {case['ratio']:.3g}")
def test_golden_evidence_against_a_ratio(case: dict[str, Any]) -> None:
    found = pair_log_e(case["successes"], case["trials"], case.get("weights"), case["ratio"])
    assert float(found) == pytest.approx(case["log_e"], abs=CLOSE)


@pytest.mark.parametrize("case", GOLDEN["srm"], ids=lambda case: str(case["counts"]))
def test_golden_evidence_of_a_split_that_is_off(case: dict[str, Any]) -> None:
    assert split_log_e(case["counts"], case["weights"]) == pytest.approx(case["log_e"], abs=CLOSE)


def _mean_evidence(rates: tuple[float, float], share: float, ratio: float) -> float:
    """Go through all ways in which two epochs of two contacts each can turn out."""
    total = 0.0
    for contacts in itertools.product(itertools.product((0, 1), (0, 1)), repeat=4):
        chance, won, shown = 1.0, np.zeros((2, 2)), np.zeros((2, 2))
        for place, (variant, converts) in enumerate(contacts):
            chance *= (share if variant else 1 - share) * (rates[variant] if converts else 1 - rates[variant])
            shown[place // 2, variant] += 1
            won[place // 2, variant] += converts
        total += chance * math.exp(float(pair_log_e(won, shown, [[1 - share, share]] * 2, ratio)))
    return total


@pytest.mark.parametrize(
    ("rates", "share", "ratio"),
    [
        *(((rate, rate), share, 1.0) for rate in (0.3, 0.05) for share in (0.5, 0.8)),
        ((0.2, 0.3), 0.3, 1.5),
        ((0.4, 0.6), 0.3, 1.5),
        ((0.5, 0.35), 0.3, 0.7),
    ],
)
def test_among_equals_the_mean_evidence_is_exactly_one(rates: tuple[float, float], share: float, ratio: float) -> None:
    assert _mean_evidence(rates, share, ratio) == pytest.approx(1.0, abs=1e-12)


def test_evidence_shrinks_for_the_worse_and_grows_for_the_better() -> None:
    assert _mean_evidence((0.4, 0.2), 0.5, 1.0) == pytest.approx(0.94824, abs=1e-5)
    assert _mean_evidence((0.2, 0.4), 0.5, 1.0) == pytest.approx(1.05524, abs=1e-5)


def test_the_path_ends_where_the_evidence_stands() -> None:
    won, shown = traffic((0.1, 0.12, 0.11), runs=3, looks=9, each=50, seed=5)
    path = pair_path(won[..., :2], shown[..., :2])
    for look in range(1, 10):
        assert path[:, look - 1] == pytest.approx(pair_log_e(won[:, :look, :2], shown[:, :look, :2]))


def test_epochs_in_which_neither_was_given_say_nothing() -> None:
    won, shown, weights = [[5, 9], [0, 0]], [[100, 100], [0, 0]], [[0.5, 0.5], [0.0, 0.0]]
    assert pair_log_e(won, shown, weights) == pytest.approx(pair_log_e(won[:1], shown[:1], weights[:1]))


def test_after_one_got_all_traffic_the_other_says_nothing() -> None:
    won, shown = [[50, 60], [0, 600]], [[1_000, 1_000], [0, 9_000]]
    weights = [[0.5, 0.5], [0.0, 1.0]]
    for ratio in (0.5, 1.0, 2.0, 100.0):
        first = pair_log_e(won[:1], shown[:1], weights[:1], ratio)
        assert pair_log_e(won, shown, weights, ratio) == pytest.approx(first, abs=1e-9)
    assert all(map(math.isfinite, lift_interval(won, shown, 0.05, weights)))


def test_two_variants_leave_one_out_exactly_when_proven() -> None:
    won, shown = traffic((0.05, 0.065), runs=40, looks=12, each=500, seed=11)
    for run in range(40):
        for look in range(1, 13):
            found = evidence(won[run, :look], shown[run, :look])
            low, high = lift_interval(won[run, :look], shown[run, :look], 0.05)
            surely = max(found[0, 1], found[1, 0]) >= threshold(2, 0.05)
            assert surely == (not low <= 1 <= high)


def test_the_worst_is_dropped_first_and_one_always_stands() -> None:
    found = np.array([[0.0, 9.0, 9.5], [0.0, 0.0, 5.0], [0.0, 1.0, 0.0]])
    assert dropped(found, [0, 1, 2], 4.0) == [0, 1]
    assert dropped(found, [0, 1, 2], 6.0) == [0]
    assert dropped(found, [2], 0.0) == []
    assert leader(found, [0, 1, 2]) == 2
    assert p_value(found, [0, 1, 2]) == pytest.approx(3 * math.exp(-5.0))
    assert p_value(found, [2]) == 0.0


def _false_share(rule: Rule, rates: tuple[float, float], seed: int) -> float:
    named, _ = winners(rule, *traffic(rates, runs=RUNS, looks=80, each=250, seed=seed))
    return float((named >= 0).mean())


def _bound(alpha: float) -> float:
    return alpha + 3 * math.sqrt(alpha * (1 - alpha) / RUNS)


@pytest.mark.parametrize("rate", [0.005, 0.05, 0.4])
def test_equals_are_seldom_told_apart_although_one_looks_all_the_time(rate: float) -> None:
    assert _false_share(proven(0.05), (rate, rate), 4242) <= _bound(0.05)


@pytest.mark.parametrize("rate", [0.05, 0.4])
def test_a_naive_rule_breaks_the_promise_that_ours_keeps(rate: float) -> None:
    assert _false_share(peeking(), (rate, rate), 4242) > 0.25 > _bound(0.05)


@pytest.mark.parametrize(
    ("rates", "power", "contacts"),
    [
        ((0.05, 0.06), 0.90, 9_400),
        ((0.10, 0.12), 0.985, 4_800),
        ((0.02, 0.03), 0.985, 5_100),
        ((0.4, 0.42), 0.8, 11_500),
    ],
)
def test_the_better_one_is_found(rates: tuple[float, float], power: float, contacts: int) -> None:
    named, looks = winners(proven(0.05), *traffic(rates, runs=RUNS, looks=80, each=250, seed=4242))
    assert (named == 1).mean() >= power - 3 * math.sqrt(power * (1 - power) / RUNS)
    assert (named == 0).mean() <= 0.005
    assert (looks * 250).mean() <= contacts * (1 + 2 / math.sqrt(RUNS))


def test_of_three_equals_hardly_ever_one_wins() -> None:
    won, shown = traffic((0.05, 0.05, 0.05), runs=60, looks=60, each=250, seed=3)
    assert sum(len(standing(won[run], shown[run], 0.05)) == 1 for run in range(60)) <= 3


def test_a_million_contacts_cost_what_a_thousand_do() -> None:
    few, many = np.full((60, 2), 10.0), np.full((60, 2), 10_000.0)
    assert evidence(few / 2, few).shape == evidence(many / 2, many).shape == (2, 2)
    assert np.isfinite(evidence(many * 0.04, many)).all()
