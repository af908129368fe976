"""Look at the experiments that run, and act on what is proven: one leader, one transaction, so exactly once."""

import logging
from collections.abc import Callable
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from engine.contract.comparison import Comparison
from engine.experiments.assign import experiment_id
from engine.experiments.counts import Counts, Stands, read_counts, read_stands
from engine.experiments.folding import CROWDED, fold, foldable
from engine.experiments.promote import DECIDING, carry_out
from engine.experiments.verdict import Act, next_act
from engine.run.context import Deployment
from engine.run.conversions import experiments
from engine.run.letters import owed
from engine.run.program import TOKEN
from engine.run.transactions import transaction
from engine.store.session import Store
from engine.terms import Micros

BY_ITSELF = "engine"
_log = logging.getLogger(__name__)

Mine = Callable[[Connection], bool]
"""Tells within a transaction whether its process still has the lead, and keeps it so until the end."""


def everybody(_connection: Connection) -> bool:
    """Lead, where nobody else could."""
    return True


@dataclass(frozen=True)
class Judged:
    """What was done about which experiment."""

    stands: Stands
    act: Act


def judge(store: Store, deployment: Deployment, now: Micros, is_mine: Mine = everybody) -> list[Judged]:
    """Look at every experiment; where something is to be done, do it with all parts to itself.

    Shape: whoever comes second finds that it is done, and whoever has lost the lead does nothing. A crash leaves
    nothing half done.
    Cost: four statements an experiment, whatever the number of contacts.
    """
    found: list[Judged] = []
    for number, known in experiments(deployment).items():
        with store.read() as connection:
            stands, counts = _look(connection, store.parts, deployment, number, known[2], now)
            act = None if stands is None or counts is None else next_act(stands, counts, known[2], now)
            until = None if counts is None else _crowded_until(connection, store.parts, number, counts, now)
        if until is not None:
            with transaction(store) as connection:
                fold(connection, store.parts, number, until, now)
        if act is not None:
            with transaction(store) as connection:
                if is_mine(connection):
                    found.extend(judge_in(connection, store.parts, deployment, number, now))
    return found


def _crowded_until(connection: Connection, parts: int, number: int, counts: Counts, now: Micros) -> Micros | None:
    """Say until when contacts are mature where folding is worth stopping every wave; young hours are never folded."""
    if counts.rows <= CROWDED or foldable(connection, parts, number, counts.mature_until, now) <= CROWDED // 2:
        return None
    return counts.mature_until


def judge_in(connection: Connection, parts: int, deployment: Deployment, number: int, now: Micros) -> list[Judged]:
    """Do all that is to be done about one experiment, within a transaction of the executor."""
    found: list[Judged] = []
    known = experiments(deployment)[number]
    while (chosen := _next(connection, parts, deployment, number, known[2], now)) is not None:
        stands, act = chosen
        carry_out(connection, stands, act, now=now, by=BY_ITSELF)
        if act.state in DECIDING and act.state != stands.state:
            release(connection, parts, deployment, number, now)
        _tell(stands, act)
        found.append(Judged(stands, act))
    return found


def release(connection: Connection, parts: int, deployment: Deployment, number: int, now: Micros) -> int:
    """Let those go on who waited at the split; give how many.

    Cost: a statement for each part and version.
    """
    freed = 0
    for plan in deployment.versions():
        for node in plan.nodes:
            comparison = node.type.compares(node.config)
            if comparison is None or comparison.sample == 1 or _number(plan.flow_key, node.id, comparison) != number:
                continue
            for part in range(parts):
                freed += connection.execute(
                    TOKEN.update()
                    .values(state="waiting", due_at=now, woken=0)
                    .where(
                        TOKEN.c.part == part,
                        TOKEN.c.version_id == plan.version_id,
                        TOKEN.c.node == node.index,
                        sa.or_(TOKEN.c.state == "held", TOKEN.c.state == "waiting"),
                    )
                ).rowcount
    return freed


def _number(flow_key: str, node: str, comparison: Comparison) -> int:
    return experiment_id(flow_key, node, comparison.identity)


def _next(
    connection: Connection, parts: int, deployment: Deployment, number: int, comparison: Comparison, now: Micros
) -> tuple[Stands, Act] | None:
    stands, counts = _look(connection, parts, deployment, number, comparison, now)
    if stands is None or counts is None:
        return None
    act = next_act(stands, counts, comparison, now)
    return None if act is None else (stands, act)


def _look(
    connection: Connection, parts: int, deployment: Deployment, number: int, comparison: Comparison, now: Micros
) -> tuple[Stands | None, Counts | None]:
    stands = read_stands(connection, number)
    if stands is None:
        return None, None
    return stands, read_counts(connection, parts, stands, comparison, now, owed(deployment.versions(), number))


def _tell(stands: Stands, act: Act) -> None:
    alarming = act.kind in ("split_off", "paused", "rolled_back")
    level = logging.WARNING if alarming else logging.INFO
    _log.log(level, "experiment %s of flow %s: %s %s", stands.node, stands.flow_key, act.kind, act.variant or "")
