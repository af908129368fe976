"""Wait for a fixed time."""

from datetime import timedelta

from pydantic import Field

from engine.contract.fields import Duration
from engine.contract.node import Family, NodeConfig, NodeType
from engine.contract.wave import Wave
from engine.contract.wording import both, length
from engine.terms import Text


class WaitDelayConfig(NodeConfig):
    """How long."""

    duration: Duration = Field(
        title="Wait for", description="Time between arrival and departure; a day is exactly 24 hours."
    )


class WaitDelay(NodeType[WaitDelayConfig]):
    """Hold every contact for a fixed time."""

    kind = "wait.delay"
    family = Family.WAIT
    title = both("Wait", "等待")
    examples = ({"duration": "2d"}, {"duration": "PT36H"})

    def summary(self, config: WaitDelayConfig) -> Text:
        words = length(config.duration)
        return both(f"Wait {words['en']}", f"等待 {words['zh-CN']}")

    def least_wait(self, config: WaitDelayConfig, port: str) -> timedelta:
        return config.duration

    def run(self, wave: Wave, config: WaitDelayConfig) -> None:
        wave.park(wave.arrived, until=wave.now + config.duration)
        wave.route({"out": wave.woken})
