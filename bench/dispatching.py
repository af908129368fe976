"""Rendering and handing over: every contact's message by dispatch, over SMTP to a sink on the loopback.

The floor renders the same templates with bare Jinja and speaks SMTP over as many connections as dispatch has, with what
every mail must have as headers; it knows its contacts, and keeps nothing: no intent, no result, no consent.
"""

import asyncio
import os
from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from itertools import repeat
from typing import Any, Final

import jinja2
import sqlalchemy as sa
from sqlalchemy import make_url

from bench.executor import move
from bench.samples import Sample, measured
from bench.sink import END, sink
from bench.timings import Timings, timed
from bench.world import CONTACT, START, engine_on, fill, go_live
from designer.rendering.process import ConfinedRenderer
from engine.api.enroll import enroll_all
from engine.channels.dispatch import CONCURRENCY
from engine.clock import FixedClock
from engine.schedule.work import dispatch_once
from engine.settings import Settings
from engine.store.session import Store, open_store
from engine.terms import to_micros
from engine.wiring import connect

SUBJECT: Final = "{{ contact.name }}, your trial begins today"
HTML: Final = (
    "<p>Hello {{ contact.name }},</p>"
    + 8 * "<p>A line of a letter that somebody wrote for you in {{ contact.city }}.</p>"
    + "{% if contact.plan == 'trial' %}<p>Try <a href='https://example.com/start'>the first step</a>.</p>{% else %}"
    "<p>See <a href='https://example.com/plans'>what is new</a>.</p>{% endif %}"
    "<p><a href='{{ unsubscribe_url }}'>No more of this</a></p>"
)  # fmt: skip
TEXT: Final = "Hello {{ contact.name }},\n\nthis is a letter for you in {{ contact.city }}.\n\n{{ unsubscribe_url }}\n"
FLOW: Final[dict[str, Any]] = {
    "dripline": 1,
    "key": "mail",
    "name": "Mail",
    "nodes": [
        {"id": "hand", "type": "trigger.manual"},
        {"id": "mail", "type": "send.email", "config": {"subject": SUBJECT, "html": HTML, "text": TEXT}},
    ],
    "edges": [{"from": "hand", "to": "mail"}],
}
UNSUBSCRIBE: Final = "https://example.com/u/0123456789abcdef0123456789abcdef0123456789abcdef"


def prepare(store: Store, contacts: int) -> None:
    """Fill a database in which everybody is owed a mail."""
    wiring = engine_on(store)
    go_live(wiring, FLOW)
    fill(store, contacts)
    enroll_all(wiring, FLOW["key"])
    move(wiring, to_micros(START))


def hand_over(url: str, contacts: int, *, timing: bool = False) -> Sample:
    """Dispatch everything, with the renderer that the product uses; ``timing`` costs some of each statement's time."""
    store = open_store(url)
    renderer = ConfinedRenderer()
    try:
        with sink() as port:
            settings = Settings(smtp_url=f"smtp://127.0.0.1:{port}?tls=none")
            wiring = connect(settings, renderer, clock=FixedClock.of(START), store=store)
            with timed(store.engine) if timing else nullcontext(Timings()) as timings, measured() as sample:
                while done := dispatch_once(wiring).sent:
                    sample.work += done
            sample.timings = timings
            sample.busy += _busy_until_ended(renderer)
    finally:
        renderer.close()
        store.close()
    if sample.work != contacts:
        raise AssertionError(f"{sample.work} of {contacts} messages were sent")
    return sample


def _busy_until_ended(renderer: ConfinedRenderer) -> float:
    """End the rendering child and give what it used of the processor."""
    before = os.times()
    renderer.close()
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def hand_over_raw(url: str, contacts: int) -> Sample:
    """Render bare and speak raw SMTP."""
    store = open_store(url)
    with store.read() as connection:
        rows = connection.execute(sa.select(CONTACT.c.key, CONTACT.c.email, CONTACT.c.attributes)).all()
    store.close()
    people = [
        (row.email, {"contact": {**row.attributes, "key": row.key}, "unsubscribe_url": UNSUBSCRIBE}) for row in rows
    ]
    assert make_url(url)
    with sink() as port, measured() as sample:
        asyncio.run(_send_all(port, iter(people)))
        sample.work = contacts
    return sample


async def _send_all(port: int, people: Iterator[tuple[str, Mapping[str, Any]]]) -> None:
    environment = jinja2.Environment(autoescape=True)
    templates = [environment.from_string(text) for text in (SUBJECT, HTML, TEXT)]
    await asyncio.gather(*(_send_some(port, people, templates) for _ in repeat(None, CONCURRENCY)))


async def _send_some(
    port: int, people: Iterator[tuple[str, Mapping[str, Any]]], templates: list[jinja2.Template]
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)

    async def say(line: bytes) -> None:
        writer.write(line)
        while (await reader.readline())[3:4] == b"-":
            pass

    await say(b"")
    await say(b"EHLO bench\r\n")
    for address, context in people:
        subject, html, text = (template.render(context) for template in templates)
        await say(b"MAIL FROM:<bench@example.com>\r\n")
        await say(f"RCPT TO:<{address}>\r\n".encode())
        await say(b"DATA\r\n")
        await say(_letter(address, subject, html, text).encode() + END)
    writer.close()


def _letter(address: str, subject: str, html: str, text: str) -> str:
    body = "\r\n".join(
        f"--b\r\nContent-Type: text/{kind}; charset=utf-8\r\n\r\n{said}"
        for kind, said in (("plain", text), ("html", html))
    )
    return (
        f"From: Bench <bench@example.com>\r\nTo: <{address}>\r\nSubject: {subject}\r\nMIME-Version: 1.0\r\n"
        f"Content-Type: multipart/alternative; boundary=b\r\n\r\n{body}\r\n--b--"
    )
