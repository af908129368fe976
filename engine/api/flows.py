"""Flows: import, export, check, publish, and where their contacts are now."""

import json
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from engine.access.rights import Right
from engine.api.acting import needs, note
from engine.api.surroundings import surroundings_of
from engine.contract.findings import Finding
from engine.errors import FlowError, NotFound
from engine.graph.canonical import canonical, digest
from engine.graph.check import examine
from engine.graph.surroundings import Surroundings
from engine.library import drafts, templates
from engine.library import publish as publishing
from engine.library.drafts import SavedDraft
from engine.library.publish import Published
from engine.library.templates import TemplateDoc
from engine.store.tables import Approval, Draft, Flow, FlowVersion
from engine.terms import Text, from_micros
from engine.wiring import Wiring

FLOW: sa.Table = Flow.__table__  # type: ignore[attr-defined]
DRAFT: sa.Table = Draft.__table__  # type: ignore[attr-defined]
APPROVAL: sa.Table = Approval.__table__  # type: ignore[attr-defined]
VERSION: sa.Table = FlowVersion.__table__  # type: ignore[attr-defined]

__all__ = ["Published", "SavedDraft"]


@dataclass(frozen=True)
class Found:
    """A flow's identity. ``number`` is that of its live version."""

    id: int
    key: str
    name: Text
    state: str
    number: int | None
    published_at: datetime | None
    paused_at: datetime | None
    draft_differs: bool


@needs(Right.EDIT)
def import_flow(wiring: Wiring, raw: object, revision: int | None = None) -> SavedDraft:
    """Keep a document, JSON text or parsed, as the draft of its flow.

    Errors: ``FlowError`` when it cannot be told which flow it is; ``RevisionConflict``.
    """
    with wiring.store.write() as connection:
        saved = drafts.save(
            connection,
            wiring.workspace_id,
            raw,
            registry=wiring.registry,
            now=wiring.clock.micros(),
            revision=revision,
        )
        if saved.changed:
            note(wiring, connection, "flow.import", saved.key, revision=saved.revision)
        return saved


@needs(Right.EDIT)
def import_template(wiring: Wiring, raw: object) -> bool:
    """Keep a message template; give whether anything changed.

    Errors: ``FlowError``.
    """
    return keep_template(wiring, templates.read_template(raw))


@needs(Right.EDIT)
def keep_template(wiring: Wiring, template: TemplateDoc) -> bool:
    """Keep a message template that was read; give whether anything changed."""
    with wiring.store.write() as connection:
        return templates.put(connection, wiring.workspace_id, template, wiring.clock.micros())


def export_flow(wiring: Wiring, key: str, *, live: bool = False) -> dict[str, Any]:
    """Give a flow's document: its draft, or what is live.

    Errors: ``NotFound``.
    """
    with wiring.store.read() as connection:
        if not live:
            return deepcopy(drafts.load(connection, wiring.workspace_id, key)[2])
        text = connection.scalar(
            sa.select(VERSION.c.document)
            .join(FLOW, FLOW.c.live_version_id == VERSION.c.id)
            .where(FLOW.c.workspace_id == wiring.workspace_id, FLOW.c.key == key)
        )
    if text is None:
        raise NotFound(f"there is no live flow {key!r}", flow=key)
    document: dict[str, Any] = json.loads(text)
    return document


def check(wiring: Wiring, raw: object, surroundings: Surroundings | None = None) -> list[Finding]:
    """Find everything that is wrong with a document, in the order of the document."""
    if surroundings is None:
        with wiring.store.read() as connection:
            surroundings = surroundings_of(wiring, connection)
    return examine(raw, surroundings, wiring.clock.now(), wiring.registry)[1]


@needs(Right.RUN)
def publish(wiring: Wiring, key: str) -> Published:
    """Make a flow's draft live; contacts who are on their way keep their version.

    Errors: ``NotFound``; ``FlowError`` with all findings.
    """
    with wiring.store.write() as connection:
        return put_live(wiring, connection, key)


def put_live(wiring: Wiring, connection: Connection, key: str, given: object | None = None) -> Published:
    """Publish in a transaction that has begun: the draft, or what is ``given``; what was asked for is done with it.

    Errors: as above.
    """
    if find(wiring, connection, key).state == "archived":
        raise FlowError(f"flow {key!r} is archived; bring it back first")
    done = publishing.publish(
        connection,
        wiring.workspace_id,
        key,
        registry=wiring.registry,
        surroundings=surroundings_of(wiring, connection),
        now=wiring.clock.micros(),
        given=given,
    )
    connection.execute(APPROVAL.delete().where(APPROVAL.c.flow_id == done.flow_id))
    if done.is_new:
        note(wiring, connection, "flow.publish", key, version=done.number, sha256=done.digest)
    return done


def differs(connection: Connection, flow_id: int, sha256: str) -> bool:
    """Tell whether something else is live than what has this digest, or nothing."""
    live = sa.select(VERSION.c.digest).join(FLOW, FLOW.c.live_version_id == VERSION.c.id).where(FLOW.c.id == flow_id)
    return bool(connection.scalar(live) != sha256)


def find(wiring: Wiring, connection: Connection, key: str) -> Found:
    """Find a flow by its key.

    Errors: ``NotFound``.
    """
    found = rows(wiring, connection, FLOW.c.key == key)
    if not found:
        raise NotFound(f"there is no flow {key!r}; dripline flows lists them", flow=key)
    return found[0]


def rows(wiring: Wiring, connection: Connection, *wanted: sa.ColumnElement[bool]) -> Sequence[Found]:
    """List flows in the order in which they were made."""
    chosen = (
        sa.select(FLOW, VERSION.c.number, VERSION.c.published_at, VERSION.c.digest, DRAFT.c.document)
        .outerjoin(VERSION, VERSION.c.id == FLOW.c.live_version_id)
        .outerjoin(DRAFT, DRAFT.c.flow_id == FLOW.c.id)
        .where(FLOW.c.workspace_id == wiring.workspace_id, *wanted)
        .order_by(FLOW.c.id)
    )
    return [_found(row) for row in connection.execute(chosen)]


def _found(row: Any) -> Found:
    return Found(
        id=row.id,
        key=row.key,
        name=row.name,
        state=row.state,
        number=row.number,
        published_at=None if row.published_at is None else from_micros(row.published_at),
        paused_at=None if row.paused_at is None else from_micros(row.paused_at),
        draft_differs=row.digest is not None and row.document is not None and _digest(row.document) != row.digest,
    )


def _digest(text: str) -> str:
    raw: Mapping[str, Any] = json.loads(text)
    return digest(canonical(raw))
