"""Publish a draft: an immutable version that lets contacts in from now on. It moves nobody who is on the way."""

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from engine.contract.findings import Finding
from engine.contract.registry import Registry
from engine.errors import FlowError
from engine.graph.canonical import canonical, digest
from engine.graph.check import examine
from engine.graph.document import is_sound
from engine.graph.model import Document
from engine.graph.surroundings import Surroundings
from engine.library import drafts
from engine.library.drafts import FLOW, GLOBAL
from engine.store import sequences
from engine.store.tables import FlowVersion
from engine.terms import Micros, from_micros

VERSION: sa.Table = FlowVersion.__table__  # type: ignore[attr-defined]


@dataclass(frozen=True)
class Published:
    """The version that is live now. ``is_new`` is False when the very same document was live already."""

    flow_id: int
    key: str
    version_id: int
    number: int
    digest: str
    is_new: bool
    findings: tuple[Finding, ...]


def publish(
    connection: Connection,
    workspace_id: int,
    key: str,
    *,
    registry: Registry,
    surroundings: Surroundings,
    now: Micros,
    given: object | None = None,
) -> Published:
    """Make a flow's draft its live version, or what is ``given``; enrollments keep the version they began with.

    Who matches already is looked at in the next tick, not here. A paused flow stays paused.
    Errors: ``NotFound``; ``FlowError`` with all findings when one of them is an error.
    Cost: six small statements.
    """
    flow_id, _, raw = drafts.load(connection, workspace_id, key, lock=True)
    document, findings = sound(key, raw if given is None else given, registry, surroundings, now)
    text = canonical(document)
    found = _live(connection, flow_id)
    if found is not None and found.digest == digest(text):
        _set_live(connection, document, flow_id, int(found.id))
        return Published(flow_id, key, int(found.id), int(found.number), str(found.digest), False, tuple(findings))
    version_id, number = _insert(connection, flow_id, text, now)
    _set_live(connection, document, flow_id, version_id)
    return Published(flow_id, key, version_id, number, digest(text), True, tuple(findings))


def sound(
    key: str, raw: object, registry: Registry, surroundings: Surroundings, now: Micros
) -> tuple[Document, list[Finding]]:
    """Read a document that could be published, with what is to be said of it all the same.

    Errors: ``FlowError`` with all findings when one of them is an error.
    """
    document, findings = examine(raw, surroundings, from_micros(now), registry)
    if document is None or not is_sound(findings):
        count = sum(finding.level == "error" for finding in findings)
        raise FlowError(
            f"flow {key!r} cannot be published: {count} {'error' if count == 1 else 'errors'}", findings=findings
        )
    return document, findings


def _live(connection: Connection, flow_id: int) -> Any:
    return connection.execute(
        sa.select(VERSION.c.id, VERSION.c.number, VERSION.c.digest)
        .join(FLOW, FLOW.c.live_version_id == VERSION.c.id)
        .where(FLOW.c.id == flow_id)
    ).first()


def _insert(connection: Connection, flow_id: int, text: str, now: Micros) -> tuple[int, int]:
    last = connection.scalar(sa.select(sa.func.max(VERSION.c.number)).where(VERSION.c.flow_id == flow_id)) or 0
    version_id = sequences.take(connection, GLOBAL, "flow_version", 1)
    row = {"id": version_id, "flow_id": flow_id, "number": last + 1, "document": text, "digest": digest(text)}
    connection.execute(VERSION.insert().values(**row, published_at=now))
    return version_id, last + 1


def _set_live(connection: Connection, document: Document, flow_id: int, version_id: int) -> None:
    paused = FLOW.c.state == "paused"
    connection.execute(
        FLOW.update()
        .values(name=document.name, live_version_id=version_id, state=sa.case((paused, FLOW.c.state), else_="live"))
        .where(FLOW.c.id == flow_id)
    )
