"""What happened to contacts, line by line: their steps, messages and ends, as simulations and stores tell it.

Order: the second, contact in order of creation, flow, enrollment; then as things happened, a message right after the
step that owed it, the end last.
"""

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import chain, groupby
from operator import attrgetter, itemgetter
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from engine.library import steps
from engine.library.plan import Plan
from engine.run.lineage import version_of_step
from engine.store.prepared import parameter
from engine.store.tables import Contact, Enrollment, Journal, Message
from engine.terms import SECOND, Json, Micros, format_instant

CONTACT: sa.Table = Contact.__table__  # type: ignore[attr-defined]
ENROLLMENT: sa.Table = Enrollment.__table__  # type: ignore[attr-defined]
JOURNAL: sa.Table = Journal.__table__  # type: ignore[attr-defined]
MESSAGE: sa.Table = Message.__table__  # type: ignore[attr-defined]

STEP, OWED, END = "step", "message", "end"
BATCH = 2_000

WHOSE = 8
"""So many columns tell when, whose and in which version something was; the others what, and its kind the last but one.
"""

Place = tuple[int, int]
"""A contact: its part, and its id in it."""


class Entry(NamedTuple):
    """One line: ``what`` is a step, a message or an end.

    Shape: a step has ``node`` and ``port`` (places in the plan), a message ``node``, ``passing``, ``state`` and perhaps
    ``reason``; an end has the enrollment's ``state``.
    """

    at: Micros
    part: int
    contact_id: int
    contact: str
    flow_id: int
    version_id: int
    enrollment_id: int
    ordinal: int
    what: str
    node: int = 0
    port: int = 0
    passing: int = 0
    state: str = ""
    reason: str | None = None


def entries(connection: Connection, flows: Sequence[int], contact: Place | None = None) -> Iterator[Entry]:
    """Read what happened in these flows, to one contact or to all.

    Cost: one statement that sorts in the database; memory does not grow with the journal.
    """
    for rows in moments(connection, flows, contact):
        yield from tell(rows)


def moments(connection: Connection, flows: Sequence[int], contact: Place | None = None) -> Iterator[list[Any]]:
    """Read what happened to each enrollment within a second, as rows for ``tell``; in the order of the journal."""
    statement = _statement(tuple(flows), one=contact is not None)
    part, contact_id = contact or (None, None)
    given = {"of_part": part, "of_contact": contact_id}
    found = connection.execute(statement, given, execution_options={"yield_per": BATCH})
    for _, rows in groupby(chain.from_iterable(found.partitions()), key=_MOMENT):
        yield list(rows)


def only_steps(rows: Sequence[Any]) -> Sequence[tuple[int, int]] | None:
    """Give the steps of a moment, node and port, in which nothing else happened and one token moved; else None."""
    return steps.read_steps(rows[0][-4]) if len(rows) == 1 and rows[0][-2] == STEP else None


def likeness(rows: Sequence[Any]) -> tuple[Any, ...] | None:
    """Give what is the same in all moments of which ``tell`` says the same but for whose and when.

    Shape: hashable; None where several tokens moved, whose order is told by more. Most moments are like a few others.
    """
    if sum(row[-2] == STEP for row in rows) > 1:
        return None
    at = rows[0][0]
    return tuple(
        (row[0] - at, row[5], row[-2], None if row[-2] == STEP else row[WHOSE], row[WHOSE + 2]) for row in rows
    )


def journal_lines(
    connection: Connection, plans: Mapping[int, Plan], flows: Sequence[int], contact: Place | None = None
) -> Iterator[dict[str, Json]]:
    """Write down what happened in these flows, the way ``dripline journal`` and ``simulate --journal`` do.

    Shape: lines of flows other than the first carry their ``flow``; ``plans`` by version id.
    """
    for entry in entries(connection, flows, contact):
        yield as_line(entry, plans[entry.version_id], is_main=entry.flow_id == flows[0])


def as_line(entry: Entry, plan: Plan, *, is_main: bool = True) -> dict[str, Json]:
    """Write one entry down; a message that was not suppressed counts as sent."""
    line: dict[str, Json] = {
        "at": format_instant(entry.at),
        "contact": entry.contact,
        "enrollment": entry.ordinal,
    }
    if entry.what == STEP:
        line["node"], line["port"] = plan.where(entry.node, entry.port)
    elif entry.what == OWED:
        line["node"] = plan.nodes[entry.node].id
        line["message"] = "suppressed" if entry.state == "suppressed" else "sent"
        if entry.state == "suppressed":
            line["reason"] = entry.reason
    else:
        line["end"] = entry.state
    return line if is_main else {**line, "flow": plan.flow_key}


_entry: Callable[..., Entry] = Entry

_MOMENT = itemgetter(-1, 2, 1, 4, 7)
"""What all rows of one moment have in common: the second, contact, part, flow and the enrollment's number."""


@lru_cache(maxsize=64)
def _statement(flows: tuple[int, ...], *, one: bool) -> sa.CompoundSelect[Any]:
    """Select journal rows, messages and ends, each with what tells whose they are and in which version it happened.

    Shape: of all contacts, or of ``one``, whose place is given as ``of_part`` and ``of_contact``.
    """
    none = sa.null()
    journal = _select(
        JOURNAL,
        JOURNAL.c.at,
        version_of_step(),
        (JOURNAL.c.wave, JOURNAL.c.token_id, JOURNAL.c.steps, none),
        STEP,
    )
    told = (MESSAGE.c[name] for name in ("node", "passing", "state", "reason"))
    message = _select(MESSAGE, MESSAGE.c.due_at, MESSAGE.c.version_id, told, OWED)
    end = _select(None, ENROLLMENT.c.ended_at, ENROLLMENT.c.version_id, (none, none, ENROLLMENT.c.state, none), END)
    wanted: list[sa.ColumnElement[bool]] = [ENROLLMENT.c.flow_id.in_(flows)]
    if one:
        wanted += [
            ENROLLMENT.c.part == parameter("of_part"),
            ENROLLMENT.c.contact_id == parameter("of_contact"),
        ]
    found = (journal, message, end.where(ENROLLMENT.c.ended_at.is_not(None)))
    return sa.union_all(*(chosen.where(*wanted) for chosen in found)).order_by(
        *("second", "contact_id", "part", "flow_id", "ordinal")
    )


def _select(table: sa.Table | None, at: sa.Column[int], version: Any, more: Iterable[Any], what: str) -> sa.Select[Any]:
    mine = sa.and_(CONTACT.c.part == ENROLLMENT.c.part, CONTACT.c.id == ENROLLMENT.c.contact_id)
    source: sa.FromClause = ENROLLMENT.join(CONTACT, mine)
    if table is not None:
        passed = sa.and_(
            table.c.part == ENROLLMENT.c.part,
            table.c.contact_id == ENROLLMENT.c.contact_id,
            table.c.enrollment_id == ENROLLMENT.c.id,
        )
        source = source.join(table, passed)
    types = (sa.BigInteger, sa.BigInteger, sa.Text, sa.Text)
    told: Iterator[sa.ColumnElement[Any]] = (
        sa.cast(column, type_).label(f"told_{place}")
        for place, (column, type_) in enumerate(zip(more, types, strict=True))
    )
    return sa.select(
        at.label("at"),
        ENROLLMENT.c.part.label("part"),
        ENROLLMENT.c.contact_id.label("contact_id"),
        CONTACT.c.key.label("contact"),
        ENROLLMENT.c.flow_id.label("flow_id"),
        version.label("version_id"),
        ENROLLMENT.c.id.label("enrollment_id"),
        ENROLLMENT.c.ordinal.label("ordinal"),
        *told,
        sa.literal(what, sa.Text).label("what"),
        (at // SECOND).label("second"),
    ).select_from(source)


def tell(rows: Sequence[Any]) -> Iterator[Entry]:
    """Bring what one enrollment did within a second into its order."""
    if (taken := only_steps(rows)) is not None:
        whose = rows[0][:WHOSE]
        for node, port in taken:
            yield _entry(*whose, STEP, node, port)
        return
    passed: list[tuple[tuple[int, ...], Entry]] = []
    owed: defaultdict[tuple[int, int, int], deque[Entry]] = defaultdict(deque)
    ends: list[Entry] = []
    for row in rows:
        whose, what = row[:WHOSE], row[-2]
        at, version_id = whose[0], whose[5]
        first, second, text, reason = row[WHOSE:-2]
        if what == STEP:
            for place, (node, port) in enumerate(steps.read_steps(text)):
                passed.append(((at, first, node, second, place), _entry(*whose, STEP, node, port)))
        elif what == OWED:
            owed[at, version_id, first].append(_entry(*whose, OWED, first, 0, second, text, reason))
        else:
            ends.append(_entry(*whose, END, state=text))
    for key, messages in owed.items():
        owed[key] = deque(sorted(messages, key=attrgetter("passing")))
    passed.sort(key=itemgetter(0))
    for _, entry in passed:
        yield entry
        if owed and (waiting := owed.get((entry.at, entry.version_id, entry.node))):
            yield waiting.popleft()
    yield from (entry for messages in owed.values() for entry in messages)
    yield from ends
