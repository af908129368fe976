"""Play flows through virtual time, with the executor that runs the real ones."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache, cached_property
from operator import attrgetter
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from engine.contract.registry import Registry
from engine.experiments.division import EXPOSURE
from engine.experiments.report import make_report as make_experiment_report
from engine.graph.model import Document
from engine.library.plan import Plan, PlanNode
from engine.run import calendar, changes, rounds
from engine.run.context import Deployment, Run, TickReport
from engine.run.conversions import experiments
from engine.run.deploy import Deployments
from engine.run.enroll import enter
from engine.run.journal import journal_lines
from engine.run.judging import judge_in
from engine.run.program import Templates
from engine.run.tables import ENTRANT, NOW, PART, TURN, clear
from engine.run.transactions import transaction
from engine.simulate.behaviour import Behaviour, Happening, happenings
from engine.simulate.circle import Circle
from engine.simulate.findings import known, learn
from engine.simulate.hearing import Hearing
from engine.simulate.population import Person
from engine.simulate.report import Report, make_report
from engine.simulate.sending import Sender
from engine.simulate.world import CONTACT, UPCOMING, World, deliver
from engine.store.dialect import be_patient
from engine.store.prepared import Prepared
from engine.store.session import Store
from engine.terms import DAY, Json, Micros

MAIN = 1
"""The number of the flow of interest and of its version."""


@dataclass(frozen=True)
class Scenario:
    """What is rehearsed.

    Shape: the first flow is the one of interest: its journal is written, and its manual trigger lets everybody in.
    ``events`` None means that behaviour is invented from ``behaviour`` and ``seed``.
    """

    flows: Sequence[Document]
    people: Collection[Person]
    start: Micros
    days: float
    events: Sequence[Happening] | None = None
    behaviour: Behaviour = field(default_factory=Behaviour)
    seed: int = 1
    segments: Mapping[str, Any] = field(default_factory=dict)

    @property
    def end(self) -> Micros:
        """The last instant that is played."""
        return self.start + int(self.days * DAY)


@dataclass(frozen=True)
class Means:
    """What a rehearsal borrows from the composition root."""

    registry: Registry
    templates: Templates
    requires: Callable[[Plan, PlanNode], Sequence[str]]


@dataclass(frozen=True)
class Outcome:
    """What a rehearsal gives: counts, the plan of the flow of interest, and its journal while the world is open.

    Shape: ``lines`` reads the journal line by line: a big rehearsal has millions.
    """

    report: Report
    plan: Plan
    lines: Callable[[], Iterator[dict[str, Json]]]

    @cached_property
    def journal(self) -> list[dict[str, Json]]:
        """All lines of the journal, read when they are asked for first and kept."""
        return list(self.lines())


def simulate(
    store: Store,
    scenario: Scenario,
    means: Means,
    progress: Callable[[float], None] = lambda _: None,
    *,
    every_flow: bool = False,
    circle: Circle | None = None,
) -> Outcome:
    """Play a scenario in an empty store, which keeps the virtual world afterwards.

    Shape: the journal is that of the first flow, or of every flow: then the lines of others name their ``flow``.
    ``circle`` are those who play, else this process alone.
    Cost: a round of statements for each thing that the busiest contact has to do; a day's worth at a time once
    somebody has come to an experiment, which is then looked at every day.
    """
    circle = circle or Circle(range(store.parts))
    deployment = play(store, scenario, means, circle, progress)
    circle.gather(store)
    plans = deployment.plans
    with store.read() as connection:
        told = _of_experiments(connection, store.parts, deployment, scenario.end)
        report = make_report(connection, plans[MAIN], scenario, told)
    flows = range(1, 1 + len(scenario.flows)) if every_flow else [MAIN]

    def lines() -> Iterator[dict[str, Json]]:
        with store.read() as looking:
            yield from journal_lines(looking, plans, flows)

    return Outcome(report, plans[MAIN], lines)


def play(
    store: Store, scenario: Scenario, means: Means, circle: Circle, progress: Callable[[float], None] = lambda _: None
) -> Deployment:
    """Play those parts of a scenario in an empty store that a circle names; give the flows that ran."""
    with transaction(store) as connection:
        be_patient(connection)
        player = _Player(connection, store.parts, circle, scenario, means)
        player.begin()
        player.play(progress)
        return player.deployment


def _of_experiments(connection: Connection, parts: int, deployment: Deployment, now: Micros) -> list[dict[str, Json]]:
    """Report on the experiments of the flow of interest."""
    return [
        {"node": node.id, **make_experiment_report(connection, parts, number, comparison, now)}
        for number, (plan, node, comparison) in experiments(deployment).items()
        if plan.version_id == MAIN
    ]


class _Exposed(Exception):
    """Somebody has come to an experiment."""


@dataclass
class _Player:
    connection: Connection
    parts: int
    circle: Circle
    scenario: Scenario
    means: Means
    progress: Callable[[float], None] = lambda _: None
    told: float = 0.0
    unexposed: bool = False
    """Whether nobody may come to an experiment: whoever would is held back, and this playing ends."""

    def begin(self) -> None:
        """Let contacts be there, publish the flows, and plan what is going to happen."""
        scenario = self.scenario
        self.world = World.open(self.connection, self.parts, self.circle.parts, scenario.start)
        self.world.settle(scenario.people, scenario.start)
        self.world.define(scenario.segments)
        self.world.publish(scenario.flows)
        deployments = Deployments(self.means.registry, self.means.templates, self.means.requires)
        self.deployment: Deployment = deployments.current(self.connection)
        self.world.hearing = Hearing(self.deployment, self.connection.dialect.name)
        invented = scenario.behaviour if scenario.events is None else None
        self.sender = Sender(self.world, invented, scenario.seed, scenario.end)
        self.report = TickReport()
        mine = (event for event in scenario.events or () if self.world.has(event.contact))
        events = sorted(mine, key=attrgetter("at"))
        self._look_back(events)
        for part in self.circle.parts:
            run = self._run(part, scenario.start)
            self._let_in_at_first(run)
            while changes.first_looks(run):
                pass
        # Only now: what happens at the very start is not there yet when everybody is looked at first.
        self.world.plan(self._invented() if scenario.events is None else self._to_come(events))

    def play(self, progress: Callable[[float], None]) -> None:
        """Play on to the end; schedules and experiments cut the time, so that they see the world of their instant."""
        self.progress = progress
        now, end = self.scenario.start, self.scenario.end
        step = DAY if experiments(self.deployment) and self._is_somebody_exposed() else max(1, end - now)
        while True:
            until = min(now + step, end)
            self._play_until(now, until)
            self._judge(until)
            if until >= end:
                break
            now = until
        progress(1.0)

    def _is_somebody_exposed(self) -> bool:
        """Play on until somebody comes to an experiment; tell whether that is so here or elsewhere.

        Until then there is nothing to look at, and contacts that are ahead of others depend on nobody.
        """
        return any(self.circle.tell(self._is_played_to_exposure()))

    def _is_played_to_exposure(self) -> bool:
        self.unexposed = True
        try:
            self._play_until(self.scenario.start, self.scenario.end)
        except _Exposed:
            return True
        finally:
            self.unexposed = False
        return False

    @contextmanager
    def _with_care(self) -> Iterator[None]:
        """Do something that is taken back if it brings somebody to an experiment where nobody may come there."""
        if not self.unexposed:
            yield
            return
        self.connection.exec_driver_sql("SAVEPOINT unexposed")
        yield
        exposed = self.connection.scalar(_somebody_exposed())
        if exposed:
            self.connection.exec_driver_sql("ROLLBACK TO unexposed")
        # Also after going back to it: one that stays open lets SQLite note every page once more until the end.
        self.connection.exec_driver_sql("RELEASE unexposed")
        if exposed:
            raise _Exposed

    def _judge(self, now: Micros) -> None:
        """Look at experiments once a day: what is decided acts from then on."""
        numbers = list(experiments(self.deployment))
        if numbers:
            learn(self.connection, self.circle.tell(known(self.connection, self.circle.parts)))
        for number in numbers:
            judge_in(self.connection, self.parts, self.deployment, number, now)

    def _play_until(self, now: Micros, until: Micros) -> None:
        for part in self.circle.parts:
            self._play_part(self._run(part, now), until)

    def _play_part(self, run: Run, until: Micros) -> None:
        while occasions := calendar.occasions(run, until):
            first = occasions[0]
            self._rounds(run, first.at - 1)
            # Events of the very instant come first, then the calendar, then the tokens.
            self._round(run, first.at, tokens=False)
            self.world.listen(run)
            with self._with_care():
                calendar.let_in(run, first)
        self._rounds(run, until)

    def _round(self, run: Run, until: Micros, *, tokens: bool = True) -> int:
        with self._with_care():
            return rounds.play_round(run, until, self.report, UPCOMING, deliver, tokens=tokens)

    def _rounds(self, run: Run, until: Micros) -> None:
        # First what was owed for later: what contacts make of it may be the next thing that happens.
        self._send(run, until)
        while self._round(run, until):
            self._send(run, until)
            self._tell(run)

    def _send(self, run: Run, until: Micros) -> None:
        self.sender.send(run, until)
        self.world.listen(run)

    def _tell(self, run: Run) -> None:
        """Tell how far contacts have come, in the mean; never less than before."""
        mean = int(run.connection.scalar(_mean_turn()) or self.scenario.start)
        parts, length = self.circle.parts, max(1, self.scenario.end - self.scenario.start)
        share = (parts.index(run.part) + (mean - self.scenario.start) / length) / len(parts)
        if share > self.told:
            self.told = share
            self.progress(share)

    def _run(self, part: int, now: Micros) -> Run:
        return Run(self.connection, part, self.deployment, now, exact=True)

    def _let_in_at_first(self, run: Run) -> None:
        """Let in by hand, and who matches a segment already, in the order of the triggers in the document."""
        plan = self.deployment.plans[MAIN]
        by_hand = {each.index for each in plan.by_hand}
        known = self.deployment.subjects
        subjects = {each.trigger.node.index: each for each in known if each.trigger and each.trigger.plan is plan}
        for trigger in plan.triggers:
            if trigger.index in by_hand:
                clear(run.connection, ENTRANT)
                _everybody(run.dialect).run(run.connection, run.given())
                enter(run, plan, trigger)
            if trigger.index in subjects:
                while changes.first_look(run, subjects[trigger.index]):
                    pass

    def _look_back(self, events: Sequence[Happening]) -> None:
        """Let contacts of events be there from their first event on, and what happened before the start be history."""
        scenario = self.scenario
        created: dict[str, Micros] = {}
        for event in events:
            if event.contact not in self.world.places:
                created.setdefault(event.contact, max(event.at, scenario.start))
        self.world.newcomers(created, [subject.id for subject in self.deployment.subjects])
        self.world.remember([event for event in events if event.at < scenario.start], self.deployment)

    def _to_come(self, events: Iterable[Happening]) -> Iterator[Happening]:
        return (event for event in events if self.scenario.start <= event.at <= self.scenario.end)

    def _invented(self) -> Iterator[Happening]:
        scenario = self.scenario
        habits = scenario.behaviour.habits(self.deployment.plans.values(), self.deployment.segments)
        # Those of the scenario, in its order: without events nobody else is there.
        for key in self.world.places:
            yield from sorted(
                happenings(key, habits, scenario.seed, scenario.start, scenario.end), key=attrgetter("at")
            )


@cache
def _somebody_exposed() -> sa.Select[Any]:
    return sa.select(sa.literal(1)).select_from(EXPOSURE).limit(1)


@cache
def _mean_turn() -> sa.Select[Any]:
    return sa.select(sa.func.avg(TURN.c.at))


@cache
def _everybody(dialect: str) -> Prepared:
    chosen = sa.select(CONTACT.c.id, NOW).where(CONTACT.c.part == PART, CONTACT.c.created_at <= NOW)
    return Prepared(ENTRANT.insert().from_select(["contact_id", "now"], chosen), dialect)
