"""The end of a wave: tokens, enrollments, journal and counts are written once, for all members together."""

from collections import Counter
from dataclasses import dataclass
from functools import cache
from typing import Any

import sqlalchemy as sa

from engine.library import steps
from engine.library.plan import Plan
from engine.run import sql
from engine.run.context import Run
from engine.run.program import TOKEN, Program
from engine.run.tables import NOW, PART, WAVE
from engine.store import sequences
from engine.store.dialect import upsert
from engine.store.prepared import Prepared, parameter
from engine.store.rowsets import pack, rowset
from engine.store.tables import Enrollment, Journal, Passage
from engine.terms import HOUR

ENROLLMENT: sa.Table = Enrollment.__table__  # type: ignore[attr-defined]
JOURNAL: sa.Table = Journal.__table__  # type: ignore[attr-defined]
PASSAGE: sa.Table = Passage.__table__  # type: ignore[attr-defined]


@dataclass(frozen=True)
class _Kind:
    """What can happen at all in a plan's waves; what cannot costs nothing.

    ``lingers`` says that a member may rest again without a step: at a join, in a wait for a rule, in quiet hours.
    """

    parallel: bool
    ends: bool
    lingers: bool
    held: bool

    @classmethod
    def of(cls, program: Program) -> "_Kind":
        rests = [each for node in program.nodes for each in node.said.outcomes if each.code < steps.FIRST_STEP]
        return cls(
            program.plan.parallel,
            bool(program.ending) or any(each.said.ends for each in program.nodes),
            bool(program.rule_waits) or not all(each.members.arriving for each in rests),
            any(each.code[0] in "#$" for each in rests),
        )

    @property
    def moved(self) -> sa.ColumnElement[bool]:
        """Whether a member took a step; all but those that a goal ended at once did where none lingers."""
        return sql.MOVED if self.lingers else WAVE.c.path != ""

    @property
    def parked(self) -> dict[str, Any]:
        """The columns of a token that has come to rest."""
        # No BETWEEN: PostgreSQL takes none with the collation of codes.
        state: Any = sa.case(
            (sa.and_(WAVE.c.step >= "!", WAVE.c.step <= "!zzz"), "waiting"),
            (sa.and_(WAVE.c.step >= "#", WAVE.c.step <= "#zzz"), "joining"),
            else_="held",
        )
        return {
            "node": WAVE.c.node,
            "state": state if self.held else sa.literal("waiting", sa.Text),
            "due_at": WAVE.c.until,
            "since": sa.case((sql.MOVED, WAVE.c.now), else_=WAVE.c.since) if self.lingers else WAVE.c.now,
            "woken": sa.literal(0, sa.Integer),
            "seq": self.seq,
        }

    @property
    def seq(self) -> sa.ColumnElement[int]:
        """The number of a token's latest journal row."""
        return WAVE.c.seq + (sa.case((sql.MOVED, 1), else_=0) if self.lingers else 1)


def settle(run: Run, program: Program, tokens: int) -> int:
    """Write what became of the wave; give the number of steps taken.

    Cost: five statements; two more where a path ended, three more for flows with ends or parallel paths.
    """
    number = sequences.take(run.connection, run.part, "wave", 1)
    given = run.given(version_id=program.plan.version_id, wave=number)
    statements = _statements(run.dialect, _Kind.of(program))
    resting = statements["park"].run(run.connection, given).rowcount
    statements["journal"].run(run.connection, given)
    if "clones" in statements:
        statements["clones"].run(run.connection, given)
    if resting < tokens:
        for name in ("drop", "goal", "exit", "others", "complete"):
            if name in statements:
                statements[name].run(run.connection, given)
    return _count(run, program)


@cache
def _statements(dialect: str, kind: _Kind) -> dict[str, Prepared]:
    """Write the statements of a kind of plan, by what they do; they run in this order."""
    statements: dict[str, Any] = {"park": _park(kind), "journal": _journal(kind)}
    if kind.parallel:
        statements["clones"] = _park_clones(kind)
    statements["drop"] = _drop()
    if kind.ends:
        statements |= {"goal": _finish(steps.GOAL, "goal"), "exit": _finish(steps.EXIT, "exit")}
        if kind.parallel:
            statements["others"] = _drop_others()
    statements["complete"] = _complete(kind.parallel)
    return {name: Prepared(statement, dialect) for name, statement in statements.items()}


def _park(kind: _Kind) -> sa.Update:
    return (
        TOKEN.update()
        .values(kind.parked)
        .where(
            TOKEN.c.part == PART,
            TOKEN.c.contact_id == WAVE.c.contact_id,
            TOKEN.c.id == WAVE.c.token_id,
            sql.PARKED,
        )
    )


def _park_clones(kind: _Kind) -> sa.Insert:
    row: dict[str, Any] = {
        "part": PART,
        "contact_id": WAVE.c.contact_id,
        "id": WAVE.c.token_id,
        "enrollment_id": WAVE.c.enrollment_id,
        "version_id": parameter("version_id"),
        **kind.parked,
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


def _journal(kind: _Kind) -> sa.Insert:
    row: dict[str, Any] = {
        "part": PART,
        "contact_id": WAVE.c.contact_id,
        "token_id": WAVE.c.token_id,
        "seq": kind.seq,
        "enrollment_id": WAVE.c.enrollment_id,
        "wave": parameter("wave"),
        "at": WAVE.c.now,
        "steps": sql.WHOLE_PATH,
    }
    return JOURNAL.insert().from_select(list(row), sa.select(*row.values()).where(kind.moved))


def _count(run: Run, program: Program) -> int:
    """Add the wave's steps to the counts by node, port and hour."""
    counts: Counter[tuple[int, str, int]] = Counter()
    for path, hour, tokens in _paths(run.dialect, run.exact).run(run.connection, run.given()).all():
        for node, port in steps.read_steps(path):
            counts[node, program.plan.nodes[node].ports[port], int(hour)] += int(tokens)
    add_passages(run, program.plan, counts)
    return counts.total()


def add_passages(run: Run, plan: Plan, counts: Counter[tuple[int, str, int]]) -> None:
    """Add steps to the counts by node, port and hour."""
    if counts:
        listed = pack([[*place, passed] for place, passed in sorted(counts.items())])
        given = {"at_part": run.part, "version_id": plan.version_id, "counts": listed}
        _add_counts(run.dialect).run(run.connection, given)


@cache
def _paths(dialect: str, exact: bool) -> Prepared:
    path = sql.WHOLE_PATH.label("path")
    if not exact:
        return Prepared(sa.select(path, NOW - NOW % HOUR, sa.func.count()).group_by(path), dialect)
    hour = (WAVE.c.now - WAVE.c.now % HOUR).label("hour")
    return Prepared(sa.select(path, hour, sa.func.count()).group_by(path, hour), dialect)


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
