"""Turn a plan into the statements of its waves, once per version, dialect and meaning of its segments."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, Protocol, TypeVar

import sqlalchemy as sa

from engine.channels.policy import Cap
from engine.contract.wave import EventMatch
from engine.library import steps
from engine.library.plan import Plan, PlanNode
from engine.rules.model import Rule
from engine.rules.names import sent_nodes
from engine.run import effects, sql
from engine.run.members import Flag, SqlMembers
from engine.run.recorder import Outcome, Recorder, Sending, whole_partition
from engine.run.tables import ENTRANT, PART, WAVE
from engine.segments.compile import compile_rule
from engine.store.prepared import Prepared, parameter
from engine.store.tables import Enrollment, Token
from engine.terms import length_micros

T = TypeVar("T")

TOKEN: sa.Table = Token.__table__  # type: ignore[attr-defined]
ENROLLMENT: sa.Table = Enrollment.__table__  # type: ignore[attr-defined]


class Templates(Protocol):
    """What the executor asks of the room that knows templates."""

    def variables(self, source: str) -> frozenset[str]:
        """List the dotted variables that a template cannot do without."""

    def value(self, source: str, context: Mapping[str, Any]) -> Any:
        """Work a template for one value out."""


@dataclass(frozen=True)
class Surroundings:
    """What a plan is compiled in: what names mean, templates, what messages require, and the frequency cap."""

    meaning: sql.Meaning
    templates: Templates
    requires: Callable[[PlanNode], Sequence[str]]
    cap: Cap | None


@dataclass
class NodeProgram:
    """What is done when a wave comes to a node, in this order."""

    node: PlanNode
    said: Recorder
    standing: Prepared | None = None
    entrants: Prepared | None = None
    before: list[Prepared] = field(default_factory=list)
    writes: list[Prepared] = field(default_factory=list)
    leave: Prepared | None = None
    count: Prepared | None = None
    after: list[Prepared] = field(default_factory=list)
    touches: bool = False


@dataclass(kw_only=True)
class Keeps:
    """What keeps what others make of it."""

    kept: dict[Any, Any] = field(default_factory=dict)

    def once(self, key: Any, make: Callable[[], T]) -> T:
        """Make something of it the first time it is asked for, and keep it."""
        if key not in self.kept:
            self.kept[key] = make()
        found: T = self.kept[key]
        return found


@dataclass
class Program(Keeps):
    """All statements of one plan for one dialect.

    Shape: ``entering`` ends the enrollments of a range of ids for which goal or exit holds at once; ``waking`` sees to
    waits for a rule before anything else; ``ending`` are the goal and the exit of a wave's members;
    ``kept`` is what other files of this room made of it; ``moved`` counts tokens that went node by node
    on exact clocks.
    """

    plan: Plan
    dialect: str
    meaning: sql.Meaning
    nodes: list[NodeProgram]
    entering: list[Prepared]
    waking: list[Prepared]
    ending: list[Prepared]
    needs: frozenset[str]
    event_waits: list[tuple[PlanNode, EventMatch]]
    rule_waits: list[tuple[PlanNode, Rule]]
    joins: bool
    around: Surroundings
    moved: int = 0


def here(node: PlanNode) -> Flag:
    """Tell which members stand at a node: they came by one of its edges, were cloned to it, or rested there."""
    codes = (*node.inbound, steps.arrives(node.index), steps.rested(node.index))
    return WAVE.c.step.in_(codes)


RECENT = 32
"""How many programs are kept for those who come with an equal plan: one of twenty nodes has some hundred statements."""

_recent: list[tuple[tuple[object, ...], Program]] = []
_looking = Lock()


def program_of(plan: Plan, dialect: str, around: Surroundings) -> Program:
    """Compile a plan, or take what was compiled of an equal one in the same surroundings, by whomever.

    Compiling takes as long as many waves; a rehearsal that is repeated, and whoever opens the same store again, do not
    wait for it.
    """
    requires = [tuple(around.requires(node)) for node in plan.nodes if node.type.channel is not None]
    known = dialect, plan, around.meaning, around.cap, type(around.templates), requires
    with _looking:
        found = next((program for those, program in _recent if those == known), None)
    program = found or compile_program(plan, dialect, around)
    with _looking:
        _recent[:] = [(known, program), *[each for each in _recent if each[1] is not program][: RECENT - 1]]
    return program


def compile_program(plan: Plan, dialect: str, around: Surroundings) -> Program:
    """Ask every node type once what it does, and write the statements down."""
    programs = [_node(plan, node, dialect, around) for node in plan.nodes]
    return Program(
        plan,
        dialect,
        around.meaning,
        programs,
        [Prepared(statement, dialect) for statement in _at_entry(plan, around.meaning)],
        [Prepared(statement, dialect) for each in programs for statement in _awaiting(each.said, around.meaning)],
        [Prepared(statement, dialect) for statement in _goals(plan, around.meaning)],
        frozenset(need for program in programs for need in program.said.needs),
        [(each.node, each.said.event) for each in programs if each.said.event],
        [(each.node, each.said.awaited[0]) for each in programs if each.said.awaited],
        any(each.said.joins for each in programs),
        around,
    )


def _at_entry(plan: Plan, meaning: sql.Meaning) -> list[sa.Update]:
    found: list[sa.Update] = []
    for rule, state in ((plan.goal, "goal"), (plan.exit, "exit")):
        if rule is not None:
            contact = sql.CONTACT.alias()
            scope = meaning.scope(contact, ENROLLMENT.c.started_at, ENROLLMENT.c.id)
            verdict = sql.of_contact(sa.case((compile_rule(rule, scope), 1), else_=0), contact, ENROLLMENT.c.contact_id)
            new = [
                ENROLLMENT.c.part == PART,
                ENROLLMENT.c.contact_id.in_(sa.select(ENTRANT.c.contact_id)),
                ENROLLMENT.c.id >= parameter("base"),
                ENROLLMENT.c.id < parameter("end"),
                ENROLLMENT.c.state == "active",
            ]
            ended = ENROLLMENT.update().values(state=state, ended_at=ENROLLMENT.c.started_at)
            found.append(ended.where(*new, verdict == 1))
    return found


def _goals(plan: Plan, meaning: sql.Meaning) -> list[sa.Update]:
    ends = ((plan.goal, steps.GOAL), (plan.exit, steps.EXIT))
    return [
        WAVE.update()
        .values(step=code)
        .where(WAVE.c.step >= steps.FIRST_STEP, WAVE.c.step < steps.FIRST_GONE, sql.holds(rule, meaning))
        for rule, code in ends
        if rule is not None
    ]


def _node(plan: Plan, node: PlanNode, dialect: str, around: Surroundings) -> NodeProgram:
    meaning = around.meaning
    said = Recorder(plan, node, meaning)
    node.type.run(said, node.config)
    program = NodeProgram(node, said)
    at_node = here(node)
    stand = effects.Standing(WAVE, at_node, lambda members: members.flag)
    for statement in _preparing(plan, said, at_node):
        program.before.append(Prepared(statement, dialect))
    for sending in said.sendings:
        requires = required(around, node, sending)
        if any(name.split(".")[0] == "event" for name in requires):
            said.needs.append("started_at")
        program.writes.append(Prepared(effects.sending(plan, node, sending, stand, requires, around.cap), dialect))
    for change in said.changes:
        if change.kind != "enter" and not change.templated:
            statements = effects.changing(plan, node, change, stand, meaning, dialect)
            program.writes.extend(Prepared(statement, dialect) for statement in statements)
    program.standing = _standing(said, at_node, dialect)
    program.entrants = _entrants(said, at_node, dialect)
    program.touches = any(change.kind in effects.TOUCHING for change in said.changes) or _is_awaited(
        plan, said, meaning
    )
    program.leave = Prepared(_leaving(node, said, at_node, touched=program.touches), dialect)
    if len(said.outcomes) > 1 or any(len(targets) > 1 for targets in node.targets.values()):
        program.count = Prepared(_counting(node), dialect)
    program.after.extend(Prepared(statement, dialect) for statement in _ending(plan, node, said))
    return program


def _is_awaited(plan: Plan, said: Recorder, meaning: sql.Meaning) -> bool:
    """Tell whether a token on a parallel path may rest until the message of this node is sent."""
    if not (plan.parallel and said.sendings):
        return False
    return any(said.node.id in sent_nodes(rule, meaning.segments) for node in plan.nodes for rule in node.rules)


def required(around: Surroundings, node: PlanNode, sending: Sending) -> list[str]:
    """Name the variables without which a message may not go."""
    more = {name for text in sending.requires for name in around.templates.variables(text)}
    return sorted({*around.requires(node), *more})


def _standing(said: Recorder, at_node: Flag, dialect: str) -> Prepared | None:
    """Read the members at a node for what is worked out in Python, with their facts where those are needed."""
    columns: list[Any] = [WAVE.c.contact_id, WAVE.c.token_id, WAVE.c.zone, WAVE.c.now, WAVE.c.started_at]
    templates = any(change.kind == "set" and change.templated for change in said.changes)
    if said.decide is not None or templates or (said.target is not None and said.target[1] is not None):
        contact = sql.CONTACT
        known = (contact.c[name] for name in ("key", *effects.CONTACT_COLUMNS, "attributes"))
        both = WAVE.join(contact, sa.and_(contact.c.part == PART, contact.c.id == WAVE.c.contact_id))
        chosen = sa.select(*columns, *known).select_from(both).order_by(WAVE.c.contact_id, WAVE.c.token_id)
    elif said.target is not None or said.quiet_asked:
        chosen = sa.select(*columns)
    else:
        return None
    return Prepared(chosen.where(at_node), dialect)


def _entrants(said: Recorder, at_node: Flag, dialect: str) -> Prepared | None:
    """Choose the members at a node that enter another flow, one for each token."""
    if all(change.kind != "enter" for change in said.changes):
        return None
    chosen = sa.select(WAVE.c.contact_id, WAVE.c.now).where(at_node)
    return Prepared(ENTRANT.insert().from_select(["contact_id", "now"], chosen), dialect)


def _preparing(plan: Plan, said: Recorder, at_node: Flag) -> list[sa.Update]:
    """Write the marks that the sets of this node are read from."""
    node, meaning = said.node, said.meaning
    found: list[sa.Update] = []
    if said.marks:
        bits: sa.ColumnElement[int] = sa.literal(0, sa.Integer)
        for place, rule in enumerate(said.marks):
            bits = bits + sa.case((sql.holds(rule, meaning), 1 << place), else_=0)
        found.append(WAVE.update().values(mark=bits).where(at_node))
    if said.joins:
        found.append(_gathering(node, at_node))
    if said.ends and plan.parallel:
        found.append(_only_first(node, at_node))
    return found


def _only_first(node: PlanNode, at_node: Flag) -> sa.Update:
    """Let one token of each enrollment pass a node that ends it: the others are gone before it is their turn."""
    first = WAVE.alias("first")
    earlier = sa.exists().where(
        first.c.contact_id == WAVE.c.contact_id,
        first.c.enrollment_id == WAVE.c.enrollment_id,
        first.c.token_id < WAVE.c.token_id,
        first.c.step.in_((*node.inbound, steps.arrives(node.index), steps.rested(node.index))),
    )
    return WAVE.update().values(path=sql.WHOLE_PATH, step=steps.REMOVED).where(at_node, earlier)


def _awaiting(said: Recorder, meaning: sql.Meaning) -> list[sa.Update]:
    """See to those that wait for a rule and whose time came: it may hold now, or they wait on, not woken."""
    if said.awaited is None:
        return []
    node = said.node
    rule, until = said.awaited
    assert until.delay is not None
    by_time = sa.and_(WAVE.c.step == steps.rested(node.index), WAVE.c.woken == 0)
    deadline = WAVE.c.since + sa.literal(length_micros(until.delay), sa.BigInteger)
    again = sql.flip(rule, meaning)
    next_look = deadline if again is None else sa.case((again < deadline, again), else_=deadline)
    return [
        WAVE.update().values(woken=2).where(by_time, sql.holds(rule, meaning)),
        WAVE.update().values(step=steps.parks(node.index), until=next_look).where(by_time, WAVE.c.now < deadline),
    ]


def _gathering(node: PlanNode, at_node: Flag) -> sa.Update:
    """Mark each member at a join: 0 goes on for its enrollment, 1 is absorbed, 2 must wait for others."""
    other, like, inside = WAVE.alias("other"), WAVE.alias("alike"), WAVE.alias("inside")
    upstream = sorted(node.ancestors)
    under_way = sa.exists().where(
        other.c.contact_id == WAVE.c.contact_id,
        other.c.enrollment_id == WAVE.c.enrollment_id,
        other.c.node.in_(upstream),
        other.c.step < steps.FIRST_STEP,
    )
    elsewhere = sa.exists().where(
        TOKEN.c.part == PART,
        TOKEN.c.contact_id == WAVE.c.contact_id,
        TOKEN.c.enrollment_id == WAVE.c.enrollment_id,
        TOKEN.c.node.in_(upstream),
        ~sa.exists().where(inside.c.contact_id == TOKEN.c.contact_id, inside.c.token_id == TOKEN.c.id),
    )
    codes = (*node.inbound, steps.arrives(node.index), steps.rested(node.index))
    first = (
        sa.select(sa.func.min(like.c.token_id))
        .where(
            like.c.contact_id == WAVE.c.contact_id,
            like.c.enrollment_id == WAVE.c.enrollment_id,
            like.c.step.in_(codes),
        )
        .scalar_subquery()
    )
    mark = sa.case((sa.or_(under_way, elsewhere), 2), (WAVE.c.token_id == first, 0), else_=1)
    return WAVE.update().values(mark=mark).where(at_node)


def _leaving(node: PlanNode, said: Recorder, at_node: Flag, *, touched: bool) -> sa.Update:
    values: dict[str, Any] = {
        "path": WAVE.c.path.concat(WAVE.c.step),
        "step": _chosen_code(node, said.outcomes),
        "node": sa.literal(node.index, sa.Integer),
    }
    parks = [outcome for outcome in said.outcomes if outcome.until is not None]
    if parks:
        # Whoever goes on carries no instant along: nodes below read it.
        values["until"] = sa.case(*((park.members.flag, park.until.micros) for park in parks if park.until))
    elif said.target is not None or said.quiet_asked:
        values["until"] = sa.null()
    if touched:
        values["touched"] = 1
    return WAVE.update().values(values).where(at_node)


def _chosen_code(node: PlanNode, outcomes: list[Outcome]) -> Any:
    partition = whole_partition(outcomes)
    if partition is not None:
        chosen = partition.choose({each.members.slot[1]: each.code for each in outcomes if each.members.slot})
        return sa.func.coalesce(chosen, steps.step(node.index, steps.LEAK))
    merged: dict[str, list[SqlMembers]] = {}
    for outcome in outcomes:
        merged.setdefault(outcome.code, []).append(outcome.members)
    flags = [(code, [members.flag for members in sets]) for code, sets in merged.items()]
    if len(flags) == 1 and len(flags[0][1]) == 1 and isinstance(flags[0][1][0], sa.sql.elements.True_):
        return flags[0][0]
    mask: sa.ColumnElement[int] = sa.literal(0, sa.Integer)
    values: dict[int, Any] = {0: steps.step(node.index, steps.LEAK)}
    for place, (code, sets) in enumerate(flags):
        for flag in sets:
            mask = mask + sa.case((flag, 1 << place), else_=0)
        values[1 << place] = code
    return sa.case(values, value=mask, else_=steps.step(node.index, steps.OVERLAP))


def _counting(node: PlanNode) -> sa.Select[Any]:
    lowest, highest = steps.step(node.index, 0), steps.step(node.index, steps.OVERLAP)
    return (
        sa.select(WAVE.c.step, sa.func.count())
        .where(WAVE.c.step >= lowest, WAVE.c.step <= highest)
        .group_by(WAVE.c.step)
    )


def _ending(plan: Plan, node: PlanNode, said: Recorder) -> list[sa.Update]:
    """End the enrollments of those that passed a node which ends them; their other tokens in the wave are gone too."""
    if not said.ends:
        return []
    ended = WAVE.alias("ended")
    ends = (
        WAVE.update()
        .values(path=WAVE.c.path.concat(WAVE.c.step), step=steps.EXIT)
        .where(WAVE.c.step.in_([node.code(port) for port in node.ports]))
    )
    if not plan.parallel:
        return [ends]
    others = (
        WAVE.update()
        .values(path=sql.WHOLE_PATH, step=steps.REMOVED)
        .where(
            WAVE.c.step < steps.FIRST_GONE,
            sa.exists().where(
                ended.c.contact_id == WAVE.c.contact_id,
                ended.c.enrollment_id == WAVE.c.enrollment_id,
                ended.c.step == steps.EXIT,
            ),
        )
    )
    return [ends, others]
