"""The virtual world: contacts, published flows and what is going to happen, in a store of its own."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from itertools import islice
from typing import Any, TypeAlias

import orjson
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from engine.channels import receipts
from engine.graph.model import Document
from engine.people.accounts import account_id
from engine.run.context import Deployment, Run
from engine.run.review import RECHECK
from engine.run.tables import ARRIVAL, PART, TURN, WAVE
from engine.run.wake import EVENT
from engine.simulate.behaviour import Happening
from engine.simulate.hearing import Hearing
from engine.simulate.population import Person
from engine.store import sequences
from engine.store.dialect import insert_rows
from engine.store.estimates import ROWS, estimate
from engine.store.estimates import WAVE as WAVE_ROWS
from engine.store.prepared import Prepared, parameter
from engine.store.rowsets import numbers, pack
from engine.store.tables import Account, Contact, ContactTag, Flow, FlowVersion, Segment
from engine.terms import Micros, contact_hash, part_of

CONTACT: sa.Table = Contact.__table__  # type: ignore[attr-defined]
TAG: sa.Table = ContactTag.__table__  # type: ignore[attr-defined]
ACCOUNT: sa.Table = Account.__table__  # type: ignore[attr-defined]
FLOW: sa.Table = Flow.__table__  # type: ignore[attr-defined]
VERSION: sa.Table = FlowVersion.__table__  # type: ignore[attr-defined]
SEGMENT: sa.Table = Segment.__table__  # type: ignore[attr-defined]

_metadata = sa.MetaData()


def _temporary(name: str, *columns: sa.schema.SchemaItem) -> sa.Table:
    return sa.Table(name, _metadata, *columns, prefixes=["TEMPORARY"], sqlite_with_rowid=False)


PLANNED = _temporary(
    "planned",
    sa.Column("part", sa.BigInteger),
    sa.Column("contact_id", sa.BigInteger),
    sa.Column("at", sa.BigInteger),
    sa.Column("id", sa.BigInteger),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("ears", sa.BigInteger, nullable=False),
    sa.PrimaryKeyConstraint("part", "contact_id", "at", "id"),
)
"""One row is an event that is told already and happens at its instant; it stays when that is over.

``ears`` are those that may hear it; what nobody can hear has no row.
"""

UPCOMING = _temporary(
    "upcoming",
    sa.Column("part", sa.BigInteger),
    sa.Column("contact_id", sa.BigInteger),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("seen", sa.BigInteger, nullable=False),
    sa.PrimaryKeyConstraint("part", "contact_id"),
)
"""One row is the next instant at which something planned is heard of a contact; ``NEVER`` when all is over.

``seen`` is the instant up to which all is over.
"""

BY_INSTANT = sa.Index("ix_upcoming_at", UPCOMING.c.part, UPCOMING.c.at)
BY_STEP = sa.Index("ix_wave_step", WAVE.c.step)
"""The members of a rehearsed wave stand at many nodes, each of which looks for its own."""

NEVER = 1 << 62
BATCH = 5_000
WORKSPACE = 1

_Told: TypeAlias = tuple[int, int, Happening]
"""An event's number, whose it is, and what."""


@dataclass
class World:
    """Who lives in the world, by key and by place."""

    connection: Connection
    parts: int
    mine: Sequence[int]
    """The parts whose contacts live here."""
    start: Micros
    places: dict[str, tuple[int, int]]
    names: dict[tuple[int, int], str]
    told: dict[int, set[int]] = field(default_factory=lambda: defaultdict(set))
    """The contacts of each part of whom something was told since they were listened for."""
    hearing: Hearing = field(init=False)
    _people: int = 0
    """How many have come so far, also where they live elsewhere: by it they are numbered."""

    @classmethod
    def open(cls, connection: Connection, parts: int, mine: Sequence[int], start: Micros) -> "World":
        """Make an empty world in a migrated store for the contacts of some of its parts."""
        for table in (PLANNED, UPCOMING):
            connection.execute(sa.schema.CreateTable(table, if_not_exists=True))
            connection.execute(table.delete())
        connection.execute(sa.schema.CreateIndex(BY_INSTANT, if_not_exists=True))
        estimate(connection, [PLANNED, UPCOMING], rows=ROWS, temporary=True)
        connection.execute(sa.schema.CreateIndex(BY_STEP, if_not_exists=True))
        estimate(connection, [WAVE], rows=WAVE_ROWS, temporary=True)
        return cls(connection, parts, mine, start, {}, {})

    def has(self, key: str) -> bool:
        """Tell whether a contact lives here, or would."""
        return len(self.mine) == self.parts or part_of(contact_hash(key), self.parts) in self.mine

    def settle(self, people: Iterable[Person], created_at: Micros) -> None:
        """Let contacts be there from an instant on, in the order given.

        Cost: a few statements for so many contacts as settle at once, and memory for those.
        """
        coming, known = iter(people), set[tuple[int, int]]()
        while batch := list(islice(coming, BATCH)):
            self._settle(batch, created_at, known)

    def _settle(self, people: Sequence[Person], created_at: Micros, known: set[tuple[int, int]]) -> None:
        """Write contacts down, and companies that are not known yet."""
        rows: list[dict[str, Any]] = []
        tags: list[dict[str, Any]] = []
        waiting: list[dict[str, Any]] = []
        accounts: list[dict[str, Any]] = []
        for person in people:
            key_hash = contact_hash(person.key)
            part = part_of(key_hash, self.parts)
            self._people = number = self._people + 1
            if part not in self.mine:
                continue
            self.places[person.key] = (part, number)
            self.names[part, number] = person.key
            row = _contact(person, part, number, key_hash, created_at)
            if person.account:
                row["account_id"] = account = account_id(WORKSPACE, person.account)
                if (part, account) not in known:
                    known.add((part, account))
                    accounts.append(_account(part, account, person.account))
            rows.append(row)
            waiting.append({"part": part, "contact_id": number, "at": NEVER, "seen": self.start - 1})
            tags.extend({"part": part, "contact_id": number, "tag": tag} for tag in dict.fromkeys(person.tags))
        for table, listed in ((CONTACT, rows), (TAG, tags), (ACCOUNT, accounts), (UPCOMING, waiting)):
            if listed:
                self.connection.execute(table.insert(), listed)

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
        """Tell events before they happen, in the order given where instants are the same.

        Cost: a few statements for so many events as are told at once, and memory for those.
        """
        given = iter(happenings)
        while batch := list(islice(given, BATCH)):
            for part, told in self._tell(batch, "simulation"):
                heard = [
                    (part, contact, happening.at, number, happening.name, ears)
                    for number, contact, happening in told
                    if (ears := self.hearing.of(happening.name, noted=happening.noted))
                ]
                insert_rows(self.connection, PLANNED, PLANNED.c.keys(), heard)
                self.told[part].update(row[1] for row in heard)

    def listen(self, run: Run) -> None:
        """Find when something is heard next of those who had their turn, and of those of whom something was told.

        Cost: one statement.
        """
        told = self.told.pop(run.part, set())
        given = run.given(told=pack(sorted(told)), never=NEVER)
        self._listening.run(self.connection, given)

    @cached_property
    def _listening(self) -> Prepared:
        return _listening(self.hearing, self.connection.dialect.name)

    def remember(self, happenings: Sequence[Happening], deployment: Deployment) -> None:
        """Let what happened before the start be history: rules see it, and receipts and consents have taken effect."""
        for part, _ in self._tell(happenings, "history"):
            told = ("contact_id", "id", "name", "at", "properties")
            past = sa.select(*(EVENT.c[name] for name in told)).where(EVENT.c.part == PART).subquery("past")
            receipts.apply(self.connection, part, past, {"at_part": part}, deployment.places)

    def _tell(self, happenings: Sequence[Happening], source: str) -> list[tuple[int, list[_Told]]]:
        """Write events down; those that are still to come are seen by nobody before their instant."""
        by_part: dict[int, list[tuple[int, Happening]]] = {}
        for happening in happenings:
            part, contact = self.places[happening.contact]
            by_part.setdefault(part, []).append((contact, happening))
        found = []
        for part, listed in by_part.items():
            base = sequences.take(self.connection, part, "event", len(listed))
            told = [(number, contact, happening) for number, (contact, happening) in enumerate(listed, start=base)]
            insert_rows(self.connection, EVENT, _EVENT, [_event(part, *each, source) for each in told])
            found.append((part, told))
        return found

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


_EVENT = (
    "part", "id", "workspace_id", "contact_id", "name", "at", "received_at", "source", "message_id", "properties",
)  # fmt: skip


def _event(part: int, number: int, contact: int, happening: Happening, source: str) -> tuple[Any, ...]:
    properties = orjson.dumps(dict(happening.properties)).decode() if happening.properties else "{}"
    at = happening.at
    # Of one length: an index of texts in their order grows at its end.
    message_id = f"{number:012d}"
    return part, number, WORKSPACE, contact, happening.name, at, at, source, message_id, properties


def deliver(run: Run) -> frozenset[str]:
    """Let the planned events of this round's turns happen; give their names.

    Cost: one statement, one more when there is any.
    """
    if _delivery(run.dialect).run(run.connection, run.given()).rowcount == 0:
        return frozenset()
    return frozenset(row[0] for row in _arrived(run.dialect).run(run.connection, {}))


@cache
def _arrived(dialect: str) -> Prepared:
    return Prepared(sa.select(ARRIVAL.c.name).distinct(), dialect)


@cache
def _delivery(dialect: str) -> Prepared:
    planned, upcoming = PLANNED.c, UPCOMING.c
    turn = sa.func.row_number().over(partition_by=TURN.c.contact_id, order_by=planned.id)
    arrival = sa.select(
        TURN.c.contact_id, planned.id, planned.name, planned.at, planned.at, sa.literal(1, sa.Integer), turn
    ).where(
        upcoming.part == PART,
        upcoming.contact_id == TURN.c.contact_id,
        upcoming.at <= TURN.c.at,
        planned.part == PART,
        planned.contact_id == TURN.c.contact_id,
        planned.at == upcoming.at,
    )
    return Prepared(ARRIVAL.insert().from_select(ARRIVAL.c.keys(), arrival), dialect)


def _listening(hearing: Hearing, dialect: str) -> Prepared:
    """Find out which ears are open to a contact after its turn, and what they hear next."""
    planned, upcoming = PLANNED.c, UPCOMING.c
    told = numbers(dialect, "told").subquery("told")
    concerned = sa.union(
        sa.select(TURN.c.contact_id, TURN.c.at),
        sa.select(upcoming.contact_id, upcoming.seen).where(
            upcoming.part == PART,
            upcoming.contact_id.in_(sa.select(told.c[0])),
            upcoming.contact_id.not_in(sa.select(TURN.c.contact_id)),
        ),
    ).subquery("concerned")
    # Worked out before anything is looked for: else for every event that is planned.
    after = (
        sa.select(
            concerned.c.contact_id, concerned.c.at.label("seen"), hearing.open_to(concerned.c.contact_id).label("ears")
        )
        .cte("after")
        .prefix_with("MATERIALIZED")
    )
    heard = sa.select(sa.func.min(planned.at)).where(
        planned.part == PART,
        planned.contact_id == after.c.contact_id,
        planned.at > after.c.seen,
        planned.ears.op("&")(after.c.ears) != 0,
    )
    next_heard = sa.func.coalesce(heard.scalar_subquery(), parameter("never"))
    found = UPCOMING.update().values(at=next_heard, seen=after.c.seen)
    return Prepared(found.where(upcoming.part == PART, upcoming.contact_id == after.c.contact_id), dialect)
