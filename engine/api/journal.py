"""The journal of a flow, or of one contact, as the store has it: the lines that a simulation writes too."""

from collections.abc import Iterator

import sqlalchemy as sa

from engine.api.contacts import ENROLLMENT, find_one
from engine.api.flows import find
from engine.run import journal
from engine.terms import Json
from engine.wiring import Wiring


def journal_lines(wiring: Wiring, flow: str, contact: str | None = None) -> Iterator[dict[str, Json]]:
    """Give the lines of a flow's journal, of one contact or of all.

    Errors: ``NotFound``. Cost: memory does not grow with the journal; the database sorts it.
    """
    with wiring.store.read() as connection:
        found = find(wiring, connection, flow)
        plans = wiring.deployments.plans_of(connection, [found.id])
        place = None
        if contact is not None:
            facts = find_one(wiring, connection, contact)
            place = (facts.part, facts.id)
        yield from journal.journal_lines(connection, plans, [found.id], place)


def contact_lines(wiring: Wiring, contact: str) -> Iterator[dict[str, Json]]:
    """Give the lines of one contact in all flows; those of flows but the first it came into carry their ``flow``.

    Errors: ``NotFound``.
    """
    with wiring.store.read() as connection:
        facts = find_one(wiring, connection, contact)
        mine = (ENROLLMENT.c.part == facts.part, ENROLLMENT.c.contact_id == facts.id)
        first = sa.func.min(ENROLLMENT.c.id)
        flow_ids = connection.scalars(
            sa.select(ENROLLMENT.c.flow_id).where(*mine).group_by(ENROLLMENT.c.flow_id).order_by(first)
        ).all()
        if flow_ids:
            plans = wiring.deployments.plans_of(connection, flow_ids)
            yield from journal.journal_lines(connection, plans, flow_ids, (facts.part, facts.id))
