"""Find node types through the entry-point group ``dripline.nodes``; ours and a stranger's come by the same door."""

from collections.abc import Iterable, Iterator
from functools import cache
from importlib.metadata import entry_points
from typing import Any

from engine.contract.node import Family, NodeConfig, NodeType
from engine.errors import NodeError

GROUP = "dripline.nodes"


class Registry:
    """Node types by kind; aliases find the type that bears them."""

    def __init__(self, types: Iterable[NodeType[Any]]) -> None:
        self._types: dict[str, NodeType[Any]] = {}
        self._aliases: dict[str, str] = {}
        faults: list[str] = []
        for node_type in types:
            found = list(_faults(node_type))
            faults += found
            if found:
                continue
            for name in (node_type.kind, *node_type.aliases):
                if name in self._types or name in self._aliases:
                    faults.append(f"{name}: two node types bear this name")
            self._types[node_type.kind] = node_type
            self._aliases.update(dict.fromkeys(node_type.aliases, node_type.kind))
        if faults:
            raise NodeError("node types are faulty: " + "; ".join(faults), faults=faults)

    def __iter__(self) -> Iterator[NodeType[Any]]:
        order = list(Family)
        return iter(sorted(self._types.values(), key=lambda each: (order.index(each.family), each.kind)))

    def kinds(self) -> list[str]:
        """List all kinds and aliases that a document may use."""
        return [*self._types, *self._aliases]

    def find(self, kind: str) -> NodeType[Any] | None:
        """Give the node type of a kind or alias; None if there is none."""
        return self._types.get(self._aliases.get(kind, kind))

    def __getitem__(self, kind: str) -> NodeType[Any]:
        found = self.find(kind)
        if found is None:
            raise NodeError(f"{kind!r} is not a known node type", kind=kind)
        return found


@cache
def installed() -> Registry:
    """Load every installed node type once.

    Errors: ``NodeError`` lists all faults of all types.
    """
    types: list[NodeType[Any]] = []
    faults: list[str] = []
    for point in entry_points(group=GROUP):
        try:
            types.append(point.load()())
        except Exception as error:  # noqa: BLE001 - a stranger's module may raise anything; all are told together
            faults.append(f"{point.value}: {error}")
    if faults:
        raise NodeError("node types cannot be loaded: " + "; ".join(faults), faults=faults)
    return Registry(types)


def _faults(node_type: object) -> Iterator[str]:
    name = getattr(node_type, "kind", None) or type(node_type).__name__
    if not isinstance(node_type, NodeType):
        yield f"{name}: is not a NodeType"
        return
    if "." not in getattr(node_type, "kind", ""):
        yield f"{name}: kind must be written family.name"
    if not isinstance(getattr(node_type, "family", None), Family):
        yield f"{name}: family is missing"
    config = getattr(node_type, "config_type", None)
    if not (isinstance(config, type) and issubclass(config, NodeConfig)):
        yield f"{name}: write class X(NodeType[XConfig])"
    if not (type(node_type).__doc__ or "").strip():
        yield f"{name}: the docstring is its tooltip and may not be empty"
