"""Contacts: find them, see what is known of one, and what happened to it."""

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from engine.api.reasons import Reason, Witness
from engine.api.searching import Search, search
from engine.errors import NotFound
from engine.library.plan import Plan
from engine.people import contacts
from engine.people.contacts import ERASED, Facts
from engine.run import journal
from engine.run.journal import Entry
from engine.store.expressions import json_text
from engine.store.tables import (
    Account,
    Consent,
    Contact,
    ContactTag,
    Enrollment,
    Event,
    Flow,
    FlowVersion,
    Token,
    Transfer,
)
from engine.terms import Json, Text, from_micros
from engine.wiring import Wiring

CONTACT: sa.Table = Contact.__table__  # type: ignore[attr-defined]
TAG: sa.Table = ContactTag.__table__  # type: ignore[attr-defined]
ACCOUNT: sa.Table = Account.__table__  # type: ignore[attr-defined]
CONSENT: sa.Table = Consent.__table__  # type: ignore[attr-defined]
ENROLLMENT: sa.Table = Enrollment.__table__  # type: ignore[attr-defined]
EVENT: sa.Table = Event.__table__  # type: ignore[attr-defined]
FLOW: sa.Table = Flow.__table__  # type: ignore[attr-defined]
TOKEN: sa.Table = Token.__table__  # type: ignore[attr-defined]
TRANSFER: sa.Table = Transfer.__table__  # type: ignore[attr-defined]
VERSION: sa.Table = FlowVersion.__table__  # type: ignore[attr-defined]

PAGE: Final = 50


@dataclass(frozen=True)
class ContactLine:
    """A contact in a list."""

    key: str
    name: str | None
    email: str | None
    stage: str | None
    timezone: str | None
    locale: str | None
    created_at: datetime


@dataclass(frozen=True)
class ContactPage:
    """Some contacts; ``after`` is where the next page begins, nothing on the last one."""

    contacts: tuple[ContactLine, ...]
    after: str | None


@dataclass(frozen=True)
class Stay:
    """An enrollment of a contact, and where its tokens rest: node and until when."""

    flow_key: str
    flow_name: Text
    ordinal: int
    state: str
    started_at: datetime
    ended_at: datetime | None
    resting: tuple[tuple[Text, str, datetime | None], ...]


@dataclass(frozen=True)
class ContactDetail:
    """Everything that is known of one contact."""

    key: str
    name: str | None
    email: str | None
    phone: str | None
    timezone: str | None
    locale: str | None
    stage: str | None
    created_at: datetime
    account: str | None
    attributes: dict[str, Json]
    tags: tuple[str, ...]
    consents: tuple[tuple[str, str, str, datetime], ...]
    stays: tuple[Stay, ...]


@dataclass(frozen=True)
class Moment:
    """One thing that happened to a contact.

    Shape: ``what`` is ``event``, ``entered``, ``step``, ``message`` or ``end``; ``name`` that of the event or node;
    ``detail`` the port, the state or the reason; ``reasons`` why a step led to that port.
    """

    at: datetime
    what: str
    name: Text
    kind: str = ""
    flow: Text | None = None
    ordinal: int = 0
    detail: str = ""
    label: Text | None = None
    properties: dict[str, Json] | None = None
    reasons: tuple[Reason, ...] = ()
    message_key: str | None = None
    versions: tuple[int, int] | None = None


def find_contacts(wiring: Wiring, text: str = "", after: str | None = None, limit: int = PAGE) -> ContactPage:
    """List contacts in the order of their creation, or those that a text finds: by key, by address, by name.

    Shape: a page of a search may have few contacts, or none, and still be followed by another. Cost: one statement;
    for a search see ``engine.api.searching``.
    """
    columns = [
        *(CONTACT.c[name] for name in ("part", "id", *_LINE)),
        json_text(CONTACT.c.attributes, "name").label("name"),
    ]
    if text.strip():
        asked = Search(text.strip(), wiring.workspace_id, wiring.store.parts)
        with wiring.store.read() as connection:
            matching, mark = search(connection, asked, columns, after, limit)
        return ContactPage(tuple(map(_line, matching)), mark)
    wanted: list[Any] = [CONTACT.c.workspace_id == wiring.workspace_id, ~CONTACT.c.key.startswith(ERASED)]
    if after:
        part, _, number = after.partition("-")
        wanted.append(sa.tuple_(CONTACT.c.part, CONTACT.c.id) > sa.tuple_(int(part), int(number)))
    chosen = sa.select(*columns).where(*wanted)
    with wiring.store.read() as connection:
        rows = connection.execute(chosen.order_by(CONTACT.c.part, CONTACT.c.id).limit(limit + 1)).all()
    found = tuple(_line(row) for row in rows[:limit])
    return ContactPage(found, f"{rows[limit - 1].part}-{rows[limit - 1].id}" if len(rows) > limit else None)


def contact_detail(wiring: Wiring, key: str) -> ContactDetail:
    """Tell what is known of one contact.

    Errors: ``NotFound``. Cost: seven small statements.
    """
    with wiring.store.read() as connection:
        facts = find_one(wiring, connection, key)
        mine = (facts.part, facts.id)
        tags = connection.scalars(sa.select(TAG.c.tag).where(*_of(TAG, mine)).order_by(TAG.c.tag)).all()
        words = connection.execute(sa.select(CONSENT).where(*_of(CONSENT, mine)).order_by(CONSENT.c.at)).all()
        account = connection.scalar(
            sa.select(sa.func.coalesce(ACCOUNT.c.name, ACCOUNT.c.key)).where(
                ACCOUNT.c.part == facts.part, ACCOUNT.c.id == facts.account_id
            )
        )
        stays = tuple(_stays(wiring, connection, mine))
    name = facts.attributes.get("name")
    return ContactDetail(
        key=facts.key,
        name=name if isinstance(name, str) else None,
        email=facts.email,
        phone=facts.phone,
        timezone=facts.timezone,
        locale=facts.locale,
        stage=facts.stage,
        created_at=from_micros(facts.created_at),
        account=account,
        attributes=facts.attributes,
        tags=tuple(tags),
        consents=tuple((word.topic, word.channel, word.state, from_micros(word.at)) for word in words),
        stays=stays,
    )


def time_line(wiring: Wiring, key: str, limit: int = 200) -> list[Moment]:
    """Tell what happened to one contact, the latest first.

    Shape: a move has its ``versions``, from and to. Errors: ``NotFound``. Cost: reads all that this contact did.
    """
    with wiring.store.read() as connection:
        facts = find_one(wiring, connection, key)
        mine = (facts.part, facts.id)
        flow_ids = connection.scalars(
            sa.select(ENROLLMENT.c.flow_id).where(*_of(ENROLLMENT, mine)).distinct().order_by(ENROLLMENT.c.flow_id)
        ).all()
        plans = wiring.deployments.plans_of(connection, flow_ids)
        passed = list(journal.entries(connection, flow_ids, mine)) if flow_ids else []
        witness = Witness(plans.get, connection, facts)
        told = [*_entered(connection, mine, plans), *(_told(each, plans[each.version_id], witness) for each in passed)]
        told += _moved(connection, mine, plans)
        heard = [_heard(row) for row in _events(connection, mine, limit)]
    # Of things at one instant events come first, as they acted first; the list is read from its end.
    ordered = heapq.merge(sorted(heard, key=_when), sorted(told, key=_when), key=lambda moment: moment.at)
    return list(islice(reversed(list(ordered)), limit))


def find_one(wiring: Wiring, connection: Connection, key: str) -> Facts:
    """Find a contact by its key or an alias.

    Errors: ``NotFound``.
    """
    facts = contacts.find(connection, wiring.store.parts, key, wiring.workspace_id)
    if facts is None:
        raise NotFound(f"there is no contact {key!r}", contact=key)
    return facts


_LINE: Final = ("key", "email", "stage", "timezone", "locale", "created_at")


def _line(row: Any) -> ContactLine:
    facts = {name: getattr(row, name) for name in _LINE}
    return ContactLine(**{**facts, "created_at": from_micros(row.created_at)}, name=row.name)


def _of(table: sa.Table, place: tuple[int, int]) -> list[sa.ColumnElement[bool]]:
    return [table.c.part == place[0], table.c.contact_id == place[1]]


def _stays(wiring: Wiring, connection: Connection, place: tuple[int, int]) -> Iterator[Stay]:
    chosen = (
        sa.select(ENROLLMENT, FLOW.c.key, FLOW.c.name)
        .join(FLOW, FLOW.c.id == ENROLLMENT.c.flow_id)
        .where(*_of(ENROLLMENT, place))
        .order_by(ENROLLMENT.c.id.desc())
    )
    rows = connection.execute(chosen).all()
    tokens = connection.execute(sa.select(TOKEN).where(*_of(TOKEN, place)).order_by(TOKEN.c.id)).all()
    plans = wiring.deployments.plans_of(connection, sorted({row.flow_id for row in rows}))
    for row in rows:
        resting = [_resting(token, plans[token.version_id]) for token in tokens if token.enrollment_id == row.id]
        ended = None if row.ended_at is None else from_micros(row.ended_at)
        yield Stay(row.key, row.name, row.ordinal, row.state, from_micros(row.started_at), ended, tuple(resting))


def _resting(token: Any, plan: Plan) -> tuple[Text, str, datetime | None]:
    return _name(plan, token.node), token.state, None if token.due_at is None else from_micros(token.due_at)


def _name(plan: Plan, index: int) -> Text:
    node = plan.nodes[index]
    return node.name or node.type.summary(node.config)


def _entered(connection: Connection, place: tuple[int, int], plans: dict[int, Plan]) -> Iterator[Moment]:
    for row in connection.execute(sa.select(ENROLLMENT).where(*_of(ENROLLMENT, place))):
        flow = plans[row.version_id].flow_name
        yield Moment(from_micros(row.started_at), "entered", flow, flow=flow, ordinal=row.ordinal)


def _moved(connection: Connection, place: tuple[int, int], plans: dict[int, Plan]) -> Iterator[Moment]:
    """Tell of moves to another version, and of those that were taken back."""
    numbers = sa.select(VERSION.c.id, VERSION.c.number).where(VERSION.c.id.in_(list(plans)))
    number = {int(version): int(counted) for version, counted in connection.execute(numbers)}
    same = (TRANSFER.c.from_version, TRANSFER.c.to_version, TRANSFER.c.at, TRANSFER.c.back_at)
    chosen = sa.select(*same).where(*_of(TRANSFER, place), TRANSFER.c.to_version.is_not(None)).distinct()
    for row in connection.execute(chosen):
        name, there = plans[row.to_version].flow_name, (number[row.from_version], number[row.to_version])
        yield Moment(from_micros(row.at), "moved", name, flow=name, versions=there)
        if row.back_at is not None:
            yield Moment(from_micros(row.back_at), "moved", name, flow=name, versions=there[::-1])


def _told(entry: Entry, plan: Plan, witness: Witness) -> Moment:
    at = from_micros(entry.at)
    if entry.what == journal.END:
        return Moment(at, "end", plan.flow_name, flow=plan.flow_name, ordinal=entry.ordinal, detail=entry.state)
    node = plan.nodes[entry.node]
    name, kind = _name(plan, entry.node), node.type.kind
    if entry.what == journal.OWED:
        key = f"{entry.part}-{entry.contact_id}-{entry.enrollment_id}-{entry.node}-{entry.passing}"
        return Moment(
            at, "message", name, kind, plan.flow_name, entry.ordinal, entry.reason or entry.state, message_key=key
        )
    port = node.ports[entry.port]
    label = next((each.label for each in node.type.ports(node.config) if each.key == port), None)
    reasons = witness.reasons(node, port, entry.enrollment_id, entry.at)
    return Moment(at, "step", name, kind, plan.flow_name, entry.ordinal, port, label, reasons=reasons)


def _events(connection: Connection, place: tuple[int, int], limit: int) -> Sequence[Any]:
    chosen = sa.select(EVENT).where(*_of(EVENT, place)).order_by(EVENT.c.at.desc(), EVENT.c.id.desc()).limit(limit)
    return connection.execute(chosen).all()


def _heard(row: Any) -> Moment:
    return Moment(from_micros(row.at), "event", row.name, "event", properties=row.properties or None)


def _when(moment: Moment) -> datetime:
    return moment.at
