"""Put an engine together from its settings. What knows the web or a template language is handed in."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from engine.access.rights import OPERATOR, Actor
from engine.channels.base import EMAIL, SMS, WEBHOOK, WECOM, Channel, MessageContent
from engine.channels.dispatch import Office
from engine.channels.egress import Egress, allowed_hosts
from engine.channels.email import EmailChannel, read_server
from engine.channels.happenings import SOURCE, Happening
from engine.channels.inbox import InboxChannel
from engine.channels.links import Links, link_secrets
from engine.channels.provider import egress_for, read_provider
from engine.channels.render import Renderer
from engine.channels.sms import SmsChannel
from engine.channels.tracking import Tracker
from engine.channels.webhook import WebhookChannel, webhook_secret
from engine.channels.wecom import WecomChannel
from engine.clock import Clock, RealClock, SharedClock
from engine.contract.registry import Registry, installed
from engine.errors import NotFound
from engine.library.plan import Plan
from engine.library.templates import Shelf
from engine.people import aliases
from engine.run.context import Deployment
from engine.run.deploy import Deployments
from engine.run.letters import LettersOut
from engine.run.texts import content_of, requirements
from engine.settings import Settings
from engine.store import leases, migrate, sequences
from engine.store.session import Store, open_store
from engine.store.tables import Event, Workspace
from engine.telemetry import Pulses, name_process

EVENT: sa.Table = Event.__table__  # type: ignore[attr-defined]
WORKSPACE_TABLE: sa.Table = Workspace.__table__  # type: ignore[attr-defined]

WORKSPACE = 1
"""The workspace that is made with the database."""


@dataclass(frozen=True)
class Wiring:
    """All parts of one engine, connected.

    ``actor`` is who calls ``engine.api``; ``worker`` names this start of this process and no other.
    """

    settings: Settings
    store: Store
    clock: Clock
    registry: Registry
    renderer: Renderer
    shelf: Shelf
    deployments: Deployments
    office: Office
    worker: str
    pulses: Pulses = field(default_factory=Pulses)
    workspace_id: int = WORKSPACE
    actor: Actor = OPERATOR

    def acting(self, actor: Actor) -> "Wiring":
        """Give the same engine, called by somebody with rights of their own."""
        return replace(self, actor=actor)

    @property
    def links(self) -> Links:
        """Signed links into this server."""
        return self.office.links

    @property
    def tracker(self) -> Tracker:
        """What carries out the wishes of those links."""
        office = self.office
        return Tracker(self.store, self.clock, office.links, office.content_of, office.record_events, aliases.follow)


def connect(
    settings: Settings,
    renderer: Renderer,
    *,
    clock: Clock | None = None,
    registry: Registry | None = None,
    store: Store | None = None,
    channels: Mapping[str, Channel] | None = None,
) -> Wiring:
    """Connect everything; a new database gets its tables.

    Errors: ``StoreError`` when there is no database to reach; ``SchemaOutdated`` when it is of another version.
    """
    registry, store = registry or installed(), store or open_database(settings.db)
    clock = clock or _clock_of(store)
    shelf = Shelf(WORKSPACE)
    deployments = Deployments(registry, renderer, requirements(renderer, shelf.content), WORKSPACE)
    plans = _Plans(store, deployments)
    office = Office(
        store=store,
        clock=clock,
        channels=channels if channels is not None else make_channels(settings, store),
        renderer=renderer,
        content_of=_Contents(plans, shelf),
        links=Links(settings.base_url, link_secrets(store, settings.secret)),
        record_events=_record_events,
        note_sent=LettersOut(plans),
    )
    return Wiring(
        settings=settings,
        store=store,
        clock=clock,
        registry=registry,
        renderer=renderer,
        shelf=shelf,
        deployments=deployments,
        office=office,
        worker=name_process(),
    )


def _clock_of(store: Store) -> Clock:
    """Choose the clock: the machine's, or that of a database which several machines may share."""
    if store.name == "sqlite":
        return RealClock()
    with store.read() as connection:
        return SharedClock(leases.now(connection))


def with_clock(wiring: Wiring, clock: Clock) -> Wiring:
    """Give the same engine another clock."""
    return replace(wiring, clock=clock, office=replace(wiring.office, clock=clock))


def open_database(url: str) -> Store:
    """Open a database; make its tables if it is empty.

    Errors: ``StoreError``; ``SchemaOutdated`` when its tables are of another version.
    """
    store = open_store(url)
    have, head = migrate.revision(store)
    if have is None:
        migrate.upgrade(store)
    elif have != head:
        migrate.require(store)
    return store


def make_channels(settings: Settings, store: Store) -> dict[str, Channel]:
    """Choose how each channel delivers: by a server or provider when one is set, else into the built-in inbox."""
    inbox = InboxChannel(store)
    with store.read() as connection:
        said = connection.scalar(sa.select(WORKSPACE_TABLE.c.settings).where(WORKSPACE_TABLE.c.id == WORKSPACE)) or {}
    allowed = allowed_hosts(said)
    found: dict[str, Channel] = {EMAIL: inbox, SMS: inbox, WECOM: inbox}
    if settings.smtp_url:
        found[EMAIL] = EmailChannel(read_server(settings.smtp_url), settings.mail_from)
    if sms := read_provider(said, SMS):
        found[SMS] = SmsChannel(sms, egress_for(sms, allowed))
    if wecom := read_provider(said, WECOM):
        found[WECOM] = WecomChannel(wecom, egress_for(wecom, allowed))
    found[WEBHOOK] = WebhookChannel(Egress(allowed), webhook_secret(store, said))
    return found


def look(wiring: Wiring, connection: Connection) -> Deployment:
    """Read which flows run now, with the templates as they are now.

    Cost: two small statements while nothing changed.
    """
    if wiring.shelf.refresh(connection):
        wiring.deployments.forget()
    return wiring.deployments.still(connection)


@dataclass(frozen=True)
class _Plans:
    """Find the plan of a version, also of one that was published after this process last looked."""

    store: Store
    deployments: Deployments

    def __call__(self, version_id: int) -> Plan | None:
        plan = self.deployments.known(version_id)
        if plan is None:
            with self.store.read() as connection:
                plan = self.deployments.plan(connection, version_id)
        return plan


@dataclass(frozen=True)
class _Contents:
    """Find what send nodes say."""

    plans: _Plans
    shelf: Shelf

    def __call__(self, version_id: int, node: int) -> MessageContent:
        plan = self.plans(version_id)
        if plan is None:
            raise NotFound(f"there is no flow version {version_id}")
        return content_of(plan, plan.nodes[node], self.shelf.content)


def _record_events(connection: Connection, happenings: Sequence[Happening]) -> None:
    """Store what channels saw as events, each once.

    Cost: three statements a part.
    """
    by_part: dict[int, dict[str, Happening]] = defaultdict(dict)
    for each in happenings:
        by_part[each.part].setdefault(each.message_id, each)
    for part, fresh in sorted(by_part.items()):
        # Whoever holds this sequence is the only one who stores events in the part.
        number = sequences.take(connection, part, "event", len(fresh))
        mine = (EVENT.c.part == part, EVENT.c.source == SOURCE, EVENT.c.message_id.in_(list(fresh)))
        known = set(connection.scalars(sa.select(EVENT.c.message_id).where(*mine)))
        rows = [each for message_id, each in fresh.items() if message_id not in known]
        if rows:
            connection.execute(EVENT.insert(), [_event(each, number + place) for place, each in enumerate(rows)])


def _event(each: Happening, number: int) -> dict[str, Any]:
    row = {name: getattr(each, name) for name in ("part", "contact_id", "workspace_id", "name", "at", "properties")}
    return {**row, "id": number, "received_at": each.at, "source": SOURCE, "message_id": each.message_id}
