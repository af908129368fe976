"""Put an engine together from its settings. What knows the web or a template language is handed in."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from sqlalchemy.engine import Connection

from engine.channels.base import EMAIL, SMS, WECOM, Channel, MessageContent
from engine.channels.dispatch import Office
from engine.channels.email import EmailChannel, read_server
from engine.channels.happenings import Happening
from engine.channels.inbox import InboxChannel
from engine.channels.links import Links, link_secrets
from engine.channels.render import Renderer
from engine.clock import Clock, RealClock
from engine.contract.registry import Registry, installed
from engine.errors import NotFound
from engine.library.templates import Shelf
from engine.run.context import Deployment
from engine.run.deploy import Deployments
from engine.run.texts import content_of, requirements
from engine.settings import Settings
from engine.store import migrate
from engine.store.session import Store, open_store
from engine.telemetry import Pulses, name_process

WORKSPACE = 1
"""The workspace that is made with the database."""


@dataclass(frozen=True)
class Wiring:
    """All parts of one engine, connected.

    ``worker`` names this start of this process and no other.
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

    @property
    def links(self) -> Links:
        """Signed links into this server."""
        return self.office.links


def wire(
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
    clock, registry = clock or RealClock(), registry or installed()
    store = store or open_database(settings.db)
    shelf = Shelf(WORKSPACE)
    deployments = Deployments(registry, renderer, requirements(renderer, shelf.content), WORKSPACE)
    office = Office(
        store=store,
        clock=clock,
        channels=channels if channels is not None else make_channels(settings, store),
        renderer=renderer,
        content_of=_Contents(store, shelf, deployments),
        links=Links(settings.base_url, link_secrets(store, settings.secret)),
        record_events=_record_events,
    )
    return Wiring(settings, store, clock, registry, renderer, shelf, deployments, office, name_process())


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
    """Choose how each channel delivers: by a server when one is set, else into the built-in inbox."""
    inbox = InboxChannel(store)
    mail: Channel = inbox
    if settings.smtp_url:
        mail = EmailChannel(read_server(settings.smtp_url), settings.mail_from)
    return {EMAIL: mail, SMS: inbox, WECOM: inbox}


def look(wiring: Wiring, connection: Connection) -> Deployment:
    """Read which flows run now, with the templates as they are now.

    Cost: four small statements while nothing changed.
    """
    if wiring.shelf.refresh(connection):
        wiring.deployments.forget()
    return wiring.deployments.current(connection)


@dataclass(frozen=True)
class _Contents:
    """Find what send nodes say, also for versions that were published after this process last looked."""

    store: Store
    shelf: Shelf
    deployments: Deployments

    def __call__(self, version_id: int, node: int) -> MessageContent:
        plan = self.deployments.known(version_id)
        if plan is None:
            with self.store.read() as connection:
                plan = self.deployments.plan(connection, version_id)
        if plan is None:
            raise NotFound(f"there is no flow version {version_id}")
        return content_of(plan, plan.nodes[node], self.shelf.content)


def _record_events(connection: Connection, happenings: Sequence[Happening]) -> None:
    """Store what channels saw as events."""
    raise NotImplementedError
