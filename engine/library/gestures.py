"""Gestures on drafts: done, logged, undone and redone by whoever did them."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from engine.contract.registry import Registry
from engine.errors import RevisionConflict
from engine.graph.delta import Delta, Key, Overtaken, apply_delta, delta, overlap, read_delta, reverse, touched
from engine.graph.gesture import Done, Gesture, apply
from engine.graph.model import Document
from engine.graph.overtaking import clean_of, forced, overtaken, rest_of
from engine.library import drafts
from engine.store.tables import GestureDone
from engine.terms import Micros

GESTURE: sa.Table = GestureDone.__table__  # type: ignore[attr-defined]


@dataclass(frozen=True)
class Hand:
    """Whose hand it is, and in which tab; what it does in one ``burst`` is one thing to undo."""

    actor: str
    tab: str = ""
    burst: str | None = None


@dataclass(frozen=True)
class Changed:
    """A draft after a gesture.

    Shape: ``revision`` is the old one when nothing changed; ``before`` is the document as it was.
    """

    flow_id: int
    revision: int
    before: dict[str, Any]
    done: Done
    kind: str


class Way(StrEnum):
    """What becomes of a step back or forth where others have changed the same thing since.

    ``clean``: nothing; ``mine``: it is done all the same; ``rest``: only what nobody else touched; ``skip``: it is left
    as it is, and what was before it comes next.
    """

    CLEAN = "clean"
    MINE = "mine"
    REST = "rest"
    SKIP = "skip"


@dataclass(frozen=True)
class Choice:
    """A step back or forth that others have overtaken, and what may be done.

    Shape: ``now`` is the document at its ``revision``, ``mine`` and ``rest`` what it would be; ``actor`` changed it
    ``at`` last, if known.
    """

    kind: str
    revision: int
    now: dict[str, Any]
    mine: dict[str, Any]
    rest: dict[str, Any]
    actor: str | None
    at: Micros | None


@dataclass(frozen=True)
class Logged:
    """A gesture in the log of a draft."""

    revision: int
    actor: str
    kind: str
    keys: tuple[Key, ...]
    at: Micros
    state: str


def perform(
    connection: Connection,
    workspace_id: int,
    key: str,
    gesture: Gesture,
    hand: Hand,
    *,
    registry: Registry,
    now: Micros,
    base: int | None = None,
    read: Callable[[int], Document | None] = lambda _: None,
) -> Changed:
    """Do a gesture on a flow's draft, and remember how to undo it.

    ``base`` is the revision that the hand saw: whatever it touches must not have been changed by others since. ``read``
    gives what a revision was read to, if it was.
    Errors: ``NotFound``; ``FlowError`` when it cannot be done; ``RevisionConflict`` with ``keys`` and ``actor``.
    """
    flow_id, revision, document = drafts.load(connection, workspace_id, key, lock=True)
    done = apply(document, gesture, registry, read(revision))
    if not done.change:
        return Changed(flow_id, revision, document, done, gesture.kind)
    if base is not None and base < revision:
        _refuse_overtaken(connection, flow_id, base, hand, done.change)
    drafts.put(connection, workspace_id, flow_id, revision, done.document, now)
    mine = (GESTURE.c.flow_id == flow_id, GESTURE.c.actor == hand.actor)
    connection.execute(GESTURE.update().values(state="over").where(*mine, GESTURE.c.state == "undone"))
    if not _merge(connection, flow_id, revision, gesture, hand, document, done, now):
        _log(connection, flow_id, revision + 1, gesture.kind, hand, done.change, now, "done")
    return Changed(flow_id, revision + 1, document, done, gesture.kind)


def _take(
    state: str,
    connection: Connection,
    workspace_id: int,
    key: str,
    hand: Hand,
    now: Micros,
    way: Way = Way.CLEAN,
    seen: int | None = None,
) -> Changed | None:
    """Undo the actor's next gesture that is done, or do the next one again that is undone; None when there is none.

    Shape: ``seen`` is the revision at which the way was chosen.
    Errors: ``Overtaken`` when what it changed has been changed since, and no way was chosen, or at another revision.
    """
    flow_id, revision, document = drafts.load(connection, workspace_id, key, lock=True)
    row = _next(connection, flow_id, hand.actor, state)
    if row is None:
        return None
    change = _picked(document, _change(row), way, is_seen=seen in (None, revision))
    return _step(connection, workspace_id, flow_id, revision, document, row, change, hand, now, way)


undo = partial(_take, "done")
"""Take back the actor's last gesture."""

redo = partial(_take, "undone")
"""Do again what the actor undid last."""


def choice(connection: Connection, workspace_id: int, key: str, hand: Hand, kind: str) -> Choice | None:
    """Say what may be done about the actor's next undo or redo; None when it is not overtaken.

    Errors: ``NotFound``.
    """
    flow_id, revision, document = drafts.load(connection, workspace_id, key)
    row = _next(connection, flow_id, hand.actor, "done" if kind == "undo" else "undone")
    if row is None:
        return None
    change = _change(row)
    lost = overtaken(document, change)
    if not lost:
        return None
    since = sa.select(GESTURE.c.actor, GESTURE.c.at, GESTURE.c.touched).where(
        GESTURE.c.flow_id == flow_id, GESTURE.c.revision > row.revision, GESTURE.c.actor != hand.actor
    )
    rows = connection.execute(since.order_by(GESTURE.c.revision.desc()))
    last = next((each for each in rows if overlap(lost, (tuple(key) for key in each.touched))), None)
    mine, rest = (apply_delta(document, pick(document, change)) for pick in (forced, rest_of))
    whose, at = (None, None) if last is None else (last.actor, int(last.at))
    return Choice(str(row.kind), revision, document, mine, rest, whose, at)


def steps(connection: Connection, flow_id: int, actor: str) -> tuple[Logged | None, Logged | None]:
    """Give what the actor would undo and redo next."""
    found = (_next(connection, flow_id, actor, state) for state in ("done", "undone"))
    undone, redone = (None if row is None else _logged(row) for row in found)
    return undone, redone


def log(connection: Connection, flow_id: int, most: int = 50) -> Sequence[Logged]:
    """List what was done to a draft, the last first."""
    chosen = sa.select(GESTURE).where(GESTURE.c.flow_id == flow_id).order_by(GESTURE.c.revision.desc()).limit(most)
    return [_logged(row) for row in connection.execute(chosen)]


def _step(
    connection: Connection,
    workspace_id: int,
    flow_id: int,
    revision: int,
    document: dict[str, Any],
    row: Any,
    change: Delta,
    hand: Hand,
    now: Micros,
    way: Way,
) -> Changed:
    """Undo a row that is done, or do one again that is undone."""
    is_undo = row.state == "done"
    done = Done(apply_delta(document, change), change)
    state = "over" if way is Way.SKIP else "undone" if is_undo else "done"
    mine = (GESTURE.c.flow_id == flow_id, GESTURE.c.revision == row.revision)
    connection.execute(GESTURE.update().values(state=state, burst=None).where(*mine))
    if not change:
        return Changed(flow_id, revision, document, done, str(row.kind))
    drafts.put(connection, workspace_id, flow_id, revision, done.document, now)
    kind = "undo" if is_undo else "redo"
    _log(connection, flow_id, revision + 1, kind, hand, change, now, "over")
    return Changed(flow_id, revision + 1, document, done, str(row.kind))


def _change(row: Any) -> Delta:
    """Give what undoing a row that is done, or doing one again that is undone, would change."""
    change = read_delta(json.loads(row.change))
    return reverse(change) if row.state == "done" else change


def _picked(document: Mapping[str, Any], change: Delta, way: Way, *, is_seen: bool) -> Delta:
    """Choose what of a change is done now."""
    lost = overtaken(document, change)
    if lost and (way is Way.CLEAN or not is_seen):
        raise Overtaken(keys=lost)
    if way is Way.SKIP:
        return ()
    if not lost:
        return clean_of(document, change)
    return (forced if way is Way.MINE else rest_of)(document, change)


def _next(connection: Connection, flow_id: int, actor: str, state: str) -> Any:
    """Find what is undone next, the last that was done; or redone next, the first that is undone."""
    order = GESTURE.c.revision.desc() if state == "done" else GESTURE.c.revision
    mine = (GESTURE.c.flow_id == flow_id, GESTURE.c.actor == actor, GESTURE.c.state == state)
    return connection.execute(sa.select(GESTURE).where(*mine).order_by(order).limit(1)).first()


def _refuse_overtaken(connection: Connection, flow_id: int, base: int, hand: Hand, change: Delta) -> None:
    since = sa.select(GESTURE.c.actor, GESTURE.c.at, GESTURE.c.touched).where(
        GESTURE.c.flow_id == flow_id, GESTURE.c.revision > base, GESTURE.c.hand != hand.tab
    )
    for row in connection.execute(since.order_by(GESTURE.c.revision.desc())):
        both = overlap(touched(change), (tuple(key) for key in row.touched))
        if both:
            raise RevisionConflict(keys=sorted(both), actor=row.actor, at=row.at)


def _merge(
    connection: Connection,
    flow_id: int,
    revision: int,
    gesture: Gesture,
    hand: Hand,
    document: Mapping[str, Any],
    done: Done,
    now: Micros,
) -> bool:
    """Let a gesture of a burst be one with the one before it; give whether it is."""
    if hand.burst is None:
        return False
    last = (GESTURE.c.flow_id == flow_id, GESTURE.c.revision == revision, GESTURE.c.state == "done")
    same = (GESTURE.c.actor == hand.actor, GESTURE.c.hand == hand.tab, GESTURE.c.burst == hand.burst)
    row = connection.execute(sa.select(GESTURE).where(*last, *same, GESTURE.c.kind == gesture.kind)).first()
    if row is None:
        return False
    first = apply_delta(document, reverse(read_delta(json.loads(row.change))))
    whole = delta(first, done.document)
    values = {"revision": revision + 1, "change": _write(whole), "touched": _keys(whole), "at": now}
    connection.execute(GESTURE.update().values(values).where(*last))
    return True


def _log(
    connection: Connection, flow_id: int, revision: int, kind: str, hand: Hand, change: Delta, now: Micros, state: str
) -> None:
    row = {"flow_id": flow_id, "revision": revision, "kind": kind, "at": now, "state": state}
    whose = {"actor": hand.actor, "hand": hand.tab, "burst": hand.burst}
    connection.execute(GESTURE.insert().values(**row, **whose, touched=_keys(change), change=_write(change)))


def _keys(change: Delta) -> list[list[str]]:
    return sorted(list(key) for key in touched(change))


def _write(change: Delta) -> str:
    return json.dumps([each.as_json() for each in change], ensure_ascii=False, separators=(",", ":"))


def _logged(row: Any) -> Logged:
    keys = tuple(tuple(key) for key in row.touched)
    return Logged(int(row.revision), row.actor, row.kind, keys, int(row.at), row.state)
