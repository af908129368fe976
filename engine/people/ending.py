"""End the passages of one contact from outside of a wave, so that nothing more is sent by them."""

from collections.abc import Sequence
from typing import Final, Literal

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from engine.people.contacts import Place
from engine.store.claims import claim_all
from engine.store.dialect import alone, alongside
from engine.store.tables import Enrollment, Failure, Message, Token
from engine.terms import Micros

ENROLLMENT: sa.Table = Enrollment.__table__  # type: ignore[attr-defined]
FAILURE: sa.Table = Failure.__table__  # type: ignore[attr-defined]
MESSAGE: sa.Table = Message.__table__  # type: ignore[attr-defined]
TOKEN: sa.Table = Token.__table__  # type: ignore[attr-defined]

PLACES: Final = 0x6472706C
"""What transactions say that rely on contacts being where they are, and those that move or erase one."""


def one_at_a_time(connection: Connection) -> None:
    """Wait until no wave and no ingest is under way, and keep them waiting: the contact they work on is about to go."""
    claim_all(connection)
    alone(connection, PLACES)


def stay_in_place(connection: Connection, *, moving: bool = False) -> None:
    """Let no contact move or be erased until the transaction ends; ``moving``: but by this one."""
    (alone if moving else alongside)(connection, PLACES)


def end_passages(
    connection: Connection, place: Place, enrollments: Sequence[int], state: Literal["merged", "erased"], now: Micros
) -> None:
    """End enrollments of a contact: their tokens go, what they owe is not sent.

    Cost: four statements.
    """
    if not enrollments:
        return
    part, contact_id = place
    tokens = sa.and_(TOKEN.c.part == part, TOKEN.c.contact_id == contact_id, TOKEN.c.enrollment_id.in_(enrollments))
    connection.execute(
        FAILURE.delete().where(
            FAILURE.c.part == part,
            FAILURE.c.contact_id == contact_id,
            FAILURE.c.token_id.in_(sa.select(TOKEN.c.id).where(tokens)),
        )
    )
    connection.execute(TOKEN.delete().where(tokens))
    connection.execute(
        MESSAGE.update()
        .values(state="suppressed", reason="suppressed")
        .where(
            MESSAGE.c.part == part,
            MESSAGE.c.contact_id == contact_id,
            MESSAGE.c.enrollment_id.in_(enrollments),
            MESSAGE.c.state == "queued",
        )
    )
    connection.execute(
        ENROLLMENT.update()
        .values(state=state, ended_at=now)
        .where(ENROLLMENT.c.part == part, ENROLLMENT.c.contact_id == contact_id, ENROLLMENT.c.id.in_(enrollments))
    )
