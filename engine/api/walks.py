"""Follow sample contacts of a rehearsal step by step: what each did, what happened to them, and why they went so."""

import heapq
from collections.abc import Mapping
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, Final, TypeAlias

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from engine.api.reasons import EVENT, Reason, Witness
from engine.api.rehearsal import Played
from engine.library.plan import Plan
from engine.people import contacts
from engine.people.contacts import Facts
from engine.run import journal
from engine.run.journal import Entry
from engine.simulate.daily import Sample, samples
from engine.simulate.runner import MAIN
from engine.terms import Json, Micros, format_instant

Line: TypeAlias = Mapping[str, Json]

MOST_EVENTS: Final = 60
"""So many events of a sample contact are told."""


@dataclass(frozen=True)
class Stride:
    """One line of a sample's way: a journal line, or ``{"at", "event"}`` for something that happened; and why."""

    line: Line
    reasons: tuple[Reason, ...] = ()


Timed: TypeAlias = tuple[Micros, Stride]


@dataclass(frozen=True)
class Followed:
    """A contact that stands for ``share`` enrollments which all went the same way.

    Shape: ``contact`` is the key, ``facts`` what is known of them in the end, ``strides`` are in the order of time.
    """

    contact: str
    share: int
    facts: Facts
    strides: tuple[Stride, ...]


def follow(played: Played) -> list[Followed]:
    """Tell the ways of a rehearsal's samples, the most trodden first.

    Cost: a dozen small statements a sample; the number of samples is fixed.
    """
    with played.world.read() as connection:
        chosen = samples(connection, played.outcome.plan)
        return [_followed(played, connection, sample) for sample in chosen]


def _followed(played: Played, connection: Connection, sample: Sample) -> Followed:
    facts = contacts.find(connection, played.world.parts, sample.contact)
    assert facts is not None, "whom the journal names is there"
    plans = played.deployments.plans_of(connection)
    witness = Witness(plans.get, connection, facts)
    lines = journal.entries(connection, [MAIN], (facts.part, facts.id))
    strides = [_stride(each, plans[each.version_id], witness) for each in lines if each.ordinal == sample.ordinal]
    heard = _heard(connection, facts, strides[0][0], strides[-1][0] if sample.is_over else None)
    # Of things at one instant events come first, as they acted first.
    told = heapq.merge(heard, strides, key=itemgetter(0))
    return Followed(sample.contact, sample.share, facts, tuple(stride for _, stride in told))


def _stride(entry: Entry, plan: Plan, witness: Witness) -> Timed:
    line = journal.as_line(entry, plan)
    if entry.what != journal.STEP:
        return entry.at, Stride(line)
    node = plan.nodes[entry.node]
    return entry.at, Stride(line, witness.reasons(node, node.ports[entry.port], entry.enrollment_id, entry.at))


def _heard(connection: Connection, facts: Facts, since: Micros, until: Micros | None) -> list[Timed]:
    mine = [EVENT.c.part == facts.part, EVENT.c.contact_id == facts.id, EVENT.c.at >= since]
    if until is not None:
        mine.append(EVENT.c.at <= until)
    chosen = sa.select(EVENT.c.at, EVENT.c.name, EVENT.c.properties).where(*mine)
    rows = connection.execute(chosen.order_by(EVENT.c.at, EVENT.c.id).limit(MOST_EVENTS))
    return [(row.at, Stride(_line(row))) for row in rows]


def _line(row: Any) -> Line:
    about = (row.properties or {}).get("node")
    return {"at": format_instant(row.at), "event": row.name, **({} if about is None else {"about": about})}
