"""A mail server in the test's own event loop that answers each command by a script."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

CUT, SILENCE = "cut", "silence"
"""Instead of an answer: the connection is torn, or nothing is ever said."""

_DONE = "250 2.0.0 fine"
_USUAL: Mapping[str, str] = {"DATA": "354 go on", "QUIT": "221 bye"}


@dataclass
class Teller:
    """Take mails. ``script`` lists for a command the answers to its first calls, after which it goes well.

    The end of a body is the command ``.``. ``last`` is how many mails a connection takes before it is closed.
    """

    script: Mapping[str, Sequence[str]] = field(default_factory=dict)
    pipelining: bool = True
    last: int | None = None
    heard: list[bytes] = field(default_factory=list)
    mails: list[bytes] = field(default_factory=list)
    connections: int = 0
    port: int = 0
    _calls: dict[str, int] = field(default_factory=dict)

    def answer(self, command: str) -> str:
        call = self._calls[command] = self._calls.get(command, 0) + 1
        said = self.script.get(command, ())
        if call <= len(said):
            return said[call - 1]
        if command == "EHLO":
            return "250-teller\r\n250-PIPELINING\r\n250 HELP" if self.pipelining else "250-teller\r\n250 HELP"
        return _USUAL.get(command, _DONE)


class _Connection(asyncio.Protocol):
    def __init__(self, teller: Teller) -> None:
        self.teller = teller
        self.rest = b""
        self.mails = 0
        self.in_body = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.teller.connections += 1
        transport.write(b"220 teller\r\n")

    def data_received(self, data: bytes) -> None:
        self.teller.heard.append(data)
        self.rest += data
        while (end := b".\r\n" if self.rest == b".\r\n" else b"\r\n.\r\n" if self.in_body else b"\r\n") in self.rest:
            said, self.rest = self.rest.split(end, 1)
            command = "." if self.in_body else said[:4].decode().upper()
            answer = self.teller.answer(command) if said or command != "." else "554 5.5.1 nobody is to have it"
            if command == "." and answer.startswith("2"):
                self.mails += 1
                self.teller.mails.append(said)
            self.in_body = answer.startswith("354")
            self._say(answer, closing=command == "QUIT" or (command == "." and self.mails == self.teller.last))

    def _say(self, answer: str, *, closing: bool) -> None:
        if answer == CUT:
            self.transport.abort()
        elif answer != SILENCE:
            self.transport.write(answer.encode() + b"\r\n")
        if closing or answer.startswith("421"):
            self.transport.close()


@asynccontextmanager
async def teller(given: Teller, context: ssl.SSLContext | None = None) -> AsyncIterator[Teller]:
    """Serve on a port of its own."""
    server = await asyncio.get_running_loop().create_server(lambda: _Connection(given), "127.0.0.1", 0, ssl=context)
    given.port = server.sockets[0].getsockname()[1]
    try:
        yield given
    finally:
        server.close()
