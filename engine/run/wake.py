"""Events act: they end enrollments, wake waiting tokens and let contacts in, in that order, each event once.

The events of a batch lie in the arrival table. A contact's events at one instant act one after the other; then its
tokens move; then its next instant follows.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import sqlalchemy as sa

from engine.channels import receipts
from engine.contract.node import ByEvent
from engine.contract.wave import EventMatch
from engine.library.plan import Plan
from engine.rules.model import Rule
from engine.rules.names import event_names
from engine.run import conversions, sql
from engine.run.context import Run
from engine.run.enroll import enter
from engine.run.program import TOKEN, Program
from engine.run.rest import ENROLLMENT
from engine.run.tables import ARRIVAL, ENTRANT, PART, clear
from engine.segments.compile import compile_rule, match_properties
from engine.store.prepared import Prepared, parameter
from engine.store.tables import Event

EVENT: sa.Table = Event.__table__  # type: ignore[attr-defined]
TURN_NUMBER = parameter("turn_number")
INSTANT_NUMBER = parameter("instant_number")

GRACE = 60 * 1_000_000
"""On a real clock an event counts for a wait although it is this much older than the wait: ticks come after events."""


def act(run: Run, instant: int) -> None:
    """Let the events of each contact's given instant act, one after the other.

    Cost: per turn, four statements a flow that names one of the events, and three for receipts.
    """
    turns = {int(turn): set(names) for turn, names in _turns(run, instant).items()}
    for turn in sorted(turns):
        given = run.given(instant_number=instant, turn_number=turn)
        receipts.apply(run.connection, run.part, CURRENT, given, run.deployment.places, names=turns[turn])
        for plan in run.deployment.versions():
            program = run.deployment.program(plan.version_id, run.dialect)
            ends, wakes = _statements(run, program, frozenset(turns[turn]))
            mine = {**given, "version_id": plan.version_id}
            # All of them, also after the first that ended an enrollment.
            if sum(statement.run(run.connection, mine).rowcount for statement in ends):
                _remove_tokens(run.dialect).run(run.connection, mine)
            for statement in wakes:
                statement.run(run.connection, mine)
        for plan in run.deployment.open():
            _let_in(run, plan, turns[turn], given)
    conversions.record(run, instant, {name for names in turns.values() for name in names})


def _turns(run: Run, instant: int) -> dict[int, set[str]]:
    found: dict[int, set[str]] = {}
    for turn, name in _turn_names(run.dialect).run(run.connection, {"instant_number": instant}):
        found.setdefault(turn, set()).add(name)
    return found


@cache
def _turn_names(dialect: str) -> Prepared:
    chosen = sa.select(ARRIVAL.c.turn, ARRIVAL.c.name).where(ARRIVAL.c.instant == INSTANT_NUMBER).distinct()
    return Prepared(chosen, dialect)


CURRENT = (
    sa.select(ARRIVAL.c.contact_id, ARRIVAL.c.id, ARRIVAL.c.name, ARRIVAL.c.at, ARRIVAL.c.now, EVENT.c.properties)
    .join(EVENT, sa.and_(EVENT.c.part == PART, EVENT.c.id == ARRIVAL.c.id))
    .where(ARRIVAL.c.instant == INSTANT_NUMBER, ARRIVAL.c.turn == TURN_NUMBER)
    .subquery("current_event")
)
"""The events that act now, with their properties."""


_Statements = tuple[Sequence[Prepared], Sequence[Prepared]]


def _statements(run: Run, program: Program, names: frozenset[str]) -> _Statements:
    """Give the statements by which events of these names end enrollments of a version, and those by which they wake."""
    # Only names that it knows: else each set of events that ever came at once would have statements of its own.
    known = names & program.once("heard", lambda: _heard(program))
    return program.once(("wake", known, run.exact), lambda: _compiled(program, known, run.exact)) if known else ((), ())


def _heard(program: Program) -> frozenset[str]:
    """Name the events that end or wake anything in a version."""
    plan, segments = program.plan, program.meaning.segments
    ending = (event_names(rule, segments) for rule in (plan.goal, plan.exit) if rule is not None)
    return frozenset(match.name for _, match in program.event_waits).union(*ending)


def _compiled(program: Program, names: frozenset[str], exact: bool) -> _Statements:
    both = _ends(program, names), _wakes(program, names, exact)
    ends, wakes = ([Prepared(statement, program.dialect) for statement in statements] for statements in both)
    return ends, wakes


def _ends(program: Program, names: frozenset[str]) -> list[sa.Update]:
    plan, segments = program.plan, program.meaning.segments
    return [
        _end(program, rule, state, named)
        for rule, state in ((plan.goal, "goal"), (plan.exit, "exit"))
        if rule is not None and (named := names & event_names(rule, segments))
    ]


def _end(program: Program, rule: Rule, state: str, names: frozenset[str]) -> sa.Update:
    contact = sql.CONTACT.alias()
    scope = program.meaning.scope(contact, CURRENT.c.now, ENROLLMENT.c.id)
    verdict = sql.of_contact(sa.case((compile_rule(rule, scope), 1), else_=0), contact, CURRENT.c.contact_id)
    return (
        ENROLLMENT.update()
        .values(state=state, ended_at=CURRENT.c.now)
        .where(
            ENROLLMENT.c.part == PART,
            ENROLLMENT.c.contact_id == CURRENT.c.contact_id,
            ENROLLMENT.c.version_id == parameter("version_id"),
            ENROLLMENT.c.state == "active",
            CURRENT.c.name.in_(sorted(names)),
            verdict == 1,
        )
    )


@cache
def _remove_tokens(dialect: str) -> Prepared:
    over = sa.exists().where(
        ENROLLMENT.c.part == PART,
        ENROLLMENT.c.contact_id == TOKEN.c.contact_id,
        ENROLLMENT.c.id == TOKEN.c.enrollment_id,
        ENROLLMENT.c.state.in_(["goal", "exit"]),
    )
    here = sa.select(ARRIVAL.c.contact_id).where(ARRIVAL.c.instant == INSTANT_NUMBER, ARRIVAL.c.turn == TURN_NUMBER)
    return Prepared(TOKEN.delete().where(TOKEN.c.part == PART, TOKEN.c.contact_id.in_(here), over), dialect)


def _wakes(program: Program, names: frozenset[str], exact: bool) -> list[sa.Update]:
    return [_wake(program, node.index, match, exact) for node, match in program.event_waits if match.name in names]


def _wake(program: Program, node: int, match: EventMatch, exact: bool) -> sa.Update:
    since = TOKEN.c.since if exact else TOKEN.c.since - GRACE
    return (
        TOKEN.update()
        .values(due_at=CURRENT.c.now, woken=1)
        .where(
            TOKEN.c.part == PART,
            TOKEN.c.contact_id == CURRENT.c.contact_id,
            TOKEN.c.version_id == parameter("version_id"),
            TOKEN.c.node == node,
            TOKEN.c.state == "waiting",
            TOKEN.c.woken == 0,
            CURRENT.c.name == match.name,
            CURRENT.c.at > since,
            match_properties(CURRENT.c.properties, match.where, CURRENT.c.now),
        )
    )


def _let_in(run: Run, plan: Plan, names: set[str], given: Mapping[str, Any]) -> None:
    earlier: list[EventMatch] = []
    for trigger in plan.triggers:
        entry = trigger.entry
        if not isinstance(entry, ByEvent):
            continue
        if entry.match.name in names:
            clear(run.connection, ENTRANT)
            statement = _entrants(run.dialect, plan.version_id, trigger.index, entry.match, tuple(earlier))
            if statement.run(run.connection, given).rowcount:
                enter(run, plan, trigger)
        if plan.reentry != "always":
            # Of several triggers that one event fires only the first counts.
            earlier.append(entry.match)


_ENTRANTS: dict[tuple[str, int, int], tuple[EventMatch, Prepared]] = {}


def _entrants(dialect: str, version_id: int, node: int, match: EventMatch, earlier: tuple[EventMatch, ...]) -> Prepared:
    found = _ENTRANTS.get((dialect, version_id, node))
    if found is None or found[0] is not match:
        others = [sa.not_(_matches(each)) for each in earlier if each.name == match.name]
        chosen = sa.select(CURRENT.c.contact_id, CURRENT.c.now).where(_matches(match), *others)
        prepared = Prepared(ENTRANT.insert().from_select(["contact_id", "now"], chosen), dialect)
        found = _ENTRANTS[dialect, version_id, node] = (match, prepared)
    return found[1]


def _matches(match: EventMatch) -> sa.ColumnElement[bool]:
    fits = match_properties(CURRENT.c.properties, match.where, CURRENT.c.now)
    return sa.and_(CURRENT.c.name == match.name, fits)
