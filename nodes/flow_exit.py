"""End enrollments."""

from pydantic import Field

from engine.contract.bases import Acting
from engine.contract.fields import Name
from engine.contract.node import Family, NodeConfig
from engine.contract.wave import Wave
from engine.contract.wording import both
from engine.terms import Text


class FlowExitConfig(NodeConfig):
    """Why."""

    reason: Name | None = Field(None, title="Reason", description="Words for the record.")


class FlowExit(Acting[FlowExitConfig]):
    """End the enrollment of every contact who comes here, with all of its paths."""

    kind = "flow.exit"
    family = Family.FLOW
    title = both("Exit", "退出旅程")
    examples = ({}, {"reason": "not reactivated"})

    def summary(self, config: FlowExitConfig) -> Text:
        return both("Exit", "退出") if config.reason is None else config.reason

    def act(self, wave: Wave, config: FlowExitConfig) -> None:
        wave.end(wave.all, config.reason)
