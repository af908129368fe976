"""Who hears which events: most of what contacts do changes nothing, and then their time need not stop for it.

An event may mark a message, change a consent, let somebody in; it may end an enrollment that is there, wake a token
that waits for it, end a membership. So each name of an event has a number, a bit for each *ear* that hears it, and each
contact one with the bits of the ears that are open to it now. What no open ear hears stays in the table of events,
where rules see it from its instant on.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

import sqlalchemy as sa

from engine.channels.receipts import RECEIPT_NAMES
from engine.contract.node import ByEvent
from engine.experiments.division import EXPOSURE
from engine.rules.names import enabling_names, event_names
from engine.run.context import Deployment
from engine.run.conversions import experiments
from engine.run.program import TOKEN
from engine.run.rest import ENROLLMENT
from engine.run.review import MEMBERSHIP
from engine.run.tables import PART

ALWAYS: Final = 1
"""The ear that is open to everybody."""

EARS: Final = 62
"""So many bits has a number; what would need more is heard by everybody."""

Key = tuple[int, ...]
Column = sa.ColumnElement[Any]


class Hearing:
    """The ears of the flows that run.

    Shape: ``enrolled`` are bits by version, ``waiting`` by version and node, ``members`` by subject, ``exposed`` by
    experiment.
    """

    def __init__(self, deployment: Deployment, dialect: str) -> None:
        """Give every listener its bit."""
        self._bits: defaultdict[str, int] = defaultdict(int)
        self._next = ALWAYS << 1
        self.enrolled: dict[Key, int] = {}
        self.waiting: dict[Key, int] = {}
        self.members: dict[Key, int] = {}
        self.exposed: dict[Key, int] = {}
        self._add_flows(deployment, dialect)
        self._add_subjects(deployment)
        for number, (_, _, comparison) in experiments(deployment).items():
            self._open(self.exposed, (number,), {watched.event for watched in comparison.watched})

    def of(self, name: str, *, noted: bool = False) -> int:
        """Give the ears that hear an event; ``noted`` says that its message tells of it already."""
        found = self._bits.get(name, 0)
        return found if noted or name not in RECEIPT_NAMES else found | ALWAYS

    def open_to(self, contact_id: Column) -> Column:
        """Write the number of the ears that are open to a contact now."""
        open_now: Column = sa.literal_column(str(ALWAYS), sa.BigInteger)
        for table, keys, bits, moreover in (
            (ENROLLMENT, ("version_id",), self.enrolled, [ENROLLMENT.c.state == "active"]),
            (TOKEN, ("version_id", "node"), self.waiting, [TOKEN.c.state == "waiting", TOKEN.c.woken == 0]),
            (MEMBERSHIP, ("segment_id",), self.members, [MEMBERSHIP.c.left_at.is_(None)]),
            (EXPOSURE, ("experiment_id",), self.exposed, []),
        ):
            if bits:
                mine = [table.c.part == PART, table.c.contact_id == contact_id, *moreover]
                open_now = open_now + _sum([table.c[key] for key in keys], bits, mine)
        return open_now

    def _add_flows(self, deployment: Deployment, dialect: str) -> None:
        for plan in deployment.open():
            self._hear(ALWAYS, {node.entry.match.name for node in plan.triggers if isinstance(node.entry, ByEvent)})
        for plan in deployment.versions():
            program = deployment.program(plan.version_id, dialect)
            segments = program.meaning.segments
            ends = (event_names(rule, segments) for rule in (plan.goal, plan.exit) if rule is not None)
            self._open(self.enrolled, (plan.version_id,), frozenset[str]().union(*ends))
            waits: defaultdict[int, set[str]] = defaultdict(set)
            for node, match in program.event_waits:
                waits[node.index].add(match.name)
            for node, rule in program.rule_waits:
                waits[node.index] |= enabling_names(rule, segments)
            for index, names in waits.items():
                self._open(self.waiting, (plan.version_id, index), names)

    def _add_subjects(self, deployment: Deployment) -> None:
        for subject in deployment.subjects:
            self._hear(ALWAYS, subject.names & subject.enabling)
            self._open(self.members, (subject.id,), subject.names - subject.enabling)

    def _open(self, ears: dict[Key, int], key: Key, names: Collection[str]) -> None:
        """Let one who listens to some contacts hear of these events."""
        if not names:
            return
        if self._next >= 1 << EARS:
            self._hear(ALWAYS, names)
            return
        ears[key] = self._next
        self._hear(self._next, names)
        self._next <<= 1

    def _hear(self, ear: int, names: Collection[str]) -> None:
        for name in names:
            self._bits[name] |= ear


def _sum(columns: Sequence[Column], bits: Mapping[Key, int], mine: Sequence[Column]) -> Column:
    """Put the bits of all rows of a contact together, each once."""
    none = sa.literal_column("0", sa.BigInteger)
    found: Column = none
    for key, bit in bits.items():
        same = sa.and_(*(column == part for column, part in zip(columns, key, strict=True)))
        # Not a sum of distinct bits: that sorts.
        found = found + sa.func.max(sa.case((same, sa.literal_column(str(bit), sa.BigInteger)), else_=none))
    return sa.func.coalesce(sa.select(found).where(*mine).scalar_subquery(), none)
