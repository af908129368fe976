"""What those who play a rehearsal together tell each other of its experiments."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from engine.experiments.division import EXPERIMENT
from engine.experiments.ledger import TALLY
from engine.store.dialect import upsert


class Findings(NamedTuple):
    """What is known of experiments from some parts: the rows of their tallies, and when each experiment began."""

    parts: Sequence[int]
    tallies: Sequence[tuple[Any, ...]]
    begun: Sequence[tuple[Any, ...]]


def known(connection: Connection, parts: Sequence[int]) -> Findings:
    """Read what these parts have shown.

    Cost: two statements.
    """
    tallies = connection.execute(sa.select(TALLY).where(TALLY.c.part.in_(parts)))
    begun = connection.execute(sa.select(EXPERIMENT))
    return Findings(list(parts), [tuple(row) for row in tallies], [tuple(row) for row in begun])


def learn(connection: Connection, found: Sequence[Findings]) -> None:
    """Note what all parts have shown, so that who decides about experiments decides the same everywhere.

    Cost: at most three statements for each of those who told.
    """
    if len(found) == 1:
        return
    insert = upsert(EXPERIMENT, connection.dialect.name)
    earlier = insert.excluded.started_at
    begin = insert.on_conflict_do_update(
        index_elements=["id"], set_={"started_at": earlier}, where=EXPERIMENT.c.started_at > earlier
    )
    for each in found:
        if each.begun:
            connection.execute(begin, [dict(zip(EXPERIMENT.c.keys(), row, strict=True)) for row in each.begun])
        connection.execute(TALLY.delete().where(TALLY.c.part.in_(each.parts)))
        if each.tallies:
            connection.execute(TALLY.insert(), [dict(zip(TALLY.c.keys(), row, strict=True)) for row in each.tallies])
