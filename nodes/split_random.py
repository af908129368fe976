"""Split by chance."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Self

from pydantic import Field, model_validator

from engine.contract.fields import PortKey, Weight
from engine.contract.node import Family, NodeConfig, NodeType, Port
from engine.contract.readers import Refused, refuse
from engine.contract.wave import Wave
from engine.contract.wording import both
from engine.terms import Text


class SplitRandomConfig(NodeConfig):
    """How big each share is."""

    weights: dict[PortKey, Weight] = Field(
        title="Weights", description="Ports with their weights; shares are in proportion to them.", min_length=1
    )

    @model_validator(mode="after")
    def _somebody(self) -> Self:
        if not sum(self.weights.values()):
            raise refuse([Refused("weights", "are all 0, so nobody could go on", "give one a weight above 0")])
        return self


class SplitRandom(NodeType[SplitRandomConfig]):
    """Send a fixed share of contacts out of each port; the same contact always takes the same one."""

    kind = "split.random"
    family = Family.SPLIT
    title = both("Random split", "随机分流")
    examples = ({"weights": {"a": 1, "b": 1}}, {"weights": {"left": 80, "right": 20}})

    def ports(self, config: SplitRandomConfig) -> Sequence[Port]:
        return tuple(Port(key) for key in config.weights)

    def summary(self, config: SplitRandomConfig) -> Text:
        total = sum(config.weights.values())
        shares = ", ".join(f"{key} {100 * weight / total:.4g}%" for key, weight in config.weights.items())
        return both(f"Split {shares}", f"分流 {shares}")

    def why(self, config: SplitRandomConfig, port: str, silence: timedelta) -> Text | None:
        share = 100 * config.weights[port] / sum(config.weights.values())
        return both(f"Drawn by chance, {share:.4g}%; the same each time", f"随机抽定 {share:.4g}% · 每次相同")

    def run(self, wave: Wave, config: SplitRandomConfig) -> None:
        wave.route(wave.shares(config.weights))
