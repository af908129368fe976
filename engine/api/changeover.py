"""Move contacts on the way to a new version of their flow: look at it beforehand, do it, take it back."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from engine.access.rights import Right
from engine.api import flows
from engine.api.acting import needs, note
from engine.api.counts import tokens_of
from engine.api.flows import Found
from engine.api.kept import keep
from engine.api.sampling import Run as Neighbours
from engine.api.sampling import in_run, runs, strewn
from engine.errors import FlowError
from engine.graph.document import is_sound, read_document
from engine.library import drafts
from engine.library.plan import Plan, PlanNode
from engine.library.planning import make_plan
from engine.run import changeovers
from engine.run.changeover import AGAIN, ELSEWHERE, FAILED, GONE, MOVES, SEVERAL, Batches, Fates
from engine.run.changeovers import Act
from engine.run.context import Deployment, Run
from engine.run.foretell import next_message
from engine.run.landing import LEAVE, OUTSIDE, STAY, Chosen, Crossing, check, cross
from engine.run.lineage import TRANSFER
from engine.run.pace import MOST, Pace
from engine.run.transactions import transaction
from engine.store.rowsets import pack
from engine.store.tables import Contact, Enrollment, FlowVersion, Token
from engine.terms import Micros, Text, from_micros
from engine.wiring import Wiring, look

__all__ = ["AGAIN", "ELSEWHERE", "FAILED", "GONE", "LEAVE", "LEAVES", "MOVES", "SEVERAL", "STAY"]

CONTACT: sa.Table = Contact.__table__  # type: ignore[attr-defined]
ENROLLMENT: sa.Table = Enrollment.__table__  # type: ignore[attr-defined]
TOKEN: sa.Table = Token.__table__  # type: ignore[attr-defined]
VERSION: sa.Table = FlowVersion.__table__  # type: ignore[attr-defined]

LEAVES: Final = "leaves"
SAMPLES: Final = 5
LOOKED: Final = 2_000
"""Of more tokens than these a sample is looked at, where that will do."""

BATCH = MOST


@dataclass(frozen=True)
class Group:
    """Contacts who rest at one node of one older version, and what would become of them.

    Shape: ``fate`` is ``MOVES`` with the id of the node where they land in ``target``, ``LEAVES``, or why they stay.
    """

    version: int
    node: str
    name: Text
    fate: str
    target: str | None
    contacts: int


@dataclass(frozen=True)
class Preview:
    """What a move would do.

    Shape: ``number`` is that of the version they would move to, None for a draft that is not published yet;
    ``places`` are the nodes where somebody can be put, ids with names, in the order of the flow. Of an estimate a
    sample was looked at.
    """

    number: int | None
    groups: tuple[Group, ...]
    places: tuple[tuple[str, Text], ...]
    is_estimate: bool = False

    def count(self, *fates: str) -> int:
        """Count the contacts who share one of these fates."""
        return sum(group.contacts for group in self.groups if group.fate in fates)

    @property
    def moving(self) -> int:
        """Count the contacts who would move."""
        return self.count(MOVES)

    @property
    def staying(self) -> int:
        """Count the contacts who would stay on their version."""
        return sum(group.contacts for group in self.groups) - self.count(MOVES, LEAVES)


@dataclass(frozen=True)
class Sample:
    """One contact who would move: from where to where, until when they rest, what is sent next, and not before when."""

    contact: str
    node: Text
    target: Text
    due: datetime | None
    message: Text | None
    at: datetime | None


@dataclass(frozen=True)
class Moved:
    """How many contacts moved, and how many left the flow by it."""

    moved: int
    left: int


@dataclass(frozen=True)
class TakenBack:
    """How many contacts went back to where they were, and how many had gone on and stay."""

    back: int
    stay: int


@dataclass(frozen=True)
class Last:
    """The last move that can be taken back: to which version, by whom, when, and how many contacts."""

    number: int
    by: str
    at: datetime
    contacts: int


@dataclass(frozen=True)
class _Way:
    """Everything that a move is made of: the flow, its newest plan and the ways from the older ones."""

    flow: Found
    deployment: Deployment
    new: Plan
    crossings: tuple[Crossing, ...]


def preview(
    wiring: Wiring, key: str, chosen: Chosen | None = None, *, draft: bool = False, exact: bool = True
) -> Preview:
    """Tell where every contact of an older version would land, in the live version or in the draft.

    Errors: ``NotFound``; ``FlowError`` for a flow that never was published, a draft with errors, or a choice that is
    not there. Cost: one statement a part and version, over the flow's tokens, or one a version, over a sample of them,
    if need not be ``exact``.
    """
    with wiring.store.read() as connection:
        way = _way(wiring, connection, key, chosen or {}, draft=draft)
        numbers = _numbers(connection, way.flow.id)
    standing = _standing(wiring, way)
    with wiring.store.read() as connection:
        is_estimate = not exact and sum(standing.values()) > LOOKED
        some = _some(wiring, connection, sum(standing.values())) if is_estimate else None
        groups = [
            group
            for crossing in way.crossings
            for group in _groups(way, crossing, numbers, _fates(wiring, connection, way, crossing, some, standing))
        ]
    names = tuple((node.id, _name(node)) for node in way.new.nodes if node.entry is None)
    return Preview(numbers.get(way.new.version_id), tuple(groups), names, is_estimate)


def is_anybody_behind(wiring: Wiring, key: str, *, draft: bool = False) -> bool:
    """Tell whether somebody is on an older version than the live one, or than the draft.

    Errors: as ``preview``. Cost: that of the counts of the flow's tokens, which are kept.
    """
    with wiring.store.read() as connection:
        way = _way(wiring, connection, key, {}, draft=draft)
    return bool(_standing(wiring, way))


@needs(Right.RUN)
def rehearse(
    wiring: Wiring, key: str, chosen: Chosen | None = None, *, draft: bool = False, most: int = SAMPLES
) -> list[Sample]:
    """Move the first contacts, look at what became of them, and take it back in the same transaction.

    Errors: as ``preview``. Cost: as a batch of so many contacts.
    """
    found: list[Sample] = []
    with _taken_back(wiring) as connection:
        way = _way(wiring, connection, key, chosen or {}, draft=draft)
        for crossing in way.crossings:
            if len(found) < most and crossing.landings:
                found += _tried(wiring, connection, way, crossing, most - len(found))
    return found


@needs(Right.RUN)
def change_over(wiring: Wiring, key: str, chosen: Chosen | None = None, number: int | None = None) -> Moved:
    """Move the contacts of older versions, or of the one with this number, to the live version, batch by batch.

    A batch is a transaction; called again after a crash it goes on. Errors: as ``preview``; ``FlowError`` when another
    version is published meanwhile.
    """
    chosen = chosen or {}
    with transaction(wiring.store) as connection:
        way = _way(wiring, connection, key, chosen)
        numbers = _numbers(connection, way.flow.id)
        now = wiring.clock.micros()
        act = changeovers.begin(connection, way.flow.id, way.new.version_id, wiring.actor.name, chosen, now)
        note(wiring, connection, "flow.move", key, version=numbers[way.new.version_id], mapping=dict(chosen))
    moved: Counter[bool] = Counter()
    for crossing in way.crossings:
        if crossing.landings and number in (None, numbers[crossing.old.version_id]):
            for part in range(wiring.store.parts):
                moved += _take(wiring, key, crossing, act, part)
    with wiring.store.write() as connection:
        changeovers.finish(connection, act, wiring.clock.micros())
    return Moved(moved[True], moved[False])


@needs(Right.RUN)
def undo(wiring: Wiring, key: str) -> TakenBack:
    """Take the last move of a flow back: who has taken no step since goes back to where they were.

    Errors: ``NotFound``; ``FlowError`` when there is none.
    """
    with wiring.store.read() as connection:
        act = _latest(wiring, connection, key)
    if act is None:
        raise FlowError(f"nobody was moved in flow {key!r}, or it was taken back already", flow=key)
    back = stay = 0
    pace = Pace(wiring.store, BATCH)
    for part in range(wiring.store.parts):
        after: int | None = 0
        while after is not None:
            with pace.step(pace.size), transaction(wiring.store, part) as connection:
                run = _run(wiring, connection, part)
                returned, others, after = changeovers.take_back(run, act, after, pace.size)
                back, stay = back + returned, stay + others
    with wiring.store.write() as connection:
        changeovers.close(connection, act.id, wiring.clock.micros())
        note(wiring, connection, "flow.move_back", key, back=back, stay=stay)
    return TakenBack(back, stay)


def last(wiring: Wiring, key: str) -> Last | None:
    """Find the last move of a flow that can be taken back.

    Errors: ``NotFound``. Cost: reads what became of the flow's moves.
    """
    with wiring.store.read() as connection:
        act = _latest(wiring, connection, key)
        if act is None:
            return None
        number = _numbers(connection, act.flow_id)[act.version_id]
    return Last(number, act.by, from_micros(act.at), keep(wiring, moved_by, act.id))


def moved_by(wiring: Wiring, act: int) -> int:
    """Count whom a move took along. To be kept."""
    whose = (TRANSFER.c.part, TRANSFER.c.contact_id, TRANSFER.c.enrollment_id)
    moved = sa.select(*whose).where(TRANSFER.c.changeover_id == act).distinct().subquery()
    with wiring.store.read() as connection:
        return connection.scalar(sa.select(sa.func.count()).select_from(moved)) or 0


def _latest(wiring: Wiring, connection: Connection, key: str) -> Act | None:
    return changeovers.latest(connection, flows.find(wiring, connection, key).id)


def _run(wiring: Wiring, connection: Connection, part: int, deployment: Deployment | None = None) -> Run:
    deployment = deployment or look(wiring, connection)
    return Run(connection, part, deployment, wiring.clock.micros(), exact=False)


def _way(wiring: Wiring, connection: Connection, key: str, chosen: Chosen, *, draft: bool = False) -> _Way:
    flow = flows.find(wiring, connection, key)
    deployment = look(wiring, connection)
    live = deployment.live.get(key)
    if live is None:
        raise FlowError(f"flow {key!r} is not live; publish it first", flow=key)
    new = deployment.plans[live]
    if draft:
        new = _drawn(wiring, connection, key, new, max(deployment.plans) + 1)
        deployment = replace(deployment, plans={**deployment.plans, new.version_id: new}, _programs={})
    check(new, chosen)
    reached = changeovers.reached(connection, flow.id)
    older = [each for each in deployment.versions() if each.flow_id == flow.id and each.version_id < new.version_id]
    crossings = []
    for each in older:
        former = [plan for plan in older if plan.version_id < each.version_id and each.version_id in reached]
        crossings.append(cross(each, new, chosen, former))
    return _Way(flow, deployment, new, tuple(crossings))


def _drawn(wiring: Wiring, connection: Connection, key: str, live: Plan, number: int) -> Plan:
    """Make a plan of a draft, as if it had been published."""
    raw = drafts.load(connection, wiring.workspace_id, key)[2]
    document, findings = read_document(raw, wiring.registry)
    if document is None or not is_sound(findings):
        raise FlowError(f"the draft of {key!r} has errors; mend them first", findings=findings)
    return make_plan(document, version_id=number, flow_id=live.flow_id, workspace_id=live.workspace_id)


def _numbers(connection: Connection, flow_id: int) -> dict[int, int]:
    chosen = sa.select(VERSION.c.id, VERSION.c.number).where(VERSION.c.flow_id == flow_id)
    return {int(version): int(number) for version, number in connection.execute(chosen)}


_Standing = Mapping[tuple[int, int], int]
"""How many tokens rest at a node of an older version."""

_Some = Sequence[Neighbours]
"""The contacts of a sample."""


def _standing(wiring: Wiring, way: _Way) -> _Standing:
    older = {crossing.old.version_id for crossing in way.crossings}
    found: Counter[tuple[int, int]] = Counter()
    for (version, place, _), count in keep(wiring, tokens_of, way.flow.id).items():
        if version in older:
            found[version, place] += count
    return found


def _some(wiring: Wiring, connection: Connection, count: int) -> _Some:
    """Choose some contacts of every part, evenly; ``count`` is how many tokens there are."""
    return list(strewn(connection, TOKEN.c.contact_id, wiring.store.parts, count // LOOKED + 1))


def _fates(
    wiring: Wiring,
    connection: Connection,
    way: _Way,
    crossing: Crossing,
    some: _Some | None,
    standing: _Standing,
) -> Counter[tuple[int, str]]:
    """Count by node and fate; of a sample as many as stand at the node altogether."""
    counted: Counter[tuple[int, str]] = Counter()
    if some is None:
        fates = Fates(crossing, wiring.store.name)
        for part in range(wiring.store.parts):
            for place, fate, found in fates.count(_run(wiring, connection, part, way.deployment)):
                counted[place, fate] += found
        return counted
    here = {place: count for (version, place), count in standing.items() if version == crossing.old.version_id}
    if not here:
        return counted
    chosen = runs(wiring.store.name)
    fates = Fates(crossing, wiring.store.name, (chosen, in_run(chosen, TOKEN.c.contact_id)))
    for place, fate, found in fates.count(_run(wiring, connection, 0, way.deployment), runs=pack(some)):
        counted[place, fate] += found
    seen: Counter[int] = Counter()
    for (place, _), found in counted.items():
        seen[place] += found
    told = {key: round(found * here.get(key[0], 0) / seen[key[0]]) for key, found in counted.items()}
    unseen = {
        (place, MOVES if place in crossing.landings else GONE): here[place] for place in here.keys() - seen.keys()
    }
    return Counter(told | unseen)


def _groups(
    way: _Way, crossing: Crossing, numbers: Mapping[int, int], counted: Counter[tuple[int, str]]
) -> Iterator[Group]:
    for (place, fate), found in sorted(counted.items()):
        node, number = crossing.old.nodes[place], numbers[crossing.old.version_id]
        where = crossing.landings[place].target if fate == MOVES else OUTSIDE
        if where == OUTSIDE:
            yield Group(number, node.id, _name(node), LEAVES if fate == MOVES else fate, None, found)
        else:
            yield Group(number, node.id, _name(node), fate, way.new.nodes[where].id, found)


def _take(wiring: Wiring, key: str, crossing: Crossing, act: int, part: int) -> Counter[bool]:
    """Take a part's contacts along; give how many moved (true) and left (false)."""
    batches = Batches(crossing, wiring.store.engine.dialect.name)
    moved: Counter[bool] = Counter()
    pace = Pace(wiring.store, BATCH)
    after: int | None = 0
    while after is not None:
        with pace.step(pace.size), transaction(wiring.store, part) as connection:
            run = _run(wiring, connection, part)
            if run.deployment.live.get(key) != crossing.new.version_id:
                raise FlowError(f"another version of {key!r} was published meanwhile; look at the move again", flow=key)
            program = run.deployment.program(crossing.new.version_id, run.dialect)
            taken, after = batches.take(run, program, act, after, pace.size)
            moved += taken
    return moved


def _tried(wiring: Wiring, connection: Connection, way: _Way, crossing: Crossing, most: int) -> list[Sample]:
    batches = Batches(crossing, connection.dialect.name)
    found: list[Sample] = []
    for part in range(wiring.store.parts):
        run = _run(wiring, connection, part, way.deployment)
        program = way.deployment.program(way.new.version_id, run.dialect)
        after: int | None = 0
        while after is not None and len(found) < most:
            before = after
            taken, after = batches.take(run, program, 0, after, most - len(found))
            if taken and after is not None:
                found += _samples(run, way, crossing, before, after)
    return found[:most]


def _samples(run: Run, way: _Way, crossing: Crossing, after: int, until: int) -> Iterator[Sample]:
    token = sa.and_(
        *(TOKEN.c[name] == TRANSFER.c[name] for name in ("part", "contact_id")), TOKEN.c.id == TRANSFER.c.token_id
    )
    contact = sa.and_(CONTACT.c.part == TRANSFER.c.part, CONTACT.c.id == TRANSFER.c.contact_id)
    mine = sa.and_(
        *(ENROLLMENT.c[name] == TRANSFER.c[name] for name in ("part", "contact_id")),
        ENROLLMENT.c.id == TRANSFER.c.enrollment_id,
    )
    chosen = (
        sa.select(CONTACT.c.key, CONTACT.c.timezone, ENROLLMENT.c.started_at)
        .add_columns(TRANSFER.c.node.label("was"), TOKEN.c.node.label("node"), TOKEN.c.due_at)
        .select_from(TRANSFER.join(TOKEN, token).join(CONTACT, contact).join(ENROLLMENT, mine))
        .where(TRANSFER.c.part == run.part, TRANSFER.c.changeover_id == 0)
        .where(TRANSFER.c.contact_id > after, TRANSFER.c.contact_id <= until)
        .order_by(TRANSFER.c.contact_id, TRANSFER.c.token_id)
    )
    for row in run.connection.execute(chosen):
        yield _sample(run, way, crossing, row)


def _sample(run: Run, way: _Way, crossing: Crossing, row: Any) -> Sample:
    due: Micros | None = row.due_at
    told = None
    if due is not None:
        zone = run.deployment.timezone
        at = max(due, run.now)
        told = next_message(way.new, row.node, at, workspace=zone, zone=row.timezone, started=row.started_at)
    return Sample(
        row.key,
        _name(crossing.old.nodes[row.was]),
        _name(way.new.nodes[row.node]),
        None if due is None else from_micros(due),
        None if told is None else _name(told[0]),
        None if told is None else from_micros(told[1]),
    )


def _name(node: PlanNode) -> Text:
    return node.name or node.type.summary(node.config)


class _TakenBackError(Exception):
    """Rolls a rehearsal back."""


@contextmanager
def _taken_back(wiring: Wiring) -> Iterator[Connection]:
    """Open a transaction of the executor of which nothing remains."""
    with suppress(_TakenBackError), transaction(wiring.store) as connection:
        yield connection
        raise _TakenBackError
