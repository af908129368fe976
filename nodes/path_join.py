"""Bring parallel paths together."""

from engine.contract.node import Family, NodeConfig, NodeType
from engine.contract.wave import Wave
from engine.contract.wording import both
from engine.terms import Text


class PathJoinConfig(NodeConfig):
    """Nothing to set."""


class PathJoin(NodeType[PathJoinConfig]):
    """Hold a contact until no other of their paths can still lead here, then go on once."""

    kind = "path.join"
    family = Family.PATH
    title = both("Join", "汇合")
    gathers = True

    def summary(self, config: PathJoinConfig) -> Text:
        return both("Wait for all paths", "等待所有路径")

    def run(self, wave: Wave, config: PathJoinConfig) -> None:
        gathering = wave.gather()
        wave.hold(gathering.waiting, joining=True)
        wave.absorb(gathering.others)
        wave.route({"out": gathering.one})
