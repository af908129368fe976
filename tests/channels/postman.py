"""A real mail server in a thread, that does what a test tells it."""

import asyncio
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any, cast

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

Reply = Callable[[str], str | None]


@dataclass
class Postman:
    """Answer ``rcpt`` and ``data`` as told; ``cut`` names the moment at which the connection is torn."""

    rcpt: str = "250 OK"
    data: str = "250 2.0.0 queued"
    cut: str | None = None
    on_data: Callable[[], None] = lambda: None
    context: ssl.SSLContext | None = None
    mails: list[EmailMessage] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    connections: int = 0
    port: int = 0

    async def handle_EHLO(  # noqa: N802 - the library's name
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        self.connections += 1
        session.host_name = hostname
        return responses

    async def handle_RCPT(  # noqa: N802 - the library's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: Any
    ) -> str:
        if self.cut == "before":
            _tear(server)
        if self.rcpt.startswith("2"):
            envelope.rcpt_tos.append(address)
        return self.rcpt

    async def handle_DATA(  # noqa: N802 - the library's name
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        if self.data.startswith("2"):
            body = cast(bytes, envelope.content)
            self.mails.append(message_from_bytes(body, policy=policy.default))
            self.recipients.extend(envelope.rcpt_tos)
        self.on_data()
        if self.cut == "after":
            _tear(server)
        return self.data


def _tear(server: SMTP) -> None:
    cast(asyncio.Transport, server.transport).abort()


class _Controller(Controller):
    def factory(self) -> SMTP:
        return SMTP(
            self.handler, hostname="postman", ident="Postman", enable_SMTPUTF8=False, tls_context=self.handler.context
        )

    def _trigger_server(self) -> None:
        # It asked for any free port: only now is it known which one it got.
        self.port = cast(asyncio.Server, self.server).sockets[0].getsockname()[1]
        super()._trigger_server()  # type: ignore[no-untyped-call]


@contextmanager
def postman(**behaviour: Any) -> Iterator[Postman]:
    """Let a mail server run on a port of its own."""
    who = Postman(**behaviour)
    controller = _Controller(who, hostname="127.0.0.1", port=0)
    controller.start()
    try:
        who.port = controller.port
        yield who
    finally:
        controller.stop()


def part(mail: EmailMessage, kind: str) -> str:
    """Read the text of a part."""
    found = mail.get_body(preferencelist=(kind,))
    assert found is not None
    return str(found.get_content())
