"""A message as the bytes that a mail server takes.

Whatever fits on its line in ASCII is written as it is, the rest of the headers by the library: building its objects for
every header and every part costs ten times what a mail is worth. What comes out is what the library writes, byte by
byte; the tests compare.
"""

import hashlib
import re
from base64 import b64encode
from email.charset import BASE64, Charset
from email.errors import HeaderDefect
from email.header import Header
from email.headerregistry import Address
from email.utils import format_datetime, formataddr
from functools import lru_cache
from typing import NamedTuple

from engine.channels.base import Outgoing
from engine.errors import RenderError
from engine.terms import Micros, from_micros

_DIGEST = 16
_LONGEST_ADDRESS = 500
_LONGEST_WORD = 900
"""A line of a mail may have 998 characters (RFC 5322, 2.1.1); a longer word of a subject is encoded, and so folded."""

_LINE = 78
_ENCODED_LINE = 76
_SPEC = r"""[^<>\s,;:"@]+@[^<>\s,;:"@]+"""
_ADDRESS = re.compile(rf"""\s*(?:"?(?P<name>[^<>"]*?)"?\s*<(?P<in>{_SPEC})>|(?P<bare>{_SPEC}))\s*""")
_BREAKING = re.compile("[\x00-\x1f\x7f\x85\u2028\u2029]")
_UTF8 = Charset("utf-8")
_UTF8.header_encoding = BASE64


class Letter(NamedTuple):
    """A mail and its envelope."""

    sender: str
    recipient: str
    body: bytes


def write_mail(message: Outgoing, default_sender: str) -> Letter:
    """Write a message as MIME.

    Errors: ``RenderError`` for an address or subject that would break out of its header.
    """
    sender, domain, sender_header = _sender(message.sender or default_sender)
    recipient = read_address(message.address)
    to = recipient.addr_spec
    name = _message_name(message)
    # What is ASCII and must not be folded, such as a long token, stays on its line.
    head = (
        sender_header,
        _address_header("To", recipient.display_name, to),
        _subject(refuse_breaks(message.subject)),
        f"Date: {_date(message.at)}",
        f"Message-ID: <{name}@{domain}>",
        f"List-Unsubscribe: <{message.unsubscribe_url}>",
        "List-Unsubscribe-Post: List-Unsubscribe=One-Click",
        "MIME-Version: 1.0",
        _content(message, f"=_{name}"),
    )
    return Letter(sender, to, "\r\n".join(head).encode("ascii"))


def _message_name(message: Outgoing) -> str:
    """Derive from a message's key what tells it from all others: the same at every attempt."""
    key = str(message.key)
    return f"{key}.{hashlib.sha256(f'{key}/{message.address.lower()}'.encode()).hexdigest()[:_DIGEST]}"


def _content(message: Outgoing, boundary: str) -> str:
    text = _part("plain", message.text)
    if not message.html:
        return text
    parts = f"--{boundary}\r\n{text}\r\n--{boundary}\r\n{_part('html', message.html)}\r\n--{boundary}--\r\n"
    return f'Content-Type: multipart/alternative; boundary="{boundary}"\r\n\r\n{parts}'


def _part(kind: str, text: str) -> str:
    """Write a text in seven bits, so that every server passes it on as it is."""
    lines = text.encode().replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    if lines and not lines.endswith(b"\n"):
        lines += b"\n"
    body = b64encode(lines.replace(b"\n", b"\r\n")).decode("ascii")
    folded = [body[at : at + _ENCODED_LINE] for at in range(0, len(body), _ENCODED_LINE)]
    head = f'Content-Type: text/{kind}; charset="utf-8"\r\nContent-Transfer-Encoding: base64\r\n\r\n'
    return "\r\n".join([head + folded[0], *folded[1:], ""]) if folded else head


@lru_cache(maxsize=64)
def _sender(text: str) -> tuple[str, str, str]:
    """Read whom mails are from: the address, its domain, and the header."""
    address = read_address(text)
    return address.addr_spec, address.domain, _address_header("From", address.display_name, address.addr_spec)


def _address_header(header: str, name: str, spec: str) -> str:
    if name.isascii():
        return _header(header, formataddr((name, spec)) if name else spec)
    written = Header(name, _UTF8, header_name=header)
    written.append(f"<{spec}>", "us-ascii")
    return _folded(header, written)


def _subject(text: str) -> str:
    is_plain = text.isascii() and "=?" not in text and max(map(len, text.split()), default=0) < _LONGEST_WORD
    return _header("Subject", text) if is_plain else _folded("Subject", Header(text, _UTF8, header_name="Subject"))


def _header(name: str, text: str) -> str:
    """Write a header of ASCII: on its line if it fits, else folded."""
    line = f"{name}: {text}"
    return line if len(line) <= _LINE else _folded(name, Header(text, header_name=name))


def _folded(name: str, value: Header) -> str:
    return f"{name}: " + value.encode(maxlinelen=_LINE, linesep="\r\n")


@lru_cache(maxsize=16)
def _date(at: Micros) -> str:
    return format_datetime(from_micros(at))


def read_address(text: str) -> Address:
    """Read ``Name <user@host>`` or ``user@host``.

    Errors: ``RenderError`` when it is no address, or more than one.
    """
    found = _ADDRESS.fullmatch(refuse_breaks(text)) if len(text) <= _LONGEST_ADDRESS else None
    user, _, domain = (found["in"] or found["bare"]).partition("@") if found else ("", "", "")
    if not found or not user.isascii():
        raise RenderError("this is not an e-mail address; write it like Name <user@example.com>")
    try:
        return Address((found["name"] or "").strip(), user, _ascii(domain))
    except (HeaderDefect, ValueError, IndexError):
        raise RenderError("this is not an e-mail address; write it like Name <user@example.com>") from None


@lru_cache(maxsize=4096)
def _ascii(domain: str) -> str:
    try:
        return domain.encode("idna").decode("ascii")
    except UnicodeError:
        raise RenderError("the host of this e-mail address cannot be written in ASCII") from None


def refuse_breaks(text: str) -> str:
    """Give a text back that stays on its line.

    Errors: ``RenderError``.
    """
    if _BREAKING.search(text):
        raise RenderError("a header may not have control characters or line breaks")
    return text
