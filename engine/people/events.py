"""Record what was told about contacts: events once each, facts in the order in which they were told."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass
from functools import lru_cache
from itertools import groupby
from operator import attrgetter
from typing import Any, Final

import orjson
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from engine.people import accounts, aliases, merging
from engine.people.accounts import AccountRow
from engine.people.contacts import ContactRow, Place, home, look_up, places_of
from engine.people.ending import stay_in_place
from engine.people.numbering import number_each, take_each
from engine.people.rekeying import EVENTS
from engine.people.segment_api import EVENT_KINDS, IncomingEvent
from engine.people.upserting import fold, upsert
from engine.store.dialect import insert_free_rows, insert_ignore, insert_rows
from engine.store.rowsets import pack, rowset
from engine.store.tables import AppliedCall, Event
from engine.terms import Micros

EVENT: sa.Table = Event.__table__  # type: ignore[attr-defined]
APPLIED: sa.Table = AppliedCall.__table__  # type: ignore[attr-defined]

_COLUMNS: Final = tuple(column.name for column in EVENT.columns)


@dataclass
class Recorded:
    """What became of calls: events that are new, calls that had come before, contacts made, changed and merged."""

    events: int = 0
    repeated: int = 0
    created: int = 0
    changed: int = 0
    merged: int = 0

    def __add__(self, other: "Recorded") -> "Recorded":
        """Add up what became of two lots."""
        return Recorded(*(one + two for one, two in zip(astuple(self), astuple(other), strict=True)))


def record(connection: Connection, parts: int, rows: Sequence[IncomingEvent]) -> Recorded:
    """Record calls in their order; of what came before, by source and message id, nothing happens again.

    Cost: a fixed number of statements for each workspace and between two alias calls, however many rows.
    """
    done = Recorded()
    stay_in_place(connection, moving=any(row.kind == "alias" for row in rows))
    for workspace_id, told in groupby(sorted(rows, key=attrgetter("workspace_id")), attrgetter("workspace_id")):
        # An alias call changes who the calls after it are about.
        for kind, run in groupby(told, lambda row: row.kind == "alias"):
            recording = _Recording(connection, parts, workspace_id, done)
            if kind:
                for row in run:
                    recording.alias(row)
            else:
                recording.run(list(run))
    return done


class _Recording:
    """A run of calls of one workspace on its way into the tables."""

    def __init__(self, connection: Connection, parts: int, workspace_id: int, done: Recorded) -> None:
        self.connection = connection
        self.parts = parts
        self.workspace_id = workspace_id
        self.done = done
        self.places: dict[str, Place] = {}

    def run(self, rows: Sequence[IncomingEvent]) -> None:
        """Record calls that are no alias calls."""
        keys = {row.key for row in rows}
        linked = {row.anonymous_id: row.key for row in rows if row.anonymous_id}
        self.places = places_of(self.connection, self.parts, self.workspace_id, keys | linked.keys())
        fresh = self._fresh(rows)
        self._apply_facts(fresh)
        if linked:
            self._link(linked, max(row.received_at for row in rows))
        self._store([row for row in fresh if row.kind in EVENT_KINDS])

    def alias(self, row: IncomingEvent) -> None:
        """Let a contact go by its former key too; if that is another contact's, the two are merged."""
        self.places = places_of(self.connection, self.parts, self.workspace_id, [row.key, row.previous or ""])
        if self._fresh([row]):
            self._apply_facts([row])
            self._link({row.previous or "": row.key}, row.received_at, known_too=True)

    def _part(self, key: str) -> int:
        return self.places[key][0] if key in self.places else home(key, self.parts)

    def _fresh(self, rows: Sequence[IncomingEvent]) -> Sequence[IncomingEvent]:
        """Leave calls out that changed facts before; those of events are told apart when they are stored."""
        calls = [row for row in rows if row.kind not in EVENT_KINDS]
        if not calls:
            return rows
        asked = {(self._part(row.key), row.source, row.message_id): row.received_at for row in calls}
        dialect = self.connection.dialect.name
        known = {tuple(found) for found in self.connection.execute(_applied(dialect), {"asked": pack(asked)})}
        new = {call: at for call, at in asked.items() if call not in known}
        self.connection.execute(_noting(dialect), {"applied": pack((*call, at) for call, at in sorted(new.items()))})
        fresh: list[IncomingEvent] = []
        for row in rows:
            call = (self._part(row.key), row.source, row.message_id)
            if row.kind in EVENT_KINDS or new.pop(call, None) is not None:
                fresh.append(row)
        self.done.repeated += len(rows) - len(fresh)
        return fresh

    def _apply_facts(self, rows: Sequence[IncomingEvent]) -> None:
        owners = list(_owners(rows))
        if owners:
            accounts.update(self.connection, self.parts, self.workspace_id, owners)
        told: dict[str, ContactRow] = {}
        for row in rows:
            facts = row.facts
            if row.key not in self.places:
                facts = (facts or ContactRow(row.key))._replace(created_at=row.at)
            if facts is not None:
                told[row.key] = fold(told[row.key], facts) if row.key in told else facts
        if told:
            now = max(row.received_at for row in rows)
            all_new = told.keys().isdisjoint(self.places)
            written = upsert(self.connection, self.parts, self.workspace_id, told.values(), now, all_new=all_new)
            self.places.update(written.places)
            self.done.created += written.created
            self.done.changed += written.changed

    def _link(self, linked: Mapping[str, str], now: Micros, *, known_too: bool = False) -> None:
        """Let contacts go by further keys; a contact that had one of them to itself is merged.

        Without ``known_too`` only one that has no address: somebody who was never known by more than that key.
        """
        others = {key: user for key, user in linked.items() if self.places.get(key) != self.places.get(user)}
        taken = {key for key in others if key in self.places}
        added = [(home(key, self.parts), key, *self.places[user]) for key, user in others.items() if key not in taken]
        aliases.add(self.connection, self.workspace_id, added)
        if not taken:
            return
        for key, facts in look_up(self.connection, self.parts, self.workspace_id, taken).items():
            if facts.key == key and (known_too or not (facts.email or facts.phone)):
                pair = (others[key], key)
                self.done.merged += merging.merge(
                    self.connection, self.parts, *pair, now=now, workspace_id=self.workspace_id
                )
                self.places[key] = self.places[others[key]]

    def _store(self, rows: Sequence[IncomingEvent]) -> None:
        """Store events that are new."""
        if not rows:
            return
        numbers = take_each(self.connection, EVENTS, Counter(self.places[row.key][0] for row in rows))
        begun = dict(numbers)
        values = self._values(rows, numbers)
        if insert_free_rows(self.connection, EVENT, _COLUMNS, values):
            self.done.events += len(values)
            return
        # Some came before. Whoever holds the sequence is the only one who stores events in these parts.
        asked = {(row[0], row[7], row[8]): row for row in reversed(values)}
        found = self.connection.execute(_stored(self.connection.dialect.name), {"asked": pack(asked)})
        known = {(part, source, message_id): number for part, source, message_id, number in found}
        missing = [row for call, row in reversed(asked.items()) if call not in known]
        ours = sum(number >= begun[call[0]] for call, number in known.items())
        insert_rows(self.connection, EVENT, _COLUMNS, missing)
        self.done.events += len(missing) + ours
        self.done.repeated += len(rows) - len(missing) - ours

    def _values(self, rows: Sequence[IncomingEvent], numbers: dict[int, int]) -> list[tuple[Any, ...]]:
        """Make rows of the table, a column at a time, and use numbers up."""
        _, keys, message_ids, moments, heard, sources, workspaces, names, properties, *_ = zip(*rows, strict=True)
        parts, contacts = zip(*map(self.places.__getitem__, keys), strict=True)
        said = [orjson.dumps(each).decode() if each else "{}" for each in properties]
        numbered = number_each(parts, numbers)
        return list(
            zip(parts, numbered, workspaces, contacts, names, moments, heard, sources, message_ids, said, strict=True)
        )


def _owners(rows: Iterable[IncomingEvent]) -> Iterator[AccountRow]:
    """Fold what calls say about accounts: the later word counts."""
    told: defaultdict[str, list[AccountRow]] = defaultdict(list)
    for row in rows:
        if row.account is not None:
            told[row.account.key].append(row.account)
    for key, said in told.items():
        name = next((each.name for each in reversed(said) if each.name is not None), None)
        yield AccountRow(key, name, {name: value for each in said for name, value in each.attributes.items()})


def _asked(dialect: str) -> sa.Subquery:
    return rowset(dialect, "asked", part=sa.BigInteger, source=sa.Text, message_id=sa.Text)


def _same(table: sa.Table, asked: sa.Subquery) -> sa.ColumnElement[bool]:
    return sa.and_(*(table.c[name] == asked.c[name] for name in ("part", "source", "message_id")))


@lru_cache(maxsize=2)
def _applied(dialect: str) -> sa.Select[Any]:
    asked = _asked(dialect)
    return sa.select(APPLIED.c.part, APPLIED.c.source, APPLIED.c.message_id).join(asked, _same(APPLIED, asked))


@lru_cache(maxsize=2)
def _noting(dialect: str) -> sa.Insert:
    names = [column.name for column in APPLIED.columns]
    applied = rowset(dialect, "applied", **{column.name: column.type for column in APPLIED.columns})
    statement: sa.Insert = insert_ignore(APPLIED, dialect).from_select(names, sa.select(applied).where(sa.true()))
    return statement


@lru_cache(maxsize=2)
def _stored(dialect: str) -> sa.Select[Any]:
    asked = _asked(dialect)
    columns = (EVENT.c.part, EVENT.c.source, EVENT.c.message_id, EVENT.c.id)
    return sa.select(*columns).join(asked, _same(EVENT, asked))
