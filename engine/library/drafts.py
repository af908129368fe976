"""Drafts: what a flow is being drawn as. A draft may be wrong; only publishing asks for more."""

import json
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from engine.contract.findings import Finding
from engine.contract.registry import Registry
from engine.errors import FlowError, NotFound, RevisionConflict
from engine.graph.document import read_document
from engine.graph.model import Document
from engine.store import sequences
from engine.store.tables import Draft, Flow
from engine.terms import Micros

FLOW: sa.Table = Flow.__table__  # type: ignore[attr-defined]
DRAFT: sa.Table = Draft.__table__  # type: ignore[attr-defined]

GLOBAL = 0
KEPT: Final = 16
"""The part under which rows are numbered that belong to no contact."""


@dataclass(frozen=True)
class SavedDraft:
    """A draft as it is kept now. ``changed`` is False when the same document was there already."""

    flow_id: int
    key: str
    revision: int
    created: bool
    changed: bool
    findings: tuple[Finding, ...] = ()


def save(
    connection: Connection,
    workspace_id: int,
    raw: object,
    *,
    registry: Registry,
    now: Micros,
    revision: int | None = None,
) -> SavedDraft:
    """Keep a document as the draft of its flow, which is made if there is none of its key.

    ``raw`` is JSON text or what it was parsed to; with ``revision`` the draft must be at it.
    Errors: ``FlowError`` when there is no telling which flow it is of; ``RevisionConflict``.
    """
    document, findings = read_document(raw, registry)
    if document is None or not document.key:
        raise FlowError("this cannot be kept as a flow: " + "; ".join(map(str, findings[:3])), findings=findings)
    text = write(document.raw)
    flow_id = find_id(connection, workspace_id, document.key, lock=True)
    created = flow_id is None
    if flow_id is None:
        flow_id = _make(connection, workspace_id, document, now)
    kept = connection.execute(sa.select(DRAFT).where(DRAFT.c.flow_id == flow_id)).first()
    before = 0 if kept is None else int(kept.revision)
    if revision is not None and revision != before:
        raise RevisionConflict(key=document.key, revision=before)
    if kept is not None and kept.document == text:
        return SavedDraft(flow_id, document.key, before, created, False, tuple(findings))
    _put(connection, flow_id, before + 1, text, now)
    connection.execute(FLOW.update().values(name=document.name).where(FLOW.c.id == flow_id, FLOW.c.state == "draft"))
    return SavedDraft(flow_id, document.key, before + 1, created, True, tuple(findings))


def load(connection: Connection, workspace_id: int, key: str, *, lock: bool = False) -> tuple[int, int, dict[str, Any]]:
    """Give a flow's number, its draft's revision and document, which is not to be changed.

    Errors: ``NotFound``.
    """
    flow_id = find_id(connection, workspace_id, key, lock=lock)
    kept = None
    if flow_id is not None:
        kept = connection.execute(sa.select(DRAFT).where(DRAFT.c.flow_id == flow_id)).first()
    if flow_id is None or kept is None:
        raise NotFound(f"there is no flow {key!r} with a draft; import it first", flow=key)
    return flow_id, int(kept.revision), _parsed(kept.document)


_PARSED: Final[OrderedDict[str, dict[str, Any]]] = OrderedDict()
"""The drafts that were written or parsed last: a gesture asks for the same one several times."""


def _parsed(text: str) -> dict[str, Any]:
    return _PARSED.get(text) or _remember(text, json.loads(text))


def _remember(text: str, document: dict[str, Any]) -> dict[str, Any]:
    _PARSED[text] = document
    while len(_PARSED) > KEPT:
        _PARSED.popitem(last=False)
    return document


def revision_of(connection: Connection, workspace_id: int, key: str) -> int:
    """Give the revision of a flow's draft.

    Errors: ``NotFound``.
    """
    mine = (FLOW.c.workspace_id == workspace_id, FLOW.c.key == key)
    found = connection.scalar(sa.select(DRAFT.c.revision).join(FLOW, FLOW.c.id == DRAFT.c.flow_id).where(*mine))
    if found is None:
        raise NotFound(f"there is no flow {key!r} with a draft; import it first", flow=key)
    return int(found)


def find_id(connection: Connection, workspace_id: int, key: str, *, lock: bool = False) -> int | None:
    """Find a flow's number by its key; with ``lock`` nobody else changes the flow until the transaction ends."""
    chosen = sa.select(FLOW.c.id).where(FLOW.c.workspace_id == workspace_id, FLOW.c.key == key)
    found = connection.scalar(chosen.with_for_update() if lock else chosen)
    return None if found is None else int(found)


def write(raw: Mapping[str, Any]) -> str:
    """Write a document as it was given, on one line."""
    return json.dumps(raw, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def put(
    connection: Connection, workspace_id: int, flow_id: int, revision: int, raw: dict[str, Any], now: Micros
) -> None:
    """Keep a document, not to be changed any more, as the next revision of a locked draft at ``revision``."""
    text = write(raw)
    _remember(text, raw)
    _put(connection, flow_id, revision + 1, text, now)
    mine = (FLOW.c.workspace_id == workspace_id, FLOW.c.id == flow_id, FLOW.c.state == "draft")
    connection.execute(FLOW.update().values(name=raw.get("name") or raw["key"]).where(*mine))


def _make(connection: Connection, workspace_id: int, document: Document, now: Micros) -> int:
    flow_id = sequences.take(connection, GLOBAL, "flow", 1)
    row = {"id": flow_id, "workspace_id": workspace_id, "key": document.key, "name": document.name}
    connection.execute(FLOW.insert().values(**row, state="draft", live_version_id=None, created_at=now))
    return flow_id


def _put(connection: Connection, flow_id: int, revision: int, text: str, now: Micros) -> None:
    values = {"revision": revision, "document": text, "changed_at": now}
    if connection.execute(DRAFT.update().values(values).where(DRAFT.c.flow_id == flow_id)).rowcount == 0:
        connection.execute(DRAFT.insert().values(flow_id=flow_id, **values))
