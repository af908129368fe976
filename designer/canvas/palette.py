"""What can be put on the canvas: every installed node type, by family."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from designer.language import Language, mark
from engine.contract.node import Family, NodeType

GROUPS: Final[Mapping[str, tuple[Family, ...]]] = {
    mark("Who enters"): (Family.TRIGGER,),
    mark("Reach people"): (Family.SEND,),
    mark("Time"): (Family.WAIT,),
    mark("Logic"): (Family.BRANCH, Family.SPLIT, Family.PATH),
    mark("Contact and sales"): (Family.CONTACT, Family.SALES),
    mark("Flow"): (Family.FLOW,),
}

KEYS: Final[Mapping[str, str]] = {"send.email": "E", "send.sms": "S", "wait.delay": "W", "branch.rule": "B"}
"""Keys that add a node of a type after the chosen one."""


@dataclass(frozen=True)
class Item:
    """One node type in the palette."""

    kind: str
    family: str
    channel: str | None
    title: str
    help: str
    key: str


@dataclass(frozen=True)
class Group:
    """Node types that belong together."""

    title: str
    items: tuple[Item, ...]


def palette(types: Iterable[NodeType[Any]], language: Language) -> tuple[Group, ...]:
    """List the node types that are installed, in groups."""
    every = list(types)
    return tuple(
        Group(language.say(title), tuple(_item(each, language) for each in every if each.family in families))
        for title, families in GROUPS.items()
    )


def _item(node_type: NodeType[Any], language: Language) -> Item:
    words = (type(node_type).__doc__ or "").strip().splitlines()[0]
    title = language.text(node_type.title)
    kind, family = node_type.kind, node_type.family.value
    return Item(kind, family, node_type.channel, title, language.say(words), KEYS.get(kind, ""))
