import asyncio
import os
import re
import signal
import subprocess
import sys
import textwrap
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from engine.channels.base import MessageKey, Outcome, Outgoing
from engine.channels.dispatch import recover
from engine.channels.email import EmailChannel, Server, read_server
from engine.channels.smtp import Session
from engine.clock import FixedClock
from engine.errors import ChannelError
from engine.store import leases
from engine.store.session import Store
from engine.terms import MINUTE
from tests.channels.office import LINKS, WORKER, content, office, send
from tests.channels.postman import Postman, part, postman
from tests.channels.world import DELIVERY, HOUR, MESSAGE, START, add_contact, add_flow, add_message, message

ROOT = Path(__file__).resolve().parents[2]
SENDER = "Dripline <hello@drip.example>"
DAY1 = content(
    subject={"en": "Welcome, {{ contact.name }}", "zh-CN": "欢迎使用, {{ contact.name }}: 第一天"},
    html={
        "en": "<p>Welcome</p>",
        "zh-CN": """<style>.go { color: #0a7 }</style><h1>您好, {{ contact.name }}!</h1>
            <p>从这里开始: <a class="go" href="https://app.example/start?plan=pro&amp;day=1">开始设置</a></p>
            <p><a href="{{ unsubscribe_url }}">退订</a></p>""",
    },
    text=None,
)
MAIL = Outgoing(
    MessageKey(0, 1, 2, 3, 1), "email", "c1@example.com", START, subject="Hi", text="Hello\n", html="<p>Hello</p>",
    unsubscribe_url="https://drip.example/t/u/x",
)  # fmt: skip


def channel(server: Postman, tls: str = "none") -> EmailChannel:
    return EmailChannel(Server("127.0.0.1", server.port, tls), SENDER, seconds=20)


def owed(store: Store, count: int = 1) -> list[MessageKey]:
    with store.write() as connection:
        add_flow(connection)
        given = {"locale": "zh-CN", "attributes": {"name": "王小明"}}
        keys = [add_contact(connection, store, number, **given) for number in range(1, count + 1)]
        for key in keys:
            add_message(connection, key)
    return keys


def state(store: Store, key: MessageKey) -> tuple[str, str | None, int]:
    with store.read() as connection:
        row = message(connection, key)
    return row.state, row.reason, row.not_before


def answers(store: Store) -> list[tuple[str, str]]:
    with store.read() as connection:
        rows = connection.execute(sa.select(DELIVERY.c.outcome, DELIVERY.c.answer).order_by(DELIVERY.c.attempt)).all()
    return [(row.outcome, row.answer) for row in rows]


def test_the_mail_of_day_1_in_chinese(store: Store) -> None:
    (key,) = owed(store)
    with postman() as server:
        send(office(store, {"email": channel(server)}, DAY1))
    (mail,) = server.mails
    assert server.recipients == ["c1@example.com"]
    assert mail["Subject"] == "欢迎使用, 王小明: 第一天"
    assert (mail["From"], mail["To"]) == (SENDER, "c1@example.com")
    assert mail["Date"].datetime.isoformat() == "2026-03-02T10:00:00+00:00"
    assert re.fullmatch(rf"<{key}\.[0-9a-f]{{16}}@drip\.example>", mail["Message-ID"])
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert mail["List-Unsubscribe"] == f"<{LINKS.unsubscribe(key, 'marketing')}>"
    assert mail.get_content_type() == "multipart/alternative"
    html, text = part(mail, "html"), part(mail, "plain")
    assert 'style="color: #0a7' in html
    assert "您好, 王小明!" in html
    assert LINKS.click(key, "https://app.example/start?plan=pro&day=1") in html
    assert "app.example" not in html
    assert html.count(LINKS.unsubscribe(key, "marketing")) == 1
    assert LINKS.pixel(key) in html
    assert "您好, 王小明!" in text
    assert "https://app.example/start?plan=pro&day=1" in text
    assert LINKS.unsubscribe(key, "marketing") in text
    assert state(store, key)[0] == "sent"
    assert answers(store) == [("sent", "250 2.0.0 queued")]


def test_connections_are_used_again(store: Store) -> None:
    owed(store, 12)
    with postman() as server:
        report = send(office(store, {"email": channel(server)}, DAY1), concurrency=3)
    assert report.sent == len(server.mails) == 12
    assert server.connections <= 3
    assert len({mail["Message-ID"] for mail in server.mails}) == 12


def test_a_temporary_refusal_is_tried_again(store: Store) -> None:
    (key,) = owed(store)
    with postman(rcpt="451 4.7.1 greylisted") as server:
        given = office(store, {"email": channel(server)}, DAY1)
        send(given)
        assert state(store, key) == ("queued", None, START + MINUTE)
        server.rcpt = "250 OK"
        send(replace(given, clock=FixedClock(START + MINUTE)))
    assert state(store, key)[0] == "sent"
    assert len(server.mails) == 1
    assert [outcome for outcome, _ in answers(store)] == ["temporary", "sent"]


@pytest.mark.parametrize(
    ("behaviour", "reason", "again"),
    [
        ({"rcpt": "550 5.1.1 no such user"}, "bounced", "bounced"),
        ({"rcpt": "550 unknown"}, "bounced", "bounced"),
        ({"rcpt": "550 5.7.1 we do not like you"}, "refused", None),
        ({"data": "554 5.6.0 bad content"}, "refused", None),
    ],
)
def test_a_permanent_refusal_is_final(store: Store, behaviour: dict[str, str], reason: str, again: str | None) -> None:
    (key,) = owed(store)
    next_key = key._replace(node=2)
    with postman(**behaviour) as server:
        given = office(store, {"email": channel(server)}, DAY1)
        send(given)
        assert state(store, key)[:2] == ("failed", reason)
        send(replace(given, clock=FixedClock(START + 100 * HOUR)))
        server.rcpt = server.data = "250 OK"
        with store.write() as connection:
            add_message(connection, next_key)
        send(given)
    assert state(store, next_key)[1] == again
    assert len(answers(store)) == (1 if again else 2)


def test_a_connection_that_is_cut_before_the_message_left_is_a_temporary_failure(store: Store) -> None:
    (key,) = owed(store)
    with postman(cut="before") as server:
        given = office(store, {"email": channel(server)}, DAY1)
        send(given)
        assert server.mails == []
        assert state(store, key) == ("queued", None, START + MINUTE)
        server.cut = None
        send(replace(given, clock=FixedClock(START + MINUTE)))
    assert (len(server.mails), state(store, key)[0]) == (1, "sent")


def test_a_connection_that_is_cut_after_the_message_left_leaves_doubt(store: Store) -> None:
    (key,) = owed(store)
    with postman(cut="after") as server:
        given = office(store, {"email": channel(server)}, DAY1)
        send(given)
        server.cut = None
        send(replace(given, clock=FixedClock(START + 100 * HOUR)))
    assert len(server.mails) == 1
    assert state(store, key)[:2] == ("in_doubt", None)


def test_a_server_that_is_not_there_is_a_temporary_failure(store: Store) -> None:
    (key,) = owed(store)
    with postman() as server:
        closed = channel(server)
    send(office(store, {"email": closed}, DAY1))
    assert state(store, key)[:2] == ("queued", None)


def test_a_server_that_cannot_be_reached_is_tried_once_for_all_mails_of_a_call() -> None:
    class Unreachable(EmailChannel):
        tried = 0

        async def _connect(self) -> Session:
            self.tried += 1
            raise OSError("no way")

    given = Unreachable(Server("127.0.0.1", 1, "none"), SENDER)
    broken = replace(MAIL, address="no address")
    outcomes = asyncio.run(given.deliver([broken, MAIL, MAIL]))
    assert [outcome.state for outcome in outcomes] == ["permanent", "temporary", "temporary"]
    assert given.tried == 1


def test_tls_that_is_required_and_not_offered_sends_nothing(store: Store) -> None:
    (key,) = owed(store)
    with postman() as server:
        send(office(store, {"email": channel(server, tls="required")}, DAY1))
    assert server.mails == []
    assert state(store, key)[:2] == ("queued", None)
    assert answers(store)[0][0] == "temporary"


CHILD = """
    import sys
    from engine.channels.email import EmailChannel, Server
    from engine.store.session import open_store
    from tests.channels.office import office, send
    from tests.channels.test_email import DAY1, SENDER

    url, port = sys.argv[1:]
    channel = EmailChannel(Server("127.0.0.1", int(port), "none"), SENDER)
    send(office(open_store(url), {"email": channel}, DAY1), worker="killed", concurrency=1)
"""


def test_a_process_killed_between_acceptance_and_record_never_sends_twice_silently(store: Store) -> None:
    keys = owed(store, 6)
    children: list[subprocess.Popen[bytes]] = []

    def kill() -> None:
        os.kill(children[0].pid, signal.SIGKILL)

    with postman(on_data=kill) as server:
        url = store.engine.url.render_as_string(hide_password=False)
        code = [sys.executable, "-c", textwrap.dedent(CHILD), url, str(server.port)]
        children.append(subprocess.Popen(code, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}))
        assert children[0].wait(timeout=60) == -signal.SIGKILL
        accepted = {mail["Message-ID"] for mail in server.mails}
        assert len(accepted) >= 1
        with store.read() as connection:
            under_way = connection.scalar(
                sa.select(sa.func.count()).select_from(MESSAGE).where(MESSAGE.c.state == "sending")
            )
        assert 1 <= (under_way or 0) <= 4
        server.on_data = lambda: None
        given = office(store, {"email": channel(server)}, DAY1, at=START + HOUR)
        _, lost = recover(store, given.clock, given.channels, living=[WORKER], after=timedelta(minutes=2))
        assert lost == under_way
        with store.read() as connection:
            reserving = leases.reservers(connection)
        leases.leave(store, reserving)
        send(given)
    ids = [mail["Message-ID"] for mail in server.mails]
    assert len(ids) == len(set(ids))
    states = [state(store, key)[0] for key in keys]
    assert states.count("in_doubt") == under_way
    assert states.count("sent") == 6 - states.count("in_doubt")


# ---------------------------------------------------------------- by hand


def deliver(given: EmailChannel, *messages: Outgoing) -> list[Outcome]:
    async def run() -> list[Outcome]:
        await given.open()
        try:
            return [(await given.deliver([each]))[0] for each in messages]
        finally:
            await given.close()

    return asyncio.run(run())


def test_a_connection_that_died_while_idle_costs_nothing() -> None:
    with postman() as server:
        given = channel(server)

        async def run() -> list[str]:
            await given.open()
            first = await given.deliver([MAIL])
            given._idle[0]._transport.close()
            second = await given.deliver([MAIL])
            await given.close()
            return [outcome.state for outcome in (*first, *second)]

        assert asyncio.run(run()) == ["sent", "sent"]
    assert server.connections == 2


@pytest.mark.parametrize(
    "broken",
    [
        {"subject": "Hi\r\nBcc: evil@example.com"}, {"subject": "Hi\u2028"}, {"sender": "A\n <a@b.c>"},
        {"sender": "a@b.c, d@e.f"}, {"address": "c1@example.com\r\nDATA"}, {"address": "<a@b.c> <d@e.f>"},
        {"address": "no address"}, {"address": "ü@example.com"}, {"address": "a@" + "b" * 300},
    ],
)  # fmt: skip
def test_nothing_breaks_out_of_a_header(broken: dict[str, Any]) -> None:
    with postman() as server:
        (outcome,) = deliver(channel(server), replace(MAIL, **broken))
    assert (outcome.state, outcome.bounce, server.mails) == ("permanent", False, [])


def test_dots_and_long_lines_arrive_as_they_were() -> None:
    text = ".\r\n..\n. a\n" + "长" * 5_000 + "\n"
    with postman() as server:
        assert deliver(channel(server), replace(MAIL, text=text, html=f"<p>{text}</p>"))[0].state == "sent"
    assert part(server.mails[0], "plain").replace("\r\n", "\n") == text.replace("\r\n", "\n")


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtp://mail.example", Server("mail.example", 25, "offered")),
        ("smtp://u:p%40ss@mail.example", Server("mail.example", 587, "required", "u", "p@ss")),
        ("smtp://mail.example:2525?tls=none", Server("mail.example", 2525, "none")),
        ("smtps://mail.example?verify=no", Server("mail.example", 465, "implicit", verify=False)),
    ],
)
def test_a_server_is_read_from_its_address(url: str, server: Server) -> None:
    assert read_server(url) == server
    assert "p@ss" not in repr(read_server(url))


@pytest.mark.parametrize("url", ["", "mail.example", "http://x", "smtp://", "smtp://x?tls=maybe", "smtp://x?other=1"])
def test_what_is_no_server(url: str) -> None:
    with pytest.raises(ChannelError):
        read_server(url)


def test_the_channel_takes_several_at_once() -> None:
    async def run(given: EmailChannel) -> Sequence[Outcome]:
        await given.open()
        outcomes = await given.deliver([MAIL, MAIL])
        await given.close()
        return outcomes

    with postman() as server:
        assert [outcome.state for outcome in asyncio.run(run(channel(server)))] == ["sent", "sent"]
