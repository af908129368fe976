"""Node types for tests of the contract: one that keeps it, and one for each way of not keeping it."""

from collections.abc import Sequence
from datetime import timedelta

from pydantic import Field

from engine.contract.node import ByHand, Entry, Family, NodeConfig, NodeType, Port
from engine.contract.wave import Wave
from engine.rules.model import HasTag
from engine.terms import Text

RULE = HasTag("vip")


class Config(NodeConfig):
    """What to set."""

    size: int = Field(1, title="Size", description="How big.")


class Good(NodeType[Config]):
    """Send those with a tag one way, the others after a while the other way."""

    kind = "test.good"
    family = Family.BRANCH
    title = "Good"

    def ports(self, config: Config) -> Sequence[Port]:
        return (Port("yes"), Port("no"))

    def summary(self, config: Config) -> Text:
        return "Good"

    def run(self, wave: Wave, config: Config) -> None:
        tagged = wave.where(RULE)
        wave.park(wave.arrived - tagged, until=wave.now + timedelta(days=1))
        wave.route({"yes": tagged, "no": wave.woken - tagged})


class Leaking(Good):
    """Forget those that were woken."""

    def run(self, wave: Wave, config: Config) -> None:
        wave.route({"yes": wave.arrived})


class Overlapping(Good):
    """Send those with the tag both ways."""

    def run(self, wave: Wave, config: Config) -> None:
        wave.route({"yes": wave.where(RULE), "no": wave.all})


class LeakingWithoutEdge(Good):
    """Forget somebody when a port has no edge."""

    def run(self, wave: Wave, config: Config) -> None:
        wave.route({"yes": wave.all} if wave.connected("no") else {"yes": wave.where(RULE)})


class Straying(Good):
    """Send everybody out of a port that is not declared."""

    def run(self, wave: Wave, config: Config) -> None:
        wave.route({"maybe": wave.all})


class Secretive(Good):
    """Send a message without declaring a channel."""

    def run(self, wave: Wave, config: Config) -> None:
        wave.send(wave.all, channel="email")
        wave.route({"yes": wave.all})


class Hasty(Good):
    """Send to those who stay."""

    channel = "email"

    def run(self, wave: Wave, config: Config) -> None:
        wave.send(wave.all, channel="email")
        wave.park(wave.arrived, until=wave.now + timedelta(hours=1))
        wave.route({"yes": wave.woken})


class Misdirected(Good):
    """Send by another channel than declared."""

    channel = "email"

    def run(self, wave: Wave, config: Config) -> None:
        wave.send(wave.all, channel="sms")
        wave.route({"yes": wave.all})


class Late(Good):
    """Rest until an instant that may be over."""

    def run(self, wave: Wave, config: Config) -> None:
        wave.park(wave.all, until=wave.quiet_end)


class Raising(Good):
    """Fail."""

    def run(self, wave: Wave, config: Config) -> None:
        raise RuntimeError("broken")


class Twice(Good):
    """Have a port twice."""

    def ports(self, config: Config) -> Sequence[Port]:
        return (Port("yes"), Port("no"), Port("no"))


class Mute(Good):
    """Say nothing on the card."""

    def summary(self, config: Config) -> Text:
        return ""


class Posing(Good):
    """Let contacts in without being a trigger."""

    def entry(self, config: Config) -> Entry:
        return ByHand()


class Unexampled(Good):
    """Have an example that is refused."""

    examples = ({"size": "big"},)


class Bare(NodeConfig):
    """What to set."""

    size: int = 1


class Undescribed(NodeType[Bare]):
    """Have a setting that no form can explain."""

    kind = "test.undescribed"
    family = Family.BRANCH
    title = "Undescribed"

    def summary(self, config: Bare) -> Text:
        return "Undescribed"

    def run(self, wave: Wave, config: Bare) -> None:
        wave.route({"out": wave.all})


class Through(NodeType[Config]):
    """Let everybody go on; said and done as every node type must."""

    def summary(self, config: Config) -> Text:
        return "Through"

    def run(self, wave: Wave, config: Config) -> None:
        wave.route({"out": wave.all})


class Untitled(Through):
    """Have no title."""

    kind = "test.untitled"
    family = Family.BRANCH


class Unnamed(Through):
    """Have neither kind nor family."""


class Unfinished(NodeType[Config]):
    """Say what it does and do nothing."""

    kind = "test.unfinished"
    family = Family.BRANCH
    title = "Unfinished"

    def summary(self, config: Config) -> Text:
        return "Unfinished"
