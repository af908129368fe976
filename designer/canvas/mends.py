"""What can be mended by one gesture: a finding, and the gesture that makes it go away."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from designer.language import mark
from engine.contract.findings import Finding
from engine.graph.pointer import at_pointer, put_pointer

_PLACE: Final = re.compile(r"(nodes|edges)\[(\d+)\](?:\.(.+))?$")
_MEANT: Final = re.compile(r"did you mean (\S+?)\?$")
_STEP: Final = re.compile(r"[^.\[\]]+|\[\d+\]")
_USELESS_EDGES: Final = ("edge.unknown_node", "edge.unknown_port", "edge.twice", "graph.into_trigger")


@dataclass(frozen=True)
class Mend:
    """A gesture that mends a finding, and what its button says."""

    words: str
    kind: str
    args: Mapping[str, Any]


def mend_of(finding: Finding, raw: Mapping[str, Any]) -> Mend | None:
    """Find the gesture that mends a finding, if one does."""
    place = _PLACE.match(finding.path)
    if place is None:
        return None
    values = raw.get(place[1])
    index = int(place[2])
    value = values[index] if isinstance(values, list) and index < len(values) else None
    if not isinstance(value, dict):
        return None
    if place[1] == "edges":
        return _of_edge(finding, value)
    return _of_node(finding, value, place[3] or "")


def _of_edge(finding: Finding, edge: Mapping[str, Any]) -> Mend | None:
    ends = [edge.get("from"), edge.get("port", "out"), edge.get("to")]
    if finding.code not in _USELESS_EDGES or not all(isinstance(end, str) for end in ends):
        return None
    return Mend(mark("Remove this edge"), "disconnect", {"edge": ends})


def _of_node(finding: Finding, node: Mapping[str, Any], path: str) -> Mend | None:
    name = node.get("id")
    if not isinstance(name, str):
        return None
    if finding.code == "graph.unreachable":
        return Mend(mark("Delete this node"), "delete", {"ids": [name], "join": True})
    meant = _MEANT.search(finding.mend)
    if finding.code == "node.unknown_type" and meant is not None:
        return Mend(mark("Use what was meant"), "replace", {"id": name, "type": meant[1]})
    if not path.startswith("config."):
        return None
    pointer = _pointer(path.removeprefix("config."))
    config = node.get("config") or {}
    if finding.code == "document.unknown_key":
        return _of_key(finding, name, config, pointer, None if meant is None else meant[1])
    if meant is not None and isinstance(at_pointer(config, pointer), str):
        return Mend(mark("Use what was meant"), "configure", {"id": name, "field": pointer, "value": meant[1]})
    return None


def _of_key(finding: Finding, name: str, config: Any, pointer: str, meant: str | None) -> Mend:
    """Give an unknown key the name that was meant, or take it away."""
    value = at_pointer(config, pointer)
    changed = put_pointer(config, pointer, None)
    if meant is None:
        return Mend(mark("Remove this setting"), "configure", {"id": name, "field": "", "value": changed})
    parent = pointer.rpartition("/")[0]
    changed = put_pointer(changed, f"{parent}/{meant}", value)
    return Mend(mark("Use what was meant"), "configure", {"id": name, "field": "", "value": changed})


def _pointer(path: str) -> str:
    """Write the path of a finding as a JSON pointer."""
    steps = [step.strip("[]") if step.startswith("[") else step for step in _STEP.findall(path)]
    return "".join("/" + step.replace("~", "~0").replace("/", "~1") for step in steps)
