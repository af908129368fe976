"""Merge two contacts, also in the middle of flows: no step is lost, none is taken twice.

The survivor keeps its facts; what it lacks is filled from the other. What the other has done becomes the survivor's:
events, enrollments with their tokens, journals and messages. Of a flow that both are in, and that allows one passage
at a time, the survivor's passage goes on and the other's ends as ``merged``; where it allows only one for ever, any
passage of the survivor ends the other's.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import orjson
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from engine.errors import NotFound
from engine.people import accounts, aliases, exposures, rekeying
from engine.people.changes import number_changes
from engine.people.consents import ALL
from engine.people.contacts import CONTACT, Facts, Place, home, look_up
from engine.people.ending import end_passages, one_at_a_time
from engine.people.rekeying import Row
from engine.store.tables import Enrollment, FlowVersion
from engine.terms import Micros

ENROLLMENT: sa.Table = Enrollment.__table__  # type: ignore[attr-defined]
VERSION: sa.Table = FlowVersion.__table__  # type: ignore[attr-defined]

_FILLED: Final = ("email", "phone", "timezone", "locale", "stage", "account_id")


def merge(connection: Connection, parts: int, survivor: str, other: str, *, now: Micros, workspace_id: int = 1) -> bool:
    """Make one contact of two; tell whether there were two. The other's keys lead to the survivor from then on.

    Cost: a few statements a table, whatever the contacts did. Errors: ``NotFound`` when the survivor does not exist.
    """
    one_at_a_time(connection)
    found = look_up(connection, parts, workspace_id, [survivor, other], lock=True)
    if survivor not in found:
        raise NotFound(f"there is no contact {survivor!r}", contact=survivor)
    kept, gone = found[survivor], found.get(other)
    if gone is None:
        aliases.add(connection, workspace_id, [(home(other, parts), other, kept.part, kept.id)])
        return False
    source, target = (gone.part, gone.id), (kept.part, kept.id)
    if source == target:
        return False
    _settle_passages(connection, source, target, now)
    numbers = rekeying.new_numbers(connection, source, target)
    words = _consents(connection, source, target)
    rekeying.take_over(connection, source, target, numbers)
    exposures.take_over(connection, source, target)
    rekeying.write(connection, "consent", words)
    connection.execute(CONTACT.delete().where(CONTACT.c.part == gone.part, CONTACT.c.id == gone.id))
    _fill(connection, parts, workspace_id, kept, gone)
    aliases.move(connection, parts, workspace_id, source, target, numbers)
    aliases.add(connection, workspace_id, [(home(gone.key, parts), gone.key, *target)])
    number_changes(connection, [target])
    return True


def _settle_passages(connection: Connection, source: Place, target: Place, now: Micros) -> None:
    """End the passages of the other that would take steps twice, and count those of both together."""
    theirs = rekeying.read(connection, "enrollment", source)
    ours = rekeying.read(connection, "enrollment", target)
    reentry = _reentry(connection, {row["version_id"] for row in theirs if row["state"] == "active"})
    been = {row["flow_id"] for row in ours}
    inside = {row["flow_id"] for row in ours if row["state"] == "active"}
    excluded: Mapping[str, set[int]] = {"once": been, "after_exit": inside, "always": set()}
    ended = [
        row["id"]
        for row in theirs
        if row["state"] == "active" and row["flow_id"] in excluded[reentry[row["version_id"]]]
    ]
    end_passages(connection, source, ended, "merged", now)
    _count_together(connection, [*ours, *theirs])


def _reentry(connection: Connection, versions: set[int]) -> dict[int, str]:
    """Read from flow versions how often they let a contact in."""
    chosen = sa.select(VERSION.c.id, VERSION.c.document).where(VERSION.c.id.in_(versions))
    settings = {id_: orjson.loads(document).get("settings", {}) for id_, document in connection.execute(chosen)}
    return {id_: settings.get(id_, {}).get("reentry", {}).get("allow", "once") for id_ in versions}


def _count_together(connection: Connection, rows: Sequence[Row]) -> None:
    """Count the passages through each flow from 1, in the order in which they began."""
    counted: dict[int, int] = {}
    for row in sorted(rows, key=lambda row: (row["started_at"], row["id"])):
        ordinal = counted[row["flow_id"]] = counted.get(row["flow_id"], 0) + 1
        if ordinal != row["ordinal"]:
            whose = (ENROLLMENT.c[name] == row[name] for name in ("part", "contact_id", "id"))
            connection.execute(ENROLLMENT.update().values(ordinal=ordinal).where(*whose))


def _consents(connection: Connection, source: Place, target: Place) -> list[Row]:
    """Take the words of both away and give those that hold from now on.

    The last word counts, but a withdrawal of one wins over a younger grant of the other: it is said again, as young
    as that, about whatever both spoke of.
    """
    said = [rekeying.read(connection, "consent", place) for place in (source, target)]
    for place in (source, target):
        rekeying.remove(connection, "consent", place)
    words: dict[tuple[str, str], Row] = {}
    for word in [*said[0], *said[1], *_said_again(*said), *_said_again(*reversed(said))]:
        last = {**word, "part": target[0], "contact_id": target[1]}
        key = (word["topic"], word["channel"])
        words[key] = max(words.get(key, last), last, key=lambda row: (row["at"], row["state"]))
    return list(words.values())


def _said_again(own: Sequence[Row], others: Sequence[Row]) -> Iterator[Row]:
    """Repeat withdrawals of one that the other granted later and that the one never took back."""
    for word in own:
        for grant in others if word["state"] == "withdrawn" else ():
            about = {name: grant[name] if word[name] == ALL else word[name] for name in ("topic", "channel")}
            if _grants(grant, about, word["at"]) and not any(_grants(each, about, word["at"]) for each in own):
                yield {**word, **about, "at": grant["at"]}


def _grants(row: Row, about: Mapping[str, str], after: Micros) -> bool:
    covers = all(row[name] in (ALL, value) for name, value in about.items())
    return row["state"] == "granted" and row["at"] > after and covers


def _fill(connection: Connection, parts: int, workspace_id: int, kept: Facts, gone: Facts) -> None:
    """Give the survivor the facts that it lacks."""
    own = {name: value for name, value in kept.attributes.items() if value is not None}
    changes: dict[str, Any] = {
        "attributes": {**kept.attributes, **gone.attributes, **own},
        "created_at": min(kept.created_at, gone.created_at),
        "restricted": kept.restricted or gone.restricted,
    }
    changes.update((name, getattr(gone, name)) for name in _FILLED if getattr(kept, name) is None)
    if changes.get("account_id") is not None:
        key = accounts.key_of(connection, gone.part, changes["account_id"])
        accounts.ensure(connection, parts, workspace_id, [(kept.part, key)] if key else [])
    connection.execute(CONTACT.update().values(changes).where(CONTACT.c.part == kept.part, CONTACT.c.id == kept.id))
