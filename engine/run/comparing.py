"""Experiments within waves: who is given which variant, and what the ledger hears of it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from engine.contract.comparison import HELD, Comparison
from engine.contract.wave import Compared
from engine.experiments import ledger
from engine.experiments.assign import experiment_id
from engine.experiments.division import Division
from engine.library.plan import Plan, PlanNode
from engine.rules.model import Rule
from engine.run.members import Flag, Partition, SqlMoment, slots
from engine.run.tables import PART, WAVE
from engine.terms import SHARE_PRIME, SHARE_RANGE, share_numbers


@dataclass(frozen=True, eq=False)
class _ByLedger(Partition):
    """A division that looks at the ledger and at the shares in force: it is not known before a wave comes here."""

    rules: tuple[Rule, ...] | None = None


def divide(plan: Plan, node: PlanNode, comparison: Comparison) -> Division:
    """Bind a node's comparison to the members of a wave."""

    def draw(salt: str) -> sa.ColumnElement[Any]:
        a, b = share_numbers("/".join(filter(None, (plan.flow_key, node.id, salt))))
        return (WAVE.c.hash * a + b) % SHARE_PRIME % SHARE_RANGE

    number = experiment_id(plan.flow_key, node.id, comparison.identity)
    return Division(number, comparison, PART, WAVE.c.contact_id, WAVE.c.now, draw)


def sets_of(division: Division) -> Compared:
    """Give the sets of members by their way."""
    found = slots(_ByLedger(division.slots, division.choose))
    held, until = found.pop(HELD, None), division.until()
    return Compared(found, held, None if until is None else SqlMoment(until))


def writes(plan: Plan, node: PlanNode, division: Division, here: Flag, dialect: str) -> Iterator[sa.sql.dml.UpdateBase]:
    """Write what the ledger hears when a wave passes: the experiment's first contact, and who was given what."""
    facts = {"workspace_id": plan.workspace_id, "flow_id": plan.flow_id, "flow_key": plan.flow_key, "node": node.id}
    yield ledger.begin(division, WAVE, here, facts, dialect)
    yield from ledger.expose(division, WAVE, here, dialect)
