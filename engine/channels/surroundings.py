"""What the workspace says about sending: frequency caps and quiet hours, read once for a round of dispatch."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import time
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from engine.channels.base import WEBHOOK, MessageContent
from engine.channels.compose import Recipient
from engine.channels.policy import Cap, read_cap
from engine.civil import effective_zone, parse_local_time, quiet_until
from engine.store.tables import Workspace
from engine.terms import Micros, from_micros, to_micros

WORKSPACE: sa.Table = Workspace.__table__  # type: ignore[attr-defined]


@dataclass(frozen=True)
class Surroundings:
    """Caps, quiet hours and timezones by workspace."""

    caps: Mapping[int, Cap]
    quiet: Mapping[int, tuple[time, time]]
    zones: Mapping[int, str]


def read_surroundings(connection: Connection) -> Surroundings:
    """Read the settings of all workspaces.

    Cost: one statement.
    """
    rows = connection.execute(sa.select(WORKSPACE.c.id, WORKSPACE.c.timezone, WORKSPACE.c.settings)).all()
    caps = {row.id: read_cap(row.settings) for row in rows}
    quiet = {row.id: _quiet(row.settings) for row in rows}
    return Surroundings(
        {workspace: cap for workspace, cap in caps.items() if cap is not None},
        {workspace: hours for workspace, hours in quiet.items() if hours is not None},
        {row.id: row.timezone for row in rows},
    )


def _quiet(settings: Mapping[str, Any]) -> tuple[time, time] | None:
    hours = settings.get("quiet_hours")
    return (parse_local_time(hours["from"]), parse_local_time(hours["to"])) if hours else None


def quiet_end(content: MessageContent, recipient: Recipient, surroundings: Surroundings, now: Micros) -> Micros | None:
    """Tell when the quiet hours end in which the contact is now; ``None`` when there are none, and for webhooks."""
    hours = content.quiet or surroundings.quiet.get(recipient.workspace_id)
    if hours is None or content.channel == WEBHOOK:
        return None
    zone = effective_zone(recipient.zone, content.timezone, surroundings.zones.get(recipient.workspace_id))
    end = quiet_until(from_micros(now), *hours, zone)
    return None if end is None else to_micros(end)
