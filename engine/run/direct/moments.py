"""Work out the local instants that nodes of a direct wave ask for: for each zone, now and, where it counts, entry."""

from collections.abc import Callable, Iterable
from functools import cache, partial

import sqlalchemy as sa

from engine.run import rows
from engine.run.context import Run
from engine.run.direct.program import Direct
from engine.run.direct.ways import asks_for_entry
from engine.run.recorder import Recorder
from engine.run.tables import MOMENT, clear
from engine.store.prepared import Prepared
from engine.store.rowsets import pack, rowset

Find = Callable[[str, int, int], int | None]


def note(run: Run, direct: Direct, seen: Iterable[tuple[int, str, int, int]]) -> None:
    """Fill the table of moments for members that stand at a node, in a zone, with a now and an instant of entry.

    Cost: one statement; the instants are worked out in Python, most of them known from before.
    """
    clear(run.connection, MOMENT)
    asked = {start.node.index: sorted(start.asked) for start in direct.starts}
    finders = {index: _finder(run, direct, index) for nodes in asked.values() for index in nodes}
    found: dict[tuple[int, str, int, int], int | None] = {}
    for stands, zone, now, started in seen:
        for index in asked[stands]:
            find, since_entry = finders[index]
            key = (index, zone, now, started if since_entry else 0)
            if key not in found:
                found[key] = find(zone, now, started)
    if found:
        listed = pack([[*key, until] for key, until in found.items()])
        _noting(run.dialect).run(run.connection, {"moments": listed})


def _finder(run: Run, direct: Direct, index: int) -> tuple[Find, bool]:
    said: Recorder = direct.program.nodes[index].said
    plan = direct.program.plan
    if said.target is not None:
        return partial(rows.target_instant, said.target[0], plan.timezone, run.deployment.timezone), asks_for_entry(
            said
        )
    assert plan.quiet is not None
    return partial(rows.quiet_end, plan.quiet, plan.timezone, run.deployment.timezone), False


@cache
def _noting(dialect: str) -> Prepared:
    given = rowset(
        dialect,
        "moments",
        node=sa.Integer,
        zone=sa.Text,
        now=sa.BigInteger,
        started_at=sa.BigInteger,
        until=sa.BigInteger,
    )
    names = [column.name for column in MOMENT.c]
    return Prepared(MOMENT.insert().from_select(names, sa.select(*(given.c[name] for name in names))), dialect)
