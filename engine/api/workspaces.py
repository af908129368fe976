"""The workspace's own settings: its zone, frequency cap, quiet hours, teams, topics."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from engine.access.rights import Right
from engine.api.acting import needs, note
from engine.channels.policy import read_cap
from engine.civil import parse_local_time
from engine.civil.zones import zone
from engine.errors import EngineError
from engine.store.dialect import upsert
from engine.store.tables import Topic, Workspace
from engine.terms import Json, Text
from engine.wiring import Wiring

WORKSPACE: sa.Table = Workspace.__table__  # type: ignore[attr-defined]
TOPIC: sa.Table = Topic.__table__  # type: ignore[attr-defined]

KNOWN: Final = ("frequency_cap", "quiet_hours", "teams", "webhooks", "sms", "wecom", "approval")
"""Settings that may be changed from outside; what the engine notes itself is left alone."""


@dataclass(frozen=True)
class WorkspaceFacts:
    """A workspace, its settings and its topics by key."""

    key: str
    name: str
    timezone: str
    settings: dict[str, Any]
    topics: dict[str, Text]


def read_workspace(wiring: Wiring) -> WorkspaceFacts:
    """Give the workspace's settings."""
    with wiring.store.read() as connection:
        row = connection.execute(sa.select(WORKSPACE).where(WORKSPACE.c.id == wiring.workspace_id)).one()
        topics = connection.execute(sa.select(TOPIC).where(TOPIC.c.workspace_id == wiring.workspace_id)).all()
    return WorkspaceFacts(row.key, row.name, row.timezone, row.settings, {each.key: each.name for each in topics})


@needs(Right.MANAGE)
def change_workspace(
    wiring: Wiring, *, name: str | None = None, timezone: str | None = None, settings: Mapping[str, Json] | None = None
) -> WorkspaceFacts:
    """Change what is given and leave the rest; a setting that is given as null is taken away.

    Errors: ``EngineError`` says what cannot be read.
    """
    values: dict[str, Any] = {}
    if timezone is not None:
        if zone(timezone) is None:
            raise EngineError(f"{timezone!r} is not a timezone; write it like Asia/Shanghai")
        values["timezone"] = timezone
    if name is not None:
        values["name"] = name
    with wiring.store.write() as connection:
        mine = WORKSPACE.c.id == wiring.workspace_id
        if settings is not None:
            known = connection.scalar(sa.select(WORKSPACE.c.settings).where(mine).with_for_update()) or {}
            merged = {**known, **_checked(settings)}
            values["settings"] = {key: value for key, value in merged.items() if value is not None}
        if values:
            connection.execute(WORKSPACE.update().values(values).where(mine))
            told: list[Json] = [*sorted(_named(values, settings))]
            note(wiring, connection, "workspace.change", str(wiring.workspace_id), changed=told)
    return read_workspace(wiring)


@needs(Right.MANAGE)
def save_topic(wiring: Wiring, key: str, name: Text) -> None:
    """Make a topic that contacts can unsubscribe from, or name it anew."""
    if not key or key == "*":
        raise EngineError("a topic needs a key of its own")
    with wiring.store.write() as connection:
        insert = upsert(TOPIC, wiring.store.name).values(workspace_id=wiring.workspace_id, key=key, name=name)
        connection.execute(
            insert.on_conflict_do_update(index_elements=["workspace_id", "key"], set_={"name": insert.excluded.name})
        )


def _named(values: Mapping[str, Any], settings: Mapping[str, Json] | None) -> set[str]:
    return set(settings or ()) | (values.keys() - {"settings"})


def _checked(settings: Mapping[str, Json]) -> Mapping[str, Any]:
    for key in settings:
        if key not in KNOWN:
            raise EngineError(f"there is no setting {key!r}; there are {', '.join(KNOWN)}")
    try:
        read_cap(settings)
        hours = settings.get("quiet_hours")
        if isinstance(hours, dict):
            parse_local_time(str(hours["from"]))
            parse_local_time(str(hours["to"]))
    except (KeyError, TypeError, ValueError) as fault:
        raise EngineError(f"the settings cannot be read: {fault}") from None
    return settings
