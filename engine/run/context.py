"""What every file of the executor is handed: the transaction, the part, the plans and who to ask for templates."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import Any, Protocol

from sqlalchemy.engine import Connection

from engine.channels.policy import Cap
from engine.channels.receipts import pack_places
from engine.contract.node import ByDate
from engine.library import lineage
from engine.library.plan import Plan, PlanNode
from engine.rules.model import Rule
from engine.run import sql
from engine.run.effects import date_subject
from engine.run.program import Keeps, Program, Surroundings, Templates, program_of
from engine.run.subjects import Subject
from engine.terms import Micros


@dataclass
class Deployment(Keeps):
    """The flows that run, as they were at a moment: it is read again when anything was published, paused or named.

    Shape: ``plans`` by version id, of every version that has or may get tokens; ``live`` maps flow keys to the version
    that lets contacts in; ``paused`` are flows whose tokens rest; ``dropped`` says of flows whose backlog was dropped
    until when. ``segments`` are the named rules by key.
    """

    workspace_id: int
    timezone: str
    plans: Mapping[int, Plan]
    live: Mapping[str, int]
    paused: frozenset[int]
    dropped: Mapping[int, Micros]
    segments: Mapping[str, Rule]
    subjects: tuple[Subject, ...]
    templates: Templates
    requires: Callable[[Plan, PlanNode], Sequence[str]]
    cap: Cap | None
    _programs: dict[tuple[int, str], Program] = field(default_factory=dict)

    def program(self, version_id: int, dialect: str) -> Program:
        """Give the compiled program of a version."""
        found = self._programs.get((version_id, dialect))
        if found is None:
            before = lineage.earlier(self.plans[version_id], self.plans)
            plan = lineage.aware(self.plans[version_id], before)
            meaning = replace(sql.Meaning.of(plan, self.segments), formerly=lineage.formerly(plan, before))
            around = Surroundings(meaning, self.templates, partial(self.requires, plan), self.cap)
            found = program_of(plan, dialect, around)
            self._programs[version_id, dialect] = found
        return found

    def versions(self) -> list[Plan]:
        """List the versions that may have tokens, oldest first: events end and wake them also in a pause."""
        return [plan for _, plan in sorted(self.plans.items())]

    def running(self) -> list[Plan]:
        """List the versions whose tokens may move, oldest first."""
        return [plan for plan in self.versions() if not self.rests(plan)]

    def moves(self, version_id: int) -> bool:
        """Tell whether the tokens of a version may move."""
        return version_id in self.plans and not self.rests(self.plans[version_id])

    def open(self) -> list[Plan]:
        """List the versions that let contacts in."""
        return [plan for plan in self.published() if not self.rests(plan)]

    def rests(self, plan: Plan) -> bool:
        """Tell whether a version's flow is paused."""
        return plan.flow_id in self.paused

    def published(self) -> list[Plan]:
        """List the versions that let contacts in, but for pauses."""
        return [self.plans[version] for version in sorted(self.live.values())]

    @cached_property
    def places(self) -> str:
        """Which send node is meant by which name, for receipts."""
        return pack_places(
            (plan.version_id, node.index, node.id, plan.flow_key)
            for plan in self.plans.values()
            for node in plan.nodes
            if node.type.channel is not None
        )

    def subject(self, subject_id: int) -> Subject | None:
        """Find a segment whose members are kept by its number."""
        return next((subject for subject in self.subjects if subject.id == subject_id), None)

    def date_triggers(self) -> dict[int, tuple[Plan, PlanNode]]:
        """List the triggers that let contacts in at a date of theirs, by their number among the rechecks."""
        return {
            date_subject(plan.flow_key, node.id): (plan, node)
            for plan in self.published()
            for node in plan.triggers
            if isinstance(node.entry, ByDate)
        }


@dataclass
class Run:
    """One transaction of the executor over one part.

    ``exact`` says that each member's now is its own due instant; else it is ``now`` for all. Tokens move that are due
    by ``due``; by now, where nothing is said.
    """

    connection: Connection
    part: int
    deployment: Deployment
    now: Micros
    exact: bool
    due: Micros | None = None

    @property
    def dialect(self) -> str:
        """Name the database's dialect."""
        return self.connection.dialect.name

    def given(self, **more: Any) -> dict[str, Any]:
        """Name the parameters that every statement may use."""
        return {"at_part": self.part, "now": self.now, "due": self.now if self.due is None else self.due, **more}


class Moved(Protocol):
    """How many tokens moved, and how many steps they took."""

    @property
    def tokens(self) -> int:
        """Count the tokens."""

    @property
    def steps(self) -> int:
        """Count the steps."""


@dataclass
class TickReport:
    """What a tick did."""

    events: int = 0
    entered: int = 0
    tokens: int = 0
    steps: int = 0
    waves: int = 0
    failed: int = 0
    flows: set[str] = field(default_factory=set)

    def add(self, done: Moved) -> None:
        """Add what a wave did."""
        self.tokens += done.tokens
        self.steps += done.steps
        self.waves += 1 if done.tokens else 0
