"""Lift documents and nodes of older versions to this one."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from engine.contract.findings import Finding
from engine.contract.node import NodeType
from engine.graph.shape import FORMAT
from engine.graph.text import error

STEPS: Final[Mapping[int, Callable[[dict[str, Any]], dict[str, Any]]]] = {}
"""From each older version of the format, how a document is lifted to the next. Version 1 is the first."""


def lift(raw: dict[str, Any]) -> tuple[dict[str, Any], list[Finding]]:
    """Bring a document to the present version of the format."""
    version = raw.get("dripline")
    if version is None:
        return raw, [error("document.version", "dripline", "is missing", f'add "dripline": {FORMAT}')]
    if isinstance(version, bool) or not isinstance(version, int) or not version >= 1:
        return raw, [error("document.version", "dripline", "is no version", f'write "dripline": {FORMAT}')]
    if version > FORMAT:
        words = f"is version {version}, and this Dripline knows {FORMAT}"
        return raw, [error("document.newer", "dripline", words, "use a newer Dripline")]
    while version < FORMAT:
        raw = {**STEPS[version](raw), "dripline": version + 1}
        version += 1
    return raw, []


def lift_config(
    node_type: NodeType[Any], raw: dict[str, Any], version: int, path: str, node: str
) -> tuple[dict[str, Any], list[Finding]]:
    """Bring a node's settings to the present version of its type."""
    if version > node_type.version:
        words = f"is version {version}, and {node_type.kind} is installed in version {node_type.version}"
        return raw, [error("node.newer", path, words, "install a newer version of the node type", node)]
    if version == node_type.version:
        return raw, []
    try:
        return node_type.upgrade(dict(raw), version), []
    except Exception as fault:  # noqa: BLE001 - a stranger's code; what it cannot lift is told like any other fault
        return raw, [
            error("node.upgrade", path, f"cannot be lifted from version {version}: {fault}", "set it anew", node)
        ]
