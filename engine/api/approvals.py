"""Ask for a flow to be published, and answer: who may not publish asks, who may looks at it and decides."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from engine.access.rights import Right
from engine.api import flows
from engine.api.acting import needs, note
from engine.api.surroundings import surroundings_of
from engine.errors import FlowError
from engine.graph.canonical import canonical, digest
from engine.library import drafts
from engine.library.publish import Published, sound
from engine.store.dialect import upsert
from engine.store.tables import Approval, Flow
from engine.terms import from_micros
from engine.wiring import Wiring

APPROVAL: sa.Table = Approval.__table__  # type: ignore[attr-defined]
FLOW: sa.Table = Flow.__table__  # type: ignore[attr-defined]

LONGEST: Final = 2_000


@dataclass(frozen=True)
class Asked:
    """What was asked to be published, by whom and with which words; ``answer`` says why it was sent back."""

    flow: str
    revision: int
    state: str
    note: str
    by: str
    at: datetime
    answer: str | None
    answered_by: str | None
    answered_at: datetime | None


@needs(Right.EDIT)
def ask(wiring: Wiring, key: str, words: str = "") -> Asked:
    """Ask for a flow's draft to be published as it is now; what was asked before is asked no more.

    Errors: ``NotFound``; ``FlowError`` with the findings when it could not be published, or nothing has changed.
    """
    now = wiring.clock.micros()
    with wiring.store.write() as connection:
        _refuse_archived(wiring, connection, key)
        flow_id, revision, raw = drafts.load(connection, wiring.workspace_id, key, lock=True)
        document, _ = sound(key, raw, wiring.registry, surroundings_of(wiring, connection), now)
        if not flows.differs(connection, flow_id, digest(canonical(document))):
            raise FlowError(f"flow {key!r} is live as it is; there is nothing to publish")
        asked: dict[str, Any] = {
            "revision": revision,
            "document": json.dumps(raw, ensure_ascii=False),
            "state": "asked",
            "note": _short(words),
            "asked_by": wiring.actor.name,
            "asked_at": now,
            "answer": None,
            "answered_by": None,
            "answered_at": None,
        }
        insert = upsert(APPROVAL, connection.dialect.name).values(flow_id=flow_id, **asked)
        connection.execute(insert.on_conflict_do_update(index_elements=["flow_id"], set_=asked))
        note(wiring, connection, "flow.ask", key, revision=revision, words=_short(words))
        return _asked(_row(wiring, connection, key))


@needs(Right.RUN)
def approve(wiring: Wiring, key: str, revision: int) -> Published:
    """Publish exactly what was asked for; the draft may have gone on since, and stays.

    Errors: ``FlowError`` when another revision is asked for by now, or none, or what it needs is gone.
    """
    with wiring.store.write() as connection:
        row = _pending(wiring, connection, key, revision)
        note(wiring, connection, "flow.approve", key, revision=revision, asked_by=row.asked_by)
        return flows.put_live(wiring, connection, key, json.loads(row.document))


@needs(Right.RUN)
def send_back(wiring: Wiring, key: str, revision: int, words: str) -> Asked:
    """Decline what was asked for, and say why.

    Errors: ``FlowError`` without words, or when another revision is asked for by now, or none.
    """
    if not words.strip():
        raise FlowError("say what is to be changed; then it can be sent back")
    with wiring.store.write() as connection:
        row = _pending(wiring, connection, key, revision)
        answer = {"answer": _short(words), "answered_by": wiring.actor.name, "answered_at": wiring.clock.micros()}
        connection.execute(
            APPROVAL.update().values(state="sent_back", **answer).where(APPROVAL.c.flow_id == row.flow_id)
        )
        note(wiring, connection, "flow.send_back", key, revision=revision, words=_short(words))
        return _asked(_row(wiring, connection, key))


@needs(Right.EDIT)
def withdraw(wiring: Wiring, key: str) -> bool:
    """Ask no more; give whether something was asked."""
    with wiring.store.write() as connection:
        row = _row(wiring, connection, key)
        if row is None:
            return False
        connection.execute(APPROVAL.delete().where(APPROVAL.c.flow_id == row.flow_id))
        note(wiring, connection, "flow.withdraw", key, revision=row.revision)
        return True


def find(wiring: Wiring, key: str) -> Asked | None:
    """Give what is asked of a flow, or was sent back; None when nothing is."""
    with wiring.store.read() as connection:
        row = _row(wiring, connection, key)
    return None if row is None else _asked(row)


def document_of(wiring: Wiring, key: str) -> Mapping[str, Any] | None:
    """Give the document that is asked to be published; None when none is."""
    with wiring.store.read() as connection:
        row = _row(wiring, connection, key)
    asked: Mapping[str, Any] | None = None if row is None or row.state != "asked" else json.loads(row.document)
    return asked


def list_asked(wiring: Wiring) -> dict[str, Asked]:
    """List what waits for an answer, or got one, by the keys of the flows."""
    with wiring.store.read() as connection:
        return {row.key: _asked(row) for row in connection.execute(_chosen(wiring))}


def _refuse_archived(wiring: Wiring, connection: Connection, key: str) -> None:
    if flows.find(wiring, connection, key).state == "archived":
        raise FlowError(f"flow {key!r} is archived; bring it back first")


def _pending(wiring: Wiring, connection: Connection, key: str, revision: int) -> Any:
    row = _row(wiring, connection, key)
    if row is None or row.state != "asked" or row.revision != revision:
        raise FlowError("this is not asked for any more; look at the flow again")
    return row


def _row(wiring: Wiring, connection: Connection, key: str) -> Any:
    return connection.execute(_chosen(wiring).where(FLOW.c.key == key)).first()


def _chosen(wiring: Wiring) -> sa.Select[Any]:
    mine = (FLOW.c.workspace_id == wiring.workspace_id, FLOW.c.state != "archived")
    return sa.select(APPROVAL, FLOW.c.key).join(FLOW, FLOW.c.id == APPROVAL.c.flow_id).where(*mine)


def _asked(row: Any) -> Asked:
    answered = None if row.answered_at is None else from_micros(row.answered_at)
    at = from_micros(row.asked_at)
    return Asked(row.key, row.revision, row.state, row.note, row.asked_by, at, row.answer, row.answered_by, answered)


def _short(words: str) -> str:
    return words.strip()[:LONGEST]
