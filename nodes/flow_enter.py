"""Lead into another flow."""

from pydantic import Field

from engine.contract.bases import Acting
from engine.contract.fields import FlowKey
from engine.contract.node import Family, NodeConfig
from engine.contract.wave import Wave
from engine.contract.wording import both
from engine.terms import Text


class FlowEnterConfig(NodeConfig):
    """Which flow."""

    flow: FlowKey = Field(title="Flow", description="Key of a flow that has a trigger by hand.")


class FlowEnter(Acting[FlowEnterConfig]):
    """Let every contact into another flow, by its re-entry rule; here they go on."""

    kind = "flow.enter"
    family = Family.FLOW
    title = both("Enter flow", "进入旅程")
    examples = ({"flow": "new-lead-nurture"},)

    def summary(self, config: FlowEnterConfig) -> Text:
        return both(f"Enter {config.flow}", f"进入 {config.flow}")

    def enters(self, config: FlowEnterConfig) -> str:
        return config.flow

    def act(self, wave: Wave, config: FlowEnterConfig) -> None:
        wave.enter(config.flow)
