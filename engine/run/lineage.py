"""In which version a step was taken: enrollments may have come over from an earlier one since."""

from typing import Any

import sqlalchemy as sa

from engine.store.tables import Enrollment, Journal, Transfer

ENROLLMENT: sa.Table = Enrollment.__table__  # type: ignore[attr-defined]
JOURNAL: sa.Table = Journal.__table__  # type: ignore[attr-defined]
TRANSFER: sa.Table = Transfer.__table__  # type: ignore[attr-defined]


def version_of_step() -> sa.ColumnElement[Any]:
    """Give the version whose codes a journal row has; enrollment and journal are in the surrounding statement.

    It is the one from which the first changeover after the row took the enrollment, else that which it is in now. A
    token's own transfer tells by number; rows of tokens that were gone by then are older by their instant.
    """
    own = sa.and_(TRANSFER.c.token_id == JOURNAL.c.token_id, JOURNAL.c.seq <= TRANSFER.c.seq)
    older = sa.or_(
        JOURNAL.c.at < TRANSFER.c.at, sa.and_(JOURNAL.c.at == TRANSFER.c.at, JOURNAL.c.wave < TRANSFER.c.wave)
    )
    since = (
        sa.select(TRANSFER.c.from_version)
        .where(
            TRANSFER.c.part == JOURNAL.c.part,
            TRANSFER.c.contact_id == JOURNAL.c.contact_id,
            TRANSFER.c.enrollment_id == JOURNAL.c.enrollment_id,
            sa.or_(own, sa.and_(TRANSFER.c.token_id != JOURNAL.c.token_id, older)),
        )
        .order_by(TRANSFER.c.changeover_id)
        .limit(1)
        .correlate(JOURNAL)
        .scalar_subquery()
    )
    return sa.func.coalesce(since, ENROLLMENT.c.version_id)
