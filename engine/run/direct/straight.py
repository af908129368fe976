"""Carry due tokens that have one way only and do nothing on it, where they lie: waits before an end, or before a wait.

Nothing is copied and nothing is looked up, so that a database needs no second pass over its rows. What is chosen stays
chosen from one statement to the next: whoever changes tokens has their part to itself.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Self

import sqlalchemy as sa

from engine.library import steps
from engine.run import claim
from engine.run.context import Run
from engine.run.direct.program import Direct
from engine.run.direct.ways import Way
from engine.run.program import TOKEN
from engine.run.rest import ENROLLMENT, JOURNAL, add_passages
from engine.run.tables import NOW, PART, VERSION
from engine.run.wave import NOBODY, WaveReport
from engine.store import sequences
from engine.store.prepared import Prepared, parameter
from engine.terms import HOUR

Nodes = frozenset[int]


@dataclass(frozen=True)
class Straight:
    """The nodes of a plan from which one way leads on, and that way."""

    direct: Direct
    ways: Mapping[int, Way]

    @classmethod
    def of(cls, direct: Direct) -> Self:
        """Find them."""
        found = {start.node.index: direct.ways[start.numbers[0]] for start in direct.starts if len(start.numbers) == 1}
        fit = {node: way for node, way in found.items() if _is_still(way)}
        return cls(direct, fit if direct.program.plan.reentry != "always" else {})

    @property
    def nodes(self) -> Nodes:
        """All these nodes."""
        return frozenset(self.ways)

    @property
    def going_on(self) -> Nodes:
        """The nodes whose tokens rest again."""
        return frozenset(node for node, way in self.ways.items() if way.rest is not None)

    def ending(self, end: str) -> Nodes:
        """List the nodes whose tokens end so."""
        return frozenset(node for node, way in self.ways.items() if way.end == end)

    def statement(self, name: str, woken_only: bool, build: Any) -> Prepared:
        """Write a statement once."""
        program = self.direct.program
        return program.once(("straight", name, woken_only), lambda: Prepared(build(), program.dialect))

    def claimed(self, nodes: Nodes, woken_only: bool) -> list[sa.ColumnElement[bool]]:
        """Choose the due tokens at some of the nodes, of a range of contacts."""
        program = self.direct.program
        chosen = claim.only_due(sa.select(TOKEN.c.id), program, "range", woken_only=woken_only)
        assert chosen.whereclause is not None
        return [chosen.whereclause, TOKEN.c.node.in_(sorted(nodes))]


def _is_still(way: Way) -> bool:
    """Tell whether nothing is done on a way, and it leads to an end or to a rest of a fixed length."""
    return not way.stances and not way.asked and (way.rest is None or bool(way.stay)) and way.codes != ""


def straight_of(direct: Direct) -> Straight | None:
    """Find the nodes of a plan from which one way leads on; None where there is none."""
    found = direct.program.once("straight", partial(Straight.of, direct))
    return found if found.ways else None


def move(run: Run, straight: Straight, given: Mapping[str, Any], *, woken_only: bool) -> WaveReport:
    """Carry the due tokens of a range of contacts that rest at such nodes; ``given`` has its ends.

    Cost: one statement to count, one for the steps, one for each place to rest, three at most for each end.
    """
    plan = straight.direct.program.plan
    given = run.given(**given, version_id=plan.version_id)

    def act(name: str, build: Any) -> sa.CursorResult[Any]:
        return straight.statement(name, woken_only, build).run(run.connection, given)

    given["wave"] = sequences.take(run.connection, run.part, "wave", 1)
    moved = act("journal", partial(_journal, straight, woken_only)).rowcount
    if not moved:
        return NOBODY
    found: dict[int, int] = dict.fromkeys(straight.nodes, moved)
    if len(found) > 1:
        found = dict(map(tuple, act("count", partial(_count, straight, woken_only)).all()))
    for node in sorted(straight.going_on & found.keys()):
        act(f"park {node}", partial(_park, straight, node, woken_only))
    for end in ("completed", "exit"):
        nodes = straight.ending(end)
        members = sum(found.get(node, 0) for node in nodes)
        if members:
            # Where nobody else is there in the range, none need be looked up; of a contact one at most is active.
            full = given["last"] - given["first"] + 1 == members
            alone = full or act("active", _active).scalar_one() == members
            if run.dialect == "postgresql" and not alone:
                gone = act(f"end and drop {end}", partial(_end_and_drop, straight, end, woken_only)).rowcount
            else:
                ended = act(f"end {end} {alone}", partial(_end, straight, end, alone, woken_only)).rowcount
                assert ended == members, f"{ended} enrollments ended instead of {members}"
                gone = act(f"drop {end}", partial(_drop, straight, nodes, woken_only)).rowcount
            assert gone == members, f"{gone} tokens ended instead of {members}"
    return WaveReport(moved, _add_passages(run, straight, found))


def _count(straight: Straight, woken_only: bool) -> sa.Select[Any]:
    chosen = sa.select(TOKEN.c.node, sa.func.count()).where(*straight.claimed(straight.nodes, woken_only))
    return chosen.group_by(TOKEN.c.node)


def _journal(straight: Straight, woken_only: bool) -> sa.Insert:
    row: dict[str, Any] = {
        "part": PART,
        "contact_id": TOKEN.c.contact_id,
        "token_id": TOKEN.c.id,
        "seq": TOKEN.c.seq + 1,
        "enrollment_id": TOKEN.c.enrollment_id,
        "wave": parameter("wave"),
        "at": NOW,
        "steps": sa.case({node: way.codes for node, way in straight.ways.items()}, value=TOKEN.c.node),
    }
    chosen = sa.select(*row.values()).where(*straight.claimed(straight.nodes, woken_only))
    return JOURNAL.insert().from_select(list(row), chosen)


def _park(straight: Straight, node: int, woken_only: bool) -> sa.Update:
    way = straight.ways[node]
    values = {"node": way.rest, "woken": 0, "since": NOW, "seq": TOKEN.c.seq + 1, "due_at": NOW + way.stay}
    return TOKEN.update().values(values).where(*straight.claimed(frozenset({node}), woken_only))


def _here(table: sa.Table) -> list[sa.ColumnElement[bool]]:
    return [
        table.c.part == PART,
        table.c.contact_id.between(parameter("first"), parameter("last")),
        table.c.version_id == VERSION,
    ]


def _active() -> sa.Select[Any]:
    return sa.select(sa.func.count()).where(*_here(ENROLLMENT), ENROLLMENT.c.state == "active")


def _end(straight: Straight, end: str, alone: bool, woken_only: bool) -> sa.Update:
    update = ENROLLMENT.update().values(state=end, ended_at=NOW).where(*_here(ENROLLMENT))
    update = update.where(ENROLLMENT.c.state == "active")
    if alone:
        return update
    same = [TOKEN.c.contact_id == ENROLLMENT.c.contact_id, TOKEN.c.enrollment_id == ENROLLMENT.c.id]
    return update.where(sa.exists().where(*same, *straight.claimed(straight.ending(end), woken_only)))


def _end_and_drop(straight: Straight, end: str, woken_only: bool) -> sa.Update:
    """End the enrollments of tokens and the tokens, so that PostgreSQL looks each enrollment up by its key.

    Not EXISTS: in the plan that it makes for any parameters both are so few that it goes through all due tokens for
    each enrollment, which takes four hundred times as long.
    """
    dropped = _drop(straight, straight.ending(end), woken_only)
    gone = dropped.returning(TOKEN.c.contact_id, TOKEN.c.enrollment_id).cte("gone")
    mine = [ENROLLMENT.c.part == PART, ENROLLMENT.c.contact_id == gone.c.contact_id]
    update = ENROLLMENT.update().values(state=end, ended_at=NOW)
    return update.where(*mine, ENROLLMENT.c.id == gone.c.enrollment_id, ENROLLMENT.c.state == "active")


def _drop(straight: Straight, nodes: Nodes, woken_only: bool) -> sa.Delete:
    return TOKEN.delete().where(*straight.claimed(nodes, woken_only))


def _add_passages(run: Run, straight: Straight, found: Mapping[int, int]) -> int:
    plan = straight.direct.program.plan
    hour = run.now - run.now % HOUR
    counts: Counter[tuple[int, str, int]] = Counter()
    for node, members in found.items():
        for index, port in steps.read_steps(straight.ways[node].codes):
            counts[index, plan.nodes[index].ports[port], hour] += members
    add_passages(run, plan, counts)
    return counts.total()
