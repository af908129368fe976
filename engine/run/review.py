"""Follow up what changed about contacts: segments are entered and left, and waits for a rule end.

Only contacts in the touched table are looked at, and only rules that what changed can concern; time alone is
followed by one recheck row for each contact whose rule it may change (ADR 0005).
"""

from collections.abc import Callable, Iterator
from collections.abc import Set as AbstractSet
from functools import cache, partial
from typing import Any

import sqlalchemy as sa

from engine.library.plan import PlanNode
from engine.rules.model import Rule
from engine.rules.names import enabling_names, reads_contact
from engine.run import cursors, sql
from engine.run.context import Run
from engine.run.enroll import enter
from engine.run.program import TOKEN, Program
from engine.run.subjects import Subject
from engine.run.tables import ENTRANT, PART, TOUCHED, VERDICT, clear
from engine.segments.compile import compile_rule
from engine.segments.flips import next_flip
from engine.store.dialect import upsert
from engine.store.prepared import Prepared, parameter
from engine.store.tables import Membership, Recheck

MEMBERSHIP: sa.Table = Membership.__table__  # type: ignore[attr-defined]
RECHECK: sa.Table = Recheck.__table__  # type: ignore[attr-defined]
SUBJECT = parameter("subject")


def after_facts(run: Run) -> None:
    """Look at the touched contacts again, whose facts have changed.

    Cost: seven statements a segment concerned and two a wait for a rule concerned.
    """
    for subject in run.deployment.subjects:
        if subject.of_facts:
            review(run, subject)
    for program, node, rule in _rule_waits(run):
        if reads_contact(rule, program.meaning.segments):
            _wake(run, program, node, rule)


def after_events(run: Run, names: AbstractSet[str], touch: Callable[[frozenset[str]], int]) -> None:
    """Look again at the contacts of events of these names; ``touch`` puts those of some of the names into the table.

    Shape: an event that can only end that a rule holds concerns those of whom it holds, and no wait for it.
    Cost: as after facts, but what concerns nobody costs a statement.
    """
    for subject in run.deployment.subjects:
        known = subject.names & names
        if known and touch(known):
            review(run, subject, leaving=known.isdisjoint(subject.enabling))
    for program, node, rule in _rule_waits(run):
        enabling = program.once(("enabling", node.index), partial(enabling_names, rule, program.meaning.segments))
        if (known := enabling & names) and touch(known):
            _wake(run, program, node, rule)


def _rule_waits(run: Run) -> Iterator[tuple[Program, PlanNode, Rule]]:
    for plan in run.deployment.versions():
        program = run.deployment.program(plan.version_id, run.dialect)
        for node, rule in program.rule_waits:
            yield program, node, rule


def _wake(run: Run, program: Program, node: PlanNode, rule: Rule) -> None:
    for statement in _wakes(program, node, rule):
        statement.run(run.connection, run.given(version_id=program.plan.version_id))


def looked(subject: Subject) -> str:
    """Name the cursor that tells how far the first look at everybody has come; below 0 when it is over."""
    return f"segment/{subject.id}"


def review(run: Run, subject: Subject, *, first: bool = False, due: bool = False, leaving: bool = False) -> int:
    """Decide anew whether the touched contacts are in a segment; let new ones in by its triggers.

    With ``first`` (at publishing) only triggers that take existing members let anybody in; with ``due`` the contacts'
    rechecks are over; with ``leaving`` only members are looked at: nobody can have come to match.
    """
    connection = run.connection
    trigger = subject.trigger
    rests = trigger is not None and run.deployment.rests(trigger.plan)
    if rests and cursors.position(run, looked(subject)) >= 0:
        # Who was there before the flow is let in by the first look, which waits for the end of the pause.
        return 0
    given = run.given(subject=subject.id)
    clear(connection, VERDICT)
    judge, timed = _judge(run.dialect, subject, leaving)
    if judge.run(connection, given).rowcount == 0:
        return 0
    clear(connection, ENTRANT)
    entered = 0 if leaving else _new(run.dialect).run(connection, given).rowcount
    if entered:
        if trigger is not None and (trigger.existing or not first) and not rests:
            enter(run, trigger.plan, trigger.node)
        _join(run.dialect).run(connection, given)
    _leave(run.dialect).run(connection, given)
    if timed or due:
        _forget_recheck(run.dialect).run(connection, given)
    if timed:
        _note_recheck(run.dialect).run(connection, given)
    return entered


_JUDGES: dict[tuple[str, int, bool], tuple[Subject, Prepared, bool]] = {}


def _judge(dialect: str, subject: Subject, leaving: bool) -> tuple[Prepared, bool]:
    found = _JUDGES.get((dialect, subject.id, leaving))
    if found is None or found[0] is not subject:
        contact = sql.CONTACT.alias()
        scope = subject.meaning.scope(contact, TOUCHED.c.now, None)
        flip = next_flip(subject.rule, scope)
        chosen = sa.select(
            TOUCHED.c.contact_id,
            TOUCHED.c.now,
            compile_rule(subject.rule, scope),
            sa.null() if flip is None else flip,
        ).where(contact.c.part == PART, contact.c.id == TOUCHED.c.contact_id)
        if leaving:
            chosen = chosen.where(sa.exists().where(_open_stay(TOUCHED)))
        statement = VERDICT.insert().from_select(["contact_id", "now", "holds", "flip"], chosen)
        found = _JUDGES[dialect, subject.id, leaving] = (subject, Prepared(statement, dialect), flip is not None)
    return found[1], found[2]


def _open_stay(whose: sa.Table = VERDICT) -> sa.ColumnElement[bool]:
    return sa.and_(
        MEMBERSHIP.c.part == PART,
        MEMBERSHIP.c.contact_id == whose.c.contact_id,
        MEMBERSHIP.c.segment_id == SUBJECT,
        MEMBERSHIP.c.left_at.is_(None),
    )


@cache
def _new(dialect: str) -> Prepared:
    chosen = sa.select(VERDICT.c.contact_id, VERDICT.c.now).where(VERDICT.c.holds, ~sa.exists().where(_open_stay()))
    return Prepared(ENTRANT.insert().from_select(["contact_id", "now"], chosen), dialect)


@cache
def _join(dialect: str) -> Prepared:
    chosen = sa.select(PART, ENTRANT.c.contact_id, SUBJECT, ENTRANT.c.now, sa.cast(sa.null(), sa.BigInteger))
    insert = upsert(MEMBERSHIP, dialect).from_select(
        ["part", "contact_id", "segment_id", "entered_at", "left_at"], chosen.where(sa.true())
    )
    # Left and entered again at the same instant: the stay goes on.
    return Prepared(
        insert.on_conflict_do_update(
            index_elements=["part", "contact_id", "segment_id", "entered_at"], set_={"left_at": sa.null()}
        ),
        dialect,
    )


@cache
def _leave(dialect: str) -> Prepared:
    return Prepared(
        MEMBERSHIP.update().values(left_at=VERDICT.c.now).where(_open_stay(), sa.not_(VERDICT.c.holds)), dialect
    )


@cache
def _forget_recheck(dialect: str) -> Prepared:
    seen = sa.select(VERDICT.c.contact_id)
    return Prepared(
        RECHECK.delete().where(RECHECK.c.part == PART, RECHECK.c.subject == SUBJECT, RECHECK.c.contact_id.in_(seen)),
        dialect,
    )


@cache
def _note_recheck(dialect: str) -> Prepared:
    chosen = sa.select(PART, VERDICT.c.contact_id, SUBJECT, VERDICT.c.flip).where(VERDICT.c.flip.is_not(None))
    return Prepared(RECHECK.insert().from_select(["part", "contact_id", "subject", "due_at"], chosen), dialect)


def _wakes(program: Program, node: PlanNode, rule: Rule) -> list[Prepared]:
    """End the waits for a rule that holds now; of others, look again when time may make it hold."""
    return program.once(("wakes", node.index), lambda: _compiled_wakes(program, node, rule))


def _compiled_wakes(program: Program, node: PlanNode, rule: Rule) -> list[Prepared]:
    contact = sql.CONTACT.alias()
    scope = program.meaning.scope(contact, TOUCHED.c.now, TOKEN.c.enrollment_id)
    verdict = sql.of_contact(sa.case((compile_rule(rule, scope), 1), else_=0), contact, TOUCHED.c.contact_id)
    waiting = [
        TOKEN.c.part == PART,
        TOKEN.c.contact_id == TOUCHED.c.contact_id,
        TOKEN.c.version_id == parameter("version_id"),
        TOKEN.c.node == node.index,
        TOKEN.c.state == "waiting",
        TOKEN.c.woken == 0,
    ]
    statements: list[Any] = [TOKEN.update().values(due_at=TOUCHED.c.now, woken=2).where(*waiting, verdict == 1)]
    flip = next_flip(rule, scope)
    if flip is not None:
        again = sql.of_contact(flip, contact, TOUCHED.c.contact_id)
        statements.append(TOKEN.update().values(due_at=again).where(*waiting, again < TOKEN.c.due_at))
    return [Prepared(each, program.dialect) for each in statements]
