"""One way of writing a document, so that equal flows have equal digests."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final

from engine.graph.model import Document

_ROOT: Final = ("dripline", "key", "name", "description", "settings", "nodes", "edges")
_SETTINGS: Final = ("timezone", "reentry", "goal", "exit_when", "quiet_hours")
_NODE: Final = ("id", "type", "version", "name", "note", "config", "at")
_EDGE: Final = ("from", "port", "to")


def canonical(document: Document | Mapping[str, Any]) -> str:
    """Write a document as compact JSON with its keys in the format's order.

    Shape: what is said by default is left out. Keys of settings are sorted, but what stands in free mappings, such as
    a split's weights, keeps its order, for it has a meaning.
    """
    raw = document.raw if isinstance(document, Document) else document
    return json.dumps(_root(raw), ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def digest(text: str) -> str:
    """Give the SHA-256 of a canonical text."""
    return hashlib.sha256(text.encode()).hexdigest()


def _root(raw: Mapping[str, Any]) -> dict[str, Any]:
    tidy = _ordered(raw, _ROOT)
    tidy["settings"] = _ordered(tidy.get("settings") or {}, _SETTINGS)
    tidy["nodes"] = [_node(node) for node in raw.get("nodes", [])]
    tidy["edges"] = [_edge(edge) for edge in raw.get("edges", [])]
    return {key: value for key, value in tidy.items() if key != "settings" or value}


def _node(raw: Mapping[str, Any]) -> dict[str, Any]:
    tidy = _ordered(raw, _NODE)
    if config := tidy.pop("config", None):
        tidy["config"] = {key: config[key] for key in sorted(config)}
    if tidy.get("version") == 1:
        del tidy["version"]
    return _ordered(tidy, _NODE)


def _edge(raw: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in _ordered(raw, _EDGE).items() if (key, value) != ("port", "out")}


def _ordered(raw: Mapping[str, Any], keys: tuple[str, ...]) -> dict[str, Any]:
    known = {key: raw[key] for key in keys if raw.get(key) is not None}
    return known | {key: value for key, value in raw.items() if key not in keys}
