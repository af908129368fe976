"""New flows: an empty one, one of the gallery, one from a text that was dropped or pasted."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import networkx as nx

from engine.access.rights import Right
from engine.api import documents, flows
from engine.api.acting import needs
from engine.api.documents import Shipped
from engine.contract.findings import Finding, Level
from engine.contract.node import Family
from engine.errors import FlowError, NotFound
from engine.graph.document import read_document
from engine.graph.model import Document
from engine.graph.order import acyclic, graph_of
from engine.terms import Text
from engine.wiring import Wiring

LONGEST_NAME: Final = 120
_NEVER = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True)
class Brought:
    """A text that may become a flow, as far as it can be read: what it is, what is wrong, whether its key is free."""

    document: Document | None
    findings: tuple[Finding, ...]
    key: str
    is_taken: bool
    template: str | None = None

    @property
    def errors(self) -> int:
        """Count what forbids publishing."""
        return sum(finding.level is Level.ERROR for finding in self.findings)


@dataclass(frozen=True)
class Pattern:
    """A flow of the gallery: what it is for, how big it is, and what it needs."""

    key: str
    name: Text
    description: Text | None
    document: Document
    nodes: int
    messages: int
    days: int
    channels: tuple[str, ...]
    events: tuple[str, ...]


def look_at(wiring: Wiring, text: str) -> Brought:
    """Read a text and find everything that is wrong with it; nothing is kept."""
    template = documents.template_in(text)
    if template is not None:
        return Brought(None, (), template.key, False, template.key)
    document = read_document(text, wiring.registry)[0]
    key = document.key if document is not None and document.key else ""
    return Brought(document, tuple(flows.check(wiring, text)), key, bool(key) and _is_taken(wiring, key))


@needs(Right.EDIT)
def keep(wiring: Wiring, text: str, key: str | None = None) -> str:
    """Keep a text as the draft of a flow, with another key if one is given; or as a template. Give the key.

    Errors: ``FlowError`` when it cannot be read at all.
    """
    template = documents.template_in(text)
    if template is not None:
        flows.keep_template(wiring, template)
        return template.key
    document, findings = read_document(text, wiring.registry)
    if document is None:
        raise FlowError("this cannot be read as a flow: " + "; ".join(map(str, findings[:3])), findings=findings)
    raw: Mapping[str, Any] = document.raw
    if key or not document.key:
        raw = {**raw, "key": key or free_key(wiring, _plain(document.name) or "flow")}
    return flows.import_flow(wiring, raw).key


@needs(Right.EDIT)
def begin(wiring: Wiring, name: str) -> str:
    """Make an empty flow; give its key.

    Errors: ``FlowError`` for one without a name.
    """
    name = name.strip()
    if not 0 < len(name) <= LONGEST_NAME:
        raise FlowError(f"a flow needs a name of at most {LONGEST_NAME} signs")
    key = free_key(wiring, _plain(name) or "flow")
    return flows.import_flow(wiring, {"dripline": 1, "key": key, "name": name, "nodes": [], "edges": []}).key


def gallery(wiring: Wiring, shipped: Shipped) -> list[Pattern]:
    """List the flows that come with the program, the smallest first."""
    read = ((key, read_document(raw, wiring.registry)[0]) for key, raw in shipped.flows.items())
    found = [_pattern(key, document) for key, document in read if document is not None]
    return sorted(found, key=lambda each: each.nodes)


@needs(Right.EDIT)
def use(wiring: Wiring, shipped: Shipped, key: str) -> str:
    """Make a flow from the gallery, with the message templates that the workspace does not have; give its key.

    Errors: ``NotFound``.
    """
    if key not in shipped.flows:
        raise NotFound(f"there is no flow {key!r} in the gallery", flow=key)
    raw = {**shipped.flows[key], "key": free_key(wiring, key)}
    return documents.keep_shipped(wiring, shipped, raw).key


def free_key(wiring: Wiring, wanted: str) -> str:
    """Give the key that is wanted, or the next one that is free: ``welcome-2``."""
    number, key = 1, wanted
    while _is_taken(wiring, key):
        number += 1
        key = f"{wanted}-{number}"
    return key


def _is_taken(wiring: Wiring, key: str) -> bool:
    with wiring.store.read() as connection:
        return bool(flows.rows(wiring, connection, flows.FLOW.c.key == key))


def _plain(name: Text) -> str:
    text = name if isinstance(name, str) else name.get("en", "")
    return _NEVER.sub("-", text.lower()).strip("-")[:48].strip("-")


def _pattern(key: str, document: Document) -> Pattern:
    channels = [
        each.node_type.channel for each in document.nodes if each.node_type is not None and each.node_type.channel
    ]
    return Pattern(
        key=key,
        name=document.name,
        description=document.description,
        document=document,
        nodes=len(document.nodes),
        messages=len(channels),
        days=round(_longest(document) / timedelta(days=1)),
        channels=tuple(dict.fromkeys(channels)),
        events=tuple(dict.fromkeys(_events(document))),
    )


def _events(document: Document) -> list[str]:
    """Name the events by which contacts come in."""
    configs = (each.config for each in document.nodes if each.node_type and each.node_type.family is Family.TRIGGER)
    return [event for event in (getattr(config, "event", None) for config in configs) if isinstance(event, str)]


def _longest(document: Document) -> timedelta:
    """Tell when the last node is reached at the latest, as far as its waits are of a known length."""
    graph = acyclic(graph_of(document))
    leaves: dict[str, timedelta] = {}
    for name in nx.topological_sort(graph):
        arrives = max((leaves[above] for above in graph.pred[name]), default=timedelta())
        leaves[name] = _departure(document.by_id[name].config, arrives)
    return max(leaves.values(), default=timedelta())


def _departure(config: object, arrives: timedelta) -> timedelta:
    day = getattr(config, "day", None)
    if isinstance(day, int):
        return max(arrives, timedelta(days=day - 1))
    lengths = (getattr(config, name, None) for name in ("duration", "timeout"))
    return arrives + next((each for each in lengths if isinstance(each, timedelta)), timedelta())
