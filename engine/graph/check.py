"""Everything a checker finds in a document, in spite of whatever else is wrong with it."""

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from functools import partial

from engine.contract.findings import Finding
from engine.contract.node import CheckView
from engine.contract.registry import Registry
from engine.graph.document import read_document
from engine.graph.meaning import check_meaning
from engine.graph.model import Document, Edge, NodeDoc
from engine.graph.order import order_of
from engine.graph.places import places
from engine.graph.structure import check_structure
from engine.graph.surroundings import Surroundings
from engine.graph.text import warning
from engine.graph.timing import check_timing
from engine.graph.wording import check_wording

_NUMBER = re.compile(r"(\d+)")


def examine(
    raw: object, surroundings: Surroundings, now: datetime, registry: Registry | None = None
) -> tuple[Document | None, list[Finding]]:
    """Read and check a document in one go.

    Shape: all findings in the order of the document; the document as far as it could be read.
    """
    document, findings = read_document(raw, registry)
    if document is not None:
        findings = [*findings, *check(document, surroundings, now)]
    return document, in_order(findings)


def in_order(findings: Iterable[Finding]) -> list[Finding]:
    """Sort findings as they lie in the document."""
    return sorted(findings, key=_position)


def check(document: Document, surroundings: Surroundings, now: datetime) -> list[Finding]:
    """Check a document that has been read, whole or in part.

    Cost: grows with nodes and edges, and with messages times what can follow each within a week.
    """
    order, found = order_of(document), places(document)
    return [
        *_settings(document),
        *check_structure(document),
        *check_meaning(document, order, found, surroundings),
        *check_wording(document, found, surroundings),
        *check_timing(document, order, now, surroundings.most_messages),
        *_own_checks(document, now),
    ]


def _settings(document: Document) -> Iterator[Finding]:
    reentry, quiet = document.settings.reentry, document.settings.quiet_hours
    if reentry.cooldown and reentry.allow != "after_exit":
        words = f"means nothing with {reentry.allow!r}"
        yield warning("settings.cooldown", "settings.reentry.cooldown", words, 'use "after_exit", or leave it out')
    if quiet is not None and quiet.start == quiet.end:
        yield warning(
            "settings.quiet", "settings.quiet_hours", "begin when they end, so it is never quiet", "change one"
        )


def _own_checks(document: Document, now: datetime) -> Iterator[Finding]:
    """Ask every node type what it finds itself."""
    minute = now.replace(second=0, microsecond=0)
    for node in document.nodes:
        leaving = document.leaving[node.id]
        yield from node.remember("own", (leaving, minute), partial(_own_check, node, leaving, now))


def _own_check(node: NodeDoc, leaving: Sequence[Edge], now: datetime) -> tuple[Finding, ...]:
    if node.node_type is None or node.config is None:
        return ()
    view = CheckView(node.id, f"{node.path}.config", frozenset(edge.port for edge in leaving), now)
    return tuple(node.node_type.check(node.config, view))


def _position(finding: Finding) -> tuple[object, ...]:
    """Give a finding's place in the document: the frame and settings, then nodes, then edges."""
    steps = [int(step) if step.isdigit() else step for step in _NUMBER.split(finding.path) if step]
    rank = 2 if finding.path.startswith("edges[") else 1 if finding.path.startswith("nodes[") else 0
    return (rank, *((0, step, "") if isinstance(step, int) else (1, 0, step) for step in steps))
