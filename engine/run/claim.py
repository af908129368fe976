"""Fill the wave with tokens of one flow version that may move.

Tokens are claimed in the order in which they lie in the table, not by the clock; a contact's due tokens come together.
"""

from array import array
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import sqlalchemy as sa

from engine.library import steps
from engine.run import sql
from engine.run.context import Run
from engine.run.program import TOKEN, Program
from engine.run.rest import ENROLLMENT
from engine.run.tables import DUE, NOW, PART, TURN, VERSION, WAVE, clear
from engine.store.prepared import Prepared, parameter
from engine.store.rowsets import numbers

DENSE = 4
"""A range of contacts is read as a whole when at least one of so many ids in it is due."""

PIECE = 250_000
"""So many contacts are read from the database at once."""


def due_contacts(run: Run, version_id: int, *, woken_only: bool = False) -> "array[int]":
    """List the contacts that have a due token of a version, in the order of the table, each once."""
    contacts = array("q")
    given = run.given(version_id=version_id, most=PIECE)
    found = PIECE
    while found == PIECE:
        listed = _due(run.dialect, woken_only).run(run.connection, {**given, "after": len(contacts)}).scalar()
        piece = np.fromstring(listed or "", np.int64, sep=",")
        contacts.frombytes(piece.tobytes())
        found = len(piece)
    return _distinct(contacts)


def _distinct(contacts: "array[int]") -> "array[int]":
    """Sort numbers, each once."""
    if len(contacts) < 2:
        return contacts
    seen = np.frombuffer(contacts, np.int64)
    # Not np.unique: what comes in order already it puts through a hash table.
    seen.sort(kind="stable")
    doubled = seen[1:] == seen[:-1]
    if not doubled.any():
        return contacts
    single = array("q", contacts[:1])
    single.frombytes(seen[1:][~doubled].tobytes())
    return single


def fill_due(
    run: Run,
    program: Program,
    contacts: Sequence[int],
    *,
    woken_only: bool = False,
    spared: frozenset[int] = frozenset(),
) -> int:
    """Fill the wave with the due tokens of these contacts (ascending); give the number of members.

    Shape: tokens that rest at one of the nodes ``spared`` are left alone.
    """
    if not contacts:
        return 0
    form, given = chosen_contacts(contacts)
    return _run_fill(run, program, _fill(program, form, woken_only, spared), given)


def chosen_contacts(contacts: Sequence[int]) -> tuple[str, dict[str, Any]]:
    """Say how these contacts (ascending) are best found, and name the parameters."""
    given: dict[str, Any] = {"first": contacts[0], "last": contacts[-1]}
    if contacts[-1] - contacts[0] < DENSE * len(contacts):
        return "range", given
    return "list", {**given, "contacts": "[" + ",".join(map(str, contacts)) + "]"}


def fill_turn(run: Run, program: Program, spared: frozenset[int] = frozenset()) -> int:
    """Fill the wave with the tokens that are due at their contact's turn; give the number of members."""
    return _run_fill(run, program, _fill(program, "turn", False, spared), {})


def anybody_turns(run: Run, program: Program) -> bool:
    """Tell whether any token of a version is due at its contact's turn."""
    given = run.given(version_id=program.plan.version_id)
    return _turning(run.dialect).run(run.connection, given).first() is not None


@cache
def _turning(dialect: str) -> Prepared:
    # Through the tokens by their instants, not the contacts one by one: of most versions few are due.
    latest = sa.select(sa.func.max(TURN.c.at)).scalar_subquery()
    mine = [TOKEN.c.part == PART, TOKEN.c.version_id == VERSION, TOKEN.c.due_at <= latest]
    its_turn = sa.exists().where(TURN.c.contact_id == TOKEN.c.contact_id, TURN.c.at >= TOKEN.c.due_at)
    return Prepared(sa.select(sa.literal(1)).where(*mine, its_turn).limit(1), dialect)


def _run_fill(run: Run, program: Program, statement: Prepared, given: dict[str, Any]) -> int:
    clear(run.connection, WAVE)
    given = run.given(version_id=program.plan.version_id, **given)
    count = statement.run(run.connection, given).rowcount
    if count:
        for waking in program.waking:
            waking.run(run.connection, given)
    if count and program.joins:
        count += _pull_joining(program).run(run.connection, given).rowcount
    return count


@cache
def _due(dialect: str, woken_only: bool) -> Prepared:
    # As texts, read and sorted by numpy: row by row it would take ten times as long. Who is missed because the order
    # was another from one piece to the next is still due, and found by the next look.
    mine = [TOKEN.c.part == PART, TOKEN.c.version_id == VERSION, TOKEN.c.due_at <= DUE]
    chosen = sa.select(TOKEN.c.contact_id).where(*mine)
    if woken_only:
        chosen = chosen.where(TOKEN.c.woken > 0)
    piece = chosen.limit(parameter("most")).offset(parameter("after")).subquery()
    listed = sa.func.aggregate_strings(sa.cast(piece.c.contact_id, sa.Text), ",")
    return Prepared(sa.select(listed), dialect)


def _fill(program: Program, form: str, woken_only: bool, spared: frozenset[int]) -> Prepared:
    def make() -> Prepared:
        return Prepared(_filling(program, form, woken_only, spared), program.dialect)

    return program.once(("claim", form, woken_only, spared), make)


def _filling(program: Program, form: str, woken_only: bool, spared: frozenset[int]) -> sa.Insert:
    chosen = _members(program, TURN.c.at if form == "turn" else NOW, TOKEN.c.due_at)
    if spared:
        chosen = chosen.where(TOKEN.c.node.not_in(sorted(spared)))
    ordered = only_due(chosen, program, form, woken_only=woken_only).order_by(TOKEN.c.contact_id, TOKEN.c.id)
    return WAVE.insert().from_select([column.name for column in WAVE.c], ordered)


def only_due(chosen: sa.Select[Any], program: Program, form: str, *, woken_only: bool) -> sa.Select[Any]:
    """Choose of tokens the due ones of certain contacts: those whose turn it is, of a range, or of a list."""
    due = TURN.c.at if form == "turn" else DUE
    chosen = chosen.where(
        TOKEN.c.part == PART, TOKEN.c.version_id == VERSION, TOKEN.c.due_at <= due, TOKEN.c.state == "waiting"
    )
    if form == "turn":
        chosen = chosen.where(TOKEN.c.contact_id == TURN.c.contact_id)
    elif form == "range":
        chosen = chosen.where(TOKEN.c.contact_id.between(parameter("first"), parameter("last")))
    else:
        chosen = chosen.where(TOKEN.c.contact_id.in_(numbers(program.dialect, "contacts")))
    if woken_only:
        chosen = chosen.where(TOKEN.c.woken > 0)
    if program.plan.reentry == "always":
        chosen = chosen.where(_none_earlier(due, woken_only))
    return chosen


def _none_earlier(due: Any, woken_only: bool) -> sa.ColumnElement[bool]:
    """Let of a contact's enrollments the one that began first move first; the others follow at the same instant."""
    earlier = TOKEN.alias("earlier")
    return ~sa.exists().where(
        earlier.c.part == PART,
        earlier.c.contact_id == TOKEN.c.contact_id,
        earlier.c.version_id == VERSION,
        earlier.c.enrollment_id < TOKEN.c.enrollment_id,
        earlier.c.due_at <= due,
        *([earlier.c.woken > 0] if woken_only else []),
    )


def same_enrollment() -> sa.ColumnElement[bool]:
    """Join tokens with their enrollments."""
    return sa.and_(
        ENROLLMENT.c.part == PART,
        ENROLLMENT.c.contact_id == TOKEN.c.contact_id,
        ENROLLMENT.c.id == TOKEN.c.enrollment_id,
    )


def _members(program: Program, now: Any, due: Any) -> sa.Select[Any]:
    """Select tokens as rows of the wave, with what the plan's nodes need to know of contact and enrollment."""
    contact, enrollment = sql.CONTACT, ENROLLMENT
    source: sa.FromClause = TOKEN
    if {"hash", "zone"} & program.needs:
        source = source.join(contact, sa.and_(contact.c.part == PART, contact.c.id == TOKEN.c.contact_id))
    if "started_at" in program.needs:
        source = source.join(enrollment, same_enrollment())
    codes = {node.index: steps.rested(node.index) for node in program.plan.nodes}
    zero = sa.literal(0, sa.Integer)
    columns: dict[str, Any] = {
        "contact_id": TOKEN.c.contact_id,
        "token_id": TOKEN.c.id,
        "enrollment_id": TOKEN.c.enrollment_id,
        "started_at": enrollment.c.started_at if "started_at" in program.needs else zero,
        "hash": contact.c.hash if "hash" in program.needs else zero,
        "zone": sa.func.coalesce(contact.c.timezone, "") if "zone" in program.needs else sa.literal("", sa.Text),
        "now": now,
        "due_at": due,
        "since": TOKEN.c.since,
        "woken": TOKEN.c.woken,
        "seq": TOKEN.c.seq,
        "node": TOKEN.c.node,
        "fresh": zero,
        "touched": zero,
        "step": sa.case(codes, value=TOKEN.c.node),
        "path": sa.literal("", sa.Text),
        "until": sa.null(),
        "mark": zero,
    }
    assert list(columns) == [column.name for column in WAVE.c]
    return sa.select(*columns.values()).select_from(source)


def _pull_joining(program: Program) -> Prepared:
    """Bring in the tokens that wait at joins of enrollments in the wave: what moves now may set them free."""

    def make() -> Prepared:
        moving = (
            sa.select(
                WAVE.c.contact_id,
                WAVE.c.enrollment_id,
                sa.func.max(WAVE.c.now).label("now"),
                sa.func.max(WAVE.c.due_at).label("due_at"),
            )
            .where(WAVE.c.step >= steps.FIRST_STEP)
            .group_by(WAVE.c.contact_id, WAVE.c.enrollment_id)
            .subquery("moving")
        )
        chosen = _members(program, moving.c.now, moving.c.due_at).where(
            TOKEN.c.part == PART,
            # Without this SQLite would go through all tokens of the part.
            TOKEN.c.contact_id.in_(sa.select(WAVE.c.contact_id)),
            TOKEN.c.contact_id == moving.c.contact_id,
            TOKEN.c.enrollment_id == moving.c.enrollment_id,
            TOKEN.c.state == "joining",
        )
        return Prepared(WAVE.insert().from_select([column.name for column in WAVE.c], chosen), program.dialect)

    return program.once("joining", make)
