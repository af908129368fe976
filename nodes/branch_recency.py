"""Branch by how long a contact has been silent."""

from collections.abc import Sequence
from datetime import timedelta
from itertools import pairwise
from typing import Self

from pydantic import Field, model_validator

from engine.contract.fields import DayNumber
from engine.contract.node import Family, NodeConfig, NodeType, Port
from engine.contract.readers import Refused, refuse
from engine.contract.wave import Wave
from engine.contract.wording import both
from engine.terms import Text


class BranchRecencyConfig(NodeConfig):
    """The thresholds."""

    days: tuple[DayNumber, ...] = Field(
        title="Days of silence", description="Thresholds in whole days, ascending; each makes a port.", min_length=1
    )

    @model_validator(mode="after")
    def _ascending(self) -> Self:
        faults = [
            Refused(f"days[{place + 1}]", f"{later} does not come after {earlier}", "list the days in ascending order")
            for place, (earlier, later) in enumerate(pairwise(self.days))
            if later <= earlier
        ]
        if faults:
            raise refuse(faults)
        return self


class BranchRecency(NodeType[BranchRecencyConfig]):
    """Send every contact out by the whole days since their last activity: the highest threshold reached."""

    kind = "branch.recency"
    family = Family.BRANCH
    title = both("Recency", "沉默天数")
    examples = ({"days": [30, 60, 90]},)

    def ports(self, config: BranchRecencyConfig) -> Sequence[Port]:
        ports = [Port(f"{days}d", both(f"{days} days silent", f"沉默 {days} 天")) for days in config.days]
        return (Port("active", both("Active", "活跃")), *ports)

    def summary(self, config: BranchRecencyConfig) -> Text:
        days = " / ".join(str(each) for each in config.days)
        return both(f"Silent for {days} days?", f"沉默 {days} 天")

    def why(self, config: BranchRecencyConfig, port: str, silence: timedelta) -> Text | None:
        return both(f"Silent for {silence.days} whole days", f"已沉默 {silence.days} 整天")

    def run(self, wave: Wave, config: BranchRecencyConfig) -> None:
        names = [port.key for port in self.ports(config)]
        wave.route(dict(zip(names, wave.idle(config.days), strict=True)))
