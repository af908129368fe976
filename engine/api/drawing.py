"""The counter of the canvas: a flow's draft, and the gestures that change it."""

from collections import OrderedDict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from weakref import WeakKeyDictionary

from sqlalchemy.engine import Engine

from engine.access import users
from engine.access.rights import Right
from engine.api import flows
from engine.api.acting import needs
from engine.api.flows import Found
from engine.api.surroundings import surroundings_of
from engine.contract.findings import Finding
from engine.contract.node import NodeType
from engine.errors import NotFound
from engine.graph.check import check, in_order
from engine.graph.diff import Difference, differences
from engine.graph.document import read_document
from engine.graph.gesture import Gesture
from engine.graph.layout import place_all
from engine.graph.model import Document
from engine.graph.surroundings import Surroundings
from engine.graph.text import is_same
from engine.library import drafts, gestures
from engine.library.gestures import Changed, Choice, Hand, Logged, Way
from engine.wiring import Wiring

__all__ = ["Changed", "Choice", "Hand", "Logged", "Way"]


KEPT: Final = 16

FRESH: Final = timedelta(minutes=1)
"""So long findings hold that look at the time."""


@dataclass(frozen=True)
class Sheet:
    """A draft as it lies on the table: what it says, and what is to be said about it.

    Shape: ``document`` is as much of ``raw`` as could be read.
    """

    flow: Found
    revision: int
    raw: Mapping[str, Any]
    document: Document | None
    findings: tuple[Finding, ...]


def open_sheet(wiring: Wiring, key: str, changed: Changed | None = None) -> Sheet:
    """Give a flow's draft with everything that is found in it; ``changed`` is what was done to it right before.

    Errors: ``NotFound``.
    """
    with wiring.store.read() as connection:
        flow = flows.find(wiring, connection, key)
        revision = drafts.revision_of(connection, wiring.workspace_id, key)
        if changed is not None and (changed.flow_id, changed.revision) == (flow.id, revision):
            raw = changed.done.document
        else:
            _, revision, raw = drafts.load(connection, wiring.workspace_id, key)
        surroundings = surroundings_of(wiring, connection)
    document, faults = _read(wiring, key, revision, raw)
    findings = in_order([*faults, *_checked(wiring, key, raw, document, surroundings)])
    return Sheet(flow, revision, raw, document, tuple(findings))


@dataclass(frozen=True)
class _Checked:
    """What was found in a draft when it was checked last."""

    raw: Mapping[str, Any]
    surroundings: Surroundings
    at: datetime
    findings: tuple[Finding, ...]


_CHECKED: WeakKeyDictionary[Engine, OrderedDict[str, _Checked]] = WeakKeyDictionary()


def _checked(
    wiring: Wiring, key: str, raw: Mapping[str, Any], document: Document | None, surroundings: Surroundings
) -> tuple[Finding, ...]:
    """Check a draft, unless it was checked a moment ago and nodes were only moved since."""
    now, kept = wiring.clock.now(), _CHECKED.setdefault(wiring.store.engine, OrderedDict())
    found = kept.get(key)
    is_fresh = found is not None and found.at <= now < found.at + FRESH and found.surroundings == surroundings
    if found is None or not is_fresh or not _only_moved(found.raw, raw):
        findings = () if document is None else tuple(check(document, surroundings, now))
        found = kept[key] = _Checked(raw, surroundings, now, findings)
        while len(kept) > KEPT:
            kept.popitem(last=False)
    return found.findings


def _only_moved(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return one.keys() == other.keys() and all(
        _same_nodes(said, other[name]) if name == "nodes" else is_same(said, other[name]) for name, said in one.items()
    )


def _same_nodes(one: Any, other: Any) -> bool:
    if not isinstance(one, list) or not isinstance(other, list):
        return is_same(one, other)
    return len(one) == len(other) and all(
        is_same(mine, theirs) or is_same(_without_place(mine), _without_place(theirs))
        for mine, theirs in zip(one, other, strict=True)
    )


def _without_place(node: Any) -> Any:
    return {**node, "at": None} if isinstance(node, dict) else node


_READ: WeakKeyDictionary[Engine, OrderedDict[tuple[str, int], tuple[Document, list[Finding]]]] = WeakKeyDictionary()
"""The drafts that were read last, and what was found in reading: who draws goes on from there."""


def _kept(wiring: Wiring, key: str, revision: int) -> Document | None:
    return _READ.setdefault(wiring.store.engine, OrderedDict()).get((key, revision), (None, []))[0]


def _read(wiring: Wiring, key: str, revision: int, raw: Mapping[str, Any]) -> tuple[Document | None, list[Finding]]:
    """Read a draft, and only what of it is not as it was read before."""
    kept = _READ.setdefault(wiring.store.engine, OrderedDict())
    found = kept.get((key, revision))
    if found is not None and is_same(found[0].raw, raw):  # a flow that was deleted may have had this revision too
        return found
    last = next((document for (name, _), (document, _) in reversed(list(kept.items())) if name == key), None)
    document, faults = read_document(raw, wiring.registry, last)
    if document is not None:
        kept[key, revision] = document, faults
    while len(kept) > KEPT:
        kept.popitem(last=False)
    return document, faults


def revision_of(wiring: Wiring, key: str) -> int:
    """Tell at which revision a flow's draft is.

    Errors: ``NotFound``.
    """
    with wiring.store.read() as connection:
        return drafts.revision_of(connection, wiring.workspace_id, key)


@needs(Right.EDIT)
def act(
    wiring: Wiring, key: str, kind: str, args: Mapping[str, Any], hand: Hand, base: int | None = None
) -> Changed | None:
    """Do a gesture on a flow's draft; ``undo`` and ``redo`` are gestures too, and None when there is nothing to do.

    Shape: those take a ``way`` (`Way`) for the case that another hand has changed the same thing since, and the
    revision that was ``seen`` when it was chosen.

    Errors: ``NotFound``; ``FlowError`` when it cannot be done; ``RevisionConflict`` or ``Overtaken`` when another
    hand has changed the same thing.
    """
    now = wiring.clock.micros()
    with wiring.store.write() as connection:
        if kind in ("undo", "redo"):
            step = gestures.undo if kind == "undo" else gestures.redo
            return step(connection, wiring.workspace_id, key, hand, now, _way(args.get("way")), _seen(args))
        return gestures.perform(
            connection,
            wiring.workspace_id,
            key,
            Gesture(kind, args),
            hand,
            registry=wiring.registry,
            now=now,
            base=base,
            read=lambda revision: _kept(wiring, key, revision),
        )


def _way(said: Any) -> Way:
    return Way(said) if said in list(Way) else Way.CLEAN


def _seen(args: Mapping[str, Any]) -> int | None:
    seen = args.get("seen")
    return seen if isinstance(seen, int) else None


def choice_of(wiring: Wiring, key: str, kind: str, hand: Hand) -> tuple[Choice, str | None] | None:
    """Say what may be done about somebody's next ``undo`` or ``redo`` that others have overtaken, and who they are.

    Errors: ``NotFound``.
    """
    with wiring.store.read() as connection:
        found = gestures.choice(connection, wiring.workspace_id, key, hand, kind)
        if found is None:
            return None
        known = {str(each.id): each.name for each in users.listed(connection, wiring.workspace_id)}
        return found, known.get(found.actor or "")


def piece(wiring: Wiring, key: str, names: Collection[str]) -> dict[str, Any]:
    """Give nodes of a flow's draft with the edges between them, as text for a clipboard holds them.

    Errors: ``NotFound`` for a flow that is not there, or when none of the nodes is.
    """
    sheet = open_sheet(wiring, key)
    places = {} if sheet.document is None else place_all(sheet.document)
    nodes = [each for each in sheet.raw.get("nodes", []) if isinstance(each, dict) and each.get("id") in names]
    if not nodes:
        raise NotFound(f"flow {key!r} has none of these nodes", flow=key)
    ends = {each["id"] for each in nodes}
    edges = [each for each in sheet.raw.get("edges", []) if isinstance(each, dict)]
    return {
        "nodes": [{**each, "at": list(places[each["id"]])} for each in nodes],
        "edges": [each for each in edges if each.get("from") in ends and each.get("to") in ends],
    }


def type_of(wiring: Wiring, key: str, name: str) -> NodeType[Any] | None:
    """Find the type of a node of a flow's draft; None when there is no such node, or no such type.

    Errors: ``NotFound``.
    """
    with wiring.store.read() as connection:
        _, _, raw = drafts.load(connection, wiring.workspace_id, key)
    nodes = raw.get("nodes")
    mine = (node for node in nodes if isinstance(node, dict) and node.get("id") == name) if nodes else iter(())
    return wiring.registry.find(str(next(mine, {}).get("type")))


def next_steps(wiring: Wiring, flow: Found, actor: str) -> tuple[Logged | None, Logged | None]:
    """Give what somebody would undo and redo next."""
    with wiring.store.read() as connection:
        return gestures.steps(connection, flow.id, actor)


def log_of(wiring: Wiring, flow: Found, most: int = 50) -> list[Logged]:
    """List what was done to a draft, the last first."""
    with wiring.store.read() as connection:
        return list(gestures.log(connection, flow.id, most))


def unpublished(wiring: Wiring, sheet: Sheet) -> tuple[Difference, ...]:
    """List how a draft differs from what is live; everything is new in a flow that never was."""
    live: Mapping[str, Any]
    if sheet.flow.number is not None:
        live = flows.export_flow(wiring, sheet.flow.key, live=True)
    else:
        live = {**sheet.raw, "nodes": [], "edges": []}
    return differences(live, sheet.raw)
