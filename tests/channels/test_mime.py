"""Mails as bytes: what the library would write, and what it reads back."""

import base64
import hashlib
from dataclasses import replace
from email import message_from_bytes, policy
from email.charset import BASE64, Charset
from email.header import Header
from email.message import EmailMessage, Message
from email.utils import format_datetime, formataddr
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engine.channels.base import MessageKey, Outgoing
from engine.channels.mime import Letter, read_address, write_mail
from engine.errors import RenderError
from engine.terms import from_micros
from tests.channels.postman import part
from tests.channels.world import START

SENDER = "Dripline <hello@drip.example>"
MAIL = Outgoing(
    MessageKey(0, 1, 2, 3, 1), "email", "c1@example.com", START, subject="Hi", text="Hello\n", html="<p>Hello</p>",
    unsubscribe_url="https://drip.example/t/u/x",
)  # fmt: skip
POLICY = policy.compat32.clone(linesep="\r\n")
UTF8 = Charset("utf-8")
UTF8.header_encoding = BASE64

readable = st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"])
lines = st.text(readable, max_size=200) | st.text(st.sampled_from('ab <>"\\,;:=?é王\u3000'), max_size=200)
names = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"], exclude_characters='<>"'), max_size=90)
bodies = st.text(st.characters(exclude_categories=["Cs"]), max_size=400) | st.text(st.sampled_from(".\r\n a王"))


def by_the_library(message: Outgoing) -> bytes:
    """Write a mail with the objects of the email package."""
    sender, recipient = read_address(message.sender), read_address(message.address)
    name = hashlib.sha256(f"{message.key}/{message.address.lower()}".encode()).hexdigest()[:16]
    mail: Message[Any, Any] = Message(policy=POLICY)
    mail["From"], mail["To"] = address(sender, "From"), address(recipient, "To")
    long_word = max(map(len, message.subject.split()), default=0) >= 900
    encoded = not message.subject.isascii() or "=?" in message.subject or long_word
    mail["Subject"] = Header(message.subject, UTF8 if encoded else "us-ascii", header_name="Subject")
    for header, text in {
        "Date": format_datetime(from_micros(message.at)),
        "Message-ID": f"<{message.key}.{name}@{sender.domain}>",
        "List-Unsubscribe": f"<{message.unsubscribe_url}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        "MIME-Version": "1.0",
    }.items():
        mail[header] = text
    if message.html:
        mail["Content-Type"] = f'multipart/alternative; boundary="=_{message.key}.{name}"'
        for kind, text in (("plain", message.text), ("html", message.html)):
            each: Message[Any, Any] = Message(policy=POLICY)
            fill(each, kind, text)
            mail.attach(each)
    else:
        fill(mail, "plain", message.text)
    return mail.as_bytes(policy=POLICY)


def address(given: Any, header: str) -> Any:
    if given.display_name.isascii():
        return formataddr((given.display_name, given.addr_spec))
    written = Header(given.display_name, UTF8, header_name=header)
    written.append(f"<{given.addr_spec}>", "us-ascii")
    return written


def fill(mail: "Message[Any, Any]", kind: str, text: str) -> None:
    mail["Content-Type"] = f'text/{kind}; charset="utf-8"'
    mail["Content-Transfer-Encoding"] = "base64"
    whole = b"".join(line + b"\r\n" for line in text.encode().splitlines())
    mail.set_payload(base64.encodebytes(whole).decode())


def read(letter: Letter) -> EmailMessage:
    return message_from_bytes(letter.body, policy=policy.default)


@given(subject=lines, name=names, whose=names, text=bodies, html=bodies)
@example(subject="x" * 70, name="a" * 70, whose="", text="", html="")
@example(subject="x" * 69, name="王" * 30, whose="李", text="a", html="b\n")
@example(subject="y" * 2_000, name="", whose="a, b", text="a\r\n\r.\n", html="\n")
@example(subject=" two  words ", name=" a ", whose="=?utf-8?b?eA==?=", text=".", html="\r")
@example(subject="=?utf-8?b?eA==?=", name="", whose="", text="", html="")
def test_a_mail_is_what_the_library_writes(subject: str, name: str, whose: str, text: str, html: str) -> None:
    given = replace(MAIL, subject=subject, address=f"{whose} <c1@例子.com>", text=text, html=html)
    given = replace(given, sender=f"{name} <hello@drip.example>")
    assert write_mail(given, SENDER).body == by_the_library(given)


@given(subject=lines, whose=names, text=bodies, html=bodies)
def test_a_mail_is_read_as_it_was_meant(subject: str, whose: str, text: str, html: str) -> None:
    letter = write_mail(
        replace(MAIL, subject=subject, address=f"{whose} <c1@example.com>", text=text, html=html), SENDER
    )
    mail = read(letter)
    assert letter.body.isascii()
    assert max(map(len, letter.body.split(b"\r\n"))) <= 998
    assert letter.body.count(b"\n") == letter.body.count(b"\r") == letter.body.count(b"\r\n")
    assert str(mail["Subject"]).split() == subject.split()
    assert [each.addr_spec for each in mail["To"].addresses] == ["c1@example.com"]
    assert part(mail, "plain").encode().splitlines() == text.encode().splitlines()
    assert not html or part(mail, "html").encode().splitlines() == html.encode().splitlines()
    assert len(mail.keys()) == (9 if html else 10)


def test_a_text_alone_is_one_part_and_names_are_written_in_any_script() -> None:
    letter = write_mail(replace(MAIL, html="", sender="王 <wang@例子.com>", address="李 <li@example.com>"), SENDER)
    assert (letter.sender, letter.recipient) == ("wang@xn--fsqu00a.com", "li@example.com")
    assert b"multipart" not in letter.body
    assert letter.body.isascii()


def test_the_same_message_is_the_same_bytes_at_every_attempt() -> None:
    assert write_mail(MAIL, SENDER) == write_mail(MAIL, SENDER)


def test_a_long_way_out_is_not_encoded_and_stays_on_its_line() -> None:
    url = "https://drip.example/t/u/" + "x" * 300
    assert f"\r\nList-Unsubscribe: <{url}>\r\n".encode() in write_mail(replace(MAIL, unsubscribe_url=url), SENDER).body


@pytest.mark.parametrize("text", ["", "x", "@b.c", "a@", "a@b@c", "a b@c", "<a@b", "a@b>", "a@b;c@d", '"a"@b'])
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(RenderError):
        read_address(text)
