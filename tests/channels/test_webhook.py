import asyncio
import base64
import hashlib
import hmac
from dataclasses import replace
from typing import Any

import orjson
import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from engine.channels.addresses import is_public
from engine.channels.base import Channel, MessageKey, Outcome, Outgoing, Request
from engine.channels.egress import Egress, NotAllowed, NotReached, allowed_hosts
from engine.channels.inbox import InboxChannel
from engine.channels.provider import Provider, egress_for, read_provider
from engine.channels.sms import SmsChannel
from engine.channels.webhook import WebhookChannel, retry_after, sign, webhook_secret
from engine.channels.wecom import WecomChannel
from engine.store.session import Store
from engine.terms import MINUTE, SECOND
from tests.channels.office import content, office, send
from tests.channels.receiver import Came, Receiver, Reply, receiver
from tests.channels.world import INBOX, START, add_contact, add_flow, add_message, message

SECRET = "whsec_" + base64.b64encode(b"k" * 32).decode()
KEY = MessageKey(0, 1, 2, 3, 1)


def deliver(channel: Channel, *messages: Outgoing) -> list[Outcome]:
    async def run() -> list[Outcome]:
        await channel.open()
        try:
            return await channel.deliver(messages)
        finally:
            await channel.close()

    return asyncio.run(run())


async def as_written(host: str, port: int) -> list[str]:
    """Resolve numbers to themselves, without asking the machine."""
    return [host]


def hook(server: Receiver, **options: Any) -> WebhookChannel:
    return WebhookChannel(Egress(frozenset({server.place}), **options), SECRET)


def ask(server: Receiver, path: str = "/in", **request: Any) -> Outgoing:
    given: dict[str, Any] = {"url": f"http://{server.place}{path}", "body": {"a": "你"}}
    return Outgoing(KEY, "webhook", "", START, request=Request(**(given | request)))


def test_a_webhook_is_signed_and_its_id_is_the_message() -> None:
    with receiver() as server:
        (outcome,) = deliver(hook(server), ask(server, headers={"X-Own": "1", "webhook-id": "evil", "Host": "evil"}))
    (came,) = server.came
    assert outcome.state == "sent"
    assert (came.method, came.path, came.headers["x-own"], came.headers["host"]) == ("POST", "/in", "1", server.place)
    assert orjson.loads(came.body) == {"a": "你"}
    assert came.headers["content-type"] == "application/json"
    assert came.headers["webhook-id"] == str(KEY)
    assert came.headers["webhook-timestamp"] == str(START // SECOND)
    signed = f"{KEY}.{START // SECOND}.".encode() + came.body
    digest = base64.b64encode(hmac.new(b"k" * 32, signed, hashlib.sha256).digest()).decode()
    assert came.headers["webhook-signature"] == f"v1,{digest}"


def test_the_signature_of_the_published_example() -> None:
    # The example of the scheme's own documentation.
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    headers = sign(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330 * SECOND, b'{"test": 2432232314}')
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_methods_and_bodies() -> None:
    with receiver() as server:
        deliver(
            hook(server),
            ask(server, method="PUT", body="plain"),
            ask(server, method="GET"),
            ask(server, body=[1, None]),
            ask(server, body="<x/>", headers={"Content-Type": "application/xml"}),
        )
    assert [(came.method, came.body) for came in server.came] == [
        ("PUT", b"plain"), ("GET", b""), ("POST", b"[1,null]"), ("POST", b"<x/>"),
    ]  # fmt: skip
    assert server.came[0].headers["content-type"].startswith("text/plain")
    assert server.came[3].headers["content-type"] == "application/xml"


@pytest.mark.parametrize(
    ("status", "state"),
    [(200, "sent"), (204, "sent"), (301, "permanent"), (400, "permanent"), (404, "permanent"), (410, "permanent"),
     (408, "temporary"), (409, "temporary"), (425, "temporary"), (429, "temporary"), (500, "temporary"),
     (503, "temporary")],
)  # fmt: skip
def test_what_a_status_means(status: int, state: str) -> None:
    def answer(came: Came) -> Reply:
        return status, {"retry-after": "120", "location": "/elsewhere"}, b"why"

    with receiver(answer) as server:
        (outcome,) = deliver(hook(server), ask(server))
    assert outcome.state == state
    assert outcome.retry_after == (120 * SECOND if state == "temporary" else None)
    assert str(status) in outcome.answer
    assert len(server.came) == 1


def test_a_cut_connection_and_a_closed_port_are_tried_again_for_the_receiver_knows_the_id() -> None:
    with receiver(lambda came: None) as server:
        (outcome,) = deliver(hook(server), ask(server))
        assert (outcome.state, len(server.came)) == ("temporary", 1)
    (outcome,) = deliver(hook(server), ask(server))
    assert outcome.state == "temporary"


@pytest.mark.parametrize(("text", "wait"), [("0", 0), ("12", 12), ("x", None), ("", None), ("-1", None)])
def test_how_long_to_wait(text: str, wait: int | None) -> None:
    assert retry_after({"retry-after": text}, START) == (None if wait is None else wait * SECOND)
    assert retry_after({"retry-after": "Mon, 02 Mar 2026 10:01:00 GMT"}, START) == MINUTE
    assert retry_after({"retry-after": "Mon, 02 Mar 2020 10:01:00 GMT"}, START) == 0


def test_an_endless_answer_is_not_read_to_the_end() -> None:
    with receiver(lambda came: (200, {}, b"x" * 3_000_000)) as server:
        (outcome,) = deliver(hook(server), ask(server))
    assert outcome.state == "sent"
    assert len(outcome.answer) == 500


# ---------------------------------------------------------------- the way out


def test_redirects_that_keep_the_request_are_followed_a_few_times() -> None:
    def answer(came: Came) -> Reply:
        count = int(came.path.removeprefix("/"))
        return (307, {"location": f"/{count - 1}"}, b"") if count else (200, {}, b"")

    with receiver(answer) as server:
        assert deliver(hook(server), ask(server, "/3"))[0].state == "sent"
        assert {came.body for came in server.came} == {b'{"a":"\xe4\xbd\xa0"}'}
        assert deliver(hook(server), ask(server, "/4"))[0].state == "permanent"


def test_a_redirect_is_checked_again_and_other_hosts_get_no_credentials() -> None:
    with receiver() as other, receiver() as server:
        server.answer = lambda came: (308, {"location": f"http://{other.place}/x"}, b"")
        credentials = ask(server, headers={"Authorization": "Bearer secret", "X-Key": "secret"})
        assert deliver(hook(server), credentials)[0].state == "permanent"
        assert other.came == []
        both = WebhookChannel(Egress(frozenset({server.place, other.place}), as_written), SECRET)
        assert deliver(both, credentials)[0].state == "sent"
        server.answer = lambda came: (307, {"location": "http://169.254.169.254/latest/meta-data"}, b"")
        assert deliver(both, credentials)[0].state == "permanent"
    (came,) = other.came
    assert "authorization" not in came.headers
    assert "x-key" not in came.headers
    assert came.headers["webhook-id"] == str(KEY)


PRIVATE = [
    "127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "0.0.0.1", "100.64.0.1", "192.0.0.192",
    "168.63.129.16", "224.0.0.1", "255.255.255.255", "198.18.0.1", "192.88.99.1", "100.100.100.200", "240.0.0.1",
    "::1", "::", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "64:ff9b:1::a00:1",
    "2002:a9fe:a9fe::", "2002:7f00:1::", "fec0::1", "fe80::1", "fe80::1%eth0", "2606:4700::1%eth0", "fc00::1",
    "ff02::1", "5f00::1", "2001::1", "2001:db8::1", "3fff::1", "100::1", "not an address", "",
]  # fmt: skip


@pytest.mark.parametrize("address", PRIVATE)
def test_addresses_that_are_not_of_the_open_internet(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "93.184.216.34", "2606:4700:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]
)
def test_addresses_of_the_open_internet(address: str) -> None:
    assert is_public(address)


@given(st.ip_addresses(v=4))
def test_wrapping_an_address_does_not_open_it(address: Any) -> None:
    number = int(address)
    for wrapped in (f"::ffff:{address}", f"64:ff9b::{address}", f"2002:{number >> 16:x}:{number & 0xFFFF:x}::"):
        assert is_public(wrapped) <= is_public(str(address))


def reach(url: str, *addresses: str, allowed: frozenset[str] = frozenset()) -> str:
    """Ask which address would be connected to."""

    async def resolve(host: str, port: int) -> list[str]:
        return list(addresses)

    async def run() -> str:
        egress = Egress(allowed, resolve)
        egress.open()
        try:
            await egress.send("POST", url, {}, b"")
        finally:
            await egress.close()
        return "sent"

    return asyncio.run(run())


@pytest.mark.parametrize("url", [
    "http://127.0.0.1/", "http://127.1/", "http://2130706433/", "http://0x7f000001/", "http://0177.0.0.1/",
    "http://①②⑦.0.0.1/", "http://[::ffff:127.0.0.1]/", "http://localhost/",
])  # fmt: skip
def test_however_an_address_is_written_it_is_what_the_resolver_makes_of_it(url: str) -> None:
    with pytest.raises((NotAllowed, NotReached)):
        reach(url, "127.0.0.1")


@pytest.mark.parametrize("url", [
    "http://a@127.0.0.1", "http://a:b@example.com/", "file:///etc/passwd", "gopher://127.0.0.1", "unix:/x",
    "http://", "//example.com", "example.com", "http://[fe80::1%25eth0]/", "http://example.com:22/",
    "http://example.com:5432/", "http://example.com:0/", "http://exa mple.com/", "http://example.com:99999/", "",
])  # fmt: skip
def test_addresses_that_are_never_asked_for(url: str) -> None:
    with pytest.raises(NotAllowed):
        reach(url, "93.184.216.34")


def test_one_bad_address_of_several_is_enough() -> None:
    with pytest.raises(NotAllowed):
        reach("https://example.com/", "93.184.216.34", "10.0.0.1")
    with pytest.raises(NotReached):
        reach("https://example.com/")


def test_what_is_checked_is_what_is_connected_to() -> None:
    """A name that first is public and then is not: it is resolved once, and the checked address is taken."""
    asked: list[str] = []

    async def resolve(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) > 1 else ["93.184.216.34"]

    async def run() -> None:
        egress = Egress(frozenset(), resolve)
        egress.open()
        try:
            await egress.send("POST", "http://rebinding.example/", {}, b"")
        finally:
            await egress.close()

    # The network is shut in tests: the attempt to reach the public address is what is refused.
    with pytest.RaisesGroup(pytest.RaisesExc(RuntimeError, match=r"93\.184\.216\.34")):
        asyncio.run(run())
    assert asked == ["rebinding.example"]


def test_the_host_is_named_although_the_address_is_connected_to() -> None:
    async def resolve(host: str, port: int) -> list[str]:
        return ["127.0.0.1"]

    with receiver() as server:
        egress = Egress(frozenset({f"inside.example:{server.port}"}), resolve)
        url = f"http://inside.example:{server.port}/x"
        message = replace(ask(server), request=Request(url))
        assert deliver(WebhookChannel(egress, SECRET), message)[0].state == "sent"
    assert server.came[0].headers["host"] == f"inside.example:{server.port}"


def test_a_host_that_is_allowed_is_allowed_on_the_usual_ports_only() -> None:
    inside = allowed_hosts({"webhooks": {"allow_hosts": ["Inside.example"]}})
    assert inside == {"inside.example"}
    assert allowed_hosts({}) == frozenset()
    with pytest.raises(NotAllowed):
        reach("http://inside.example:5432/", "10.0.0.1", allowed=inside)


def test_a_header_that_cannot_be_written_is_final() -> None:
    with receiver() as server:
        for headers in ({"x y": "1"}, {"x": "你"}, {"x": "a\r\nb: c"}):
            assert deliver(hook(server), ask(server, headers=headers))[0].state == "permanent"
    assert server.came == []


def test_the_secret_of_webhooks(store: Store) -> None:
    made = webhook_secret(store, {})
    assert made.startswith("whsec_")
    assert webhook_secret(store, {}) == made
    assert webhook_secret(store, {"webhooks": {"secret": SECRET}}) == SECRET


# ---------------------------------------------------------------- providers of short texts

TEXT = Outgoing(KEY, "sms", "+8613800000001", START, text="您好")


def provider(server: Receiver) -> Provider:
    return Provider(f"http://{server.place}/send", "canary", "DRIP")


def test_a_text_is_handed_in_with_its_key() -> None:
    with receiver() as server:
        given = provider(server)
        assert deliver(SmsChannel(given, egress_for(given)), TEXT)[0].state == "sent"
    (came,) = server.came
    assert orjson.loads(came.body) == {"id": str(KEY), "to": "+8613800000001", "text": "您好", "from": "DRIP"}
    assert came.headers["authorization"] == "Bearer canary"
    assert came.headers["idempotency-key"] == str(KEY)
    assert "canary" not in repr(given)


@pytest.mark.parametrize(
    ("reply", "state"),
    [
        ((200, {}, b"{}"), "sent"), ((400, {}, b"bad"), "permanent"), ((429, {"retry-after": "60"}, b""), "temporary"),
        ((500, {}, b""), "in_doubt"), (None, "in_doubt"),
    ],
)  # fmt: skip
def test_without_an_answer_a_text_is_in_doubt(reply: Reply | None, state: str) -> None:
    with receiver(lambda came: reply) as server:
        given = provider(server)
        assert deliver(SmsChannel(given, egress_for(given)), TEXT)[0].state == state
        assert not SmsChannel(given, egress_for(given)).keyed


def test_a_provider_that_is_not_there_was_not_reached() -> None:
    with receiver() as server:
        given = provider(server)
    assert deliver(SmsChannel(given, egress_for(given)), TEXT)[0].state == "temporary"


@pytest.mark.parametrize(
    ("body", "state"),
    [
        (b'{"errcode": 0, "errmsg": "ok"}', "sent"), (b'{"errcode": 45009}', "temporary"), (b"plain", "sent"),
        (b'{"errcode": 60020, "errmsg": "not allow"}', "permanent"), (b'{"errcode": -1}', "temporary"), (b"[]", "sent"),
    ],
)  # fmt: skip
def test_wecom_says_inside_of_the_answer_what_became_of_it(body: bytes, state: str) -> None:
    with receiver(lambda came: (200, {}, body)) as server:
        given = provider(server)
        assert deliver(WecomChannel(given, egress_for(given)), TEXT)[0].state == state


def test_a_provider_is_read_from_the_settings() -> None:
    assert read_provider({}, "sms") is None
    assert read_provider({"sms": {"url": "https://x", "key": "k"}}, "sms") == Provider("https://x", "k")
    assert read_provider({"sms": {"url": "https://x"}}, "wecom") is None


# ---------------------------------------------------------------- the inbox, and all together


def test_the_inbox_keeps_a_message_once(store: Store) -> None:
    mail = Outgoing(KEY, "email", "a@b.c", START, "zh", "me@d.e", "主题", "<p>x</p>", "x")
    inbox = InboxChannel(store)
    assert inbox.keyed
    outcomes = deliver(inbox, mail, replace(mail, key=KEY._replace(node=9)), mail)
    assert [outcome.state for outcome in outcomes] == ["sent"] * 3
    deliver(inbox, replace(mail, subject="again"))
    with store.read() as connection:
        rows = connection.execute(sa.select(INBOX).order_by(INBOX.c.message_key)).all()
    assert [(row.message_key, row.subject, row.address, row.at) for row in rows] == [
        ("0-1-2-3-1", "主题", "a@b.c", START), ("0-1-2-9-1", "主题", "a@b.c", START),
    ]  # fmt: skip
    assert rows[0].body == {"html": "<p>x</p>", "text": "x", "from": "me@d.e", "locale": "zh"}


def test_without_servers_everything_lands_in_the_inbox(store: Store) -> None:
    with store.write() as connection:
        add_flow(connection)
        for number in range(1, 31):
            key = add_contact(connection, store, number, phone="+86", attributes={"wecom_id": f"w{number}"})
            for node, name in enumerate(("email", "sms", "wecom"), start=1):
                add_message(connection, key._replace(node=node), channel=name)
    inbox = InboxChannel(store)
    contents = {1: content(), 2: content(channel="sms"), 3: content(channel="wecom")}
    report = send(office(store, dict.fromkeys(("email", "sms", "wecom"), inbox), contents))
    assert report.sent == 90
    with store.read() as connection:
        counted = sa.select(INBOX.c.channel, sa.func.count()).group_by(INBOX.c.channel).order_by(INBOX.c.channel)
        assert [tuple(row) for row in connection.execute(counted)] == [("email", 30), ("sms", 30), ("wecom", 30)]


def test_a_webhook_from_the_outbox(store: Store) -> None:
    request = {
        "method": "PUT",
        "headers": {"X-Who": "{{ contact.id }}"},
        "body": {
            "name": "{{ contact.name }}",
            "score": "{{ contact.score + 1 }}",
            "list": ["{{ contact.tags }}", 5],
            "n": None,
        },
    }
    with receiver() as server, store.write() as connection:
        add_flow(connection)
        key = add_contact(connection, store, 1, email=None, attributes={"name": "王", "value": 2, "tags": ["a"]})
        plain = key._replace(node=2)
        add_message(connection, key, channel="webhook")
        add_message(connection, plain, channel="webhook")
    with receiver() as server:
        url = f"http://{server.place}/{{{{ contact.name | urlencode }}}}"
        contents = {
            1: content(channel="webhook", request=Request(url, **request)),  # type: ignore[arg-type]
            2: content(channel="webhook", node="plain", request=Request(url)),
        }
        send(office(store, {"webhook": hook(server)}, contents), concurrency=1)
    first, second = server.came
    assert (first.method, first.path, first.headers["x-who"]) == ("PUT", "/%E7%8E%8B", "c1")
    assert orjson.loads(first.body) == {"name": "王", "score": 3, "list": [["a"], 5], "n": None}
    told = orjson.loads(second.body)
    assert (told["data"]["contact"]["id"], told["data"]["node"], told["type"]) == ("c1", "plain", "flow.step")
    with store.read() as connection:
        assert {message(connection, each).state for each in (key, plain)} == {"sent"}
