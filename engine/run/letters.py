"""First messages of variants: which a variant surely owes at once, and that they go out is counted.

Who is told apart by a split may still be lost after it: where a variant's message fails more often, those who got it
are others than those who did not, and no comparison can be trusted.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from engine.channels.outbox import KEY, Claimed
from engine.channels.policy import MESSAGE
from engine.contract.comparison import Comparison
from engine.contract.fields import fields_of
from engine.contract.node import Family
from engine.experiments import ledger
from engine.experiments.assign import experiment_id
from engine.library.plan import Plan, PlanNode
from engine.store.prepared import Prepared, parameter
from engine.store.rowsets import pack, rowset

_STAYS: Final = frozenset({Family.WAIT, Family.BRANCH, Family.SPLIT, Family.PATH})
"""Families whose nodes hold contacts back, or part them again."""


def letters(plan: Plan, node: PlanNode, comparison: Comparison) -> dict[str, PlanNode]:
    """Find the message that each variant surely owes at once, where there is one.

    Shape: empty unless two of them at least go the same way: a channel and a topic have contacts of their own.
    """
    found = {way: each for way in comparison.variants if (each := _first(plan, node.targets[way])) is not None}
    ways: dict[Any, dict[str, PlanNode]] = defaultdict(dict)
    for way, each in found.items():
        ways[each.type.channel, _topics(each)][way] = each
    alike = max(ways.values(), key=len, default={})
    return alike if len(alike) > 1 else {}


def owed(plans: Iterable[Plan], number: int) -> tuple[str, ...]:
    """Name the variants that surely owe a message at once in every version that shares an experiment.

    What versions count is added up: a variant that had to wait in one of them would seem to have lost messages.
    """
    told = [
        set(found)
        for plan in plans
        for node in plan.nodes
        if (comparison := node.type.compares(node.config)) is not None
        and experiment_id(plan.flow_key, node.id, comparison.identity) == number
        and (found := letters(plan, node, comparison))
    ]
    common = set.intersection(*told) if told else set()
    return tuple(sorted(common)) if len(common) > 1 else ()


def _first(plan: Plan, targets: Sequence[int]) -> PlanNode | None:
    while len(targets) == 1:
        node = plan.nodes[targets[0]]
        if node.type.reaches_contact:
            return node
        if node.type.family in _STAYS or len(node.ports) != 1:
            return None
        targets = node.targets[node.ports[0]]
    return None


def _topics(node: PlanNode) -> tuple[Any, ...]:
    return tuple(found.value for found in fields_of(node.config) if found.hint == "topic")


@dataclass(frozen=True)
class LettersOut:
    """Counts first messages of variants as they go out; ``plan_of`` knows every version."""

    plan_of: Callable[[int], Plan | None]
    _known: dict[int, dict[int, tuple[int, ...]]] = field(default_factory=dict)

    def __call__(self, connection: Connection, worker: str, sent: Sequence[Claimed]) -> None:
        """Count messages that this worker has just recorded as sent; messages of no experiment cost nothing.

        Cost: a statement for each part and experiment.
        """
        groups: dict[tuple[int, int], list[Claimed]] = defaultdict(list)
        for each in sent:
            for number in self._experiments(each.version_id).get(each.key.node, ()):
                groups[each.key.part, number].append(each)
        for (part, number), mine in sorted(groups.items()):
            rows = pack((*each.key, each.attempt) for each in mine)
            given = {"part": part, "rows": rows, "worker": worker, "experiment": number}
            _counting(connection.dialect.name).run(connection, given)

    def _experiments(self, version_id: int) -> dict[int, tuple[int, ...]]:
        """Map the places of a version's first messages to the numbers of their experiments."""
        known = self._known.get(version_id)
        if known is None:
            plan = self.plan_of(version_id)
            known = self._known[version_id] = {} if plan is None else _places(plan)
        return known


def _places(plan: Plan) -> dict[int, tuple[int, ...]]:
    found: dict[int, tuple[int, ...]] = {}
    for node in plan.nodes:
        comparison = node.type.compares(node.config)
        if comparison is not None:
            number = experiment_id(plan.flow_key, node.id, comparison.identity)
            for letter in letters(plan, node, comparison).values():
                found[letter.index] = (*found.get(letter.index, ()), number)
    return found


@cache
def _counting(dialect: str) -> Prepared:
    rows = rowset(dialect, "rows", **dict.fromkeys((*KEY, "attempt"), sa.BigInteger))
    # Whoever slept while another process took the message over has recorded nothing, and counts nothing.
    mine = [*(MESSAGE.c[name] == rows.c[name] for name in (*KEY, "attempt")), MESSAGE.c.state == "sent"]
    chosen = (
        sa.select(MESSAGE.c.contact_id, MESSAGE.c.due_at)
        .join(rows, sa.and_(*mine))
        .where(MESSAGE.c.worker == parameter("worker", sa.Text))
        .subquery("went")
    )
    return Prepared(ledger.went_out(parameter("experiment"), parameter("part"), chosen, dialect), dialect)
