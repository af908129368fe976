"""Run a node type's program on imagined waves and say in words where members go."""

from typing import Any

from engine.contract.imagined import Imagined, World
from engine.contract.node import NodeType
from engine.contract.registry import installed


def made(kind: str, **config: Any) -> tuple[NodeType[Any], Any]:
    """Give a node type and its settings."""
    node_type = installed()[kind]
    return node_type, node_type.config_type.model_validate(config)


def ports(kind: str, **config: Any) -> list[str]:
    """List the ports of a node."""
    node_type, settings = made(kind, **config)
    return [port.key for port in node_type.ports(settings)]


def ways(kind: str, edges: tuple[str, ...] = (), /, **config: Any) -> dict[str, str]:
    """Tell for each member, described by the answers that make it, where the node sends it."""
    node_type, settings = made(kind, **config)
    asked = Imagined(World([]), frozenset(edges))
    node_type.run(asked, settings)
    wave = Imagined(World(list(asked.world.asked.items())), frozenset(edges))
    node_type.run(wave, settings)
    went: dict[int, str] = {}
    for way, some in [
        *wave.routes,
        *(("rest", some) for some, _ in wave.parks),
        *(("stay", some) for some in wave.stays),
    ]:
        went |= dict.fromkeys(some.numbers, way)
    members = [sorted(zip(wave.world.questions, answers, strict=True)) for answers in wave.world.members]
    return {
        " ".join(f"{question.split()[0]}={answer}" for question, answer in member): went[number]
        for number, member in enumerate(members)
    }
