"""Mail over SMTP: which server, and the connections to it."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import parse_qs, unquote, urlsplit

import aiosmtplib

from engine.channels.base import Outcome, Outgoing, permanent, temporary
from engine.channels.mime import write_mail
from engine.channels.smtp import Session
from engine.errors import ChannelError, RenderError

PORTS = {"smtp": 25, "smtps": 465}


@dataclass(frozen=True)
class Server:
    """Where mail goes out. ``tls`` is ``implicit``, ``required``, ``offered`` (taken when offered) or ``none``."""

    host: str
    port: int
    tls: str
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    verify: bool = True


def read_server(url: str) -> Server:
    """Read ``smtp://USER:PASSWORD@HOST:PORT`` or ``smtps://…``; ``?tls=required|offered|none`` and ``?verify=no``.

    Shape: with a user and no ``tls``, TLS is required, so that no password crosses the net in the clear.
    Errors: ``ChannelError``.
    """
    found = urlsplit(url)
    options = {name: values[-1] for name, values in parse_qs(found.query).items()}
    if found.scheme not in PORTS or not found.hostname or set(options) - {"tls", "verify"}:
        raise ChannelError("the mail server is written smtp://USER:PASSWORD@HOST:PORT or smtps://…")
    default = "implicit" if found.scheme == "smtps" else "required" if found.username else "offered"
    tls = options.get("tls", default)
    if tls not in ("implicit", "required", "offered", "none"):
        raise ChannelError("tls is one of required, offered, none")
    return Server(
        found.hostname,
        found.port or (587 if found.username and found.scheme == "smtp" else PORTS[found.scheme]),
        tls,
        unquote(found.username) if found.username else None,
        unquote(found.password) if found.password else None,
        options.get("verify") != "no",
    )


@dataclass
class EmailChannel:
    """Deliver over SMTP, with as many connections as there are calls at a time, each used again.

    ``batch`` weighs how many messages share a commit against how many a crash leaves in doubt (ADR 0008).
    """

    server: Server
    sender: str
    seconds: float = 30.0
    keyed: bool = False
    batch: int = 1
    _idle: list[Session] = field(default_factory=list)

    async def open(self) -> None:
        """Begin without connections; they are made when needed."""
        self._idle = []

    async def deliver(self, messages: Sequence[Outgoing]) -> list[Outcome]:
        """Hand messages over, one after the other; where the server cannot be reached, the first finds out for all."""
        outcomes: list[Outcome] = []
        for message in messages:
            try:
                outcomes.append(await self._deliver(message))
            except ChannelError as fault:
                return [*outcomes, *[temporary(fault.message)] * (len(messages) - len(outcomes))]
        return outcomes

    async def close(self) -> None:
        """Say goodbye on all connections."""
        idle, self._idle = self._idle, []
        await asyncio.gather(*(session.quit() for session in idle))

    async def _deliver(self, message: Outgoing) -> Outcome:
        try:
            letter = write_mail(message, self.sender)
        except RenderError as fault:
            return permanent(fault.message)
        outcome = None
        while outcome is None:
            session = self._idle.pop() if self._idle else await self._connected()
            outcome = await session.hand_over(letter)
            if session.is_open:
                self._idle.append(session)
        return outcome

    async def _connected(self) -> Session:
        try:
            return await self._connect()
        except (aiosmtplib.SMTPException, OSError, ValueError) as fault:
            raise ChannelError(f"{type(fault).__name__}: {fault}") from fault

    async def _connect(self) -> Session:
        """Let the library greet, encrypt and log in; what follows goes over the same transport."""
        server = self.server
        start = {"implicit": False, "none": False, "required": True, "offered": None}[server.tls]
        client = aiosmtplib.SMTP(
            hostname=server.host,
            port=server.port,
            username=server.user,
            password=server.password,
            use_tls=server.tls == "implicit",
            start_tls=start,
            validate_certs=server.verify,
            timeout=self.seconds,
        )
        await client.connect()
        try:
            # With its first command it asks what the server can do, if it has not yet.
            await client.rset()
        except (aiosmtplib.SMTPException, OSError):
            client.close()
            raise
        if not isinstance(client.transport, asyncio.Transport):
            raise aiosmtplib.SMTPServerDisconnected("the server closed the connection")
        return Session(client.transport, pipelining=client.supports_extension("pipelining"), seconds=self.seconds)
