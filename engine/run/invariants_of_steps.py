"""Invariants that read the journal: each function gives the statement that counts what breaks it.

Paths are looked at as the codes of ``engine.library.steps``; what a plan allows is handed over as rows.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from engine.library import steps
from engine.library.plan import Plan, PlanNode
from engine.run.invariants_of_states import ENROLLMENT, JOURNAL, MESSAGE, TOKEN, Count, rows_where, total
from engine.run.lineage import TRANSFER, version_of_step
from engine.run.pruning import CURSOR, PRUNED
from engine.store.rowsets import numbers, pack, rowset
from engine.store.tables import Passage
from engine.terms import length_micros

PASSAGE: sa.Table = Passage.__table__  # type: ignore[attr-defined]
CODE = 4

Row = list[int | str]


@dataclass(frozen=True)
class Ways:
    """What plans allow, as rows.

    Shape: ``codes`` are steps (version, code, node, port, once, sends); ``pairs`` which code may follow which;
    ``arrivals`` (version, last code, node) where a token may rest after it, or as it came to be;
    ``leasts`` the shortest stays.
    """

    codes: list[Row]
    pairs: list[Row]
    arrivals: list[Row]
    leasts: list[Row]
    once: list[int]

    @classmethod
    def of(cls, plans: Iterable[Plan]) -> "Ways":
        """Write down what these plans allow."""
        ways = cls([], [], [], [], [])
        for plan in plans:
            if plan.reentry != "always":
                ways.once.append(plan.version_id)
            for node in plan.nodes:
                ways._note(plan, node)
        return ways

    def _note(self, plan: Plan, node: PlanNode) -> None:
        version = plan.version_id
        if node.entry is not None:
            self.arrivals.append([version, "", node.index])
        beginnings = (steps.rested(node.index), steps.arrives(node.index))
        # A token that was cloned and rests where it arrived.
        self.arrivals.append([version, beginnings[1], node.index])
        for port in node.ports:
            code = node.code(port)
            sends = node.type.channel is not None
            self.codes.append([version, code, node.index, port, int(not node.repeats), int(sends)])
            self.pairs.extend([version, begin, code] for begin in beginnings)
            self.pairs.extend([version, code, after] for after in _after(plan, node, port))
            self.arrivals.extend([version, code, target] for target in node.targets[port][:1])
            self.arrivals.extend([version, "", target] for target in node.targets[port][1:])
            least = length_micros(node.type.least_wait(node.config, port))
            if least > 0:
                self.leasts.append([version, beginnings[0] + code, least])

    def given(self) -> dict[str, str]:
        """Name the parameters of the statements."""
        return {
            "codes": pack(self.codes),
            "pairs": pack(self.pairs),
            "arrivals": pack(self.arrivals),
            "leasts": pack(self.leasts),
            "once": pack(self.once),
        }


def _after(plan: Plan, node: PlanNode, port: str) -> Iterator[str]:
    for target in node.targets[port][:1]:
        after = plan.nodes[target]
        yield from (after.code(way) for way in after.ports)


def _known(name: str, dialect: str, **columns: Any) -> sa.CTE:
    # Materialized: else SQLite would read the parameter's JSON again for every row that is joined to it.
    return sa.select(rowset(dialect, name, **columns)).cte(f"known_{name}").prefix_with("MATERIALIZED")


_OF_ROW = sa.and_(
    ENROLLMENT.c.part == JOURNAL.c.part,
    ENROLLMENT.c.contact_id == JOURNAL.c.contact_id,
    ENROLLMENT.c.id == JOURNAL.c.enrollment_id,
)


def _paths() -> sa.CTE:
    """Give the different paths of each version, and how often each was walked: few, however long the journal is."""
    version, path = version_of_step().label("version_id"), JOURNAL.c.steps
    rows = sa.select(version, path).select_from(JOURNAL.join(ENROLLMENT, _OF_ROW)).subquery()
    chosen = sa.select(rows.c.version_id, rows.c.steps, sa.func.count().label("walked"))
    return chosen.group_by(rows.c.version_id, rows.c.steps).cte("paths").prefix_with("MATERIALIZED")


def _code(path: Any, place: Any) -> Any:
    return sa.func.substr(path, sa.cast(place * CODE + 1, sa.Integer), CODE)


def _cut(dialect: str) -> sa.CTE:
    """Cut the paths into their codes, each with the one that follows; the last is followed by nothing."""
    paths, places = _paths(), _known("places", dialect, place=sa.BigInteger)
    code, after = _code(paths.c.steps, places.c.place), _code(paths.c.steps, places.c.place + 1)
    return (
        sa.select(paths, code.label("code"), after.label("after"))
        .join(places, places.c.place * CODE < sa.func.length(paths.c.steps))
        .cte("cut")
        .prefix_with("MATERIALIZED")
    )


def _taken(dialect: str) -> sa.CTE:
    """Give the steps of each path, as far as the version knows them."""
    kinds: dict[str, Any] = {"version_id": sa.BigInteger, "code": sa.Text, "node": sa.BigInteger, "port": sa.Text}
    codes = _known("codes", dialect, **kinds, once=sa.Integer, sends=sa.Integer)
    cut = _cut(dialect)
    known = sa.and_(codes.c.version_id == cut.c.version_id, codes.c.code == cut.c.code)
    chosen = sa.select(
        cut.c.version_id, cut.c.steps, cut.c.walked, codes.c.node, codes.c.port, codes.c.once, codes.c.sends
    )
    return chosen.join(codes, known).cte("taken").prefix_with("MATERIALIZED")


def _of_enrollments(taken: sa.CTE, *wanted: Any) -> sa.Select[Any]:
    """Give whose steps they were: part, contact, enrollment, version, node."""
    walked = sa.and_(taken.c.version_id == version_of_step(), taken.c.steps == JOURNAL.c.steps)
    whose = (ENROLLMENT.c.part, ENROLLMENT.c.contact_id, ENROLLMENT.c.id.label("enrollment_id"))
    return (
        sa.select(*whose, taken.c.version_id, taken.c.node)
        .select_from(JOURNAL.join(ENROLLMENT, _OF_ROW).join(taken, walked))
        .where(*wanted)
    )


def _groups(rows: sa.FromClause, *having: Any) -> Count:
    whose = [rows.c[name] for name in ("part", "contact_id", "enrollment_id", "version_id", "node")]
    return rows_where(sa.select(*whose).group_by(*whose).having(*having).subquery())


def twice(dialect: str) -> Count:
    """I04: enrollments that passed a node more than once although only one way leads there."""
    taken = _taken(dialect)
    return _groups(_of_enrollments(taken, taken.c.once == 1).subquery(), sa.func.count() > 1)


def gaps() -> Count:
    """I05: tokens whose journal rows are not numbered from 1 without a gap up to what the token says."""
    whose = (JOURNAL.c.part, JOURNAL.c.contact_id, JOURNAL.c.token_id)
    seq = JOURNAL.c.seq
    rows = (
        sa.select(
            *whose, sa.func.count().label("rows"), sa.func.max(seq).label("last"), sa.func.min(seq).label("first")
        )
        .group_by(*whose)
        .subquery()
    )
    of_token = sa.and_(
        rows.c.part == TOKEN.c.part, rows.c.contact_id == TOKEN.c.contact_id, rows.c.token_id == TOKEN.c.id
    )
    told = TOKEN.outerjoin(rows, of_token)
    broken = sa.or_(rows.c.first != 1, rows.c.rows != rows.c.last)
    return total(rows_where(rows, broken), rows_where(told, TOKEN.c.seq != sa.func.coalesce(rows.c.last, 0)))


def astray(dialect: str) -> Count:
    """I06: steps that no edge of their version leads to."""
    cut = _cut(dialect)
    pairs = _known("pairs", dialect, version_id=sa.BigInteger, code=sa.Text, after=sa.Text)
    fits = sa.and_(pairs.c.version_id == cut.c.version_id, pairs.c.code == cut.c.code, pairs.c.after == cut.c.after)
    chosen = sa.select(sa.func.coalesce(sa.func.sum(cut.c.walked), 0)).select_from(cut.outerjoin(pairs, fits))
    return chosen.where(cut.c.after != "", pairs.c.code.is_(None))


def misplaced(dialect: str) -> Count:
    """I07: tokens that rest where neither their last step, an entry, a parting of ways nor a changeover has led."""
    arrivals = _known("arrivals", dialect, version_id=sa.BigInteger, code=sa.Text, node=sa.BigInteger)
    last = sa.and_(
        JOURNAL.c.part == TOKEN.c.part,
        JOURNAL.c.contact_id == TOKEN.c.contact_id,
        JOURNAL.c.token_id == TOKEN.c.id,
        JOURNAL.c.seq == TOKEN.c.seq,
    )
    begin = sa.func.length(JOURNAL.c.steps) - CODE + 1
    code = sa.func.coalesce(sa.func.substr(JOURNAL.c.steps, begin, CODE), "")
    fits = sa.and_(
        arrivals.c.version_id == TOKEN.c.version_id, arrivals.c.code == code, arrivals.c.node == TOKEN.c.node
    )
    brought = sa.exists().where(
        TRANSFER.c.part == TOKEN.c.part,
        TRANSFER.c.contact_id == TOKEN.c.contact_id,
        TRANSFER.c.token_id == TOKEN.c.id,
        TRANSFER.c.to_version == TOKEN.c.version_id,
        TRANSFER.c.seq == TOKEN.c.seq,
        TRANSFER.c.back_at.is_(None),
    )
    stands = TOKEN.outerjoin(JOURNAL, last).outerjoin(arrivals, fits)
    return rows_where(stands, arrivals.c.node.is_(None), ~brought)


def early(dialect: str) -> Count:
    """I08: steps before their wait was over or their enrollment began, and messages handed over before their time."""
    leasts = _known("leasts", dialect, version_id=sa.BigInteger, begin=sa.Text, least=sa.BigInteger)
    before = JOURNAL.alias("before")
    same = sa.and_(
        before.c.part == JOURNAL.c.part,
        before.c.contact_id == JOURNAL.c.contact_id,
        before.c.token_id == JOURNAL.c.token_id,
        before.c.seq == JOURNAL.c.seq - 1,
    )
    bound = sa.and_(
        leasts.c.version_id == version_of_step(), leasts.c.begin == sa.func.substr(JOURNAL.c.steps, 1, 2 * CODE)
    )
    stays = JOURNAL.join(ENROLLMENT, _OF_ROW).join(before, same).outerjoin(leasts, bound)
    least = before.c.at + sa.func.coalesce(leasts.c.least, 0)
    return total(
        rows_where(stays, JOURNAL.c.at < least),
        rows_where(JOURNAL.join(ENROLLMENT, _OF_ROW), JOURNAL.c.at < ENROLLMENT.c.started_at),
        rows_where(MESSAGE, MESSAGE.c.intent_at < MESSAGE.c.due_at),
    )


def unowed(dialect: str) -> Count:
    """I09: enrollments with more or fewer messages of a node than they have steps there."""
    taken = _taken(dialect)
    passed = _of_enrollments(taken, taken.c.sends == 1).add_columns(sa.literal(1, sa.Integer).label("balance"))
    whose = [MESSAGE.c[name] for name in ("part", "contact_id", "enrollment_id", "version_id", "node")]
    owed = sa.select(*whose, sa.literal(-1, sa.Integer)).where(~_pruned())
    both = sa.union_all(passed, owed).subquery()
    return _groups(both, sa.func.sum(both.c.balance) != 0)


def _pruned() -> sa.ColumnElement[bool]:
    """Tell of a message whether the journal of its enrollment was let go of: it ended long ago, and no row is left."""
    of_message = sa.and_(ENROLLMENT.c.part == MESSAGE.c.part, ENROLLMENT.c.contact_id == MESSAGE.c.contact_id)
    told = sa.exists().where(_OF_ROW).correlate(ENROLLMENT)
    ended = sa.and_(
        CURSOR.c.part == ENROLLMENT.c.part, CURSOR.c.name == PRUNED, ENROLLMENT.c.ended_at < CURSOR.c.position
    )
    return sa.exists().where(of_message, ENROLLMENT.c.id == MESSAGE.c.enrollment_id, ended, ~told).correlate(MESSAGE)


def crowded(dialect: str) -> Count:
    """I14: contacts with several active enrollments in a flow that allows one at a time."""
    whose = (ENROLLMENT.c.part, ENROLLMENT.c.contact_id, ENROLLMENT.c.flow_id)
    single = sa.and_(ENROLLMENT.c.state == "active", ENROLLMENT.c.version_id.in_(numbers(dialect, "once")))
    return rows_where(sa.select(*whose).where(single).group_by(*whose).having(sa.func.count() > 1).subquery())


def miscounted(dialect: str) -> Count:
    """I16: nodes and ports of which the kept count is not what the journal says."""
    taken = _taken(dialect)
    walked = sa.select(taken.c.version_id, taken.c.node, taken.c.port, taken.c.walked.label("balance"))
    kept = sa.select(PASSAGE.c.version_id, PASSAGE.c.node, PASSAGE.c.port, PASSAGE.c.pruned - PASSAGE.c.passed)
    both = sa.union_all(walked, kept).subquery()
    what = (both.c.version_id, both.c.node, both.c.port)
    return rows_where(sa.select(*what).group_by(*what).having(sa.func.sum(both.c.balance) != 0).subquery())


def longest_path(connection: Connection) -> int:
    """Count the codes of the longest path in the journal."""
    return int(connection.scalar(sa.select(sa.func.max(sa.func.length(JOURNAL.c.steps)))) or 0) // CODE
