"""What a node that compares variants says of the comparison: the engine counts, proves and promotes by it."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict

from engine.contract.fields import Where
from engine.contract.wave import EventMatch
from engine.terms import Json

HOLDOUT: Final = "holdout"
HELD: Final = ""
"""The way of those who wait for the winner; no port has this name."""

Mode = Literal["prove", "earn", "planned", "off"]


class Watched(BaseModel):
    """An event that is counted for every variant."""

    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True)

    event: str
    where: Where = {}

    @property
    def match(self) -> EventMatch:
        """Which events count."""
        return EventMatch(self.event, self.where)


class Comparison(BaseModel):
    """Variants with their weights, what counts as success and as harm, and how a winner is found.

    ``window`` is how long after the split an event counts; ``sample`` the share that is divided at once while the
    others wait, at most for ``decide_by``; ``holdout`` a share that stays apart.
    """

    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True)

    variants: dict[str, float]
    goal: Watched | None = None
    window: timedelta = timedelta(days=7)
    guardrails: tuple[Watched, ...] = ()
    holdout: float = 0.0
    sample: float = 1.0
    decide_by: timedelta | None = None
    mode: Mode = "prove"
    alpha: float = 0.05
    mde: float = 0.10
    min_days: int = 7
    min_per_variant: int = 100
    cap: timedelta = timedelta(weeks=8)
    size: int | None = None

    @property
    def ways(self) -> tuple[str, ...]:
        """Every way out: the variants, and the holdout if there is one."""
        return (*self.variants, HOLDOUT) if self.holdout else tuple(self.variants)

    @property
    def identity(self) -> Mapping[str, Json]:
        """What makes it the same experiment in another version: evidence is kept as long as this does not change."""
        same = self.model_dump(
            mode="json", include={"variants", "goal", "window", "guardrails", "holdout", "mode", "alpha", "mde", "size"}
        )
        return {**same, "variants": list(self.variants.items())}

    @property
    def watched(self) -> tuple[Watched, ...]:
        """The goal, if there is one, and the guardrails."""
        return (*((self.goal,) if self.goal else ()), *self.guardrails)
