"""The counter of the canvas: a flow's draft, and the gestures that change it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.api import flows
from engine.api.flows import Found
from engine.api.surroundings import surroundings_of
from engine.contract.findings import Finding
from engine.graph.check import examine
from engine.graph.diff import Difference, differences
from engine.graph.gesture import Gesture
from engine.graph.model import Document
from engine.library import drafts, gestures
from engine.library.gestures import Changed, Hand, Logged
from engine.wiring import Wiring

__all__ = ["Changed", "Hand", "Logged"]


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


def open_sheet(wiring: Wiring, key: str) -> Sheet:
    """Give a flow's draft with everything that is found in it.

    Errors: ``NotFound``.
    """
    with wiring.store.read() as connection:
        flow = flows.find(wiring, connection, key)
        _, revision, raw = drafts.load(connection, wiring.workspace_id, key)
        surroundings = surroundings_of(wiring, connection)
    document, findings = examine(raw, surroundings, wiring.clock.now(), wiring.registry)
    return Sheet(flow, revision, raw, document, tuple(findings))


def revision_of(wiring: Wiring, key: str) -> int:
    """Tell at which revision a flow's draft is.

    Errors: ``NotFound``.
    """
    with wiring.store.read() as connection:
        return drafts.revision_of(connection, wiring.workspace_id, key)


def act(
    wiring: Wiring, key: str, kind: str, args: Mapping[str, Any], hand: Hand, base: int | None = None
) -> Changed | None:
    """Do a gesture on a flow's draft; ``undo`` and ``redo`` are gestures too, and None when there is nothing to do.

    Errors: ``NotFound``; ``FlowError`` when it cannot be done; ``RevisionConflict`` or ``Overtaken`` when another
    hand has changed the same thing.
    """
    now = wiring.clock.micros()
    with wiring.store.write() as connection:
        if kind == "undo":
            return gestures.undo(connection, wiring.workspace_id, key, hand, now)
        if kind == "redo":
            return gestures.redo(connection, wiring.workspace_id, key, hand, now)
        return gestures.perform(
            connection,
            wiring.workspace_id,
            key,
            Gesture(kind, args),
            hand,
            registry=wiring.registry,
            now=now,
            base=base,
        )


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
        live = {name: value for name, value in sheet.raw.items() if name not in ("nodes", "edges")}
    return differences(live, sheet.raw)
