"""Carry a filled wave from rest to rest and write down what became of it.

Cost: a number of statements that depends on the flow's nodes, never on the wave's size (ADR 0001).
"""

from dataclasses import dataclass
from functools import cache
from typing import Any

import sqlalchemy as sa

from engine.errors import PortLeak, PortOverlap
from engine.library import steps
from engine.run import rest, rows
from engine.run.context import Run
from engine.run.enroll import enter
from engine.run.program import NodeProgram, Program
from engine.run.tables import ENTRANT, TOUCHED, WAVE, clear
from engine.store import sequences
from engine.store.prepared import Prepared, parameter


@dataclass(frozen=True)
class WaveReport:
    """What a wave did: how many tokens it had, and how many steps they took."""

    tokens: int
    steps: int

    def __add__(self, other: "WaveReport") -> "WaveReport":
        """Add up what two waves did."""
        return WaveReport(self.tokens + other.tokens, self.steps + other.steps)


NOBODY = WaveReport(0, 0)


def carry(run: Run, program: Program, tokens: int) -> WaveReport:
    """Run the program over the wave table until every member rests or is gone.

    Errors: ``PortLeak`` and ``PortOverlap`` name the node type that broke its contract.
    """
    given = run.given()
    for statement in program.ending:
        statement.run(run.connection, given)
    present = _standing(run, program)
    for each in program.nodes:
        if each.node.index in present:
            present |= _pass(run, program, each)
    moved = rest.settle(run, program, tokens)
    return WaveReport(tokens, moved)


def _standing(run: Run, program: Program) -> set[int]:
    """Find the nodes at which members of the fresh wave stand."""
    found = {str(row[0]) for row in _standing_statement(run.dialect).run(run.connection, {})}
    return {int(code[1:], 16) for code in found if code[0] in "@>"}


def _pass(run: Run, program: Program, each: NodeProgram) -> set[int]:
    """Let the members at one node act; give the nodes where there may be members now."""
    given = run.given(dropped_until=run.deployment.dropped.get(program.plan.flow_id))
    if each.said.target is not None or each.said.quiet_asked:
        rows.local_times(run, program.plan, each)
    if each.said.decide is not None:
        rows.decide(run, each)
    for statement in each.before:
        statement.run(run.connection, given)
    for statement in each.writes:
        statement.run(run.connection, given)
    for change in each.said.changes:
        if change.kind == "enter":
            _enter(run, str(change.facts["flow"]), each)
        elif change.templated:
            rows.set_from_templates(run, program.plan, change, each)
    assert each.leave is not None
    if each.leave.run(run.connection, given).rowcount == 0:
        return set()
    counted = _count(run, each)
    reached = _clone(run, each, counted)
    for statement in each.after:
        statement.run(run.connection, given)
    return reached


def _count(run: Run, each: NodeProgram) -> dict[str, int] | None:
    """Count members by the step they took; None where the node has one way out and it need not be known."""
    if each.count is None:
        return None
    counted = {str(step): int(count) for step, count in each.count.run(run.connection, {})}
    kind = each.node.type.kind
    leak, overlap = (steps.step(each.node.index, place) for place in (steps.LEAK, steps.OVERLAP))
    if leak in counted:
        raise PortLeak(f"{kind} left {counted[leak]} members without a port or a park", kind=kind, node=each.node.id)
    if overlap in counted:
        raise PortOverlap(f"{kind} sent {counted[overlap]} members to two places", kind=kind, node=each.node.id)
    return counted


def _clone(run: Run, each: NodeProgram, counted: dict[str, int] | None) -> set[int]:
    """Copy members to the second and further edges of their port; give the targets of all ports that were taken."""
    reached: set[int] = set()
    for port, targets in each.node.targets.items():
        code = each.node.code(port)
        count = None if counted is None else counted.get(code, 0)
        if count == 0:
            continue
        reached.update(targets)
        for target in targets[1:]:
            assert count is not None
            base = sequences.take(run.connection, run.part, "enrollment", count)
            given = {"base": base, "code": code, "arrival": steps.arrives(target)}
            _clone_statement(run.dialect).run(run.connection, given)
    return reached


def _enter(run: Run, flow: str, each: NodeProgram) -> None:
    version = run.deployment.live.get(flow)
    plan = None if version is None else run.deployment.plans[version]
    if plan is None or not plan.by_hand:
        return
    clear(run.connection, ENTRANT)
    assert each.entrants is not None
    each.entrants.run(run.connection, {})
    for trigger in plan.by_hand:
        enter(run, plan, trigger)


def collect_touched(run: Run) -> int:
    """Put the contacts whose facts the wave changed into the table of touched ones; give their number."""
    clear(run.connection, TOUCHED)
    return _touched_statement(run.dialect).run(run.connection, {}).rowcount


@cache
def _touched_statement(dialect: str) -> Prepared:
    chosen = (
        sa.select(WAVE.c.contact_id, sa.func.max(WAVE.c.now)).where(WAVE.c.touched == 1).group_by(WAVE.c.contact_id)
    )
    return Prepared(TOUCHED.insert().from_select(["contact_id", "now"], chosen), dialect)


@cache
def _standing_statement(dialect: str) -> Prepared:
    return Prepared(sa.select(WAVE.c.step).distinct(), dialect)


@cache
def _clone_statement(dialect: str) -> Prepared:
    place = sa.func.row_number().over(order_by=(WAVE.c.contact_id, WAVE.c.token_id))
    columns: dict[str, Any] = {column.name: column for column in WAVE.c}
    columns |= {
        "token_id": parameter("base") + place - 1,
        "fresh": sa.literal(1, sa.SmallInteger),
        "seq": sa.literal(0, sa.Integer),
        "since": WAVE.c.now,
        "touched": sa.literal(0, sa.SmallInteger),
        "step": parameter("arrival", sa.Text),
        "path": sa.literal("", sa.Text),
        "until": sa.null(),
    }
    chosen = sa.select(*columns.values()).where(WAVE.c.step == parameter("code", sa.Text))
    return Prepared(WAVE.insert().from_select(list(columns), chosen), dialect)
