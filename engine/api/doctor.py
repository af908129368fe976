"""Look whether everything is as it should be: settings, database, schema, clock, mail, contacts, invariants."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import aiosmtplib
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from engine.channels.email import Server, read_server
from engine.civil.zones import zone
from engine.clock import RealClock
from engine.errors import ChannelError, EngineError, SchemaOutdated, StoreError
from engine.run.invariants import INVARIANTS, violations
from engine.settings import Settings
from engine.store import migrate
from engine.store.dialect import be_patient, safety
from engine.store.server import misset
from engine.store.session import Store, open_store
from engine.store.tables import Contact, Event, Failure, Message, Meta
from engine.terms import DAY, MINUTE, format_instant
from engine.wiring import Wiring

CONTACT: sa.Table = Contact.__table__  # type: ignore[attr-defined]
EVENT: sa.Table = Event.__table__  # type: ignore[attr-defined]
FAILURE: sa.Table = Failure.__table__  # type: ignore[attr-defined]
MESSAGE: sa.Table = Message.__table__  # type: ignore[attr-defined]
META: sa.Table = Meta.__table__  # type: ignore[attr-defined]

WELL, WARNING, WRONG, DATABASE = "well", "warning", "wrong", "database"
SECONDS: Final = 5.0
LISTED: Final = 10

Connect = Callable[[Settings], Wiring]


@dataclass(frozen=True)
class Found:
    """What was looked at and how it is: ``well``, ``warning``, ``wrong``, or wrong with the ``database``."""

    level: str
    what: str
    says: str

    def as_json(self) -> dict[str, str]:
        """Give it to programs."""
        return {"level": self.level, "what": self.what, "says": self.says}


def examine(settings: Settings, connect: Connect, *, mend: bool = False) -> list[Found]:
    """Look at everything; where the database cannot be reached, at what lies before it.

    With ``mend`` an older schema is brought to this program's. Cost: reads all journals and messages.
    """
    found = [_configuration(settings)]
    try:
        store = open_store(settings.db)
        found += [*_database(settings, store), _schema(store, mend=mend)]
        store.close()
    except (StoreError, sa.exc.SQLAlchemyError) as fault:
        reason = fault.message if isinstance(fault, EngineError) else str(fault).splitlines()[0]
        return [*found, Found(DATABASE, "database", f"{settings.db} cannot be reached: {reason}")]
    if found[-1].level == DATABASE:
        return found
    try:
        wiring = connect(settings)
    except (EngineError, SchemaOutdated) as fault:
        return [*found, Found(WRONG, "start", fault.message)]
    found.append(Found(WELL, "node types", f"{len(list(wiring.registry))} kinds are installed"))
    found.append(_mail(settings))
    with wiring.store.read() as connection:
        found += _server(connection)  # before patience, which is a change of what it looks at
        be_patient(connection)
        found += [_clock(connection), _zones(connection), *_left_over(connection)]
        found += _invariants(wiring, connection)
    return found


def _configuration(settings: Settings) -> Found:
    mail = "a mail server" if settings.smtp_url else "the built-in inbox"
    says = f"database {settings.db}, links to {settings.base_url}, mail to {mail}"
    if settings.smtp_url and "127.0.0.1" in settings.base_url:
        return Found(WARNING, "settings", f"{says}; set DRIPLINE_BASE_URL, or links in mail lead nowhere")
    return Found(WELL, "settings", says)


def _database(settings: Settings, store: Store) -> Iterator[Found]:
    with store.read() as connection:
        wrong = [f"{name} is {value}, not {wanted}" for name, value, wanted in safety(connection) if value != wanted]
        has_meta = sa.inspect(connection).has_table(META.name)
        parts = connection.scalar(sa.select(META.c.value).where(META.c.name == "parts")) if has_meta else None
    if wrong:
        yield Found(WRONG, "database", "; ".join(wrong))
    else:
        yield Found(WELL, "database", f"{store.name} answers, and keeps what it acknowledged")
    if parts is not None and int(parts) != store.parts:
        yield Found(DATABASE, "parts", f"the database was made with {parts} parts, not {store.parts}")
    else:
        yield Found(WELL, "parts", f"contacts are folded into {store.parts}")


def _server(connection: Connection) -> Iterator[Found]:
    wrong = misset(connection)
    for each in wrong:
        yield Found(WARNING, "server", str(each))
    if not wrong and connection.dialect.name != "sqlite":
        yield Found(WELL, "server", "notices lost workers, and sweeps up after waves")


def _schema(store: Store, *, mend: bool) -> Found:
    have, head = migrate.revision(store)
    if have != head and (mend or have is None):
        migrate.upgrade(store)
        return Found(WELL, "schema", f"was {have or 'empty'}, is {head} now")
    if have != head:
        return Found(DATABASE, "schema", f"is {have}, this program's is {head}; dripline doctor --mend brings it there")
    return Found(WELL, "schema", f"is {head}, as it should be")


def _mail(settings: Settings) -> Found:
    if not settings.smtp_url:
        return Found(WELL, "mail", "goes to the built-in inbox, for no server is set")
    try:
        asyncio.run(_reach(read_server(settings.smtp_url)))
    except (ChannelError, aiosmtplib.SMTPException, OSError, ValueError) as fault:
        reason = fault.message if isinstance(fault, EngineError) else f"{type(fault).__name__}: {fault}"
        return Found(WRONG, "mail", f"the server cannot be reached: {reason}")
    return Found(WELL, "mail", "the server answers and takes the login")


async def _reach(server: Server) -> None:
    start = {"implicit": False, "none": False, "required": True, "offered": None}[server.tls]
    client = aiosmtplib.SMTP(
        hostname=server.host,
        port=server.port,
        username=server.user,
        password=server.password,
        use_tls=server.tls == "implicit",
        start_tls=start,
        validate_certs=server.verify,
        timeout=SECONDS,
    )
    await client.connect()
    await client.quit()


def _clock(connection: Connection) -> Found:
    now = RealClock().micros()
    newest = connection.scalar(sa.select(sa.func.max(EVENT.c.received_at))) or 0
    if newest > now + MINUTE:
        ahead = (newest - now) // DAY
        return Found(WARNING, "clock", f"events were received {ahead} days from now: a demo, or a clock that was wrong")
    return Found(WELL, "clock", f"it is {format_instant(now)}")


def _zones(connection: Connection) -> Found:
    """List zones that contacts have and nobody knows: they fall back to their flow's."""
    chosen = sa.select(CONTACT.c.timezone, sa.func.count()).where(CONTACT.c.timezone.is_not(None))
    rows: Any = connection.execute(chosen.group_by(CONTACT.c.timezone)).all()
    unknown = sorted((name, count) for name, count in rows if zone(name) is None)
    if not unknown:
        return Found(WELL, "time zones", "those of all contacts are known")
    listed = ", ".join(f"{name!r} of {count:,}" for name, count in unknown[:LISTED])
    more = f", and {len(unknown) - LISTED} others" if len(unknown) > LISTED else ""
    return Found(WARNING, "time zones", f"not known, so the flow's is used: {listed}{more}")


def _left_over(connection: Connection) -> Iterator[Found]:
    failed = connection.scalar(sa.select(sa.func.count()).select_from(FAILURE)) or 0
    says = f"{failed:,} contacts cannot go on; dripline serve lists why" if failed else "nobody is held up"
    yield Found(WARNING if failed else WELL, "failures", says)
    unclear = sa.select(sa.func.count()).select_from(MESSAGE).where(MESSAGE.c.state == "in_doubt")
    doubtful = connection.scalar(unclear) or 0
    says = f"of {doubtful:,} nobody knows whether they were taken" if doubtful else "none is in doubt"
    yield Found(WARNING if doubtful else WELL, "messages", says)


def _invariants(wiring: Wiring, connection: Connection) -> Iterator[Found]:
    plans = wiring.deployments.plans_of(connection).values()
    broken = violations(connection, plans, wiring.store.parts, wiring.clock.micros())
    wrong = [each for each in INVARIANTS if broken[each.code]]
    if not wrong:
        yield Found(WELL, "invariants", f"all {len(INVARIANTS)} hold")
    for each in wrong:
        # Being late is no damage: it is mended by running.
        is_late = each.code == "I02"
        hint = "; is dripline serve running?" if is_late else ""
        says = f'{each.code}, "{each.says}", is broken {broken[each.code]:,} times{hint}'
        yield Found(WARNING if is_late else WRONG, "invariants", says)
