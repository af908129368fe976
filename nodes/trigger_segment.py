"""Let contacts in who begin to match."""

from typing import Self

from pydantic import Field, model_validator

from engine.contract.bases import Trigger
from engine.contract.fields import RuleField, SegmentKey, Switch
from engine.contract.node import BySegment, NodeConfig
from engine.contract.readers import Refused, refuse
from engine.contract.wording import both
from engine.terms import Text


class TriggerSegmentConfig(NodeConfig):
    """Who is let in."""

    segment: SegmentKey | None = Field(None, title="Segment", description="Key of the segment that a contact enters.")
    when: RuleField | None = Field(None, title="Or rule", description="Rule that a contact begins to match.")
    existing: Switch = Field(
        False, title="Those who match already", description="Let in at publishing those who match by then, too."
    )

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if (self.segment is None) == (self.when is None):
            raise refuse([Refused("", "needs either segment or when", "give exactly one of the two")])
        return self


class TriggerSegment(Trigger[TriggerSegmentConfig]):
    """Let a contact in when they begin to match a segment or a rule."""

    kind = "trigger.segment"
    title = both("Segment", "进入分群")
    examples = ({"segment": "trial-users"}, {"when": {"tag": "mql"}, "existing": True})

    def summary(self, config: TriggerSegmentConfig) -> Text:
        if config.segment is not None:
            return both(f"On entering segment {config.segment}", f"进入分群 {config.segment} 时")
        return both("On beginning to match a rule", "开始符合条件时")

    def entry(self, config: TriggerSegmentConfig) -> BySegment:
        return BySegment(config.segment, config.when, config.existing)
