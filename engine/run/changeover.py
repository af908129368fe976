"""Take enrollments of older versions of a flow to its newest one, and take that back (ADR 0014).

Set by set: a batch is one transaction over one part, with a number of statements that does not grow with it. A crash
between batches loses nothing: whoever is still on an older version is found again.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import sqlalchemy as sa

from engine.library import steps
from engine.run import rows
from engine.run.context import Run
from engine.run.landing import Crossing, How, Landing, noted
from engine.run.lineage import TRANSFER
from engine.run.program import ENROLLMENT, TOKEN, NodeProgram, Program
from engine.run.sql import CONTACT, PARKED
from engine.run.tables import NOW, PART, VERSION, WAVE, clear
from engine.store import sequences
from engine.store.prepared import Prepared, parameter
from engine.store.rowsets import numbers, pack
from engine.store.tables import Assignment, Message, Task

NOTES: tuple[sa.Table, ...] = (Message.__table__, Assignment.__table__, Task.__table__)  # type: ignore[attr-defined]
"""What is noted once for each pass through a node, and must not be done again."""

AFTER, LAST, ACT, TO = (parameter(name) for name in ("after", "last", "changeover_id", "to_version"))

MOVES, GONE, SEVERAL, FAILED, ELSEWHERE, AGAIN = "moves", "gone", "several", "failed", "elsewhere", "again"
"""What becomes of a token: it goes over; or it stays, because its node is gone or was told to stay, its enrollment has
several tokens, it failed and its node is another one, the contact is in the flow twice, or something would be sent
again."""

HERE = (TOKEN.c.part == PART, TOKEN.c.version_id == VERSION)
MINE = sa.and_(
    ENROLLMENT.c.part == TOKEN.c.part,
    ENROLLMENT.c.contact_id == TOKEN.c.contact_id,
    ENROLLMENT.c.id == TOKEN.c.enrollment_id,
)


def fate(crossing: Crossing, dialect: str) -> sa.ColumnElement[str]:
    """Say of a token, with its enrollment beside it, what would become of it; ``given`` names the parameter."""
    other, beside = TOKEN.alias("other"), ENROLLMENT.alias("beside")
    several = sa.exists().where(
        other.c.part == TOKEN.c.part,
        other.c.contact_id == TOKEN.c.contact_id,
        other.c.enrollment_id == TOKEN.c.enrollment_id,
        other.c.id != TOKEN.c.id,
    )
    elsewhere = sa.exists().where(
        beside.c.part == TOKEN.c.part,
        beside.c.contact_id == TOKEN.c.contact_id,
        beside.c.flow_id == crossing.old.flow_id,
        beside.c.state == "active",
        beside.c.id != TOKEN.c.enrollment_id,
    )
    whole = crossing.same_drawing and all(each.how < How.MAPPED for each in crossing.landings.values())
    complete = whole and len(crossing.landings) == len(crossing.old.nodes)
    cases: list[tuple[Any, str]] = [(TOKEN.c.node.not_in(sorted(crossing.landings)), GONE)]
    if not complete:
        cases.append((several, SEVERAL))
    other_node = [place for place, landing in crossing.landings.items() if landing.how >= How.MAPPED]
    cases.append((sa.and_(TOKEN.c.state == "failed", TOKEN.c.node.in_(other_node)), FAILED))
    if crossing.new.reentry != "always":
        cases.append((elsewhere, ELSEWHERE))
    cases += [(_noted(table, crossing, dialect), AGAIN) for table in NOTES]
    return sa.case(*cases, else_=MOVES)


def _noted(table: sa.Table, crossing: Crossing, dialect: str) -> sa.ColumnElement[bool]:
    number = noted(table.c.version_id, TOKEN.c.node, table.c.node)  # type: ignore[arg-type]
    wanted: list[Any] = [
        table.c.part == TOKEN.c.part,
        table.c.contact_id == TOKEN.c.contact_id,
        table.c.enrollment_id == TOKEN.c.enrollment_id,
        number.in_(numbers(dialect, "again")),  # type: ignore[attr-defined]
    ]
    if "state" in table.c and table is NOTES[0]:
        wanted.append(table.c.state != "suppressed")
    return sa.exists().where(*wanted)


def given(run: Run, crossing: Crossing, **more: Any) -> dict[str, Any]:
    """Name the parameters of the statements of a crossing."""
    old, new = crossing.old.version_id, crossing.new.version_id
    return run.given(version_id=old, to_version=new, again=pack(crossing.again), **more)


class Fates:
    """Count enrollments by where they rest and what would become of them: a statement written once for all parts.

    With ``some`` only those contacts are looked at, of whatever part: what they are joined from, and how. Their
    parameters are given with each count.
    """

    def __init__(
        self, crossing: Crossing, dialect: str, some: tuple[sa.FromClause, sa.ColumnElement[bool]] | None = None
    ) -> None:
        """Write the statement down."""
        self._crossing = crossing
        what = fate(crossing, dialect).label("fate")
        source: sa.FromClause = TOKEN.join(ENROLLMENT, MINE)
        here: Sequence[sa.ColumnElement[bool]] = HERE
        if some is not None:
            source, here = some[0].join(TOKEN, some[1]).join(ENROLLMENT, MINE), HERE[1:]
        chosen = sa.select(TOKEN.c.node, what, sa.func.count(TOKEN.c.enrollment_id.distinct())).select_from(source)
        # Every part numbers its enrollments by itself.
        self._counted = Prepared(chosen.where(*here).group_by(TOKEN.c.part, TOKEN.c.node, what), dialect)

    def count(self, run: Run, **some: str) -> Iterator[tuple[int, str, int]]:
        """Count those of a part, or of some contacts: node, fate and how many, part by part.

        Cost: one statement over the version's tokens in the part, or those of the contacts.
        """
        known = given(run, self._crossing, **some)
        for node, said, found in self._counted.run(run.connection, known):
            yield int(node), str(said), int(found)


class Batches:
    """The statements of a crossing, written once for all its batches."""

    def __init__(self, crossing: Crossing, dialect: str) -> None:
        """Write the statements down."""
        self.crossing = crossing
        statements = {
            "end": _end(),
            "fill": _fill(crossing, dialect),
            "log": _log(),
            "leave": _leave(),
            "token": _token(),
            "enrollment": _enrollment(),
            "count": _count(),
        }
        self._prepared = {name: Prepared(statement, dialect) for name, statement in statements.items()}

    def take(
        self, run: Run, program: Program, changeover: int, after: int, most: int
    ) -> tuple[Counter[bool], int | None]:
        """Take the next contacts of a part along.

        Shape: how many enrollments went over (true) and how many ended (false), and the contact after which the next
        batch begins; None when there is none.
        Cost: nine statements, and at most five for each node whose settings changed or that was chosen.
        """
        known = given(run, self.crossing, changeover_id=changeover, after=after, most=most)
        last = self._run("end", run, known).scalar()
        if last is None:
            return Counter(), None
        known |= {"last": last}
        clear(run.connection, WAVE)
        if self._run("fill", run, known).rowcount:
            known["wave"] = sequences.take(run.connection, run.part, "wave", 1)
            self._rearm(run, program)
            for name in ("log", "leave", "token", "enrollment"):
                self._run(name, run, known)
        return Counter({bool(goes): int(found) for goes, found in self._run("count", run, known)}), int(last)

    def _run(self, name: str, run: Run, known: dict[str, Any]) -> Any:
        return self._prepared[name].run(run.connection, known)

    def _rearm(self, run: Run, program: Program) -> None:
        """Let those whose wait is another now arrive there, so that the node says until when they rest."""
        concerned = {each.target for each in self.crossing.landings.values() if each.how in (How.CHANGED, How.MAPPED)}
        for place in sorted(concerned):
            each = program.nodes[place]
            if _waits(each):
                if each.said.target is not None or each.said.quiet_asked:
                    rows.local_times(run, program.plan, each)
                assert each.leave is not None
                for statement in (*each.before, each.leave):
                    statement.run(run.connection, run.given())


def _waits(each: NodeProgram) -> bool:
    """Tell whether a node says until when those who arrive rest; waits for a rule look at it at once anyway."""
    return any(outcome.until is not None for outcome in each.said.outcomes) and each.said.awaited is None


def _end() -> sa.Select[Any]:
    """Find the last contact of the next batch."""
    batch = (
        sa.select(TOKEN.c.contact_id)
        .where(*HERE, TOKEN.c.contact_id > AFTER)
        .distinct()
        .order_by(TOKEN.c.contact_id)
        .limit(parameter("most"))
        .subquery()
    )
    return sa.select(sa.func.max(batch.c.contact_id))


def _by_place(crossing: Crossing, value: Any, otherwise: Any) -> sa.ColumnElement[Any]:
    values = {place: value(landing) for place, landing in crossing.landings.items()}
    return sa.case(values, value=TOKEN.c.node, else_=otherwise) if values else sa.literal(otherwise)


def _fill(crossing: Crossing, dialect: str) -> sa.Insert:
    how = _by_place(crossing, lambda landing: int(landing.how), int(How.KEPT))
    changed = sa.and_(how == int(How.CHANGED), TOKEN.c.state == "waiting", TOKEN.c.woken == 0)
    arrives = _by_place(crossing, _arrival, "")
    zero = sa.literal(0, sa.Integer)
    columns: dict[str, Any] = {
        "contact_id": TOKEN.c.contact_id,
        "token_id": TOKEN.c.id,
        "enrollment_id": TOKEN.c.enrollment_id,
        "started_at": ENROLLMENT.c.started_at,
        "hash": CONTACT.c.hash,
        "zone": sa.func.coalesce(CONTACT.c.timezone, ""),
        # A changed wait is worked out anew from when the rest began, a chosen one from now on.
        "now": sa.case((how == int(How.CHANGED), TOKEN.c.since), else_=NOW),
        "due_at": sa.func.coalesce(TOKEN.c.due_at, 0),
        "since": sa.case((how == int(How.MAPPED), NOW), else_=TOKEN.c.since),
        "woken": TOKEN.c.woken,
        "seq": TOKEN.c.seq,
        "node": _by_place(crossing, lambda landing: landing.target, 0),
        "fresh": how,
        "touched": zero,
        "step": sa.case((sa.or_(changed, how == int(How.MAPPED)), arrives), else_=""),
        "path": sa.literal("", sa.Text),
        "until": sa.null(),
        "mark": zero,
    }
    assert list(columns) == [column.name for column in WAVE.c]
    mine = sa.and_(CONTACT.c.part == TOKEN.c.part, CONTACT.c.id == TOKEN.c.contact_id)
    chosen = (
        sa.select(*columns.values())
        .select_from(TOKEN.join(ENROLLMENT, MINE).join(CONTACT, mine))
        .where(*HERE, TOKEN.c.contact_id > AFTER, TOKEN.c.contact_id <= LAST, fate(crossing, dialect) == MOVES)
    )
    return WAVE.insert().from_select(list(columns), chosen)


def _arrival(landing: Landing) -> str:
    return "" if landing.how is How.LEFT else steps.arrives(landing.target)


MEMBER = (TOKEN.c.part == PART, TOKEN.c.contact_id == WAVE.c.contact_id, TOKEN.c.id == WAVE.c.token_id)


def _log() -> sa.Insert:
    """Write down how every token was."""
    left = WAVE.c.fresh == int(How.LEFT)
    row: dict[str, Any] = {
        "part": PART,
        "contact_id": TOKEN.c.contact_id,
        "token_id": TOKEN.c.id,
        "changeover_id": ACT,
        "enrollment_id": TOKEN.c.enrollment_id,
        "from_version": TOKEN.c.version_id,
        "to_version": sa.case((left, sa.null()), else_=TO),
        "at": NOW,
        "wave": parameter("wave"),
        "rest": TOKEN.c.state,
        **{name: TOKEN.c[name] for name in ("node", "due_at", "since", "woken", "seq")},
    }
    return TRANSFER.insert().from_select(list(row), sa.select(*row.values()).where(*MEMBER))


def _leave() -> sa.Delete:
    left = sa.select(WAVE.c.contact_id, WAVE.c.token_id).where(WAVE.c.fresh == int(How.LEFT))
    return TOKEN.delete().where(TOKEN.c.part == PART, sa.tuple_(TOKEN.c.contact_id, TOKEN.c.id).in_(left))


def _token() -> sa.Update:
    """Put tokens where they land: what was kept keeps its instant, the others have a new one, at the earliest now."""
    anew = sa.or_(
        WAVE.c.fresh == int(How.MAPPED),
        sa.and_(WAVE.c.fresh == int(How.CHANGED), TOKEN.c.woken == 0, TOKEN.c.state.in_(["waiting", "held"])),
    )
    until = sa.case((sa.and_(PARKED, WAVE.c.until > NOW), WAVE.c.until), else_=NOW)
    return (
        TOKEN.update()
        .values(
            version_id=TO,
            node=WAVE.c.node,
            state=sa.case((anew, "waiting"), else_=TOKEN.c.state),
            due_at=sa.case((anew, until), else_=TOKEN.c.due_at),
            since=WAVE.c.since,
            woken=sa.case((anew, 0), else_=TOKEN.c.woken),
        )
        .where(*MEMBER)
    )


def _count() -> sa.Select[Any]:
    goes = sa.case((WAVE.c.fresh == int(How.LEFT), 0), else_=1).label("goes")
    return sa.select(goes, sa.func.count(WAVE.c.enrollment_id.distinct())).group_by(goes)


def _enrollment() -> sa.Update:
    left = WAVE.c.fresh == int(How.LEFT)
    return (
        ENROLLMENT.update()
        .values(
            version_id=sa.case((left, ENROLLMENT.c.version_id), else_=TO),
            state=sa.case((left, "exit"), else_="active"),
            ended_at=sa.case((left, NOW), else_=sa.null()),
        )
        .where(
            ENROLLMENT.c.part == PART,
            ENROLLMENT.c.contact_id == WAVE.c.contact_id,
            ENROLLMENT.c.id == WAVE.c.enrollment_id,
        )
    )
