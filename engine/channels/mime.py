"""A message as the bytes that a mail server takes."""

import hashlib
import re
from email import policy
from email.errors import HeaderDefect
from email.headerregistry import Address, HeaderRegistry, UnstructuredHeader
from email.message import EmailMessage
from email.policy import Policy
from email.utils import format_datetime
from typing import Any, NamedTuple

from engine.channels.base import Outgoing
from engine.errors import RenderError
from engine.terms import from_micros

_DIGEST = 16
_LONGEST_ADDRESS = 500
_ADDRESS = re.compile(r"""\s*(?:"?(?P<name>[^<>"]*?)"?\s*<(?P<in>[^<>\s]+)>|(?P<bare>[^<>\s]+))\s*""")


class _Verbatim:
    """A header of one token that must reach the reader as it is: the library would encode a long one."""

    max_count = 1

    @classmethod
    def parse(cls, value: str, facts: dict[str, Any]) -> None:
        facts["parse_tree"] = UnstructuredHeader.value_parser(value)
        facts["decoded"] = value

    def fold(self, *, policy: Policy) -> str:
        return f"{self.name}: {self}{policy.linesep}"  # type: ignore[attr-defined] # mixed into a header


_HEADERS = HeaderRegistry()
for _name in ("list-unsubscribe", "message-id"):
    _HEADERS.map_to_type(_name, _Verbatim)  # type: ignore[arg-type] # it becomes a header by being mixed in

# Seven bits, so that every server passes it on as it is.
_POLICY = policy.SMTP.clone(cte_type="7bit", header_factory=_HEADERS)


def message_id(message: Outgoing, domain: str) -> str:
    """Derive the message's id from its key: the same at every attempt."""
    key = str(message.key)
    digest = hashlib.sha256(f"{key}/{message.address.lower()}".encode()).hexdigest()[:_DIGEST]
    return f"<{key}.{digest}@{domain}>"


class Letter(NamedTuple):
    """A mail and its envelope."""

    sender: str
    recipient: str
    body: bytes


def write_mail(message: Outgoing, default_sender: str) -> Letter:
    """Write a message as MIME.

    Errors: ``RenderError`` for an address or subject that would break out of its header.
    """
    sender = read_address(message.sender or default_sender)
    mail = EmailMessage(policy=_POLICY)
    recipient = read_address(message.address)
    mail["From"] = sender
    mail["To"] = recipient
    mail["Subject"] = refuse_breaks(message.subject)
    mail["Date"] = format_datetime(from_micros(message.at))
    mail["Message-ID"] = message_id(message, sender.domain)
    mail["List-Unsubscribe"] = f"<{message.unsubscribe_url}>"
    mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    mail.set_content(message.text, charset="utf-8", cte="base64")
    if message.html:
        mail.add_alternative(message.html, subtype="html", charset="utf-8", cte="base64")
        mail.set_boundary(f"=_{message_id(message, '')[1:-2]}")
    return Letter(sender.addr_spec, recipient.addr_spec, mail.as_bytes())


def read_address(text: str) -> Address:
    """Read ``Name <user@host>`` or ``user@host``.

    Errors: ``RenderError`` when it is no address, or more than one.
    """
    found = _ADDRESS.fullmatch(refuse_breaks(text)) if len(text) <= _LONGEST_ADDRESS else None
    user, _, domain = (found["in"] or found["bare"]).rpartition("@") if found else ("", "", "")
    if not (found and user and domain and user.isascii()) or any(sign in ',;:"@' for sign in user + domain):
        raise RenderError("this is not an e-mail address; write it like Name <user@example.com>")
    try:
        return Address((found["name"] or "").strip(), user, _ascii(domain))
    except (HeaderDefect, ValueError, IndexError):
        raise RenderError("this is not an e-mail address; write it like Name <user@example.com>") from None


def _ascii(domain: str) -> str:
    try:
        return domain.encode("idna").decode("ascii")
    except UnicodeError:
        raise RenderError("the host of this e-mail address cannot be written in ASCII") from None


def refuse_breaks(text: str) -> str:
    """Give a text back that stays on its line.

    Errors: ``RenderError``.
    """
    if any(sign < " " or sign in "\x7f\x85\u2028\u2029" for sign in text):
        raise RenderError("a header may not have control characters or line breaks")
    return text
