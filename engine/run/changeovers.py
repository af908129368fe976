"""The acts by which enrollments were taken to another version, and how the latest is taken back.

Who has taken no step since goes back to the version, node and instant of before; the others stay.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from engine.run.context import Run
from engine.run.lineage import TRANSFER
from engine.run.program import ENROLLMENT, TOKEN
from engine.run.tables import NOW, PART
from engine.store import sequences
from engine.store.prepared import Prepared, parameter
from engine.store.tables import Changeover
from engine.terms import Micros

CHANGEOVER: sa.Table = Changeover.__table__  # type: ignore[attr-defined]
AFTER, LAST, ACT = parameter("after"), parameter("last"), parameter("changeover_id")
GLOBAL = -1
"""Acts are numbered over all parts."""


@dataclass(frozen=True)
class Act:
    """A changeover: which flow's enrollments it took to which version."""

    id: int
    flow_id: int
    version_id: int
    by: str
    at: Micros
    is_finished: bool


def latest(connection: Connection, flow_id: int) -> Act | None:
    """Find the last act of a flow that was not taken back."""
    chosen = (
        sa.select(CHANGEOVER)
        .where(CHANGEOVER.c.flow_id == flow_id, CHANGEOVER.c.undone_at.is_(None))
        .order_by(CHANGEOVER.c.id.desc())
        .limit(1)
    )
    row = connection.execute(chosen).first()
    if row is None:
        return None
    return Act(row.id, row.flow_id, row.version_id, row.by, row.at, row.finished_at is not None)


def reached(connection: Connection, flow_id: int) -> set[int]:
    """List the versions of a flow to which enrollments were ever taken."""
    chosen = sa.select(CHANGEOVER.c.version_id).where(CHANGEOVER.c.flow_id == flow_id).distinct()
    return {int(version) for version in connection.scalars(chosen)}


def begin(
    connection: Connection, flow_id: int, version_id: int, by: str, mapping: Mapping[str, str], now: Micros
) -> int:
    """Write down that an act begins; one to the same version that a crash left unfinished goes on. Give its number."""
    last = latest(connection, flow_id)
    if last is not None and not last.is_finished and last.version_id == version_id:
        return last.id
    number = sequences.take(connection, GLOBAL, "changeover", 1)
    row = {"id": number, "flow_id": flow_id, "version_id": version_id, "by": by, "at": now, "mapping": dict(mapping)}
    connection.execute(CHANGEOVER.insert().values(row))
    return number


def finish(connection: Connection, number: int, now: Micros) -> None:
    """Write down that nobody is left to be taken along."""
    connection.execute(CHANGEOVER.update().values(finished_at=now).where(CHANGEOVER.c.id == number))


def close(connection: Connection, number: int, now: Micros) -> None:
    """Write down that an act was taken back."""
    connection.execute(CHANGEOVER.update().values(undone_at=now).where(CHANGEOVER.c.id == number))


def take_back(run: Run, act: Act, after: int, most: int) -> tuple[int, int, int | None]:
    """Take the next contacts of a part back to where they were.

    Shape: how many enrollments went back, how many stay, and the contact after which the next batch begins; None when
    there is none. Cost: seven statements.
    """
    known = run.given(changeover_id=act.id, flow_id=act.flow_id, after=after, most=most)
    last = Prepared(_end(), run.dialect).run(run.connection, known).scalar()
    if last is None:
        return 0, 0, None
    known |= {"last": last}
    all_, _ = _counted(run, known)
    for statement in (_mark(), _tokens(), _returned(), _enrollments()):
        Prepared(statement, run.dialect).run(run.connection, known)
    left, _ = _counted(run, known)
    return all_ - left, left, int(last)


def _counted(run: Run, known: dict[str, Any]) -> tuple[int, int]:
    chosen = sa.select(sa.func.count(TRANSFER.c.enrollment_id.distinct()), sa.func.count()).where(*_open())
    found = Prepared(chosen, run.dialect).run(run.connection, known).one()
    return int(found[0]), int(found[1])


def _open() -> list[sa.ColumnElement[bool]]:
    return [
        TRANSFER.c.part == PART,
        TRANSFER.c.contact_id > AFTER,
        TRANSFER.c.contact_id <= LAST,
        TRANSFER.c.changeover_id == ACT,
        TRANSFER.c.back_at.is_(None),
    ]


def _end() -> sa.Select[Any]:
    batch = (
        sa.select(TRANSFER.c.contact_id)
        .where(
            TRANSFER.c.part == PART,
            TRANSFER.c.contact_id > AFTER,
            TRANSFER.c.changeover_id == ACT,
            TRANSFER.c.back_at.is_(None),
        )
        .distinct()
        .order_by(TRANSFER.c.contact_id)
        .limit(parameter("most"))
        .subquery()
    )
    return sa.select(sa.func.max(batch.c.contact_id))


def _mark() -> sa.Update:
    """Mark what goes back: enrollments all of whose tokens are as the act left them, and those that it ended."""
    each, token = TRANSFER.alias("each"), TOKEN.alias("stands")
    others = (
        each.c.part == TRANSFER.c.part,
        each.c.contact_id == TRANSFER.c.contact_id,
        each.c.enrollment_id == TRANSFER.c.enrollment_id,
        each.c.changeover_id == TRANSFER.c.changeover_id,
    )
    as_left = sa.exists().where(
        token.c.part == each.c.part,
        token.c.contact_id == each.c.contact_id,
        token.c.id == each.c.token_id,
        token.c.version_id == each.c.to_version,
        token.c.seq == each.c.seq,
        sa.or_(token.c.woken == 0, token.c.woken == each.c.woken),
        sa.or_(
            sa.and_(token.c.state == "failed", each.c.rest == "failed"),
            sa.and_(token.c.state != "failed", each.c.rest != "failed"),
        ),
    )
    unmoved = ~sa.exists().where(*others, ~as_left)
    alone = ~sa.exists().where(
        TOKEN.c.part == TRANSFER.c.part,
        TOKEN.c.contact_id == TRANSFER.c.contact_id,
        TOKEN.c.enrollment_id == TRANSFER.c.enrollment_id,
        ~sa.exists().where(*others, each.c.token_id == TOKEN.c.id).correlate(TOKEN, TRANSFER),
    )
    waits = sa.and_(TRANSFER.c.to_version.is_not(None), unmoved, alone)
    return TRANSFER.update().values(back_at=NOW).where(*_open(), sa.or_(waits, _ended_by_it()))


def _ended_by_it() -> sa.ColumnElement[bool]:
    beside = ENROLLMENT.alias("beside")
    again = sa.exists().where(
        beside.c.part == TRANSFER.c.part,
        beside.c.contact_id == TRANSFER.c.contact_id,
        beside.c.flow_id == parameter("flow_id"),
        beside.c.state == "active",
    )
    ended = sa.exists().where(*_mine(), ENROLLMENT.c.state == "exit", ENROLLMENT.c.ended_at == TRANSFER.c.at)
    return sa.and_(TRANSFER.c.to_version.is_(None), ended, ~again)


def _mine() -> tuple[sa.ColumnElement[bool], ...]:
    return (
        ENROLLMENT.c.part == TRANSFER.c.part,
        ENROLLMENT.c.contact_id == TRANSFER.c.contact_id,
        ENROLLMENT.c.id == TRANSFER.c.enrollment_id,
    )


def _back() -> list[sa.ColumnElement[bool]]:
    return [
        TRANSFER.c.part == PART,
        TRANSFER.c.contact_id > AFTER,
        TRANSFER.c.contact_id <= LAST,
        TRANSFER.c.changeover_id == ACT,
        TRANSFER.c.back_at == NOW,
    ]


_RESTORED = {"state": TRANSFER.c.rest, **{name: TRANSFER.c[name] for name in ("node", "due_at", "since", "woken")}}


def _tokens() -> sa.Update:
    return (
        TOKEN.update()
        .values(version_id=TRANSFER.c.from_version, **_RESTORED)
        .where(
            *_back(),
            TRANSFER.c.to_version.is_not(None),
            TOKEN.c.part == TRANSFER.c.part,
            TOKEN.c.contact_id == TRANSFER.c.contact_id,
            TOKEN.c.id == TRANSFER.c.token_id,
        )
    )


def _returned() -> sa.Insert:
    """Give those whose enrollment the act had ended their tokens again."""
    row: dict[str, Any] = {
        "part": TRANSFER.c.part,
        "contact_id": TRANSFER.c.contact_id,
        "id": TRANSFER.c.token_id,
        "enrollment_id": TRANSFER.c.enrollment_id,
        "version_id": TRANSFER.c.from_version,
        **_RESTORED,
        "seq": TRANSFER.c.seq,
    }
    return TOKEN.insert().from_select(
        list(row), sa.select(*row.values()).where(*_back(), TRANSFER.c.to_version.is_(None))
    )


def _enrollments() -> sa.Update:
    return (
        ENROLLMENT.update()
        .values(version_id=TRANSFER.c.from_version, state="active", ended_at=sa.null())
        .where(*_back(), *_mine())
    )
