"""Mail over SMTP.

What fails before the body's final dot has left was certainly not taken. Between that dot and the server's answer nobody
can tell (RFC 1047), and a repeat is not recognised: such a message is in doubt.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import parse_qs, unquote, urlsplit

import aiosmtplib
from aiosmtplib.protocol import SMTPProtocol

from engine.channels.base import Outcome, Outgoing, in_doubt, permanent, sent, temporary
from engine.channels.mime import Letter, write_mail
from engine.errors import ChannelError, RenderError

PORTS = {"smtp": 25, "smtps": 465}
_DOT = re.compile(rb"(?m)^\.")
_ENHANCED = re.compile(r"\s*([245])\.(\d{1,3})\.(\d{1,3})\b")
_SENDERS_FAULT = frozenset({"7", "8"})
_DISABLED = ("2", "1")
_UNKNOWN_USER = frozenset({550, 551, 553})
_START = 354


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
    """Deliver over SMTP, with as many connections as there are messages at a time, each used again."""

    server: Server
    sender: str
    seconds: float = 30.0
    keyed: bool = False
    batch: int = 1
    _idle: list[aiosmtplib.SMTP] = field(default_factory=list)

    async def open(self) -> None:
        """Begin without connections; they are made when needed."""
        self._idle = []

    async def deliver(self, messages: Sequence[Outgoing]) -> list[Outcome]:
        """Hand messages over, one after the other."""
        return [await self._deliver(message) for message in messages]

    async def close(self) -> None:
        """Say goodbye on all connections."""
        idle, self._idle = self._idle, []
        for client in idle:
            try:
                await client.quit(timeout=1)
            except (aiosmtplib.SMTPException, OSError):
                client.close()

    async def _deliver(self, message: Outgoing) -> Outcome:
        try:
            letter = write_mail(message, self.sender)
        except RenderError as fault:
            return permanent(fault.message)
        while self._idle:
            client = self._idle.pop()
            try:
                await client.rset()
            except (aiosmtplib.SMTPException, OSError):
                # The server closed it while it lay idle; nothing was said on it about this message.
                client.close()
                continue
            return await self._hand_over(client, letter)
        try:
            client = await self._connect()
        except (aiosmtplib.SMTPException, OSError, ValueError) as fault:
            return temporary(_told(fault))
        return await self._hand_over(client, letter)

    async def _connect(self) -> aiosmtplib.SMTP:
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
        return client

    async def _hand_over(self, client: aiosmtplib.SMTP, letter: Letter) -> Outcome:
        """Go through the envelope; whatever goes wrong here went wrong before the server had the message."""
        try:
            await client.mail(letter.sender)
            await client.rcpt(letter.recipient)
            started = await client.execute_command(b"DATA")
        except aiosmtplib.SMTPRecipientRefused as refusal:
            return self._refused(client, refusal.code, refusal.message, recipient=True)
        except aiosmtplib.SMTPResponseException as refusal:
            return self._refused(client, refusal.code, refusal.message)
        except (aiosmtplib.SMTPException, OSError, ValueError) as fault:
            client.close()
            return temporary(_told(fault))
        if started.code != _START:
            return self._refused(client, started.code, started.message)
        return await self._hand_over_body(client, letter.body)

    async def _hand_over_body(self, client: aiosmtplib.SMTP, body: bytes) -> Outcome:
        protocol = client.protocol
        try:
            if protocol is None:
                raise aiosmtplib.SMTPServerDisconnected("Connection lost")
            protocol.write(_DOT.sub(b"..", body) + b".\r\n")
        except (aiosmtplib.SMTPException, OSError) as fault:
            client.close()
            return temporary(_told(fault))
        return await self._answer(client, protocol)

    async def _answer(self, client: aiosmtplib.SMTP, protocol: SMTPProtocol) -> Outcome:
        """Wait for the server's word; without it, nobody knows."""
        try:
            answer = await protocol.read_response(timeout=self.seconds)
        except (aiosmtplib.SMTPException, OSError) as fault:
            client.close()
            return in_doubt(_told(fault))
        if 200 <= answer.code < 300:
            self._idle.append(client)
            return sent(f"{answer.code} {answer.message}")
        if not 400 <= answer.code < 600:
            client.close()
            return in_doubt(f"{answer.code} {answer.message}")
        return self._refused(client, answer.code, answer.message)

    def _refused(self, client: aiosmtplib.SMTP, code: int, text: str, *, recipient: bool = False) -> Outcome:
        answer = f"{code} {text}"
        if client.is_connected:
            self._idle.append(client)
        if not 500 <= code < 600:
            # Also what is no SMTP answer at all: the message was not taken, and the server may be mended.
            return temporary(answer)
        return permanent(answer, bounce=is_bounce(code, text, recipient=recipient))


def is_bounce(code: int, text: str, *, recipient: bool) -> bool:
    """Tell whether a refusal means that the address does not exist, rather than that the mail was not liked.

    Source: RFC 3463 (5.1.x is about the address), RFC 5321 4.2.3.
    """
    found = _ENHANCED.match(text)
    if found is None:
        return recipient and code in _UNKNOWN_USER
    family, subject, detail = found.groups()
    about_the_address = subject == "1" and detail not in _SENDERS_FAULT
    return family == "5" and (about_the_address or (subject, detail) == _DISABLED)


def _told(fault: Exception) -> str:
    return f"{type(fault).__name__}: {fault}"
