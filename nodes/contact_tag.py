"""Give and take tags."""

from typing import Self

from pydantic import Field, model_validator

from engine.contract.bases import Acting
from engine.contract.fields import TagName
from engine.contract.node import Family, NodeConfig
from engine.contract.readers import Refused, refuse
from engine.contract.wave import Wave
from engine.contract.wording import both
from engine.terms import Text


class ContactTagConfig(NodeConfig):
    """Which tags."""

    add: tuple[TagName, ...] = Field((), title="Add", description="Tags to give.")
    remove: tuple[TagName, ...] = Field((), title="Remove", description="Tags to take.")

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.add and not self.remove:
            raise refuse([Refused("", "names no tag", "give add, remove or both")])
        both_ways = [tag for tag in self.remove if tag in self.add]
        if both_ways:
            raise refuse([Refused("remove", f'"{both_ways[0]}" is added and removed', "keep one of the two")])
        return self


class ContactTag(Acting[ContactTagConfig]):
    """Give tags to every contact, and take tags away."""

    kind = "contact.tag"
    family = Family.CONTACT
    title = both("Tags", "打标签")
    examples = ({"add": ["activated"], "remove": ["stalled"]},)

    def summary(self, config: ContactTagConfig) -> Text:
        return ", ".join([*(f"+{tag}" for tag in config.add), *(f"-{tag}" for tag in config.remove)])

    def act(self, wave: Wave, config: ContactTagConfig) -> None:
        wave.tag(add=config.add, remove=config.remove)
