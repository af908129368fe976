from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import pytest
import sqlalchemy as sa
from fastapi import FastAPI
from fastapi.testclient import TestClient

from designer.routes.tracking import PIXEL, tracking_router
from engine.channels.base import MessageKey
from engine.channels.policy import suppression_reason
from engine.channels.tracking import Place, Tracker
from engine.clock import FixedClock
from engine.store.session import Store
from engine.store.tables import Topic
from tests.channels.office import LINKS, content, office, record_events, send
from tests.channels.postman import part, postman
from tests.channels.test_email import DAY1, channel
from tests.channels.world import (
    CONSENT,
    CONTACT,
    EVENT,
    HOUR,
    MESSAGE,
    START,
    add_contact,
    add_flow,
    add_message,
    message,
)

TOPIC: sa.Table = Topic.__table__  # type: ignore[attr-defined]


class World:
    def __init__(self, store: Store, **columns: Any) -> None:
        self.store = store
        self.clock = FixedClock(START)
        with store.write() as connection:
            self.key = add_contact(connection, store, 1, **columns)
            add_message(connection, self.key, state="sent", sent_at=START)
            topic = {"en": "Product news", "zh-CN": "产品动态"}
            connection.execute(TOPIC.insert().values(workspace_id=1, key="marketing", name=topic))
        self.tracker = Tracker(store, self.clock, LINKS, lambda version, node: content(), record_events, self.follow)
        app = FastAPI()
        app.include_router(tracking_router(self.tracker))
        self.client = TestClient(app, follow_redirects=False)
        self.moved: Place | None = None

    def follow(self, _connection: Any, part: int, contact_id: int) -> Place | None:
        return self.moved or (part, contact_id)

    def get(self, url: str, **options: Any) -> Any:
        return self.client.get(urlsplit(url).path, **options)

    def post(self, url: str, **options: Any) -> Any:
        return self.client.post(urlsplit(url).path, **options)

    def events(self) -> list[tuple[str, dict[str, Any]]]:
        with self.store.read() as connection:
            rows = connection.execute(sa.select(EVENT).order_by(EVENT.c.id)).all()
        return [(row.name, row.properties) for row in rows]

    def consents(self) -> list[tuple[str, str, str]]:
        with self.store.read() as connection:
            rows = connection.execute(sa.select(CONSENT).order_by(CONSENT.c.topic)).all()
        return [(row.topic, row.channel, row.state) for row in rows]

    def reason(self, topic: str = "marketing", channel: str = "email") -> str | None:
        asked: dict[str, Any] = {"part": self.key.part, "now": START, "channel": channel, "topic": topic}
        with self.store.read() as connection:
            value = connection.scalar(sa.select(suppression_reason(contact=CONTACT, **asked)))
        return None if value is None else str(value)

    @property
    def way_out(self) -> str:
        return LINKS.unsubscribe(self.key, "marketing")


@pytest.fixture
def world(store: Store) -> World:
    return World(store, phone="+86")


def test_a_picture_tells_of_the_first_opening(world: World) -> None:
    for _ in range(2):
        answer = world.get(LINKS.pixel(world.key))
        assert (answer.status_code, answer.content, answer.headers["content-type"]) == (200, PIXEL, "image/gif")
        assert "set-cookie" not in answer.headers
    assert world.events() == [
        ("message_opened", {"message_key": str(world.key), "node": "day1", "flow": "trial"}),
    ]
    with world.store.read() as connection:
        assert message(connection, world.key).opened_at == START


def test_a_picture_is_given_to_everybody(world: World) -> None:
    assert world.get("/t/o/nonsense.gif").content == PIXEL
    assert world.get(LINKS.pixel(world.key._replace(node=9))).content == PIXEL
    assert world.events() == []


def test_a_click_leads_on_and_is_noted_once_an_hour(world: World) -> None:
    url = LINKS.click(world.key, "https://a.example/x?y=1")
    for _ in range(2):
        answer = world.get(url)
        assert (answer.status_code, answer.headers["location"]) == (302, "https://a.example/x?y=1")
    world.clock.at += HOUR
    world.get(url)
    told = {"message_key": str(world.key), "node": "day1", "flow": "trial", "url": "https://a.example/x?y=1"}
    assert world.events() == [("message_clicked", told)] * 2
    with world.store.read() as connection:
        assert message(connection, world.key).clicked_at == START


@pytest.mark.parametrize("language", ["en", "zh-CN,zh;q=0.9"])
def test_what_is_not_ours_leads_nowhere(world: World, language: str) -> None:
    good = LINKS.click(world.key, "https://a.example/")
    for url in (
        good + "x",
        "/t/c/nonsense",
        LINKS.click(world.key, "//evil.example"),
        world.way_out.replace("/u/", "/c/"),
    ):
        answer = world.get(url, headers={"accept-language": language})
        assert answer.status_code == 400
        assert "location" not in answer.headers
        assert ("无效" in answer.text) == (language != "en")
    assert world.get("/t/u/nonsense").status_code == world.post("/t/u/nonsense").status_code == 400
    assert world.get("/t/c/x?url=https://evil.example").status_code == 400
    assert world.events() == []


def test_looking_at_the_page_changes_nothing(world: World) -> None:
    for _ in range(3):
        answer = world.get(world.way_out)
        assert answer.status_code == 200
        assert "Product news" in answer.text
        assert '<form method="post">' in answer.text
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert world.client.head(urlsplit(world.way_out).path).status_code == 405
    assert world.events() == []
    assert world.consents() == []
    assert world.reason() is None


def test_one_click_unsubscribes_at_once_without_cookies(world: World) -> None:
    answer = world.post(world.way_out, data={"List-Unsubscribe": "One-Click"})
    assert answer.status_code == 200
    assert "set-cookie" not in answer.headers
    assert world.events() == [("unsubscribed", {"message_key": str(world.key), "topic": "marketing"})]
    assert world.consents() == [("marketing", "*", "withdrawn")]
    assert world.reason() == "unsubscribed"
    assert world.reason(channel="sms") == "unsubscribed"
    assert world.reason(topic="invoices") is None


def test_the_buttons_unsubscribe_from_one_topic_or_from_everything_and_back(world: World) -> None:
    assert "You will get no more" in world.post(world.way_out, data={"scope": "topic"}).text
    assert "You will get no more" in world.get(world.way_out).text
    world.clock.at += 1
    assert "Do you want no more" in world.post(world.way_out, data={"again": "1"}).text
    assert world.reason() is None
    world.clock.at += 1
    world.post(world.way_out, data={"scope": "all"})
    assert world.reason(topic="invoices") == "unsubscribed"
    assert [name for name, _ in world.events()] == ["unsubscribed", "subscribed", "unsubscribed"]


def test_an_empty_post_unsubscribes_too(world: World) -> None:
    assert world.post(world.way_out).status_code == 200
    assert world.reason() == "unsubscribed"


def test_the_page_speaks_the_contact_s_language(store: Store) -> None:
    world = World(store, locale="zh-CN")
    answer = world.get(world.way_out, headers={"accept-language": "en"})
    assert 'lang="zh-CN"' in answer.text
    assert "退订“产品动态”" in answer.text


def test_names_are_escaped(store: Store) -> None:
    world = World(store, locale='"><script>')
    with store.write() as connection:
        connection.execute(TOPIC.update().values(name='"><svg onload=alert(1)>'))
    text = world.get(world.way_out).text
    assert "<svg" not in text
    assert "<script" not in text


def test_an_old_link_still_works_after_the_message_and_after_a_merge(world: World) -> None:
    with world.store.write() as connection:
        connection.execute(MESSAGE.delete())
        other = add_contact(connection, world.store, 2)
    world.moved = (other.part, other.contact_id)
    world.post(world.way_out)
    with world.store.read() as connection:
        row = connection.execute(sa.select(CONSENT.c.part, CONSENT.c.contact_id)).one()
    assert tuple(row) == (other.part, other.contact_id)


def test_a_receipt_finds_its_message_after_a_merge(world: World) -> None:
    with world.store.write() as connection:
        other = add_contact(connection, world.store, 2)
        add_message(connection, other, state="sent", sent_at=START)
        connection.execute(MESSAGE.delete().where(MESSAGE.c.contact_id == world.key.contact_id))
    moved = replace(world.tracker, follow_message=lambda connection, parts, message: other)
    for tracker in (moved, replace(world.tracker, follow_message=lambda connection, parts, message: None)):
        assert tracker.opened(LINKS.pixel(world.key).rsplit("/", 1)[1].removesuffix(".gif"))
    ((name, properties),) = world.events()
    assert (name, properties["message_key"]) == ("message_opened", str(other))
    with world.store.read() as connection:
        assert message(connection, other).opened_at == START


def test_a_contact_that_was_erased_is_told_that_all_is_done(world: World) -> None:
    with world.store.write() as connection:
        connection.execute(CONTACT.delete())
    assert world.post(world.way_out).status_code == 200
    assert "You will get no more" in world.get(world.way_out).text
    assert world.get(LINKS.pixel(world.key)).status_code == 200
    assert world.events() == []


def test_the_links_of_a_real_mail_work(store: Store) -> None:
    world = World(store, locale="zh-CN", attributes={"name": "王小明"})
    fresh = world.key._replace(node=2)
    with store.write() as connection:
        add_flow(connection)
        add_message(connection, fresh)
    with postman() as server:
        send(office(store, {"email": channel(server)}, DAY1))
    (mail,) = server.mails
    html = part(mail, "html")
    click = html.split('href="')[1].split('"')[0]
    picture = html.split('<img src="')[1].split('"')[0]
    assert world.get(click).headers["location"] == "https://app.example/start?plan=pro&day=1"
    assert world.get(picture).status_code == 200
    out = str(mail["List-Unsubscribe"]).strip("<>")
    assert out in html
    assert world.post(out, data={"List-Unsubscribe": "One-Click"}).status_code == 200
    assert [name for name, _ in world.events()] == ["message_clicked", "message_opened", "unsubscribed"]
    with store.read() as connection:
        row = message(connection, fresh)
    assert (row.clicked_at, row.opened_at) == (START, START)
    assert world.consents() == [("marketing", "*", "withdrawn")]
    later: MessageKey = world.key._replace(node=3)
    with store.write() as connection:
        add_message(connection, later)
    with postman() as server:
        send(office(store, {"email": channel(server)}, DAY1))
    assert server.mails == []
