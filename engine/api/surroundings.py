"""What a checker may know of a workspace: its attributes, events, segments, topics, templates and flows."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from engine.channels.content import wordings
from engine.contract.node import ByHand
from engine.contract.registry import Registry
from engine.graph.document import read_document
from engine.graph.model import Document
from engine.graph.surroundings import Surroundings, Template
from engine.store.tables import Account, Contact, Flow, FlowVersion, Segment, Topic, Workspace
from engine.wiring import Wiring

CONTACT: sa.Table = Contact.__table__  # type: ignore[attr-defined]
ACCOUNT: sa.Table = Account.__table__  # type: ignore[attr-defined]
FLOW: sa.Table = Flow.__table__  # type: ignore[attr-defined]
VERSION: sa.Table = FlowVersion.__table__  # type: ignore[attr-defined]
SEGMENT: sa.Table = Segment.__table__  # type: ignore[attr-defined]
TOPIC: sa.Table = Topic.__table__  # type: ignore[attr-defined]
WORKSPACE: sa.Table = Workspace.__table__  # type: ignore[attr-defined]

SAMPLE = 500
"""So many accounts are asked for the names of their attributes."""


def surroundings_of(wiring: Wiring, connection: Connection) -> Surroundings:
    """Read what there is beside a document.

    Shape: attributes and topics are unknown while no contact and no topic exists. Cost: six small statements.
    """
    mine = wiring.workspace_id
    settings = connection.scalar(sa.select(WORKSPACE.c.settings).where(WORKSPACE.c.id == mine)) or {}
    has_contacts = connection.scalar(sa.select(CONTACT.c.id).limit(1)) is not None
    topics = frozenset(connection.scalars(sa.select(TOPIC.c.key).where(TOPIC.c.workspace_id == mine)))
    segments = frozenset(connection.scalars(sa.select(SEGMENT.c.key).where(SEGMENT.c.workspace_id == mine)))
    wiring.shelf.refresh(connection)
    return Surroundings(
        attributes=frozenset((*settings.get("attributes", ()), *_of_accounts(connection))) if has_contacts else None,
        segments=segments,
        topics=topics or None,
        templates=templates_of(wiring, wiring.shelf.all()),
        flows=_flows(wiring, connection),
        texts=wiring.renderer,
    )


def templates_of(wiring: Wiring, contents: Mapping[str, Mapping[str, Any]]) -> dict[str, Template]:
    """Say of templates what a checker wants to know: their channel, and what they cannot do without."""
    found = {}
    for key, content in contents.items():
        texts = [content[name] for name in ("subject", "preheader", "html", "text") if content.get(name) is not None]
        sources = [source for text in texts for source in wordings(text)]
        variables = frozenset[str]().union(*(wiring.renderer.variables(source) for source in sources))
        found[key] = Template(content["channel"], variables)
    return found


def _of_accounts(connection: Connection) -> set[str]:
    found = connection.scalars(sa.select(ACCOUNT.c.attributes).limit(SAMPLE))
    return {f"account.{name}" for attributes in found for name in attributes}


def lets_in_by_hand(document: Document | None) -> bool:
    """Tell whether contacts can be let into a flow from another one."""
    nodes = () if document is None else document.nodes
    entries = (node.node_type.entry(node.config) for node in nodes if node.node_type and node.config)
    return any(isinstance(entry, ByHand) for entry in entries)


def _flows(wiring: Wiring, connection: Connection) -> dict[str, bool]:
    live = sa.select(FLOW.c.key, VERSION.c.document).outerjoin(VERSION, VERSION.c.id == FLOW.c.live_version_id)
    found = {}
    for key, text in connection.execute(live.where(FLOW.c.workspace_id == wiring.workspace_id)):
        found[key] = text is not None and _opens(text, wiring.registry)
    return found


# Asked with every gesture, of every live flow.
@lru_cache(maxsize=256)
def _opens(text: str, registry: Registry) -> bool:
    return lets_in_by_hand(read_document(text, registry)[0])
