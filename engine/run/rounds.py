"""Skip through virtual time: each contact's things happen at their own instants, the earliest first.

A round takes the earliest instant of every contact that has anything to do up to a horizon; contacts do not touch one
another, so all of them move together although their instants differ.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

import sqlalchemy as sa

from engine.run import arrivals, changes, moving
from engine.run.context import Run, TickReport
from engine.run.program import TOKEN
from engine.run.review import RECHECK
from engine.run.tables import ARRIVAL, PART, TURN, clear
from engine.store.prepared import Prepared, parameter
from engine.store.rowsets import numbers, pack
from engine.terms import Micros

Source = Callable[[Run], frozenset[str]]
"""Delivers the events of the contacts' turns: writes them into the arrival table, names their names."""


def play_round(
    run: Run,
    until: Micros,
    report: TickReport,
    planned: sa.Table | None = None,
    deliver: Source | None = None,
    *,
    tokens: bool = True,
) -> int:
    """Play one round up to an instant, included; give the number of contacts that had their turn.

    ``planned`` has columns part, contact_id and at; ``deliver`` moves the rows whose turn it is on. Without
    ``tokens`` only events and rechecks act.
    """
    clear(run.connection, TURN)
    versions = pack([plan.version_id for plan in run.deployment.running()])
    given = run.given(until=until, versions=versions)
    count = _turns(run.dialect, planned).run(run.connection, given).rowcount
    if count == 0:
        return 0
    if deliver is not None:
        clear(run.connection, ARRIVAL)
        names = deliver(run)
        if names:
            report.events += 1
            arrivals.act(run, 1, names)
    changes.take_rechecks(run)
    for plan in run.deployment.running() if tokens else ():
        program = run.deployment.program(plan.version_id, run.dialect)
        report.add(moving.move_turn(run, program))
    return count


_TURNS: dict[tuple[str, sa.Table | None], Prepared] = {}


def _turns(dialect: str, planned: sa.Table | None) -> Prepared:
    found = _TURNS.get((dialect, planned))
    if found is None:
        until = parameter("until")
        sources: list[sa.Select[Any]] = [
            sa.select(TOKEN.c.contact_id, TOKEN.c.due_at.label("at")).where(
                TOKEN.c.part == PART, TOKEN.c.version_id.in_(numbers(dialect, "versions")), TOKEN.c.due_at <= until
            ),
            sa.select(RECHECK.c.contact_id, RECHECK.c.due_at).where(RECHECK.c.part == PART, RECHECK.c.due_at <= until),
        ]
        if planned is not None:
            mine = [planned.c.part == PART, planned.c.at <= until]
            sources.append(sa.select(planned.c.contact_id, planned.c.at).where(*mine))
        things = sa.union_all(*sources).subquery("things")
        chosen = sa.select(things.c.contact_id, sa.func.min(things.c.at)).group_by(things.c.contact_id)
        found = _TURNS[dialect, planned] = Prepared(TURN.insert().from_select(["contact_id", "at"], chosen), dialect)
    return found


@cache
def next_instant(dialect: str) -> Prepared:
    """Find the earliest instant at which anything is due in a part."""
    tokens = sa.select(sa.func.min(TOKEN.c.due_at)).where(
        TOKEN.c.part == PART, TOKEN.c.version_id.in_(numbers(dialect, "versions")), TOKEN.c.due_at.is_not(None)
    )
    rechecks = sa.select(sa.func.min(RECHECK.c.due_at)).where(RECHECK.c.part == PART)
    both = sa.union_all(tokens, rechecks).subquery("both")
    return Prepared(sa.select(sa.func.min(both.c[0])), dialect)
