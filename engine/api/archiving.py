"""Put flows away that are not needed any more, and bring them back."""

import sqlalchemy as sa

from engine.access.rights import Right
from engine.api import discarding, flows
from engine.api.acting import needs, note
from engine.errors import FlowError
from engine.store.tables import Enrollment, Flow, FlowVersion
from engine.wiring import Wiring

FLOW: sa.Table = Flow.__table__  # type: ignore[attr-defined]
VERSION: sa.Table = FlowVersion.__table__  # type: ignore[attr-defined]
ENROLLMENT: sa.Table = Enrollment.__table__  # type: ignore[attr-defined]


@needs(Right.EDIT)
def archive(wiring: Wiring, key: str) -> bool:
    """Put a flow away: nobody comes in, nobody in it moves, nothing is sent; give whether it was not away yet.

    Shape: who is still in a paused flow stays where they are, until it is brought back and resumed.
    Errors: ``NotFound``; ``FlowError`` for a live flow with contacts in it; ``AccessError`` for one that was
    published, without the right to run flows.
    """
    with wiring.store.write() as connection:
        flow = flows.find(wiring, connection, key)
        if flow.state == "archived":
            return False
        if flow.number is not None:
            wiring.actor.require(Right.RUN)
        if flow.state == "live":
            versions = sa.select(VERSION.c.id).where(VERSION.c.flow_id == flow.id)
            inside = sa.select(sa.func.count()).where(
                ENROLLMENT.c.part.in_(range(wiring.store.parts)),
                ENROLLMENT.c.version_id.in_(versions),
                ENROLLMENT.c.state == "active",
            )
            count = int(connection.scalar(inside) or 0)
            if count:
                raise FlowError(f"there are {count} contacts in flow {key!r}; pause it before you archive it")
        connection.execute(FLOW.update().values(state="archived").where(FLOW.c.id == flow.id))
        note(wiring, connection, "flow.archive", key)
        return True


@needs(Right.EDIT)
def bring_back(wiring: Wiring, key: str) -> bool:
    """Take a flow out of the archive: paused if it was ever live, else a draft; give whether it was there.

    Errors: ``NotFound``; ``FlowError`` when segments or templates that it needs are gone; ``AccessError`` as above.
    """
    with wiring.store.write() as connection:
        flow = flows.find(wiring, connection, key)
        if flow.state != "archived":
            return False
        values: dict[str, object] = {"state": "draft"}
        if flow.number is not None:
            wiring.actor.require(Right.RUN)
            versions = connection.scalars(sa.select(VERSION.c.document).where(VERSION.c.flow_id == flow.id))
            gone = discarding.missing(wiring, connection, versions)
            if gone:
                kind, name = gone[0]
                raise FlowError(f"flow {key!r} needs the {kind} {name!r}, which is gone; make it again first")
            now = wiring.clock.micros()
            values = {"state": "paused", "paused_at": sa.func.coalesce(FLOW.c.paused_at, now)}
        connection.execute(FLOW.update().values(values).where(FLOW.c.id == flow.id))
        note(wiring, connection, "flow.restore", key)
        return True
