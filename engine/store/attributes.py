"""The register of attributes: which contacts and accounts have, and of what kind.

It stands in the workspace's settings, so that nobody has to look through the contacts for it.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from engine.rules.compare import kind_of
from engine.rules.dates import date_micros
from engine.store.tables import Workspace
from engine.terms import Json

MIXED: Final = "mixed"
MOST_NAMES: Final = 2_000
"""More names than these are not kept; rules may use them all the same."""
SAMPLE: Final = 50

_WORKSPACE: sa.Table = Workspace.__table__  # type: ignore[attr-defined]
_SETTING: Final = "attributes"


def registered_attributes(connection: Connection, workspace_id: int) -> dict[str, str]:
    """Tell which attributes have been seen, and their kinds.

    Shape: kinds are text, number, bool, date, list, object or mixed; an account's attributes begin with ``account.``.
    Cost: one statement.
    """
    return _registered(_settings(connection, workspace_id))


def note_attributes(
    connection: Connection, workspace_id: int, documents: Iterable[Mapping[str, Json]], *, of_accounts: bool = False
) -> None:
    """Register the attributes of a batch, if any is new or turns out to be of several kinds.

    Cost: one statement, two more when something is new; however many documents.
    """
    seen = kinds_of(documents)
    if of_accounts:
        seen = {f"account.{name}": kind for name, kind in seen.items()}
    if seen and _news(seen, registered_attributes(connection, workspace_id)):
        # Again, behind the row's lock: somebody else may have added to it.
        settings = _settings(connection, workspace_id, lock=True)
        registered = _registered(settings)
        registered.update(_news(seen, registered))
        connection.execute(
            _WORKSPACE.update()
            .where(_WORKSPACE.c.id == workspace_id)
            .values(settings={**settings, _SETTING: registered})
        )


def kinds_of(documents: Iterable[Mapping[str, Json]]) -> dict[str, str]:
    """Tell of what kind each attribute of some documents is, by its first values; those without any are left out.

    Cost: of all documents the names are looked at, of the values only the first ``SAMPLE`` of each name.
    """
    kinds: dict[str, str] = {}
    seen: Counter[str] = Counter()
    settled: set[str] = set()
    for document in documents:
        if document.keys() <= settled:
            continue
        for name in document.keys() - settled:
            value = document[name]
            if value is None:
                continue
            kinds[name] = _merged(kinds.get(name), _kind(value))
            seen[name] += 1
            if seen[name] >= SAMPLE:
                settled.add(name)
    return kinds


def _kind(value: Json) -> str:
    return "date" if isinstance(value, str) and date_micros(value) is not None else kind_of(value)


def _news(seen: Mapping[str, str], registered: Mapping[str, str]) -> dict[str, str]:
    room = MOST_NAMES - len(registered)
    added = [name for name in seen if name not in registered][: max(room, 0)]
    changed = {
        name: _merged(registered[name], kind)
        for name, kind in seen.items()
        if name in registered and _merged(registered[name], kind) != registered[name]
    }
    return {**changed, **{name: seen[name] for name in added}}


def _merged(known: str | None, seen: str) -> str:
    if known in (None, seen):
        return seen
    # A date is a text like another, once a text came that is none.
    return "text" if {known, seen} == {"text", "date"} else MIXED


def _registered(settings: Mapping[str, Any]) -> dict[str, str]:
    return dict(settings.get(_SETTING) or {})


def _settings(connection: Connection, workspace_id: int, *, lock: bool = False) -> dict[str, Any]:
    chosen = sa.select(_WORKSPACE.c.settings).where(_WORKSPACE.c.id == workspace_id)
    found = connection.scalar(chosen.with_for_update() if lock else chosen)
    return dict(found or {})
