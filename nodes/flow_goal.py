"""Record a conversion."""

from pydantic import Field

from engine.contract.bases import Acting
from engine.contract.fields import Name, Number
from engine.contract.node import Family, NodeConfig
from engine.contract.wave import Wave
from engine.contract.wording import both
from engine.terms import Text


class FlowGoalConfig(NodeConfig):
    """What was reached, and what it is worth."""

    name: Name = Field(title="Name", description="Name of the conversion.")
    value: Number | None = Field(None, title="Value", description="What one conversion is worth.")


class FlowGoal(Acting[FlowGoalConfig]):
    """Record a conversion of every contact who comes here; they go on."""

    kind = "flow.goal"
    family = Family.FLOW
    title = both("Goal", "达成目标")
    examples = ({"name": "demo_booked", "value": 120},)

    def summary(self, config: FlowGoalConfig) -> Text:
        return both(f"Goal: {config.name}", f"目标 · {config.name}")

    def act(self, wave: Wave, config: FlowGoalConfig) -> None:
        wave.convert(config.name, config.value)
