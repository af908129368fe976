"""What happened to contacts, line by line: their steps, messages and ends, as simulations and stores tell it.

Order: the second, contact in order of creation, flow, enrollment; then as things happened, a message right after the
step that owed it, the end last.
"""

import heapq
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from engine.library import steps
from engine.library.plan import Plan
from engine.run.lineage import version_of_step
from engine.store.tables import Contact, Enrollment, Journal, Message
from engine.terms import SECOND, Json, Micros, format_instant

CONTACT: sa.Table = Contact.__table__  # type: ignore[attr-defined]
ENROLLMENT: sa.Table = Enrollment.__table__  # type: ignore[attr-defined]
JOURNAL: sa.Table = Journal.__table__  # type: ignore[attr-defined]
MESSAGE: sa.Table = Message.__table__  # type: ignore[attr-defined]

STEP, OWED, END = "step", "message", "end"
BATCH = 2_000

WHOSE = 8
"""So many columns tell when, whose and in which version something was; the others what, and its kind the last."""

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

    Cost: three statements that sort in the database; memory does not grow with the journal.
    """
    streams = [_stream(connection, statement, rank) for rank, statement in enumerate(_statements(flows, contact))]
    for _, group in groupby(heapq.merge(*streams, key=lambda row: row[0]), key=lambda row: row[0][:-1]):
        yield from _tell(row for _, row in group)


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


_Keyed = tuple[tuple[int, ...], Any]


def _stream(connection: Connection, statement: sa.Select[Any], rank: int) -> Iterator[_Keyed]:
    for row in connection.execute(statement, execution_options={"yield_per": BATCH}):
        at, part, contact_id, _, flow_id, _, _, ordinal = row[:WHOSE]
        yield (at // SECOND, contact_id, part, flow_id, ordinal, rank), row


def _statements(flows: Sequence[int], contact: Place | None) -> list[sa.Select[Any]]:
    """Select journal rows, messages and ends, each with what tells whose they are, all in the same order.

    Shape: each with the version in which it happened.
    """
    journal = _select(
        JOURNAL,
        JOURNAL.c.at,
        version_of_step(),
        [JOURNAL.c.wave, JOURNAL.c.token_id, JOURNAL.c.steps, sa.literal(STEP).label("what")],
    )
    message = _select(
        MESSAGE,
        MESSAGE.c.due_at,
        MESSAGE.c.version_id,
        [
            *(MESSAGE.c[name] for name in ("node", "passing", "state", "reason")),
            sa.literal(OWED).label("what"),
        ],
    )
    last = [ENROLLMENT.c.state, sa.literal(END).label("what")]
    end = _select(None, ENROLLMENT.c.ended_at, ENROLLMENT.c.version_id, last)
    wanted: list[sa.ColumnElement[bool]] = [ENROLLMENT.c.flow_id.in_(list(flows))]
    if contact is not None:
        wanted += [ENROLLMENT.c.part == contact[0], ENROLLMENT.c.contact_id == contact[1]]
    found = (journal, message, end.where(ENROLLMENT.c.ended_at.is_not(None)))
    return [chosen.where(*wanted) for chosen in found]


def _select(table: sa.Table | None, at: sa.Column[int], version: Any, more: Sequence[Any]) -> sa.Select[Any]:
    mine = sa.and_(CONTACT.c.part == ENROLLMENT.c.part, CONTACT.c.id == ENROLLMENT.c.contact_id)
    source: sa.FromClause = ENROLLMENT.join(CONTACT, mine)
    if table is not None:
        passed = sa.and_(
            table.c.part == ENROLLMENT.c.part,
            table.c.contact_id == ENROLLMENT.c.contact_id,
            table.c.enrollment_id == ENROLLMENT.c.id,
        )
        source = source.join(table, passed)
    second = at - at % SECOND
    return (
        sa.select(
            at.label("at"),
            ENROLLMENT.c.part,
            ENROLLMENT.c.contact_id,
            CONTACT.c.key.label("contact"),
            ENROLLMENT.c.flow_id,
            version.label("version_id"),
            ENROLLMENT.c.id.label("enrollment_id"),
            ENROLLMENT.c.ordinal,
            *more,
        )
        .select_from(source)
        .order_by(second, ENROLLMENT.c.contact_id, ENROLLMENT.c.part, ENROLLMENT.c.flow_id, ENROLLMENT.c.ordinal)
    )


def _tell(rows: Iterable[Any]) -> Iterator[Entry]:
    """Bring what one enrollment did within a second into its order."""
    passed: list[tuple[tuple[int, ...], Entry]] = []
    owed: defaultdict[tuple[int, int, int], deque[Entry]] = defaultdict(deque)
    ends: list[Entry] = []
    for row in rows:
        whose, what = row[:WHOSE], row[-1]
        at, version_id = whose[0], whose[5]
        if what == STEP:
            wave, token_id, told = row[WHOSE:-1]
            for place, (node, port) in enumerate(steps.read_steps(told)):
                passed.append(((at, wave, node, token_id, place), Entry._make((*whose, STEP, node, port, 0, "", None))))
        elif what == OWED:
            node, passing, state, reason = row[WHOSE:-1]
            owed[at, version_id, node].append(Entry._make((*whose, OWED, node, 0, passing, state, reason)))
        else:
            ends.append(Entry._make((*whose, END, 0, 0, 0, row[WHOSE], None)))
    for key, messages in owed.items():
        owed[key] = deque(sorted(messages, key=lambda entry: entry.passing))
    for _, entry in sorted(passed, key=lambda pair: pair[0]):
        yield entry
        if waiting := owed[entry.at, entry.version_id, entry.node]:
            yield waiting.popleft()
    yield from (entry for messages in owed.values() for entry in messages)
    yield from ends
