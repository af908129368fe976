"""The running counts of an experiment in the shape in which evidence is made of them.

Only mature exposures are compared: those whose window is over, by the day on which they were assigned. Conversions of
the others do not count yet, even if they are known: late ones would else punish the newest.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
import orjson
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from engine.contract.comparison import HOLDOUT, Comparison
from engine.experiments.division import EXPERIMENT, SHARE
from engine.experiments.ledger import TALLY
from engine.experiments.stats.pairs import Floats
from engine.store.tables.experiments import CONVERTED, EXPOSED, HARMED, SENT
from engine.terms import DAY, HOUR, SHARE_RANGE, Micros, length_micros, share_bounds

LAG: Final = HOUR
"""How long events may be under way to us after their window."""


@dataclass(frozen=True)
class Stands:
    """How an experiment stands: its row."""

    id: int
    flow_key: str
    node: str
    state: str
    started_at: Micros
    epoch: int
    winner: str | None
    runner_up: str | None
    decided_at: Micros | None
    split_off: bool
    out: tuple[str, ...]
    looks: tuple[tuple[float, float, float], ...]
    shares_since: Micros


@dataclass(frozen=True)
class Counts:
    """Counts by epoch, the days of each shares in force apart, oldest first.

    Shape: arrays are ``[epochs, ways]`` with the variants first and the holdout last; ``shares`` are the
    probabilities in force, ``harmed`` has one array for each guardrail. ``assigned`` are all contacts by shares in
    force, mature or not, with ``assigned_shares``; ``days`` are those of the epochs, ``numbers`` the numbers of their
    shares. ``sent`` are mature contacts whose first message went out, as ``assigned``, and ``letters`` the variants
    that surely owe one at once. ``present`` are the variants' shares from now on; ``rows`` is how
    many rows all that was read from.
    """

    ways: tuple[str, ...]
    variants: int
    numbers: tuple[int, ...]
    days: tuple[Micros, ...]
    shares: Floats
    shown: Floats
    won: Floats
    harmed: tuple[Floats, ...]
    young: Floats
    assigned: Floats
    assigned_shares: Floats
    sent: Floats
    letters: tuple[str, ...]
    mature_until: Micros
    present: dict[str, float]
    rows: int = 0

    @cached_property
    def totals(self) -> tuple[Floats, Floats]:
        """Mature contacts and conversions of each way."""
        return self.shown.sum(axis=0), self.won.sum(axis=0)

    def since(self, number: int) -> "slice":
        """Choose the epochs from these shares on."""
        first = next((place for place, each in enumerate(self.numbers) if each >= number), len(self.numbers))
        return slice(first, None)


def base_shares(comparison: Comparison, out: Sequence[str] = ()) -> dict[str, float]:
    """Give the variants' shares by weight, without those that are out."""
    weights = {variant: 0.0 if variant in out else weight for variant, weight in comparison.variants.items()}
    return weights if sum(weights.values()) else dict(comparison.variants)


def ranges(weights: dict[str, float]) -> dict[str, tuple[int, float]]:
    """Give each variant the end of its range and the share that it really has."""
    found, before = {}, 0
    for variant, upper in share_bounds(weights):
        found[variant] = (upper, (upper - before) / SHARE_RANGE)
        before = upper
    return found


def read_counts(
    connection: Connection,
    parts: int,
    stands: Stands,
    comparison: Comparison,
    now: Micros,
    letters: Sequence[str] = (),
) -> Counts:
    """Read what is known of an experiment; ``letters`` are the variants that surely owe a message at once.

    Cost: two statements, over one row an hour and variant, which are folded; it does not grow with the contacts.
    """
    mature_until = now - length_micros(comparison.window) - LAG
    day = TALLY.c.hour - TALLY.c.hour % DAY
    ripe = sa.case((TALLY.c.hour + HOUR <= mature_until, TALLY.c.contacts), else_=0)
    rows = connection.execute(
        sa.select(
            *(TALLY.c.epoch, day, TALLY.c.variant, TALLY.c.what),
            *(sa.func.sum(TALLY.c.contacts), sa.func.sum(ripe), sa.func.count()),
        )
        .where(TALLY.c.part.in_(range(parts)), TALLY.c.experiment_id == stands.id, TALLY.c.epoch >= 0)
        .group_by(TALLY.c.epoch, day, TALLY.c.variant, TALLY.c.what)
    ).all()
    shares = _shares(connection, stands, comparison)
    return _arranged(rows, shares, comparison, mature_until, stands.epoch, tuple(letters))


def read_stands(connection: Connection, experiment: int) -> Stands | None:
    """Read how an experiment stands; None before its first contact.

    Cost: two statements.
    """
    row = connection.execute(sa.select(EXPERIMENT).where(EXPERIMENT.c.id == experiment)).first()
    if row is None:
        return None
    since = sa.select(sa.func.max(SHARE.c.since)).where(SHARE.c.experiment_id == experiment)
    return Stands(
        id=int(row.id),
        flow_key=row.flow_key,
        node=row.node,
        state=row.state,
        started_at=int(row.started_at),
        epoch=int(row.epoch),
        winner=row.winner,
        runner_up=row.runner_up,
        decided_at=None if row.decided_at is None else int(row.decided_at),
        split_off=bool(row.split_off),
        out=tuple(orjson.loads(row.out)),
        looks=tuple((float(part), float(bound), float(score)) for part, bound, score in orjson.loads(row.looks)),
        shares_since=int(connection.scalar(since) or row.started_at),
    )


def _shares(connection: Connection, stands: Stands, comparison: Comparison) -> dict[int, dict[str, float]]:
    found: dict[int, dict[str, float]] = {
        0: {variant: share for variant, (_, share) in ranges(dict(comparison.variants)).items()}
    }
    rows = connection.execute(
        sa.select(SHARE.c.epoch, SHARE.c.variant, SHARE.c.share).where(SHARE.c.experiment_id == stands.id)
    )
    for epoch, variant, share in rows:
        found.setdefault(int(epoch), {})[variant] = float(share)
    return found


def _arranged(
    rows: Sequence[Any],
    shares: dict[int, dict[str, float]],
    comparison: Comparison,
    mature_until: Micros,
    current: int,
    letters: tuple[str, ...],
) -> Counts:
    ways = comparison.ways
    place = {way: number for number, way in enumerate(ways)}
    epochs = sorted({(int(epoch), int(day)) for epoch, day, *_ in rows})
    numbers = sorted({number for number, _ in epochs})
    at = {epoch: number for number, epoch in enumerate(epochs)}
    kinds = HARMED + len(comparison.guardrails)
    ripe, young = np.zeros((kinds, len(epochs), len(ways))), np.zeros((kinds, len(epochs), len(ways)))
    assigned, sent = np.zeros((2, len(numbers), len(ways)))
    for epoch, day, variant, what, contacts, mature, _ in rows:
        if variant not in place or what >= kinds:
            continue
        if what == SENT:
            sent[numbers.index(int(epoch)), place[variant]] += int(mature)
            continue
        spot = (int(what), at[int(epoch), int(day)], place[variant])
        ripe[spot] += int(mature)
        young[spot] += int(contacts) - int(mature)
        if what == EXPOSED:
            assigned[numbers.index(int(epoch)), place[variant]] += int(contacts)
    return Counts(
        ways=ways,
        variants=len(comparison.variants),
        numbers=tuple(number for number, _ in epochs),
        days=tuple(day for _, day in epochs),
        shares=_probabilities([number for number, _ in epochs], shares, comparison),
        shown=ripe[EXPOSED],
        won=ripe[CONVERTED],
        harmed=tuple(ripe[HARMED:]),
        young=young[EXPOSED],
        assigned=assigned,
        assigned_shares=_probabilities(numbers, shares, comparison),
        sent=sent,
        letters=letters,
        mature_until=mature_until,
        present=shares[current],
        rows=sum(int(row[-1]) for row in rows),
    )


def _probabilities(numbers: Sequence[int], shares: dict[int, dict[str, float]], comparison: Comparison) -> Floats:
    apart = round(comparison.holdout * SHARE_RANGE) / SHARE_RANGE
    table = [
        [apart if way == HOLDOUT else (1 - apart) * shares.get(number, {}).get(way, 0.0) for way in comparison.ways]
        for number in numbers
    ]
    return np.array(table, dtype=float).reshape(len(numbers), len(comparison.ways))
