"""Alarms, planned sizes, money, beliefs and forecasts."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.experiments.stats import alarms, belief, forecast, money, spending
from engine.experiments.stats.pairs import pair_log_e
from tests.experiments.trials import traffic


@pytest.mark.parametrize(
    ("looks", "shape", "wanted"), [(5, 0.5, 2.0401), (10, 0.5, 2.0865), (5, 0.0, 2.4132), (10, 0.0, 2.5550)]
)
def test_classical_constants(looks: int, shape: float, wanted: float) -> None:
    assert spending.constant_bound(looks, 0.05, shape) == pytest.approx(wanted, abs=1e-4)


def test_the_spending_function_like_o_brien_fleming() -> None:
    found = spending.boundaries([0.2, 0.4, 0.6, 0.8, 1.0], spending.like_o_brien_fleming(0.05))
    assert found == pytest.approx([4.8769, 3.3570, 2.6803, 2.2898, 2.0310], abs=1e-4)


def test_the_chances_to_cross_add_up_to_alpha() -> None:
    parts = [0.1, 0.25, 0.3, 0.7, 0.99, 1.0]
    bounds = spending.boundaries(parts, spending.linear(0.05))
    assert spending.crossing_chances(parts, bounds, 0.0) == pytest.approx([0.05 * part for part in parts], abs=1e-6)


def test_a_look_that_may_spend_nothing_cannot_end_the_test() -> None:
    assert spending.boundaries([0.5, 0.5], spending.linear(0.05))[1] == math.inf
    assert spending.crossed([5.0, 1.0, -9.0], [6.0, 2.0, 3.0]) == 0
    assert spending.crossed([1.0], [2.0]) is None
    assert spending.z_score([0, 0], [0, 10]) == 0.0


def test_a_planned_test_keeps_alpha_with_a_look_after_every_batch() -> None:
    runs, looks = 2_000, 20
    won, shown = traffic((0.05, 0.05), runs=runs, looks=looks, each=250, seed=9)
    bounds = spending.boundaries([(place + 1) / looks for place in range(looks)], spending.linear(0.05))
    wins, seen = won.cumsum(axis=1), shown.cumsum(axis=1)
    ended = 0
    for run in range(runs):
        scores = [spending.z_score(wins[run, look].tolist(), seen[run, look].tolist()) for look in range(looks)]
        ended += spending.crossed(scores, bounds) is not None
    assert ended / runs <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / runs)
    assert ended / runs >= 0.03


# What gbstats 0.8.0 answers: SequentialTwoSidedTTest with difference_type "absolute".
GBSTATS = [
    ((1000, 1200.0, 10431.0), (1000, 1500.0, 12479.76), 0.05, 0.34503747232674387, -0.1332941719586821),
    ((20000, 16000.0, 332784.0), (20000, 16600.0, 349961.19), 0.05, 1.0, -0.10010230580157176),
    ((500, 5000.0, 499100.0), (480, 6720.0, 469616.0), 0.1, 0.41199366837527585, -1.7930642198399953),
    ((5000, 10000.0, 264951.0), (5200, 10400.0, 275551.0), 0.01, 1.0, -0.4986994744268978),
]


@pytest.mark.parametrize(("first", "second", "alpha", "p_value", "low"), GBSTATS)
def test_money_agrees_with_gbstats(
    first: tuple[float, float, float], second: tuple[float, float, float], alpha: float, p_value: float, low: float
) -> None:
    a, b = (money.Sums(contacts, contacts, total, squares) for contacts, total, squares in (first, second))
    assert min(1.0, math.exp(-money.money_log_e(a, b, alpha))) == pytest.approx(p_value, rel=1e-9)
    found = money.money_interval(a, b, alpha)
    assert found[0] == pytest.approx(low, rel=1e-9)
    assert sum(found) / 2 == pytest.approx(b.mean - a.mean)


def test_money_names_nobody_before_enough_contacts_brought_any() -> None:
    much, little = money.Sums(10_000, 400, 90_000.0, 9e6), money.Sums(10_000, 400, 40_000.0, 3e6)
    assert money.money_winner(little, much, 0.05) == 1
    assert money.money_winner(much, little, 0.05) == 0
    assert money.money_winner(little, money.Sums(10_000, 24, 90_000.0, 9e6), 0.05) is None
    assert money.money_log_e(money.Sums(1, 1, 5.0, 25.0), much, 0.05) == 0.0


def test_a_split_of_55_to_45_is_noticed_soon() -> None:
    chance = np.random.default_rng(1)
    counts = chance.multinomial(100, [0.55, 0.45], size=(200, 200)).cumsum(axis=1)
    first = [next(look for look in range(200) if alarms.split_is_off(run[look], [1, 1])) for run in counts]
    assert (np.mean(first) + 1) * 100 <= 2_700


def test_a_healthy_split_raises_no_alarm() -> None:
    counts = np.random.default_rng(2).multinomial(500, [0.5, 0.5], size=(200, 100)).cumsum(axis=1)
    assert sum(any(alarms.split_is_off(look, [1, 1]) for look in run) for run in counts) <= 1


def test_a_contact_where_nobody_could_come_is_an_alarm_at_once() -> None:
    assert alarms.split_log_e([10, 1], [1, 0]) == math.inf
    assert alarms.split_log_e([10, 0], [1, 0]) == pytest.approx(0.0)


def test_harm_is_seen_in_rare_events() -> None:
    assert alarms.harm_threshold(2, 1) == pytest.approx(math.log(20))
    assert alarms.harm_threshold(3, 2) == pytest.approx(math.log(80))
    assert alarms.harm_log_e([[20, 80]], [[10_000, 10_000]]) > alarms.harm_threshold(2, 1)
    assert alarms.harm_log_e([[20, 22]], [[10_000, 10_000]]) < alarms.harm_threshold(2, 1)
    assert alarms.harm_log_e([[80, 20]], [[10_000, 10_000]]) < 0


@settings(max_examples=30)
@given(st.lists(st.tuples(st.integers(0, 500), st.integers(0, 20_000)), min_size=2, max_size=5))
def test_chances_to_be_best_add_up(counts: list[tuple[int, int]]) -> None:
    won, shown = [won for won, _ in counts], [won + lost for won, lost in counts]
    chances = belief.best_chances(won, shown)
    assert sum(chances) == pytest.approx(1.0)
    assert min(chances) >= 0


def test_chances_to_be_best_agree_with_drawing() -> None:
    draws = np.random.default_rng(4).beta([51, 61, 56], [951, 941, 946], size=(200_000, 3)).argmax(axis=1)
    wanted = np.bincount(draws) / 200_000
    assert belief.best_chances([50, 60, 55], [1000, 1000, 1000]) == pytest.approx(wanted, abs=0.005)


def test_earned_traffic_keeps_a_floor() -> None:
    assert belief.earned_weights([0, 0], [0, 0]) == pytest.approx([0.5, 0.5])
    assert belief.earned_weights([100, 900], [1000, 1000]) == pytest.approx([0.2 / 1.2, 1 / 1.2])
    assert min(belief.earned_weights([10, 90, 10], [100, 100, 100])) >= 0.08


def test_lifts_are_drawn_towards_none_while_there_is_little() -> None:
    assert 0 < belief.shrunk_lift([5, 10], [100, 100]) < math.log(10 / 90) - math.log(5 / 95)
    assert belief.shrunk_lift([5_000, 10_000], [100_000, 100_000]) == pytest.approx(0.74, abs=0.03)
    assert belief.shrunk_lift([1, 0], [10, 0]) == 0.0


@pytest.mark.parametrize(
    ("base", "lift", "wanted"),
    [(0.05, 0.2, (7_400, 13_200, 21_900)), (0.1, 0.2, (3_700, 6_400, 9_400)), (0.02, 0.5, (3_900, 6_500, 9_600))],
)
def test_plans_agree_with_simulated_tests(base: float, lift: float, wanted: tuple[int, int, int]) -> None:
    found = forecast.passage(base, lift)
    assert (found.half, found.most, found.nearly_all) == pytest.approx(wanted, rel=0.12)
    assert forecast.passage(base, 0.0).half == forecast.NEVER


def test_the_outlook_tells_when_to_give_up() -> None:
    needed = math.log(40)
    near = forecast.outlook([500, 600], [10_000, 10_000], needed=needed - 0.3, mde=0.1, cap=20_000)
    even = forecast.outlook([500, 500], [10_000, 10_000], needed=needed, mde=0.1, cap=20_000)
    fresh = forecast.outlook([0, 0], [0, 0], needed=needed, mde=0.1, cap=20_000)
    assert near.contacts <= 12_000
    assert near.chance > 0.8
    assert even.futile
    assert even.contacts == pytest.approx(forecast.NEVER)
    assert not fresh.futile


def test_the_outlook_needs_what_the_evidence_needs() -> None:
    information = 10_000 * 0.055 * 0.945 / 2
    needed = float(pair_log_e([[500, 600]], [[10_000, 10_000]]))
    score = float(forecast.needed_score(np.array([information]), needed, 0.1)[0])
    assert score == pytest.approx(belief.score_of([500, 600], [10_000, 10_000])[1], rel=0.03)
