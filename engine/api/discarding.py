"""Take away segments and message templates that nothing uses any more."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from engine.access.rights import Right
from engine.api.acting import needs, note
from engine.errors import FlowError, NotFound
from engine.graph.document import read_document
from engine.graph.uses import SEGMENT, TEMPLATE, Use, uses_of, uses_of_rule
from engine.rules.parse import parse_rule
from engine.run.cursors import CURSOR
from engine.run.review import MEMBERSHIP, RECHECK
from engine.run.subjects import segment_id
from engine.store.tables import Draft, Enrollment, Flow, FlowVersion, Segment, Template
from engine.terms import Text
from engine.wiring import Wiring

SEGMENTS: sa.Table = Segment.__table__  # type: ignore[attr-defined]
TEMPLATES: sa.Table = Template.__table__  # type: ignore[attr-defined]
FLOW: sa.Table = Flow.__table__  # type: ignore[attr-defined]
DRAFT: sa.Table = Draft.__table__  # type: ignore[attr-defined]
VERSION: sa.Table = FlowVersion.__table__  # type: ignore[attr-defined]
ENROLLMENT: sa.Table = Enrollment.__table__  # type: ignore[attr-defined]


@dataclass(frozen=True)
class User:
    """What uses something: a ``flow``, or a ``segment`` by its rule.

    Shape: ``is_past`` of a flow whose draft and live version do not use it any more, but an earlier one.
    """

    kind: str
    key: str
    name: Text
    is_past: bool = False


def users_of(wiring: Wiring, what: str, key: str) -> list[User]:
    """List what uses a ``segment`` or a ``template``; drafts of archived flows do not count.

    Shape: a version counts as long as its flow is not archived, for all of them are kept ready to run.
    Cost: reads every draft and every version.
    """
    with wiring.store.read() as connection:
        return _users(wiring, connection, (what, key))


@needs(Right.EDIT)
def delete_segment(wiring: Wiring, key: str) -> None:
    """Take a segment away, with what is known of who was in it.

    Errors: ``NotFound``; ``FlowError`` with the ``users`` when something uses it.
    """
    number, parts = segment_id(wiring.workspace_id, key), range(wiring.store.parts)
    with wiring.store.write() as connection:
        _refuse_used(wiring, connection, (SEGMENT, key))
        if not connection.execute(SEGMENTS.delete().where(SEGMENTS.c.id == number)).rowcount:
            raise NotFound(f"there is no segment {key!r}", segment=key)
        for table, subject in ((MEMBERSHIP, MEMBERSHIP.c.segment_id), (RECHECK, RECHECK.c.subject)):
            connection.execute(table.delete().where(table.c.part.in_(parts), subject == number))
        connection.execute(CURSOR.delete().where(CURSOR.c.name == f"segment/{number}"))
        note(wiring, connection, "segment.delete", key)


@needs(Right.EDIT)
def delete_template(wiring: Wiring, key: str) -> None:
    """Take a message template away; messages that were sent keep what they said.

    Errors: ``NotFound``; ``FlowError`` with the ``users`` when something uses it.
    """
    mine = (TEMPLATES.c.workspace_id == wiring.workspace_id, TEMPLATES.c.key == key)
    with wiring.store.write() as connection:
        _refuse_used(wiring, connection, (TEMPLATE, key))
        if not connection.execute(TEMPLATES.delete().where(*mine)).rowcount:
            raise NotFound(f"there is no template {key!r}", template=key)
        note(wiring, connection, "template.delete", key)


def missing(wiring: Wiring, connection: Connection, texts: Iterable[str]) -> list[Use]:
    """List what documents name that the workspace does not have any more."""
    used = {use for text in texts for use in _named(wiring, text)}
    keys = {
        SEGMENT: sa.select(SEGMENTS.c.key).where(SEGMENTS.c.workspace_id == wiring.workspace_id),
        TEMPLATE: sa.select(TEMPLATES.c.key).where(TEMPLATES.c.workspace_id == wiring.workspace_id),
    }
    known = {(kind, key) for kind, chosen in keys.items() for key in connection.scalars(chosen)}
    return sorted(used - known)


def _refuse_used(wiring: Wiring, connection: Connection, use: Use) -> None:
    users = _users(wiring, connection, use)
    if users:
        names = ", ".join(user.key for user in users)
        raise FlowError(f"{use[1]!r} is used in {names}; take it out there first", users=[user.key for user in users])


def _users(wiring: Wiring, connection: Connection, use: Use) -> list[User]:
    found: dict[str, User] = {}
    for row in _documents(wiring, connection):
        if use in row.uses and (row.key not in found or found[row.key].is_past):
            found[row.key] = User("flow", row.key, row.name, row.is_past)
    rules = sa.select(SEGMENTS.c.key, SEGMENTS.c.name, SEGMENTS.c.rule).order_by(SEGMENTS.c.key)
    rows = connection.execute(rules.where(SEGMENTS.c.workspace_id == wiring.workspace_id)).all()
    parts = [row for row in rows if not row.key.startswith("@") and use in uses_of_rule(parse_rule(row.rule))]
    return [*found.values(), *(User("segment", row.key, row.name) for row in parts)]


@dataclass(frozen=True)
class _Document:
    key: str
    name: Text
    is_past: bool
    uses: set[Use]


def _documents(wiring: Wiring, connection: Connection) -> Iterator[_Document]:
    """Read what counts: the draft and all versions of flows that are not archived, else those that contacts are in."""
    mine = FLOW.c.workspace_id == wiring.workspace_id
    is_here = FLOW.c.state != "archived"
    parts = ENROLLMENT.c.part.in_(range(wiring.store.parts))
    inside = sa.select(ENROLLMENT.c.version_id).where(parts, ENROLLMENT.c.state == "active")
    past = sa.func.coalesce(VERSION.c.id != FLOW.c.live_version_id, sa.true()).label("past")
    drafts = sa.select(FLOW.c.key, FLOW.c.name, DRAFT.c.document, sa.false().label("past"))
    versions = sa.select(FLOW.c.key, FLOW.c.name, VERSION.c.document, past)
    counted = sa.or_(is_here, VERSION.c.id.in_(inside))
    rows: list[Any] = [
        *connection.execute(drafts.join(DRAFT, DRAFT.c.flow_id == FLOW.c.id).where(mine, is_here)),
        *connection.execute(versions.join(VERSION, VERSION.c.flow_id == FLOW.c.id).where(mine, counted)),
    ]
    for row in sorted(rows, key=lambda row: row.key):
        yield _Document(row.key, row.name, bool(row.past), _named(wiring, row.document))


def _named(wiring: Wiring, text: str) -> set[Use]:
    document, _ = read_document(text, wiring.registry)
    return set() if document is None else uses_of(document)
