"""Let contacts in by an event."""

from pydantic import Field

from engine.contract.bases import Trigger
from engine.contract.fields import EventName, Where
from engine.contract.node import ByEvent, NodeConfig
from engine.contract.wave import EventMatch
from engine.contract.wording import both
from engine.terms import Text


class TriggerEventConfig(NodeConfig):
    """Which events let a contact in."""

    event: EventName = Field(title="Event", description="Name of the event, as it is tracked.")
    where: Where = Field({}, title="Only where", description="Conditions on the event's properties; all must hold.")


class TriggerEvent(Trigger[TriggerEventConfig]):
    """Let a contact in when such an event of theirs arrives."""

    kind = "trigger.event"
    title = both("Event", "事件触发")
    examples = (
        {"event": "trial_started"},
        {"event": "page_viewed", "where": {"path": {"op": "starts_with", "value": "/pricing"}}},
    )

    def summary(self, config: TriggerEventConfig) -> Text:
        more = both(" with conditions", " · 有条件") if config.where else both("", "")
        return both(f"On {config.event}{more['en']}", f"发生 {config.event} 时{more['zh-CN']}")

    def entry(self, config: TriggerEventConfig) -> ByEvent:
        return ByEvent(EventMatch(config.event, config.where))
