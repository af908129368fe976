"""Random choices, and the few words that random flows, contacts and events are made of."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from random import Random
from typing import TypeVar

T = TypeVar("T")

EVENTS = ("visited", "clicked_ad", "bought", "trial", "ping")
TAGS = ("a", "b", "vip")
STAGES = ("mql", "sql", "customer")
DURATIONS = ("1h", "6h", "12h", "1d", "2d", "3d", "P1DT12H", "90m", "36h", "1w")
ZONES = (
    "Asia/Shanghai",
    "Asia/Shanghai",
    "Europe/Berlin",
    "America/New_York",
    "Pacific/Kiritimati",
    "Etc/GMT+12",
    "Australia/Lord_Howe",
    "Mars/Olympus",
    None,
)
STARTS = (
    "2026-01-05T00:00:00Z",  # a Monday
    "2026-03-27T12:00:00Z",  # Berlin goes forward on the 29th
    "2026-10-22T12:00:00Z",  # Berlin goes back on the 25th
    "2026-02-12T16:00:00Z",  # before the Chinese new year, with its moved working days
    "2026-04-01T06:30:00Z",  # Lord Howe goes back by half an hour on the 5th
)


class Dice:
    """A source of choices: a seeded one, or one that Hypothesis shrinks."""

    def __init__(self, random: Random) -> None:
        self.random = random

    def one(self, choices: Sequence[T]) -> T:
        return choices[self.random.randrange(len(choices))]

    def some(self, choices: Sequence[T], least: int = 1) -> list[T]:
        """Choose several, each once, in their order."""
        chosen = [choice for choice in choices if self.chance(50)]
        return chosen if len(chosen) >= least else [self.one(choices)]

    def chance(self, percent: int) -> bool:
        return self.random.randrange(100) >= 100 - percent

    def number(self, low: int, high: int) -> int:
        return self.random.randint(low, high)

    def weighted(self, choices: dict[T, int]) -> T:
        place = self.random.randrange(sum(choices.values()))
        for choice, weight in choices.items():
            place -= weight
            if place < 0:
                return choice
        raise AssertionError("the weights ran out")

    def shuffled(self, items: Sequence[T]) -> list[T]:
        left = list(items)
        return [left.pop(self.random.randrange(len(left))) for _ in items]

    def instant(self, start: datetime, days: int) -> datetime:
        """Choose an instant, mostly on a grid on which timers fall too."""
        hours = self.number(0, days * 4) * 6
        off_grid = self.number(1, 21_599) if self.chance(25) else 0
        return start + timedelta(hours=hours, seconds=off_grid)
