"""Add to a score."""

from collections.abc import Iterable

from pydantic import Field

from engine.contract.bases import Acting
from engine.contract.fields import AttributeName, Number
from engine.contract.node import Family, NodeConfig
from engine.contract.wave import Wave
from engine.contract.wording import both
from engine.terms import Text


class ContactScoreConfig(NodeConfig):
    """Which score, and by how much."""

    add: Number = Field(title="Add", description="Number to add; negative to take away.")
    score: AttributeName = Field("value", title="Score", description="Name of the score: a numeric attribute.")


class ContactScore(Acting[ContactScoreConfig]):
    """Add to a score of every contact; a contact without it starts at 0."""

    kind = "contact.score"
    family = Family.CONTACT
    title = both("Score", "加减分")
    examples = ({"add": 10}, {"add": -5, "score": "engagement"})

    def summary(self, config: ContactScoreConfig) -> Text:
        return both(f"{config.add:+g} to {config.score}", f"{config.score} {config.add:+g}")

    def writes(self, config: ContactScoreConfig) -> Iterable[str]:
        return (config.score,)

    def act(self, wave: Wave, config: ContactScoreConfig) -> None:
        wave.score(config.score, config.add)
