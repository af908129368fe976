"""Carry the members of the direct table to where they rest or end."""

from collections import Counter

from engine.library import steps
from engine.run.context import Run
from engine.run.direct.program import Direct
from engine.run.direct.settle import Taken, count
from engine.run.rest import add_passages
from engine.run.tables import TOUCHED, clear
from engine.store import sequences


def carry(run: Run, direct: Direct, tokens: int, *, entering: bool = False) -> int:
    """Write down what the members do on their ways; give the number of steps taken.

    Shape: ``entering`` members have no token and no enrollment yet. Cost: a few statements, one for each thing that a
    node does, and one for each place to rest.
    """
    taken = count(run, len(direct.ways))
    plan = direct.program.plan
    given = run.given(
        version_id=plan.version_id,
        wave=sequences.take(run.connection, run.part, "wave", 1),
        dropped_until=run.deployment.dropped.get(plan.flow_id),
    )
    for write in direct.writes:
        if taken.numbers & write.numbers:
            write.statement.run(run.connection, given)
    settle = direct.settling.enter if entering else direct.settling.move
    settle(run, taken, given)
    return _add_passages(run, direct, taken)


def touched(run: Run, direct: Direct) -> int:
    """Put the contacts whose facts the members' steps changed into the table of touched ones; give their number."""
    if direct.touch is None:
        return 0
    clear(run.connection, TOUCHED)
    return direct.touch.run(run.connection, {}).rowcount


def _add_passages(run: Run, direct: Direct, taken: Taken) -> int:
    plan = direct.program.plan
    counts: Counter[tuple[int, str, int]] = Counter()
    for (number, hour), members in taken.members.items():
        for node, port in steps.read_steps(direct.ways[number].codes):
            counts[node, plan.nodes[node].ports[port], hour] += members
    add_passages(run, plan, counts)
    return counts.total()
