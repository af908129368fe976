"""Let contacts in by the calendar."""

import re
from collections.abc import Iterable
from typing import Self

from pydantic import Field, model_validator

from engine.contract.bases import Trigger
from engine.contract.fields import Cron, RuleField, ScheduleTime, SegmentKey
from engine.contract.findings import Finding
from engine.contract.node import BySchedule, CheckView, NodeConfig
from engine.contract.readers import Refused, refuse
from engine.contract.wording import both
from engine.terms import Text, parse_instant

_DAILY = re.compile(r"\d\d:\d\d")


class TriggerScheduleConfig(NodeConfig):
    """When, and who."""

    cron: Cron | None = Field(
        None,
        title="Cron expression",
        description="Five fields (minute, hour, day of month, month, day of week), in the flow's time zone.",
    )
    at: ScheduleTime | None = Field(
        None,
        title="Or time",
        description="An instant: once; or `HH:MM`: every day, in each contact's own time zone.",
    )
    segment: SegmentKey | None = Field(None, title="Segment", description="Key of the segment whose members enter.")
    when: RuleField | None = Field(None, title="Or rule", description="Rule that those who enter match at that time.")

    @model_validator(mode="after")
    def _one_of_each(self) -> Self:
        faults = []
        if (self.cron is None) == (self.at is None):
            faults.append(Refused("", "needs either cron or at", "give exactly one of the two"))
        if (self.segment is None) == (self.when is None):
            faults.append(Refused("", "needs either segment or when", "give exactly one of the two"))
        if faults:
            raise refuse(faults)
        return self


class TriggerSchedule(Trigger[TriggerScheduleConfig]):
    """Let in all who match at each time of a schedule."""

    kind = "trigger.schedule"
    title = both("Schedule", "定时触发")
    examples = (
        {"cron": "0 9 * * mon", "segment": "trial-users"},
        {"at": "10:00", "when": {"tag": "vip"}},
        {"at": "2026-11-11T10:00:00+08:00", "when": {"all": []}},
    )

    def summary(self, config: TriggerScheduleConfig) -> Text:
        if config.cron is not None:
            return both(f"On schedule {config.cron}", f"按计划 {config.cron}")
        if _DAILY.fullmatch(config.at or ""):
            return both(f"Every day at {config.at}", f"每天 {config.at}")
        return both(f"Once at {config.at}", f"仅一次 {config.at}")

    def entry(self, config: TriggerScheduleConfig) -> BySchedule:
        return BySchedule(config.cron, config.at, config.segment, config.when)

    def check(self, config: TriggerScheduleConfig, view: CheckView) -> Iterable[Finding]:
        if config.at is None or _DAILY.fullmatch(config.at) or parse_instant(config.at) > view.now:
            return
        yield view.warning("schedule.past", "at", f"{config.at} is over, so nobody will enter", "give a later instant")
