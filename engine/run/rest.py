"""The end of a wave: tokens, enrollments, journal and counts are written once, for all members together."""

from collections import Counter
from functools import cache
from typing import Any

import sqlalchemy as sa

from engine.library import steps
from engine.run import sql
from engine.run.context import Run
from engine.run.program import TOKEN, Program
from engine.run.tables import PART, WAVE
from engine.store import sequences
from engine.store.dialect import upsert
from engine.store.prepared import Prepared, parameter
from engine.store.rowsets import pack, rowset
from engine.store.tables import Enrollment, Journal, Passage
from engine.terms import HOUR

ENROLLMENT: sa.Table = Enrollment.__table__  # type: ignore[attr-defined]
JOURNAL: sa.Table = Journal.__table__  # type: ignore[attr-defined]
PASSAGE: sa.Table = Passage.__table__  # type: ignore[attr-defined]

_SEQ = WAVE.c.seq + sa.case((sql.MOVED, 1), else_=0)
# No BETWEEN: PostgreSQL takes none with the collation of codes.
_STATE = sa.case(
    (sa.and_(WAVE.c.step >= "!", WAVE.c.step <= "!zzz"), "waiting"),
    (sa.and_(WAVE.c.step >= "#", WAVE.c.step <= "#zzz"), "joining"),
    else_="held",
)
_SINCE = sa.case((sql.MOVED, WAVE.c.now), else_=WAVE.c.since)


def settle(run: Run, program: Program) -> int:
    """Write what became of the wave; give the number of steps taken.

    Cost: nine statements, two more for flows with parallel paths or ends, and one for the counts.
    """
    wave = sequences.take(run.connection, run.part, "wave", 1)
    given = run.given(version_id=program.plan.version_id, wave=wave)
    for statement in _statements(run.dialect, program.plan.parallel, _can_end(program)):
        statement.run(run.connection, given)
    return _count(run, program)


def _can_end(program: Program) -> bool:
    return bool(program.finish) or any(each.said.ends for each in program.nodes)


@cache
def _statements(dialect: str, parallel: bool, ends: bool) -> list[Prepared]:
    statements: list[Any] = [_park(), _journal()]
    if parallel:
        statements.append(_park_clones())
    statements.append(_drop())
    if ends:
        statements += [_finish(steps.GOAL, "goal"), _finish(steps.EXIT, "exit")]
        if parallel:
            statements.append(_drop_others())
    statements.append(_complete(parallel))
    return [Prepared(statement, dialect) for statement in statements]


def _park() -> sa.Update:
    return (
        TOKEN.update()
        .values(
            node=WAVE.c.node, state=_STATE, due_at=WAVE.c.until, since=_SINCE, woken=sa.literal(0, sa.Integer), seq=_SEQ
        )
        .where(
            TOKEN.c.part == PART,
            TOKEN.c.contact_id == WAVE.c.contact_id,
            TOKEN.c.id == WAVE.c.token_id,
            sql.PARKED,
        )
    )


def _park_clones() -> sa.Insert:
    row: dict[str, Any] = {
        "part": PART,
        "contact_id": WAVE.c.contact_id,
        "id": WAVE.c.token_id,
        "enrollment_id": WAVE.c.enrollment_id,
        "version_id": parameter("version_id"),
        "node": WAVE.c.node,
        "state": _STATE,
        "due_at": WAVE.c.until,
        "since": _SINCE,
        "woken": sa.literal(0, sa.Integer),
        "seq": _SEQ,
    }
    return TOKEN.insert().from_select(list(row), sa.select(*row.values()).where(sql.PARKED, WAVE.c.fresh == 1))


def _drop() -> sa.Delete:
    over = sa.select(WAVE.c.contact_id, WAVE.c.token_id).where(sa.not_(sql.PARKED), WAVE.c.fresh == 0)
    return TOKEN.delete().where(TOKEN.c.part == PART, sa.tuple_(TOKEN.c.contact_id, TOKEN.c.id).in_(over))


def _drop_others() -> sa.Delete:
    """Remove the tokens outside of the wave whose enrollment a goal or an exit has ended."""
    ended = sa.select(WAVE.c.contact_id, WAVE.c.enrollment_id).where(WAVE.c.step.in_([steps.GOAL, steps.EXIT]))
    return TOKEN.delete().where(TOKEN.c.part == PART, sa.tuple_(TOKEN.c.contact_id, TOKEN.c.enrollment_id).in_(ended))


def _finish(code: str, state: str) -> sa.Update:
    return (
        ENROLLMENT.update()
        .values(state=state, ended_at=WAVE.c.now)
        .where(
            ENROLLMENT.c.part == PART,
            ENROLLMENT.c.contact_id == WAVE.c.contact_id,
            ENROLLMENT.c.id == WAVE.c.enrollment_id,
            ENROLLMENT.c.state == "active",
            WAVE.c.step == code,
        )
    )


def _complete(parallel: bool) -> sa.Update:
    over = [
        ENROLLMENT.c.part == PART,
        ENROLLMENT.c.contact_id == WAVE.c.contact_id,
        ENROLLMENT.c.id == WAVE.c.enrollment_id,
        ENROLLMENT.c.state == "active",
        sa.or_(sql.STEPPED, WAVE.c.step == steps.ABSORBED) if parallel else sql.STEPPED,
    ]
    if parallel:
        over.append(
            ~sa.exists().where(
                TOKEN.c.part == PART,
                TOKEN.c.contact_id == ENROLLMENT.c.contact_id,
                TOKEN.c.enrollment_id == ENROLLMENT.c.id,
            )
        )
    return ENROLLMENT.update().values(state="completed", ended_at=WAVE.c.now).where(*over)


def _journal() -> sa.Insert:
    row: dict[str, Any] = {
        "part": PART,
        "contact_id": WAVE.c.contact_id,
        "token_id": WAVE.c.token_id,
        "seq": _SEQ,
        "enrollment_id": WAVE.c.enrollment_id,
        "wave": parameter("wave"),
        "at": WAVE.c.now,
        "steps": sql.WHOLE_PATH,
    }
    return JOURNAL.insert().from_select(list(row), sa.select(*row.values()).where(sql.MOVED))


def _count(run: Run, program: Program) -> int:
    """Add the wave's steps to the counts by node, port and hour."""
    counts: Counter[tuple[int, str, int]] = Counter()
    for path, hour, tokens in _paths(run.dialect).run(run.connection, {}):
        for node, port in steps.read_steps(path):
            counts[node, program.plan.nodes[node].ports[port], int(hour)] += int(tokens)
    if counts:
        listed = pack([[*place, passed] for place, passed in sorted(counts.items())])
        given = {"at_part": run.part, "version_id": program.plan.version_id, "counts": listed}
        _add_counts(run.dialect).run(run.connection, given)
    return counts.total()


@cache
def _paths(dialect: str) -> Prepared:
    path, hour = sql.WHOLE_PATH.label("path"), (WAVE.c.now - WAVE.c.now % HOUR).label("hour")
    return Prepared(sa.select(path, hour, sa.func.count()).where(sql.MOVED).group_by(path, hour), dialect)


@cache
def _add_counts(dialect: str) -> Prepared:
    rows = rowset(dialect, "counts", node=sa.BigInteger, port=sa.Text, hour=sa.BigInteger, passed=sa.BigInteger)
    # A WHERE keeps SQLite from reading ON CONFLICT as a join's ON.
    chosen = sa.select(PART, parameter("version_id"), rows.c.node, rows.c.port, rows.c.hour, rows.c.passed).where(
        sa.true()
    )
    insert = upsert(PASSAGE, dialect).from_select(["part", "version_id", "node", "port", "hour", "passed"], chosen)
    return Prepared(
        insert.on_conflict_do_update(
            index_elements=["part", "version_id", "node", "port", "hour"],
            set_={"passed": PASSAGE.c.passed + insert.excluded.passed},
        ),
        dialect,
    )
