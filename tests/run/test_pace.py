"""Transactions become shorter where they keep others waiting, and longer where they do not."""

from typing import cast

from engine.run.pace import FIRST, LEAST, MOMENT, MOST, Pace
from engine.store.session import Store


class Watch:
    """Time that goes on by what is said."""

    def __init__(self) -> None:
        self.at = 0.0

    def __call__(self) -> float:
        return self.at


class Named:
    """A store of which only the name matters."""

    def __init__(self, name: str) -> None:
        self.name = name


def pace_of(name: str, watch: Watch, most: int = MOST) -> Pace:
    return Pace(cast(Store, Named(name)), most, watch)


def take(pace: Pace, watch: Watch, seconds: float) -> int:
    with pace.step(pace.size):
        watch.at += seconds
    return pace.size


def test_a_long_transaction_makes_the_next_one_shorter_and_a_short_one_longer() -> None:
    watch = Watch()
    pace = pace_of("sqlite", watch)
    assert pace.size == FIRST
    assert take(pace, watch, 2 * MOMENT) == FIRST // 2
    assert take(pace, watch, MOMENT) == FIRST // 2
    assert take(pace, watch, MOMENT / 1.5) == FIRST * 3 // 4


def test_sizes_stay_within_bounds_and_change_at_most_by_half_or_double() -> None:
    watch = Watch()
    pace = pace_of("sqlite", watch)
    assert take(pace, watch, 100 * MOMENT) == FIRST // 2
    for _ in range(9):
        take(pace, watch, 100 * MOMENT)
    assert pace.size == LEAST
    assert take(pace, watch, MOMENT / 100) == 2 * LEAST
    for _ in range(9):
        take(pace, watch, MOMENT / 100)
    assert pace.size == MOST


def test_a_size_that_was_asked_for_stays_and_so_does_that_of_postgresql() -> None:
    watch = Watch()
    assert take(pace_of("sqlite", watch, 3), watch, 9) == 3
    assert take(pace_of("postgresql", watch), watch, 9) == MOST
