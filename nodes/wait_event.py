"""Wait for an event."""

from collections.abc import Sequence
from datetime import timedelta

from pydantic import Field

from engine.contract.fields import Duration, EventName, Where
from engine.contract.node import Family, NodeConfig, NodeType, Port
from engine.contract.wave import EventMatch, Wave
from engine.contract.wording import both, length
from engine.terms import Text


class WaitEventConfig(NodeConfig):
    """Which event, and how long at most."""

    event: EventName = Field(title="Event", description="Name of the event; only those that come while waiting count.")
    where: Where = Field({}, title="Only where", description="Conditions on the event's properties; all must hold.")
    timeout: Duration = Field(title="At most", description="How long to wait for it.")


class WaitEvent(NodeType[WaitEventConfig]):
    """Hold every contact until an event of theirs arrives, or the time is over."""

    kind = "wait.event"
    family = Family.WAIT
    title = both("Wait for event", "等待事件")
    examples = ({"event": "demo_booked", "timeout": "3d"},)

    def ports(self, config: WaitEventConfig) -> Sequence[Port]:
        return (Port("happened", both("Happened", "已发生")), Port("timeout", both("Time over", "超时")))

    def summary(self, config: WaitEventConfig) -> Text:
        words = length(config.timeout)
        return both(f"Wait for {config.event}, at most {words['en']}", f"等待 {config.event} · 最多 {words['zh-CN']}")

    def least_wait(self, config: WaitEventConfig, port: str) -> timedelta:
        return config.timeout if port == "timeout" else timedelta(0)

    def why(self, config: WaitEventConfig, port: str, silence: timedelta) -> Text | None:
        if port == "happened":
            return both(f"{config.event} came", f"发生了 {config.event}")
        words = length(config.timeout)
        return both(f"No {config.event} within {words['en']}", f"{words['zh-CN']}内没有发生 {config.event}")

    def run(self, wave: Wave, config: WaitEventConfig) -> None:
        awaited = EventMatch(config.event, config.where)
        wave.park(wave.arrived, until=wave.now + config.timeout, event=awaited)
        wave.route({"happened": wave.by_event, "timeout": wave.woken - wave.by_event})
