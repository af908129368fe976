"""Evidence for goals that are no yes or no, such as money: an asymptotic confidence sequence on the difference.

Valid with a fixed equal split and for the absolute difference only, and once every variant has enough contacts with
anything at all.
Source: Waudby-Smith, Arbour, Sinha, Kennedy, Ramdas, "Time-uniform central limit theory" (Annals of Statistics 2024).
"""

import math
from dataclasses import dataclass
from typing import Final

LOOKED_FOR: Final = 5_000
"""The number of contacts at which the sequence is tightest."""

LEAST: Final = 25
"""How many contacts of each variant must have brought anything."""


@dataclass(frozen=True)
class Sums:
    """What a variant brought: contacts, those that brought anything, the sum and the sum of squares."""

    contacts: float
    bringing: float
    total: float
    squares: float

    @property
    def mean(self) -> float:
        """What a contact brought in the mean."""
        return self.total / self.contacts

    @property
    def variance(self) -> float:
        """The sample variance."""
        return (self.squares - self.total**2 / self.contacts) / (self.contacts - 1)


def tightness(alpha: float) -> float:
    """Give the mixture's variance that is best at ``LOOKED_FOR`` contacts."""
    return (-2 * math.log(alpha) + math.log(1 - 2 * math.log(alpha))) / LOOKED_FOR


def money_log_e(first: Sums, second: Sums, alpha: float) -> float:
    """Give the logarithm of the evidence that the means differ; 0 while there is too little."""
    if min(first.contacts, second.contacts) < 2:
        return 0.0
    contacts = first.contacts + second.contacts
    variance = first.variance / first.contacts + second.variance / second.contacts
    if variance <= 0:
        return 0.0
    grown = tightness(alpha) * contacts
    apart = second.mean - first.mean
    return grown * apart**2 / variance / (2 * (grown + 1)) - math.log(grown + 1) / 2


def money_interval(first: Sums, second: Sums, alpha: float) -> tuple[float, float]:
    """Give the always-valid interval of the difference of the means."""
    contacts = first.contacts + second.contacts
    variance = first.variance / first.contacts + second.variance / second.contacts
    grown = tightness(alpha) * contacts
    half = math.sqrt(variance * 2 * (grown + 1) / grown * math.log(math.sqrt(grown + 1) / alpha))
    apart = second.mean - first.mean
    return apart - half, apart + half


def money_winner(first: Sums, second: Sums, alpha: float, variants: int = 2) -> int | None:
    """Name the better of two variants, or nobody yet; every pair of several has its share of alpha."""
    share = alpha * 2 / variants
    if min(first.bringing, second.bringing) < LEAST or money_log_e(first, second, share) < -math.log(share):
        return None
    return 1 if second.mean > first.mean else 0
