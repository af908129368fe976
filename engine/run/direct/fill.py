"""Fill the direct table: with due tokens whose ways are known, or with contacts that come in."""

from collections.abc import Sequence
from functools import cache, partial
from types import SimpleNamespace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql import visitors

from engine.library.plan import PlanNode
from engine.run import claim, sql
from engine.run.context import Run
from engine.run.direct import moments
from engine.run.direct.program import Direct, Start, known_starts, soundness
from engine.run.enroll import Entrants, allowed, count_range, entering, identity, in_range, ordinal
from engine.run.program import TOKEN, Program
from engine.run.recorder import Recorder
from engine.run.rest import ENROLLMENT
from engine.run.tables import DIRECT, ENTRANT, NOW, PART, TURN, clear
from engine.store.prepared import Prepared, parameter

ZERO = sa.literal_column("0", sa.Integer)


def fill_due(run: Run, direct: Direct, contacts: Sequence[int], *, woken_only: bool = False) -> int:
    """Fill the table with the due tokens of these contacts (ascending); give the number of members.

    Cost: one statement for starts that do not look at the contact, one for those that do unless all were found.
    """
    if not contacts:
        return 0
    form, given = claim.chosen_contacts(contacts)
    # Without parallel paths a contact has one token here.
    return _fill(run, direct, form, woken_only, given, most=len(contacts))


def fill_turn(run: Run, direct: Direct) -> int:
    """Fill the table with the tokens that are due at their contact's turn; give the number of members."""
    return _fill(run, direct, "turn", False, {})


def _fill(run: Run, direct: Direct, form: str, woken_only: bool, given: dict[str, Any], most: int | None = None) -> int:
    clear(run.connection, DIRECT)
    given = run.given(version_id=direct.program.plan.version_id, **given)
    if any(start.asked for start in direct.starts):
        asking = direct.program.once(("asking", form, woken_only), partial(_asking, direct, form, woken_only))
        moments.note(run, direct, asking.run(run.connection, given).all())
    statements = direct.program.once(("fill", form, woken_only), partial(_fillings, direct, form, woken_only))
    found = 0
    for statement in statements:
        found += statement.run(run.connection, given).rowcount
        if found == most:
            break
    return found


def _fillings(direct: Direct, form: str, woken_only: bool) -> list[Prepared]:
    program = direct.program
    contact = sql.CONTACT.alias("person")
    now = TURN.c.at if form == "turn" else NOW
    started = _started(program.needs)
    member = sql.Member(
        TOKEN.c.contact_id, TOKEN.c.enrollment_id, now, contact.c.hash, zone_of(contact), started, contact
    )
    numbered = _numbered(direct, member)
    groups: dict[bool, list[tuple[Start, Any, Any]]] = {}
    facts = _Facts(TOKEN.c.contact_id, now, TOKEN.c.due_at, started)
    for start, number in numbered:
        sound = soundness(direct, start.numbers, contact, facts)
        groups.setdefault(bool(start.asked) or _looks_at(contact, number, sound), []).append((start, number, sound))
    return [
        Prepared(_filling(direct, each, contact if looks else None, facts, form, woken_only), program.dialect)
        for looks, each in sorted(groups.items(), key=lambda item: item[0])
    ]


def zone_of(contact: sa.FromClause) -> sa.ColumnElement[str]:
    """Give the name of a contact's zone, an empty one where there is none."""
    return sa.func.coalesce(contact.c.timezone, "")


def _asking(direct: Direct, form: str, woken_only: bool) -> Prepared:
    """Read which zones, nows and entries there are at the starts whose ways are decided by local instants."""
    program, contact = direct.program, sql.CONTACT.alias("person")
    nodes = sorted(start.node.index for start in direct.starts if start.asked)
    now = TURN.c.at if form == "turn" else NOW
    chosen = sa.select(TOKEN.c.node, zone_of(contact), now, _started(program.needs)).distinct()
    chosen = chosen.select_from(_source(program, contact)).where(TOKEN.c.node.in_(nodes))
    return Prepared(claim.only_due(chosen, program, form, woken_only=woken_only), program.dialect)


def _source(program: Program, contact: sa.FromClause | None) -> sa.FromClause:
    source: sa.FromClause = TOKEN
    if contact is not None:
        # Not an inner join: SQLite would go through all contacts and look for tokens of each.
        source = source.outerjoin(contact, sa.and_(contact.c.part == PART, contact.c.id == TOKEN.c.contact_id))
    if "started_at" in program.needs:
        source = source.outerjoin(ENROLLMENT, claim.same_enrollment())
    return source


class _Facts:
    """The columns of a member that policy looks at."""

    def __init__(self, contact_id: Any, now: Any, due_at: Any, started_at: Any) -> None:
        self.contact_id, self.now, self.due_at, self.started_at = contact_id, now, due_at, started_at


def _started(needs: frozenset[str]) -> Any:
    return ENROLLMENT.c.started_at if "started_at" in needs else ZERO


def _numbered(direct: Direct, member: sql.Member) -> list[tuple[Start, sa.ColumnElement[Any]]]:
    """Write the numbers of ways for members whose facts are found in these rows."""
    program = direct.program
    meaning = program.meaning.speaking_of(member)
    recorders = []
    for each in program.nodes:
        said = Recorder(program.plan, each.node, meaning)
        each.node.type.run(said, each.node.config)
        recorders.append(said)
    found, ways = known_starts(program, recorders, meaning)
    assert [way.codes for way in ways.known] == [way.codes for way in direct.ways]
    return found


def _looks_at(contact: sa.FromClause, *expressions: Any) -> bool:
    return any(
        isinstance(part, sa.Column) and part.table is contact
        for expression in expressions
        for part in visitors.iterate(expression)
    )


def _filling(
    direct: Direct,
    group: list[tuple[Start, Any, Any]],
    contact: sa.FromClause | None,
    facts: _Facts,
    form: str,
    woken_only: bool,
) -> sa.Insert:
    program = direct.program
    asking = any(start.asked for start, _, _ in group)
    row = {
        "contact_id": TOKEN.c.contact_id,
        "token_id": TOKEN.c.id,
        "enrollment_id": TOKEN.c.enrollment_id,
        "started_at": facts.started_at,
        "now": facts.now,
        "due_at": TOKEN.c.due_at,
        "seq": TOKEN.c.seq,
        "ordinal": ZERO,
        "zone": zone_of(contact) if asking and contact is not None else sa.literal("", sa.Text),
        "way": _by_node([(start, number) for start, number, _ in group]),
        "sound": _by_node([(start, sound) for start, _, sound in group]),
    }
    chosen = sa.select(*row.values()).select_from(_source(program, contact))
    chosen = chosen.where(TOKEN.c.node.in_(sorted(start.node.index for start, _, _ in group)))
    chosen = claim.only_due(chosen, program, form, woken_only=woken_only)
    return DIRECT.insert().from_select(list(row), chosen.order_by(TOKEN.c.contact_id))


def _by_node(values: list[tuple[Start, Any]]) -> Any:
    *first, (_, last) = values
    if not first:
        return last
    return sa.case(*((TOKEN.c.node == start.node.index, value) for start, value in first), else_=last)


def fill_entrants(run: Run, direct: Direct, trigger: PlanNode, entrants: Entrants) -> int:
    """Fill the table with the contacts of the entrant table that may come in; give the number of members.

    Cost: one statement.
    """
    clear(run.connection, DIRECT)
    near = entrants.near
    statement = direct.program.once(("enter", trigger.index, near), partial(_listed, direct, trigger, near))
    given = entering(run, direct.program.plan, entrants.numbers, entrants.first)
    _ask_entrants(run, direct, trigger, given, "listed")
    return statement.run(run.connection, given).rowcount


def fill_range(run: Run, direct: Direct, trigger: PlanNode, after: int, last: int) -> tuple[int, int]:
    """Fill the table with the contacts after one, up to another one, who may come in.

    Shape: how many contacts there are, and how many may come in. Cost: two statements, one more where somebody of them
    was in the flow before.
    """
    clear(run.connection, DIRECT)
    reentry = direct.program.plan.reentry
    named = run.given(flow_id=direct.program.plan.flow_id, after=after, last=last)
    if reentry != "always" and _been_here(run.dialect).run(run.connection, named).first() is None:
        # Nobody was ever in the flow: none need be looked up.
        reentry = "new"
    build = partial(_letting_all_in, direct, trigger, reentry)
    statement = direct.program.once(("enter all", trigger.index, reentry), build)
    given = {**entering(run, direct.program.plan, last - after, after + 1), "after": after, "last": last}
    _ask_entrants(run, direct, trigger, given, "range")
    entered = statement.run(run.connection, given).rowcount
    # Where re-entry keeps nobody out, all have come in that there are.
    return entered if reentry in ("always", "new") else count_range(run, after, last), entered


def _ask_entrants(run: Run, direct: Direct, trigger: PlanNode, given: dict[str, Any], form: str) -> None:
    start = next(start for start in direct.starts if start.node.index == trigger.index)
    if start.asked:
        seen = _zones(run.dialect, form).run(run.connection, given)
        moments.note(run, direct, ((trigger.index, zone, now, now) for zone, now in seen))


@cache
def _zones(dialect: str, form: str) -> Prepared:
    contact = sql.CONTACT.alias("person")
    if form == "range":
        return Prepared(sa.select(zone_of(contact), NOW).distinct().where(*in_range(contact)), dialect)
    mine = sa.and_(contact.c.part == PART, contact.c.id == ENTRANT.c.contact_id)
    chosen = sa.select(zone_of(contact), ENTRANT.c.now).select_from(ENTRANT.outerjoin(contact, mine))
    return Prepared(chosen.distinct(), dialect)


@cache
def _been_here(dialect: str) -> Prepared:
    """Find an enrollment that somebody of a range of contacts has or had in a flow."""
    between = [ENROLLMENT.c.contact_id > parameter("after"), ENROLLMENT.c.contact_id <= parameter("last")]
    mine = [ENROLLMENT.c.part == PART, *between, ENROLLMENT.c.flow_id == parameter("flow_id")]
    return Prepared(sa.select(ENROLLMENT.c.id).where(*mine).limit(1), dialect)


def _letting_all_in(direct: Direct, trigger: PlanNode, reentry: str) -> Prepared:
    contact = sql.CONTACT.alias("person")
    entrant = SimpleNamespace(c=SimpleNamespace(contact_id=contact.c.id, now=NOW))
    chosen = _letting_in(direct, trigger, entrant, contact, reentry, near=True).where(*in_range(contact))
    return _into_direct(direct, chosen.order_by(contact.c.id))


def _listed(direct: Direct, trigger: PlanNode, near: bool) -> Prepared:
    contact = sql.CONTACT.alias("person")
    mine = sa.and_(contact.c.part == PART, contact.c.id == ENTRANT.c.contact_id)
    reentry = direct.program.plan.reentry
    chosen = _letting_in(direct, trigger, ENTRANT, contact, reentry, near=near)
    chosen = chosen.select_from(ENTRANT.outerjoin(contact, mine))
    return _into_direct(direct, chosen.order_by(ENTRANT.c.contact_id))


def _into_direct(direct: Direct, chosen: sa.Select[Any]) -> Prepared:
    return Prepared(DIRECT.insert().from_select([column.name for column in DIRECT.c], chosen), direct.program.dialect)


def _letting_in(
    direct: Direct, trigger: PlanNode, entrant: Any, contact: Any, reentry: str, *, near: bool
) -> sa.Select[Any]:
    number_of = identity(entrant, near=near)
    contact_id, now = entrant.c.contact_id, entrant.c.now
    member = sql.Member(contact_id, number_of, now, contact.c.hash, zone_of(contact), now, contact)
    start, number = next(each for each in _numbered(direct, member) if each[0].node.index == trigger.index)
    facts = _Facts(contact_id, now, now, now)
    sound = soundness(direct, start.numbers, contact, facts)
    row = {
        "contact_id": contact_id,
        "token_id": number_of,
        "enrollment_id": number_of,
        "started_at": now,
        "now": now,
        "due_at": now,
        "seq": ZERO,
        "ordinal": ordinal(reentry, entrant),
        "zone": zone_of(contact) if start.asked else sa.literal("", sa.Text),
        "way": number,
        "sound": sound,
    }
    assert list(row) == [column.name for column in DIRECT.c]
    return sa.select(*row.values()).where(*allowed(reentry, entrant))
