"""Shared halves of node types: triggers, nodes that act at once, nodes that send."""

from abc import abstractmethod
from typing import ClassVar, Self, TypeVar

from pydantic import Field, model_validator

from engine.contract.fields import Duration, TemplateKey, TemplateText, TopicKey
from engine.contract.node import C, Family, NodeConfig, NodeType
from engine.contract.readers import Refused, refuse
from engine.contract.wave import Wave


class Trigger(NodeType[C]):
    """A node by which contacts come in: it says how in ``entry`` and lets them pass."""

    family = Family.TRIGGER

    def run(self, wave: Wave, config: C) -> None:
        """Send everybody on."""
        wave.route({"out": wave.all})


class Acting(NodeType[C]):
    """A node that does something to everybody at once and sends them on."""

    @abstractmethod
    def act(self, wave: Wave, config: C) -> None:
        """Do it, to all members."""

    def run(self, wave: Wave, config: C) -> None:
        """Act, then send everybody on."""
        self.act(wave, config)
        wave.route({"out": wave.all})


class MessageConfig(NodeConfig):
    """What all messages to a contact have in common."""

    topic: TopicKey | None = Field(
        None, title="Topic", description="What the contact can unsubscribe from; `marketing` when absent."
    )
    late: Duration | None = Field(
        None,
        title="Not later than",
        description="When the engine gets to it later than this after it was due, the message is suppressed as `late`.",
    )


class TextConfig(MessageConfig):
    """A message of one text: its own words, or a template from the library."""

    text: TemplateText | None = Field(None, title="Text", description="Words of the message.")
    template: TemplateKey | None = Field(None, title="Template", description="Key of a template of the library.")

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if (self.text is None) == (self.template is None):
            raise refuse([Refused("", "needs either text or template", "give exactly one of the two")])
        return self


M = TypeVar("M", bound=MessageConfig)


class Messaging(NodeType[M]):
    """A node that sends a message to the contact: it rests in quiet hours, then owes the message and goes on."""

    family = Family.SEND
    channel: ClassVar[str]
    reaches_contact = True

    def run(self, wave: Wave, config: M) -> None:
        """Park those in quiet hours; owe the others their message."""
        awake = wave.all - wave.quiet
        wave.park(wave.quiet, until=wave.quiet_end)
        wave.send(awake, channel=self.channel, topic=config.topic, late=config.late)
        wave.route({"out": awake})
