"""Write what is known from outside about many contacts at once: new ones are made, known ones are merged."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import repeat
from typing import Any, Final

import orjson
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from engine.people import accounts, attributes, suppressions, tags
from engine.people.changes import CHANGE
from engine.people.contacts import CONTACT, ContactRow, Facts, Place, any_alias, look_up
from engine.people.numbering import number_each, take_each
from engine.store.attributes import note_attributes
from engine.store.dialect import insert_free_rows, insert_rows
from engine.store.rowsets import pack, rowset
from engine.store.types import JSON_TYPE
from engine.terms import Micros, contact_hash, part_of

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


def upsert(
    connection: Connection,
    parts: int,
    workspace_id: int,
    rows: Iterable[ContactRow],
    now: Micros,
    *,
    all_new: bool = False,
) -> Upserted:
    """Make the contacts that are new, merge what is said about the others, and number what changed.

    ``all_new`` is a guess that saves the look-up where it holds and costs one vain attempt where not.
    Cost: a fixed number of statements, however many rows.
    """
    folded: dict[str, ContactRow] = {}
    for row in rows:
        folded[row.key] = fold(folded[row.key], row) if row.key in folded else row
    if not folded:
        return Upserted()
    writing = _Writing(connection, parts, workspace_id, now, {key: contact_hash(key) for key in folded})
    if not all_new or any_alias(connection) or not writing.try_as_new(folded):
        writing.sort_out(folded)
    note_attributes(connection, workspace_id, (row.attributes for row in folded.values()))
    _apply_bans(connection, parts, folded, writing.done.places)
    return writing.done


class _Writing:
    """One batch on its way into the tables."""

    def __init__(
        self, connection: Connection, parts: int, workspace_id: int, now: Micros, hashes: Mapping[str, int]
    ) -> None:
        self.connection = connection
        self.parts = parts
        self.workspace_id = workspace_id
        self.now = now
        self.hashes = hashes
        self.done = Upserted()
        self.tried: dict[str, Place] = {}
        self._take_numbers()

    def _take_numbers(self) -> None:
        # More than needed: gaps do no harm. Whoever holds the sequence of contacts is the only one who makes contacts
        # in these parts, so that no key can appear meanwhile.
        counts = Counter(part_of(hashed, self.parts) for hashed in self.hashes.values())
        self.ids = take_each(self.connection, CONTACTS, counts)

    def try_as_new(self, rows: Mapping[str, ContactRow]) -> bool:
        """Insert rows as new contacts, and tell whether they all were."""
        new = self._new(rows)
        places = {row[3]: (row[0], row[1]) for row in new}
        if not insert_free_rows(self.connection, CONTACT, _NEW, new):
            self.tried = places
            self._take_numbers()
            return False
        self._furnish(rows, places)
        return True

    def sort_out(self, rows: Mapping[str, ContactRow]) -> None:
        """Make those that are new, merge what is said about the others."""
        known = look_up(self.connection, self.parts, self.workspace_id, rows, lock=True)
        places = {key: (facts.part, facts.id) for key, facts in known.items()}
        made = {key for key, place in places.items() if self.tried.get(key) == place}
        self._furnish({key: rows[key] for key in made}, places)
        new = self._new({key: row for key, row in rows.items() if key not in known})
        insert_rows(self.connection, CONTACT, _NEW, new)
        self._furnish({row[3]: rows[row[3]] for row in new}, {row[3]: (row[0], row[1]) for row in new})
        before = {key: facts for key, facts in known.items() if key not in made}
        self._merge({key: rows[key] for key in before}, before)

    def _furnish(self, rows: Mapping[str, ContactRow], places: Mapping[str, Place]) -> None:
        """Give new contacts their tags and accounts."""
        self._ensure_accounts(rows, places)
        given = [(*places[key], tag) for key, row in rows.items() if row.tags for tag in dict.fromkeys(row.tags)]
        insert_rows(self.connection, tags.TAG, tags.COLUMNS, given)
        self.done.places.update(places if len(places) == len(rows) else {key: places[key] for key in rows})
        self.done.created += len(rows)

    def _new(self, rows: Mapping[str, ContactRow]) -> list[tuple[Any, ...]]:
        """Make rows of the table, a column at a time, and use numbers up."""
        if not rows:
            return []
        keys, emails, phones, timezones, locales, stages, owners, _, values, moments = zip(*rows.values(), strict=True)
        hashes = [self.hashes[key] for key in keys]
        parts = [part_of(hashed, self.parts) for hashed in hashes]
        changes = take_each(self.connection, CHANGE, Counter(parts))
        return list(
            zip(
                parts,
                number_each(parts, self.ids),
                repeat(self.workspace_id),
                keys,
                hashes,
                *map(_cleared, (emails, phones, timezones, locales, stages)),
                [accounts.account_id(self.workspace_id, owner) if owner else None for owner in owners],
                [orjson.dumps(value).decode() if value else "{}" for value in values],
                [self.now if moment is None else moment for moment in moments],
                repeat(False),
                number_each(parts, changes),
                strict=False,
            )
        )

    def _ensure_accounts(self, rows: Mapping[str, ContactRow], places: Mapping[str, Place]) -> None:
        wanted = {(places[key][0], row.account) for key, row in rows.items() if row.account}
        accounts.ensure(self.connection, self.parts, self.workspace_id, wanted)

    def _merge(self, rows: Mapping[str, ContactRow], known: Mapping[str, Facts]) -> None:
        if not rows:
            return
        base: dict[Place, Facts] = {}
        drafts: dict[Place, Facts] = {}
        places: dict[str, Place] = {}
        for key, row in rows.items():
            facts = known[key]
            place = places[key] = (facts.part, facts.id)
            # By a key and by an alias of it the same contact is read twice: the first reading counts.
            draft = drafts.get(place) or base.setdefault(place, facts)
            drafts[place] = _merged(draft, row, self.workspace_id)
        self._ensure_accounts(rows, places)
        tagged = tags.missing(self.connection, ((*places[key], tag) for key, row in rows.items() for tag in row.tags))
        changed = {place for place, facts in drafts.items() if facts is not base[place]}
        changed.update((part, id_) for part, id_, _ in tagged)
        self._update([drafts[place] for place in sorted(changed)])
        tags.insert(self.connection, tagged)
        self.done.places.update(places)
        self.done.before.update(known)
        self.done.changed = len(changed)

    def _update(self, changed: Sequence[Facts]) -> None:
        if not changed:
            return
        parts = [facts.part for facts in changed]
        numbers = number_each(parts, take_each(self.connection, CHANGE, Counter(parts)))
        rows = [
            (
                facts.part,
                facts.id,
                *facts[3:8],
                facts.account_id,
                orjson.dumps(facts.attributes).decode(),
                number,
            )
            for facts, number in zip(changed, numbers, strict=True)
        ]
        self.connection.execute(_updating(self.connection.dialect.name), {"drafts": pack(rows)})


def _cleared(texts: Sequence[str | None]) -> Sequence[str | None]:
    return [text or None for text in texts] if "" in texts else texts


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
