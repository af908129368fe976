"""Who is given which variant, as SQL: what was given before, else a draw by the shares in force.

Nothing is asked of Python while a wave runs, so that a promotion acts from its commit on.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from engine.contract.comparison import HELD, HOLDOUT, Comparison
from engine.store.tables import Experiment, ExperimentShare, Exposure
from engine.terms import SHARE_RANGE, length_micros, share_bounds

EXPOSURE: sa.Table = Exposure.__table__  # type: ignore[attr-defined]
EXPERIMENT: sa.Table = Experiment.__table__  # type: ignore[attr-defined]
SHARE: sa.Table = ExperimentShare.__table__  # type: ignore[attr-defined]

Column = sa.ColumnElement[Any]


@dataclass(frozen=True)
class Division:
    """A comparison of one experiment, bound to the columns of those who are divided.

    ``draw`` gives each a number of 0..9999 that is its own under a salt, the same on every pass.
    """

    experiment: int
    comparison: Comparison
    part: Column
    contact_id: Column
    now: Column
    draw: Callable[[str], Column]

    @property
    def slots(self) -> tuple[str, ...]:
        """Every way, and the held if there can be any."""
        return (*self.comparison.ways, HELD) if self.comparison.sample < 1 else self.comparison.ways

    @property
    def known(self) -> Column:
        """The variant that was given before."""
        return (
            sa.select(EXPOSURE.c.variant)
            .where(
                EXPOSURE.c.part == self.part,
                EXPOSURE.c.contact_id == self.contact_id,
                EXPOSURE.c.experiment_id == self.experiment,
            )
            .scalar_subquery()
        )

    @property
    def epoch(self) -> Column:
        """The number of the shares by which a new one is drawn; -1 for those who simply follow the winner."""
        current = sa.func.coalesce(self._stands(EXPERIMENT.c.epoch), 0)
        if self.comparison.sample == 1:
            return current
        return sa.case((sa.and_(self._waits, self._stands(EXPERIMENT.c.winner).is_not(None)), -1), else_=current)

    def choose(self, values: Mapping[str, Any]) -> Column:
        """Map each member to the value given for its way."""
        return sa.case({way: values[way] for way in self.comparison.ways}, value=self.known, else_=self._new(values))

    def until(self) -> Column | None:
        """Give the instant at which nobody waits for a winner any more."""
        if self.comparison.decide_by is None:
            return None
        length = sa.literal(length_micros(self.comparison.decide_by), sa.BigInteger)
        return sa.func.coalesce(self._stands(EXPERIMENT.c.started_at), self.now) + length

    def _new(self, values: Mapping[str, Any]) -> Column:
        drawn = self._drawn(values)
        if self.comparison.sample < 1:
            winner = {variant: values[variant] for variant in self.comparison.variants}
            over: Column = self._stands(EXPERIMENT.c.state).in_(["no_difference", "futile", "unproven", "harmed"])
            until = self.until()
            if until is not None:
                over = sa.or_(over, until <= self.now)
            waiting = sa.case((over, drawn), else_=values[HELD])
            follows = sa.case(winner, value=self._stands(EXPERIMENT.c.winner), else_=waiting)
            drawn = sa.case((self._waits, follows), else_=drawn)
        if self.comparison.holdout:
            apart = round(self.comparison.holdout * SHARE_RANGE)
            drawn = sa.case((self.draw(HOLDOUT) < apart, values[HOLDOUT]), else_=drawn)
        return drawn

    def _drawn(self, values: Mapping[str, Any]) -> Column:
        *first, (last, _) = share_bounds(self.comparison.variants)
        if not first:
            return sa.literal(values[last])
        place = self.draw("")
        return sa.case(*((place < self._bound(way, bound), values[way]) for way, bound in first), else_=values[last])

    def _bound(self, variant: str, otherwise: int) -> Column:
        current = (
            sa.select(SHARE.c.upper)
            .join(EXPERIMENT, sa.and_(EXPERIMENT.c.id == SHARE.c.experiment_id, EXPERIMENT.c.epoch == SHARE.c.epoch))
            .where(SHARE.c.experiment_id == self.experiment, SHARE.c.variant == variant)
            .scalar_subquery()
        )
        return sa.func.coalesce(current, otherwise)

    @property
    def _waits(self) -> Column:
        return self.draw("sample") >= round(self.comparison.sample * SHARE_RANGE)

    def _stands(self, column: Column) -> Column:
        return sa.select(column).where(EXPERIMENT.c.id == self.experiment).scalar_subquery()
