"""A message as the bytes that a mail server takes.

Headers are folded by the library's older classes: the newer ones read every header anew after writing it, which costs
more than all the rest of a mail.
"""

import base64
import hashlib
import re
from dataclasses import dataclass
from email.charset import BASE64, Charset
from email.errors import HeaderDefect
from email.header import Header
from email.headerregistry import Address
from email.message import Message
from email.policy import compat32
from email.utils import format_datetime, formataddr
from typing import Any, NamedTuple, TypeAlias

from engine.channels.base import Outgoing
from engine.errors import RenderError
from engine.terms import from_micros

_DIGEST = 16
_LONGEST_ADDRESS = 500
_LONGEST_LINE = 900
"""A line of a mail may have 998 characters (RFC 5322, 2.1.1); a longer word of a subject is encoded, and so folded."""

_ADDRESS = re.compile(r"""\s*(?:"?(?P<name>[^<>"]*?)"?\s*<(?P<in>[^<>\s]+)>|(?P<bare>[^<>\s]+))\s*""")
_POLICY = compat32.clone(linesep="\r\n")
_UTF8 = Charset("utf-8")
_UTF8.header_encoding = BASE64


_Mail: TypeAlias = "Message[Any, Any]"


@dataclass(frozen=True)
class _Verbatim:
    """A header that is written as it is, on one line: what it says is ASCII, and a long token must not be folded."""

    text: str

    def __str__(self) -> str:
        return self.text

    def encode(self, **_: object) -> str:
        """Give what is written, as a ``Header`` would."""
        return self.text


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
    recipient = read_address(message.address)
    mail = _body(message)
    mail["From"] = _named(sender, "From")
    mail["To"] = _named(recipient, "To")
    mail["Subject"] = _subject(refuse_breaks(message.subject))
    mail["Date"] = _Verbatim(format_datetime(from_micros(message.at)))
    mail["Message-ID"] = _Verbatim(message_id(message, sender.domain))
    mail["List-Unsubscribe"] = _Verbatim(f"<{message.unsubscribe_url}>")
    mail["List-Unsubscribe-Post"] = _Verbatim("List-Unsubscribe=One-Click")
    mail["MIME-Version"] = _Verbatim("1.0")
    return Letter(sender.addr_spec, recipient.addr_spec, mail.as_bytes(policy=_POLICY))


def _body(message: Outgoing) -> _Mail:
    text = _part("plain", message.text)
    if not message.html:
        return text
    whole: _Mail = Message(policy=_POLICY)
    boundary = f"=_{message_id(message, '')[1:-2]}"
    whole["Content-Type"] = _Verbatim(f'multipart/alternative; boundary="{boundary}"')
    whole.attach(text)
    whole.attach(_part("html", message.html))
    return whole


def _part(kind: str, text: str) -> _Mail:
    """Write a text in seven bits, so that every server passes it on as it is."""
    part: _Mail = Message(policy=_POLICY)
    part["Content-Type"] = _Verbatim(f'text/{kind}; charset="utf-8"')
    part["Content-Transfer-Encoding"] = _Verbatim("base64")
    lines = b"".join(line + b"\r\n" for line in text.encode().splitlines())
    part.set_payload(base64.encodebytes(lines).decode("ascii"))
    return part


def _named(address: Address, header: str) -> Header | str:
    if address.display_name.isascii():
        return formataddr((address.display_name, address.addr_spec))
    written = Header(address.display_name, _UTF8, header_name=header)
    written.append(f"<{address.addr_spec}>", "us-ascii")
    return written


def _subject(text: str) -> Header:
    is_plain = text.isascii() and "=?" not in text and max(map(len, text.split()), default=0) < _LONGEST_LINE
    return Header(text, "us-ascii" if is_plain else _UTF8, header_name="Subject")


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
