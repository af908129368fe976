"""How an experiment stands in a glance: for the canvas, which looks every other second."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy.engine import Connection

from engine.contract.comparison import Comparison
from engine.experiments.counts import read_counts, read_stands
from engine.experiments.stats import race
from engine.experiments.verdict import matrix, standing, waits_for
from engine.terms import Micros


@dataclass(frozen=True)
class Glance:
    """State, who wins or leads, whether it is too early for a decision, and how many were given which variant.

    ``shown`` has all contacts, also those whose time to act is not over.
    """

    state: str
    off: bool
    early: bool
    first: str | None
    shown: Mapping[str, int]


def glance(connection: Connection, parts: int, number: int, comparison: Comparison, now: Micros) -> Glance | None:
    """Look at an experiment; None before its first contact.

    Cost: four statements and a millisecond or two, whatever the number of contacts.
    """
    stands = read_stands(connection, number)
    if stands is None:
        return None
    counts = read_counts(connection, parts, stands, comparison, now)
    left = standing(counts, stands)
    first = stands.winner
    if first is None and len(left) > 1 and counts.won[:, left].any():
        first = counts.ways[race.leader(matrix(counts, comparison), left)]
    given = (counts.shown + counts.young).sum(axis=0)
    return Glance(
        state=stands.state,
        off=stands.split_off,
        early=bool(waits_for(stands, counts, comparison)),
        first=first,
        shown={way: int(count) for way, count in zip(counts.ways, given, strict=True)},
    )
