"""What one may speak of in rules and settings: names that the workspace knows, to be offered while one writes."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from engine.segments.fields import known_attributes
from engine.store.tables import Contact, ContactTag, Event, Flow, Segment, Template, Topic, Workspace
from engine.terms import Json, Text
from engine.wiring import Wiring

CONTACT: sa.Table = Contact.__table__  # type: ignore[attr-defined]
TAG: sa.Table = ContactTag.__table__  # type: ignore[attr-defined]
EVENT: sa.Table = Event.__table__  # type: ignore[attr-defined]
SEGMENT: sa.Table = Segment.__table__  # type: ignore[attr-defined]
TOPIC: sa.Table = Topic.__table__  # type: ignore[attr-defined]
TEMPLATE: sa.Table = Template.__table__  # type: ignore[attr-defined]
FLOW: sa.Table = Flow.__table__  # type: ignore[attr-defined]
WORKSPACE: sa.Table = Workspace.__table__  # type: ignore[attr-defined]

SAMPLE: Final = 400
"""So many of the latest events, contacts and tags are looked through for names."""
MOST_VALUES: Final = 30
"""An attribute with more different texts than these is no choice of a few."""
LONGEST_VALUE: Final = 60


@dataclass(frozen=True)
class Vocabulary:
    """Names by what they name.

    Shape: ``attributes`` tells the kind of each, ``values`` the few texts that some attributes have, ``properties``
    those of events; segments, topics, flows and templates have their own names; a template has its channel, too.
    """

    attributes: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    events: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    stages: tuple[str, ...] = ()
    segments: Mapping[str, Text] = field(default_factory=dict)
    topics: Mapping[str, Text] = field(default_factory=dict)
    flows: Mapping[str, Text] = field(default_factory=dict)
    templates: Mapping[str, tuple[str, Text]] = field(default_factory=dict)
    assignees: tuple[str, ...] = ()


def read_vocabulary(wiring: Wiring) -> Vocabulary:
    """Read the names that a workspace knows.

    Cost: nine statements, none of which reads more than ``SAMPLE`` contacts, events or tags.
    """
    with wiring.store.read() as connection:
        return _Reader(connection, wiring.workspace_id).all()


def attribute_kinds(wiring: Wiring) -> dict[str, str]:
    """Tell the kinds of the attributes that the workspace knows.

    Cost: one statement.
    """
    with wiring.store.read() as connection:
        return known_attributes(connection, wiring.workspace_id)


@dataclass(frozen=True)
class _Reader:
    connection: Connection
    workspace_id: int

    def all(self) -> Vocabulary:
        values, stages = self._values()
        return Vocabulary(
            attributes=known_attributes(self.connection, self.workspace_id),
            values=values,
            events=self._events(),
            tags=tuple(sorted(self._latest(TAG.c.tag, TAG))),
            stages=stages,
            segments=self._named(SEGMENT, ~SEGMENT.c.key.startswith("@")),
            topics=self._named(TOPIC),
            flows=self._named(FLOW, FLOW.c.state != "archived"),
            templates=self._templates(),
            assignees=self._assignees(),
        )

    def _named(self, table: sa.Table, *conditions: sa.ColumnElement[bool]) -> dict[str, Text]:
        mine = table.c.workspace_id == self.workspace_id
        chosen = sa.select(table.c.key, table.c.name).where(mine, *conditions).order_by(table.c.key)
        return {row.key: row.name for row in self.connection.execute(chosen)}

    def _templates(self) -> dict[str, tuple[str, Text]]:
        chosen = sa.select(TEMPLATE.c.key, TEMPLATE.c.channel, TEMPLATE.c.name).order_by(TEMPLATE.c.key)
        found = self.connection.execute(chosen.where(TEMPLATE.c.workspace_id == self.workspace_id))
        return {row.key: (row.channel, row.name) for row in found}

    def _latest(self, column: sa.ColumnElement[Any], table: sa.Table) -> set[Any]:
        some = sa.select(column.label("found")).select_from(table).limit(SAMPLE).subquery()
        return set(self.connection.scalars(sa.select(some.c.found).distinct()))

    def _events(self) -> dict[str, tuple[str, ...]]:
        latest = sa.select(EVENT.c.name, EVENT.c.properties).where(EVENT.c.workspace_id == self.workspace_id)
        found: dict[str, set[str]] = {}
        for row in self.connection.execute(latest.order_by(EVENT.c.part.desc(), EVENT.c.id.desc()).limit(SAMPLE)):
            found.setdefault(row.name, set()).update(row.properties)
        return {name: tuple(sorted(found[name])) for name in sorted(found)}

    def _values(self) -> tuple[dict[str, tuple[str, ...]], tuple[str, ...]]:
        """Look through some contacts for attributes that have a few texts only, and for stages."""
        chosen = sa.select(CONTACT.c.attributes, CONTACT.c.stage, CONTACT.c.timezone, CONTACT.c.locale)
        rows = self.connection.execute(chosen.where(CONTACT.c.workspace_id == self.workspace_id).limit(SAMPLE)).all()
        found = few_texts(row.attributes for row in rows)
        for name in ("timezone", "locale", "stage"):
            found |= few_texts({name: getattr(row, name)} for row in rows)
        return found, found.get("stage", ())

    def _assignees(self) -> tuple[str, ...]:
        mine = WORKSPACE.c.id == self.workspace_id
        settings = self.connection.scalar(sa.select(WORKSPACE.c.settings).where(mine)) or {}
        teams = settings.get("teams") or {}
        return tuple(dict.fromkeys((*teams, *(user for users in teams.values() for user in users))))


def few_texts(documents: Iterable[Mapping[str, Json]]) -> dict[str, tuple[str, ...]]:
    """Tell the texts of those members that have a few different ones only."""
    found: dict[str, set[str] | None] = {}
    for document in documents:
        for name, value in document.items():
            texts = found.setdefault(name, set())
            if texts is None or not isinstance(value, str):
                continue
            texts.add(value)
            if len(texts) > MOST_VALUES or len(value) > LONGEST_VALUE:
                found[name] = None
    return {name: tuple(sorted(texts)) for name, texts in found.items() if texts}
