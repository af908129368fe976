"""Let contacts in by hand."""

from engine.contract.bases import Trigger
from engine.contract.node import ByHand, NodeConfig
from engine.contract.wording import both
from engine.terms import Text


class TriggerManualConfig(NodeConfig):
    """Nothing to set."""


class TriggerManual(Trigger[TriggerManualConfig]):
    """Let contacts in by hand, by API, by CSV, or from another flow."""

    kind = "trigger.manual"
    title = both("By hand", "手动加入")

    def summary(self, config: TriggerManualConfig) -> Text:
        return both("By hand, API, CSV or another flow", "手动、API、CSV 或其他旅程加入")

    def entry(self, config: TriggerManualConfig) -> ByHand:
        return ByHand()
