"""Hand mails over in an SMTP session that is open: greeted, encrypted and logged in as it has to be.

What fails before the body's final dot has left was certainly not taken. Between that dot and the server's answer nobody
can tell (RFC 1047), and a repeat is not recognised: such a message is in doubt.
"""

import asyncio
import re
from collections.abc import Callable, Generator
from typing import NamedTuple

from engine.channels.base import Outcome, in_doubt, permanent, sent, temporary
from engine.channels.mime import Letter

_ENHANCED = re.compile(r"\s*([245])\.(\d{1,3})\.(\d{1,3})\b")
_SENDERS_FAULT = frozenset({"7", "8"})
_DISABLED = ("2", "1")
_UNKNOWN_USER = frozenset({550, 551, 553})

_CLOSING = 421
_DONE, _GO_ON = 2, 3
_ENVELOPE = (_DONE, _DONE, _GO_ON)
"""With which digit the answers to ``MAIL``, ``RCPT`` and ``DATA`` begin when all is well."""

_RECIPIENT = 1
_LONGEST_REPLY = 32_768
_GOODBYE_SECONDS = 1.0


class Reply(NamedTuple):
    """What a server answers to a command; the text has all its lines."""

    code: int
    text: str

    @property
    def kind(self) -> int:
        """Give the first digit, which says whether it went well."""
        return self.code // 100

    def __str__(self) -> str:
        return f"{self.code} {self.text}"


Talk = Generator[bytes, Reply, Outcome | None]
"""Yields what is to be said and is given one reply each time."""


class Session(asyncio.Protocol):
    """One connection to a mail server, over which mails go one after the other.

    ``pipelining`` says that the server takes several commands at once (RFC 2920), so that an envelope costs one round
    trip. A server that is silent for ``seconds`` is given up.
    """

    def __init__(self, transport: asyncio.Transport, *, pipelining: bool, seconds: float) -> None:
        self._transport = transport
        self._pipelining = pipelining
        self._seconds = seconds
        self._loop = asyncio.get_running_loop()
        self._closed: asyncio.Future[None] = self._loop.create_future()
        self._rest = b""
        self._lines: list[bytes] = []
        self._mails = 0
        self._talk: Talk | None = None
        transport.set_protocol(self)

    @property
    def is_open(self) -> bool:
        """Whether another mail can be handed over."""
        return not self._transport.is_closing()

    async def hand_over(self, letter: Letter) -> Outcome | None:
        """Carry out one mail transaction.

        Shape: ``None`` when the server has ended a session that served before and heard nothing of this mail.
        """
        # Replies drive a generator as they come in: waking a task for each would cost as much as all the rest.
        self._talk = self._transaction(letter)
        self._over: asyncio.Future[Outcome | None] = self._loop.create_future()
        self._when_lost: Callable[[str], Outcome | None] = (lambda _: None) if self._mails else temporary
        self._heard = self._loop.time()
        self._alarm = self._loop.call_later(self._seconds, self._watch)
        self._mails += 1
        try:
            if self.is_open:
                self._transport.write(next(self._talk))
            else:
                self._lose("the connection is closed")
            return await self._over
        finally:
            self._alarm.cancel()
            if self._talk is not None:
                self._transport.abort()

    async def quit(self) -> None:
        """Say goodbye."""
        if self.is_open:
            self._transport.write(b"QUIT\r\n")
            await asyncio.wait([self._closed], timeout=_GOODBYE_SECONDS)
        self._transport.abort()

    def _transaction(self, letter: Letter) -> Talk:
        """Hand a mail over; what is refused leaves the session as if nobody had tried."""
        replies = yield from self._envelope(letter)
        bad = [place for place, reply in enumerate(replies) if reply.kind != _ENVELOPE[place]]
        if not bad:
            self._when_lost = in_doubt
            # No line but one of the body's own may begin with a dot.
            return self._taken((yield letter.body.replace(b"\r\n.", b"\r\n..") + b".\r\n"))
        outcome = _refused(replies[bad[0]], recipient=bad[0] == _RECIPIENT)
        self._when_lost = lambda _: outcome
        if replies[-1].code == _CLOSING:
            self._transport.close()
            return None if len(replies) == 1 and self._mails > 1 else outcome
        if replies[-1].kind == _GO_ON:
            # It waits for a body although nobody is to have it (RFC 2920, 3.1).
            yield b".\r\n"
        if (yield b"RSET\r\n").kind != _DONE:
            self._transport.close()
        return outcome

    def _envelope(self, letter: Letter) -> Generator[bytes, Reply, list[Reply]]:
        commands = [f"MAIL FROM:<{letter.sender}>\r\n", f"RCPT TO:<{letter.recipient}>\r\n", "DATA\r\n"]
        replies: list[Reply] = []
        for said, good in zip(["".join(commands), "", ""] if self._pipelining else commands, _ENVELOPE, strict=True):
            reply = yield said.encode("ascii")
            replies.append(reply)
            self._when_lost = temporary
            if reply.code == _CLOSING or (reply.kind != good and not self._pipelining):
                break
        return replies

    def _taken(self, reply: Reply) -> Outcome:
        if reply.kind == _DONE:
            return sent(str(reply))
        if reply.kind in (4, 5):
            return _refused(reply)
        self._transport.close()
        return in_doubt(str(reply))

    def data_received(self, data: bytes) -> None:
        """Take what the server says; it is told apart into replies."""
        self._heard = self._loop.time()
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._lines.append(line)
            if line[3:4] != b"-":
                whole, self._lines = self._lines, []
                self._answer(_read(whole))
        if len(self._rest) + sum(map(len, self._lines)) > _LONGEST_REPLY:
            self._lose("the server's answer has no end")

    def connection_lost(self, exc: Exception | None) -> None:
        """Find out what that means for the mail under way."""
        self._lose(f"the connection was lost: {exc}" if exc else "the server closed the connection")
        if not self._closed.done():
            self._closed.set_result(None)

    def _answer(self, reply: Reply) -> None:
        if self._talk is None:
            # Nobody asked: it says that it will close.
            self._transport.close()
            return
        if not reply.code:
            self._lose(f"this is no answer of a mail server: {reply.text}")
            return
        try:
            said = self._talk.send(reply)
        except StopIteration as end:
            self._end(end.value)
        else:
            self._transport.write(said)

    def _watch(self) -> None:
        left = self._heard + self._seconds - self._loop.time()
        if left > 0:
            self._alarm = self._loop.call_later(left, self._watch)
        else:
            self._lose(f"the server said nothing for {self._seconds:g} seconds")

    def _lose(self, why: str) -> None:
        self._transport.abort()
        if self._talk is not None:
            self._end(self._when_lost(why))

    def _end(self, outcome: Outcome | None) -> None:
        self._talk = None
        if not self._over.done():
            self._over.set_result(outcome)


def _read(lines: list[bytes]) -> Reply:
    code = lines[-1][:3]
    text = b"\n".join([line[4:].strip() for line in lines])
    return Reply(int(code) if code.isdigit() else 0, text.decode(errors="replace"))


def _refused(reply: Reply, *, recipient: bool = False) -> Outcome:
    if reply.kind != 5:
        # Also what makes no sense: the message was not taken, and the server may be mended.
        return temporary(str(reply))
    return permanent(str(reply), bounce=is_bounce(reply.code, reply.text, recipient=recipient))


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
