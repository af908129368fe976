"""Write what is known from outside about many contacts at once: new ones are made, known ones are merged."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

import orjson
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from engine.people import accounts, attributes, suppressions, tags
from engine.people.changes import CHANGE
from engine.people.contacts import CONTACT, ContactRow, Facts, Place, hash_of, look_up
from engine.people.numbering import take_each
from engine.store.dialect import insert_rows
from engine.store.rowsets import pack, rowset
from engine.store.types import JSON_TYPE
from engine.terms import Micros, part_of

CONTACTS: Final = "contact"
"""The sequence that counts contacts."""

_NEW: Final = tuple(column.name for column in CONTACT.columns)
_CHANGED: Final = ("part", "id", *attributes.COLUMNS, "account_id", "attributes", "changed")


@dataclass
class Upserted:
    """What became of the rows.

    ``places`` says where each key's contact is now; ``before`` is the facts of those that were known.
    """

    created: int = 0
    changed: int = 0
    places: dict[str, Place] = field(default_factory=dict)
    before: dict[str, Facts] = field(default_factory=dict)


def fold(first: ContactRow, second: ContactRow) -> ContactRow:
    """Join two rows about one contact; of each fact the later word counts."""
    facts = [late if late is not None else early for early, late in zip(first[:7], second[:7], strict=True)]
    tags_ = (*first.tags, *(tag for tag in second.tags if tag not in first.tags))
    known = [at for at in (first.created_at, second.created_at) if at is not None]
    return ContactRow._make([*facts, tags_, {**first.attributes, **second.attributes}, min(known, default=None)])


def upsert(connection: Connection, parts: int, workspace_id: int, rows: Iterable[ContactRow], now: Micros) -> Upserted:
    """Make the contacts that are new, merge what is said about the others, and number what changed.

    Cost: a fixed number of statements, however many rows.
    """
    folded: dict[str, ContactRow] = {}
    for row in rows:
        folded[row.key] = fold(folded[row.key], row) if row.key in folded else row
    if not folded:
        return Upserted()
    # Whoever holds this sequence is the only one who makes contacts in the part: no key can appear meanwhile.
    following = take_each(connection, CONTACTS, Counter(part_of(hash_of(key), parts) for key in folded))
    writing = _Writing(connection, parts, workspace_id, now, following)
    writing.known = look_up(connection, parts, workspace_id, folded, lock=True)
    for key, row in folded.items():
        if key in writing.known:
            writing.merge(key, row)
        else:
            writing.make(key, row)
    attributes.note(connection, workspace_id, attributes.kinds_of(row.attributes for row in folded.values()))
    accounts.ensure(connection, parts, workspace_id, writing.accounts)
    writing.finish()
    _apply_bans(connection, parts, folded, writing.done.places)
    return writing.done


@dataclass
class _Writing:
    """One batch on its way into the tables."""

    connection: Connection
    parts: int
    workspace_id: int
    now: Micros
    following: dict[int, int]
    known: dict[str, Facts] = field(default_factory=dict)
    base: dict[Place, Facts] = field(default_factory=dict)
    drafts: dict[Place, Facts] = field(default_factory=dict)
    new: list[list[Any]] = field(default_factory=list)
    new_tags: list[tags.TagOf] = field(default_factory=list)
    more_tags: list[tags.TagOf] = field(default_factory=list)
    accounts: set[tuple[int, str]] = field(default_factory=set)
    done: Upserted = field(default_factory=Upserted)

    def make(self, key: str, row: ContactRow) -> None:
        hashed = hash_of(key)
        part = part_of(hashed, self.parts)
        id_ = self.following[part]
        self.following[part] = id_ + 1
        self.done.places[key] = (part, id_)
        account = None
        if row.account:
            account = accounts.account_id(self.workspace_id, row.account)
            self.accounts.add((part, row.account))
        if row.tags:
            self.new_tags.extend((part, id_, tag) for tag in dict.fromkeys(row.tags))
        facts = [text or None for text in row[1:6]]
        at = self.now if row.created_at is None else row.created_at
        values = orjson.dumps(row.attributes).decode() if row.attributes else "{}"
        self.new.append([part, id_, self.workspace_id, key, hashed, *facts, account, values, at, False])

    def merge(self, key: str, row: ContactRow) -> None:
        known = self.known[key]
        place = (known.part, known.id)
        self.done.places[key] = place
        self.done.before[key] = known
        # By a key and by an alias of it the same contact is read twice: the first reading counts.
        base = self.base.setdefault(place, known)
        self.drafts[place] = _merged(self.drafts.get(place, base), row, self.workspace_id)
        self.more_tags.extend((*place, tag) for tag in row.tags)
        if row.account:
            self.accounts.add((known.part, row.account))

    def finish(self) -> None:
        tagged = tags.missing(self.connection, self.more_tags)
        changed = {place for place, facts in self.drafts.items() if facts is not self.base[place]}
        changed.update((part, id_) for part, id_, _ in tagged)
        self.done.created, self.done.changed = len(self.new), len(changed)
        counts = Counter(row[0] for row in self.new)
        counts.update(part for part, _ in changed)
        numbers = take_each(self.connection, CHANGE, counts)
        for row in self.new:
            row.append(numbers[row[0]])
            numbers[row[0]] += 1
        insert_rows(self.connection, CONTACT, _NEW, self.new)
        insert_rows(self.connection, tags.TAG, tags.COLUMNS, self.new_tags)
        self._update(sorted(changed), numbers)
        tags.insert(self.connection, tagged)

    def _update(self, changed: Sequence[Place], numbers: dict[int, int]) -> None:
        if not changed:
            return
        rows = []
        for place in changed:
            facts = self.drafts[place]
            values = orjson.dumps(facts.attributes).decode()
            rows.append((*place, *facts[3:8], facts.account_id, values, numbers[facts.part]))
            numbers[facts.part] += 1
        self.connection.execute(_updating(self.connection.dialect.name), {"drafts": pack(rows)})


def _merged(known: Facts, row: ContactRow, workspace_id: int) -> Facts:
    """Give the facts after a row; the very same ones when it says nothing new."""
    changes: dict[str, Any] = {
        name: text or None
        for name, text in zip(attributes.COLUMNS, row[1:6], strict=True)
        if text is not None and (text or None) != getattr(known, name)
    }
    if row.account is not None:
        account = accounts.account_id(workspace_id, row.account) if row.account else None
        if account != known.account_id:
            changes["account_id"] = account
    if row.attributes:
        values = {**known.attributes, **row.attributes}
        # As JSON: to Python true equals 1.
        if orjson.dumps(values) != orjson.dumps(known.attributes):
            changes["attributes"] = values
    return known._replace(**changes) if changes else known


@lru_cache(maxsize=2)
def _updating(dialect: str) -> sa.Update:
    types: dict[str, Any] = {name: CONTACT.c[name].type for name in _CHANGED}
    drafts = rowset(dialect, "drafts", **{**types, "attributes": JSON_TYPE})
    mine = sa.and_(CONTACT.c.part == drafts.c.part, CONTACT.c.id == drafts.c.id)
    return CONTACT.update().values({name: drafts.c[name] for name in _CHANGED[2:]}).where(mine)


def _apply_bans(
    connection: Connection, parts: int, rows: Mapping[str, ContactRow], places: Mapping[str, Place]
) -> None:
    """Suppress addresses that were forbidden to somebody else, or to an erased contact."""
    if not suppressions.exist(connection):
        return
    given = {key: suppressions.addresses_of(row.email, row.phone, row.attributes) for key, row in rows.items()}
    bans = suppressions.bans_on(connection, parts, (each for found in given.values() for each in found.values()))
    found = [
        suppressions.SuppressionRow(*places[key], channel, ban.address_hash, ban.reason, ban.at)
        for key, addresses in given.items()
        for channel, address in addresses.items()
        for ban in bans.get(suppressions.hash_address(address), ())
        if ban.channel == channel
    ]
    suppressions.suppress(connection, found)
