"""Read a flow document in one go, with every problem told and its path."""

import re
from collections.abc import Sequence

from engine.contract.findings import Finding, Level
from engine.contract.registry import Registry, installed
from engine.graph.edges import read_edges
from engine.graph.faults import missing_keys, salvage
from engine.graph.model import Document, Edge, NodeDoc
from engine.graph.nodes import read_nodes
from engine.graph.shape import Frame, Settings
from engine.graph.text import check_values, error, is_too_deep, read_text
from engine.graph.unchanged import Unchanged
from engine.graph.upgrade import lift

__all__ = ["Document", "Edge", "NodeDoc", "is_sound", "read_document"]

_PLACE = re.compile(r"(?:nodes|edges)\[\d+\]")

MOST_NODES = 2_000
MOST_EDGES = 60_000


def read_document(
    raw: object, registry: Registry | None = None, before: Document | None = None
) -> tuple[Document | None, list[Finding]]:
    """Read a document from JSON text or from what JSON was parsed to.

    ``before`` is a document that was read with this registry: nodes and edges that are the same are taken from it.

    Shape: with an error among the findings the document is only as much as could be understood, for further checks:
    it must not be published or run. ``None`` when there is nothing to go on.
    """
    value, findings = read_text(raw) if isinstance(raw, bytes | str) else (raw, [])
    if value is None and findings:
        return None, findings
    if not isinstance(value, dict):
        return None, [*findings, error("document.object", "", "is no object", "a flow is a JSON object")]
    unchanged = Unchanged.of(value, before)
    rest = unchanged.rest(value)
    deep = is_too_deep(value, rest)
    if deep:
        return None, findings + deep
    findings += check_values(value, rest)
    value, more = lift(value)
    frame, faults = salvage(Frame, value, "")
    findings += more + faults + missing_keys(Frame, value, ("key", "nodes"), "")
    many = list(_too_many(frame))
    if many:
        return None, findings + many
    settings, faults = (Settings(), []) if frame.settings is None else salvage(Settings, frame.settings, "settings")
    nodes, more = read_nodes(frame.nodes, registry or installed(), unchanged.nodes)
    edges, others = read_edges(frame.edges, nodes, unchanged)
    key = frame.key or ""
    findings = findings + faults + more + others
    faulty = frozenset(found[0] for each in findings if (found := _PLACE.match(each.path)))
    document = Document(key, frame.name or key, frame.description, settings, nodes, edges, raw=value, faulty=faulty)
    return document, findings


def is_sound(findings: Sequence[Finding]) -> bool:
    """Tell whether there is no error among findings."""
    return all(finding.level is not Level.ERROR for finding in findings)


def _too_many(frame: Frame) -> Sequence[Finding]:
    counts = (("nodes", len(frame.nodes), MOST_NODES), ("edges", len(frame.edges), MOST_EDGES))
    return [
        error("document.large", key, f"has {count} entries, and {most} are the most", "split the flow")
        for key, count, most in counts
        if count > most
    ]
