"""Move to a lifecycle stage."""

from pydantic import Field

from engine.contract.bases import Acting
from engine.contract.fields import StageName
from engine.contract.node import Family, NodeConfig
from engine.contract.wave import Wave
from engine.contract.wording import both
from engine.terms import Text


class ContactStageConfig(NodeConfig):
    """Which stage."""

    to: StageName = Field(title="To", description="Lifecycle stage, such as `mql`.")


class ContactStage(Acting[ContactStageConfig]):
    """Move every contact to a lifecycle stage."""

    kind = "contact.stage"
    family = Family.CONTACT
    title = both("Stage", "变更阶段")
    examples = ({"to": "mql"},)

    def summary(self, config: ContactStageConfig) -> Text:
        return both(f"Stage: {config.to}", f"阶段 · {config.to}")

    def act(self, wave: Wave, config: ContactStageConfig) -> None:
        wave.stage(config.to)
