"""Pause and resume flows; before resuming, look at what came due meanwhile."""

from dataclasses import dataclass
from datetime import timedelta

from engine.access.rights import Right
from engine.api import flows
from engine.api.acting import needs, note
from engine.api.kept import keep
from engine.errors import FlowError
from engine.run import pause as pausing
from engine.run.pause import Age, Backlog, How
from engine.wiring import Wiring

__all__ = ["Age", "Backlog", "How", "Resumed", "backlog", "pause", "resume"]


@dataclass(frozen=True)
class Resumed:
    """How a flow went on, and with what backlog. ``changed`` is False when it was not paused."""

    changed: bool
    how: How
    backlog: Backlog


@needs(Right.RUN)
def pause(wiring: Wiring, key: str) -> bool:
    """Let a flow rest: nobody moves or comes in, nothing is sent; give whether it was live.

    Errors: ``NotFound``; ``FlowError`` for one that was never published.
    """
    with wiring.store.write() as connection:
        flow = flows.find(wiring, connection, key)
        paused = pausing.pause(connection, flow.id, wiring.clock.micros())
        if paused:
            note(wiring, connection, "flow.pause", key)
        return paused


def backlog(wiring: Wiring, key: str) -> Backlog:
    """Count what is due in a flow, by how long it has been.

    Errors: ``NotFound``. Cost: reads what is due; when that takes long the answer may be older.
    """
    with wiring.store.read() as connection:
        flow = flows.find(wiring, connection, key)
    return keep(wiring, backlog_of, flow.id)


def backlog_of(wiring: Wiring, flow_id: int) -> Backlog:
    """Count what ``backlog`` tells. To be kept."""
    with wiring.store.read() as connection:
        return pausing.backlog(connection, flow_id, wiring.store.parts, wiring.clock.micros())


@needs(Right.RUN)
def resume(wiring: Wiring, key: str, how: How, over: timedelta | None = None) -> Resumed:
    """Let a paused flow go on: send its backlog, drop it, or spread it over a while.

    Errors: ``NotFound``; ``FlowError`` when it is to be spread and ``over`` does not say over how long.
    """
    if (how is How.SPREAD) != (over is not None and over > timedelta(0)):
        raise FlowError("say over how long the backlog is spread, and only then: resume --spread 2h")
    with wiring.store.write() as connection:
        flow, now = flows.find(wiring, connection, key), wiring.clock.micros()
        waiting = pausing.backlog(connection, flow.id, wiring.store.parts, now)
        changed = pausing.resume(connection, flow.id, wiring.store.parts, how, now, over or timedelta(0))
        if changed:
            note(wiring, connection, "flow.resume", key, how=how.value)
    return Resumed(changed, how, waiting)
