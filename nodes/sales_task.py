"""Leave a task for sales."""

from pydantic import Field

from engine.contract.bases import Acting
from engine.contract.fields import Duration, Label
from engine.contract.node import Family, NodeConfig
from engine.contract.wave import Wave
from engine.contract.wording import both, length, quoted
from engine.terms import Text


class SalesTaskConfig(NodeConfig):
    """What is to be done, and by when."""

    title: Label = Field(title="Title", description="What is to be done about the contact.")
    due: Duration = Field(title="Due", description="How long after this step it is due.")


class SalesTask(Acting[SalesTaskConfig]):
    """Leave a task about every contact for whoever has them."""

    kind = "sales.task"
    family = Family.SALES
    title = both("Task", "创建任务")
    examples = ({"title": "Call about the trial", "due": "24h"},)

    def summary(self, config: SalesTaskConfig) -> Text:
        words, due = quoted(config.title), length(config.due)
        return both(f"Task in {due['en']}: {words['en']}", f"{due['zh-CN']}内任务 · {words['zh-CN']}")

    def act(self, wave: Wave, config: SalesTaskConfig) -> None:
        wave.task(config.title, config.due)
