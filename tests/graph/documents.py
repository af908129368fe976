"""Small documents for tests of the graph, and a template language of their own."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from engine.contract.findings import Finding
from engine.graph.check import examine
from engine.graph.document import read_document
from engine.graph.model import Document
from engine.graph.surroundings import Surroundings

NOW = datetime(2026, 3, 4, 9, 30, tzinfo=UTC)
TRIGGER = {"id": "start", "type": "trigger.event", "config": {"event": "signed_up"}}
MAIL = {"subject": "Hello", "text": "Hello"}


@dataclass(frozen=True)
class Fault:
    message: str
    line: int


class Braces:
    """A template language that knows ``{{ dotted.names }}`` only."""

    def check(self, source: str, *, html: bool) -> list[Fault]:
        return [Fault("a brace is not closed", 1)] if source.count("{{") != source.count("}}") else []

    def variables(self, source: str) -> frozenset[str]:
        return frozenset(re.findall(r"{{ ([a-zA-Z_.]+) }}", source))


def node(name: str, kind: str, /, **config: Any) -> dict[str, Any]:
    return {"id": name, "type": kind, "config": config}


def mail(name: str, /, **config: Any) -> dict[str, Any]:
    return node(name, "send.email", **{**MAIL, **config})


def delay(name: str, duration: str) -> dict[str, Any]:
    return node(name, "wait.delay", duration=duration)


def flow(*nodes: Mapping[str, Any], edges: str = "", settings: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Write a document after a trigger ``start``; ``edges`` are like ``start>a b:yes>c``, else a chain."""
    every = [TRIGGER, *nodes]
    if edges:
        drawn = [_edge(each) for each in edges.split()]
    else:
        drawn = [{"from": a["id"], "to": b["id"]} for a, b in pairwise(every)]
    return {"dripline": 1, "key": "test", "name": "Test", "settings": settings or {}, "nodes": every, "edges": drawn}


def _edge(text: str) -> dict[str, str]:
    source, target = text.split(">")
    source, _, port = source.partition(":")
    return {"from": source, "to": target} | ({"port": port} if port else {})


def sound(raw: object) -> Document:
    """Read a document that has no fault."""
    document, findings = read_document(raw)
    assert document is not None
    assert list(map(str, findings)) == []
    return document


def found(raw: object, now: datetime = NOW, **known: Any) -> list[Finding]:
    """List everything that is found in a document."""
    return examine(raw, Surroundings(**{"texts": Braces(), **known}), now)[1]


def codes(raw: object, **known: Any) -> list[tuple[str, str]]:
    """List what is found as code and path."""
    return [(finding.code, finding.path) for finding in found(raw, **known)]


def told(raw: object, **known: Any) -> list[str]:
    """List what is found in words."""
    return [str(finding) for finding in found(raw, **known)]
