"""Let contacts in by a date of theirs."""

from datetime import timedelta

from pydantic import Field

from engine.contract.bases import Trigger
from engine.contract.fields import AttributeName, LocalTime, Offset
from engine.contract.node import ByDate, NodeConfig
from engine.contract.wording import both, length
from engine.terms import Text


class TriggerDateConfig(NodeConfig):
    """Which date, and how far from it."""

    attribute: AttributeName = Field(
        title="Attribute", description="Attribute of the contact that holds a date or an instant."
    )
    offset: Offset = Field(
        timedelta(0), title="Offset", description="How long before (`-7d`) or after (`7d`) that date."
    )
    at: LocalTime | None = Field(
        None, title="At", description="Local time of that day; an instant is taken exactly when absent."
    )


class TriggerDate(Trigger[TriggerDateConfig]):
    """Let a contact in some time before or after a date in one of their attributes."""

    kind = "trigger.date"
    title = both("Date", "日期触发")
    examples = (
        {"attribute": "trial_ends_on", "offset": "-3d", "at": "10:00"},
        {"attribute": "birthday"},
    )

    def summary(self, config: TriggerDateConfig) -> Text:
        words, name = length(config.offset), config.attribute
        if not config.offset:
            return both(f"On the date in {name}", f"到达 {name} 时")
        if config.offset < timedelta(0):
            return both(f"{words['en']} before {name}", f"{name} 前 {words['zh-CN']}")
        return both(f"{words['en']} after {name}", f"{name} 后 {words['zh-CN']}")

    def entry(self, config: TriggerDateConfig) -> ByDate:
        return ByDate(config.attribute, config.offset, config.at)
