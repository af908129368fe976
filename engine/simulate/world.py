"""The virtual world: contacts, published flows and what is going to happen, in a store of its own."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from engine.channels import receipts
from engine.graph.model import Document
from engine.people.accounts import account_id
from engine.run.context import Deployment, Run
from engine.run.review import RECHECK
from engine.run.tables import ARRIVAL, PART, TURN
from engine.run.wake import EVENT
from engine.simulate.behaviour import Happening
from engine.simulate.population import Person
from engine.store import sequences
from engine.store.estimates import ROWS, estimate
from engine.store.prepared import Prepared, parameter
from engine.store.tables import Account, Contact, ContactTag, Flow, FlowVersion, Segment
from engine.store.types import JSON_TYPE
from engine.terms import Micros, contact_hash, part_of

CONTACT: sa.Table = Contact.__table__  # type: ignore[attr-defined]
TAG: sa.Table = ContactTag.__table__  # type: ignore[attr-defined]
ACCOUNT: sa.Table = Account.__table__  # type: ignore[attr-defined]
FLOW: sa.Table = Flow.__table__  # type: ignore[attr-defined]
VERSION: sa.Table = FlowVersion.__table__  # type: ignore[attr-defined]
SEGMENT: sa.Table = Segment.__table__  # type: ignore[attr-defined]

PLANNED = sa.Table(
    "planned",
    sa.MetaData(),
    sa.Column("part", sa.BigInteger, nullable=False),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("id", sa.BigInteger, nullable=False),
    sa.Column("contact_id", sa.BigInteger, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("message_id", sa.Text, nullable=False),
    sa.Column("properties", JSON_TYPE, nullable=False),
    sa.PrimaryKeyConstraint("part", "at", "id"),
    prefixes=["TEMPORARY"],
    sqlite_with_rowid=False,
)
"""One row is an event that is going to happen."""

OF_CONTACT = sa.Index("ix_planned_contact", PLANNED.c.part, PLANNED.c.contact_id, PLANNED.c.at)
"""Finds what happens to the contacts whose turn it is."""

BATCH = 5_000
WORKSPACE = 1


@dataclass
class World:
    """Who lives in the world, by key and by place, and how many events were planned."""

    connection: Connection
    parts: int
    start: Micros
    places: dict[str, tuple[int, int]]
    names: dict[tuple[int, int], str]
    planned: int = 0

    @classmethod
    def open(cls, connection: Connection, parts: int, start: Micros) -> "World":
        """Make an empty world in a migrated store."""
        connection.execute(sa.schema.CreateTable(PLANNED, if_not_exists=True))
        connection.execute(sa.schema.CreateIndex(OF_CONTACT, if_not_exists=True))
        estimate(connection, [PLANNED], rows=ROWS, temporary=True)
        connection.execute(PLANNED.delete())
        return cls(connection, parts, start, {}, {})

    def settle(self, people: Iterable[Person], created_at: Micros) -> None:
        """Let contacts be there from an instant on, in the order given."""
        rows: list[dict[str, Any]] = []
        tags: list[dict[str, Any]] = []
        accounts: dict[tuple[int, int], dict[str, Any]] = {}
        for person in people:
            key_hash = contact_hash(person.key)
            part = part_of(key_hash, self.parts)
            number = len(self.places) + 1
            self.places[person.key] = (part, number)
            self.names[part, number] = person.key
            row = _contact(person, part, number, key_hash, created_at)
            if person.account:
                row["account_id"] = account_id(WORKSPACE, person.account)
                accounts[part, row["account_id"]] = _account(part, row["account_id"], person.account)
            rows.append(row)
            tags.extend({"part": part, "contact_id": number, "tag": tag} for tag in dict.fromkeys(person.tags))
        for table, listed in ((CONTACT, rows), (TAG, tags), (ACCOUNT, list(accounts.values()))):
            for begin in range(0, len(listed), BATCH):
                self.connection.execute(table.insert(), listed[begin : begin + BATCH])

    def publish(self, documents: Sequence[Document]) -> None:
        """Publish flows at the start, in the order given."""
        for number, document in enumerate(documents, start=1):
            self.connection.execute(
                FLOW.insert().values(
                    id=number,
                    workspace_id=WORKSPACE,
                    key=document.key,
                    name=document.name,
                    state="live",
                    live_version_id=number,
                    created_at=self.start,
                )
            )
            text = orjson.dumps(dict(document.raw)).decode()
            self.connection.execute(
                VERSION.insert().values(
                    id=number, flow_id=number, number=1, document=text, digest="", published_at=self.start
                )
            )

    def define(self, segments: Mapping[str, Any]) -> None:
        """Name segments."""
        for number, (key, rule) in enumerate(segments.items(), start=1):
            self.connection.execute(
                SEGMENT.insert().values(
                    id=number, workspace_id=WORKSPACE, key=key, name=key, rule=rule, created_at=self.start
                )
            )

    def plan(self, happenings: Iterable[Happening]) -> None:
        """Note what is going to happen, in the order given where instants are the same."""
        rows = []
        for happening in happenings:
            part, contact = self.places[happening.contact]
            self.planned += 1
            rows.append(
                {
                    "part": part,
                    "at": happening.at,
                    "id": self.planned,
                    "contact_id": contact,
                    "name": happening.name,
                    "message_id": str(self.planned),
                    "properties": happening.properties,
                }
            )
        for begin in range(0, len(rows), BATCH):
            self.connection.execute(PLANNED.insert(), rows[begin : begin + BATCH])

    def remember(self, happenings: Sequence[Happening], deployment: Deployment) -> None:
        """Let what happened before the start be history: rules see it, and receipts and consents have taken effect."""
        by_part: dict[int, list[Happening]] = {}
        for happening in happenings:
            by_part.setdefault(self.places[happening.contact][0], []).append(happening)
        for part, listed in by_part.items():
            base = sequences.take(self.connection, part, "event", len(listed))
            for begin in range(0, len(listed), BATCH):
                rows = [
                    _event(part, self.places[each.contact][1], base + begin + place, each)
                    for place, each in enumerate(listed[begin : begin + BATCH])
                ]
                self.connection.execute(EVENT.insert(), rows)
            told = ("contact_id", "id", "name", "at", "properties")
            past = sa.select(*(EVENT.c[name] for name in told)).where(EVENT.c.part == PART).subquery("past")
            receipts.apply(self.connection, part, past, {"at_part": part}, deployment.places)

    def newcomers(self, created: Mapping[str, Micros], subjects: Sequence[int]) -> None:
        """Let contacts appear at their first event; segments look at them at that instant."""
        for key, at in created.items():
            self.settle([Person(key)], at)
            part, contact = self.places[key]
            for subject in subjects:
                row = {"part": part, "contact_id": contact, "subject": subject, "due_at": at}
                self.connection.execute(RECHECK.insert(), row)


def _contact(person: Person, part: int, number: int, key_hash: int, created_at: Micros) -> dict[str, Any]:
    return {
        "part": part,
        "id": number,
        "workspace_id": WORKSPACE,
        "key": person.key,
        "hash": key_hash,
        "email": person.email,
        "phone": person.phone,
        "timezone": person.timezone,
        "locale": person.locale,
        "stage": person.stage,
        "account_id": None,
        "attributes": person.attributes,
        "created_at": created_at,
    }


def _account(part: int, number: int, key: str) -> dict[str, Any]:
    return {"part": part, "id": number, "workspace_id": WORKSPACE, "key": key, "name": key, "attributes": {}}


def _event(part: int, contact: int, number: int, happening: Happening) -> dict[str, Any]:
    return {
        "part": part,
        "id": number,
        "workspace_id": WORKSPACE,
        "contact_id": contact,
        "name": happening.name,
        "at": happening.at,
        "received_at": happening.at,
        "source": "history",
        "message_id": str(number),
        "properties": happening.properties,
    }


def deliver(run: Run) -> frozenset[str]:
    """Let the planned events of this round's turns happen; give their names.

    Cost: five statements.
    """
    given = run.given()
    count = _due_count(run.dialect).run(run.connection, given).scalar() or 0
    if not count:
        return frozenset()
    base = sequences.take(run.connection, run.part, "event", count)
    given["base"] = base
    for statement in _delivery(run.dialect):
        statement.run(run.connection, given)
    return frozenset(run.connection.execute(sa.select(ARRIVAL.c.name).distinct()).scalars())


def _due(planned: sa.FromClause = PLANNED) -> list[sa.ColumnElement[bool]]:
    return [planned.c.part == PART, planned.c.at <= TURN.c.at, planned.c.contact_id == TURN.c.contact_id]


@cache
def _due_count(dialect: str) -> Prepared:
    return Prepared(sa.select(sa.func.count()).select_from(PLANNED, TURN).where(*_due()), dialect)


@cache
def _delivery(dialect: str) -> list[Prepared]:
    number = parameter("base") + sa.func.row_number().over(order_by=(PLANNED.c.at, PLANNED.c.id)) - 1
    event = sa.select(
        PLANNED.c.part,
        number,
        sa.literal(WORKSPACE, sa.Integer),
        PLANNED.c.contact_id,
        PLANNED.c.name,
        PLANNED.c.at,
        PLANNED.c.at,
        sa.literal("simulation", sa.Text),
        PLANNED.c.message_id,
        PLANNED.c.properties,
    ).where(*_due())
    columns = [
        "part", "id", "workspace_id", "contact_id", "name", "at", "received_at", "source", "message_id", "properties",
    ]  # fmt: skip
    # A sum, so that SQLite does not go through an index of all events only because it is in the right order.
    turn = sa.func.row_number().over(partition_by=EVENT.c.contact_id + 0, order_by=EVENT.c.id)
    arrival = sa.select(
        EVENT.c.contact_id, EVENT.c.id, EVENT.c.name, EVENT.c.at, EVENT.c.at, sa.literal(1, sa.Integer), turn
    ).where(EVENT.c.part == PART, EVENT.c.id >= parameter("base"))
    same = PLANNED.alias("same")
    happened = sa.select(same.c.at, same.c.id).select_from(same, TURN).where(*_due(same))
    over = PLANNED.delete().where(PLANNED.c.part == PART, sa.tuple_(PLANNED.c.at, PLANNED.c.id).in_(happened))
    return [
        Prepared(EVENT.insert().from_select(columns, event), dialect),
        Prepared(ARRIVAL.insert().from_select([column.name for column in ARRIVAL.c], arrival), dialect),
        Prepared(over, dialect),
    ]
