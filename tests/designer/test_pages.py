import re
from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from designer.app import create_app
from designer.problems import STATUS, status_of
from engine import errors
from engine.api import enroll, flows, inbox, keys
from engine.api.contacts import contact_detail
from engine.errors import EngineError
from engine.store.session import Store
from engine.wiring import Wiring
from tests.api.test_contacts import POISONED
from tests.support.browser import signed_in
from tests.support.engines import add_contacts, engine_on, go_live, happen, settle

EVIL = '"><svg onload=alert(1)>{{7*7}}'
PATHS = ("/", "/flows/welcome", "/contacts", "/contacts/ann", "/inbox", "/failures", "/clock")


@pytest.fixture
def wiring(sqlite_store: Store) -> Wiring:
    wiring = engine_on(sqlite_store)
    go_live(wiring)
    go_live(wiring, POISONED)
    add_contacts(wiring, "ann", attributes={"name": "安 Ann", "n": [1]}, timezone="Asia/Shanghai", tags=("vip",))
    add_contacts(wiring, "evil/../key", attributes={"name": EVIL, EVIL[:30]: EVIL})
    for key in ("ann", "evil/../key"):
        happen(wiring, key, "signed_up", note=EVIL)
    enroll.enroll(wiring, "poisoned", ["ann"])
    settle(wiring)
    return wiring


@pytest.fixture
def client(wiring: Wiring) -> Iterator[TestClient]:
    with signed_in(wiring) as client:
        yield client


def test_every_page_in_both_languages(client: TestClient, wiring: Wiring) -> None:
    mail = inbox.list_inbox(wiring).messages[0].key
    for path in (*PATHS, f"/inbox/{mail}"):
        for language, menu in (("en", "Contacts"), ("zh-CN", "联系人")):
            answer = client.get(path, headers={"accept-language": language})
            assert answer.status_code == 200, path
            assert menu in answer.text or path == "/clock"
            assert answer.headers["content-language"] == language


def test_a_language_that_was_asked_for_is_kept(client: TestClient) -> None:
    assert "旅程" in client.get("/?lang=zh-CN", headers={"accept-language": "en"}).text
    assert "旅程" in client.get("/", headers={"accept-language": "en"}).text
    assert "Flows" in client.get("/?lang=en", headers={"accept-language": "zh"}).text
    assert client.get("/?lang=tlh", headers={"accept-language": "fr, zh-TW;q=0.5"}).status_code == 200


def test_parts_of_pages_are_given_to_the_page_that_asks(client: TestClient) -> None:
    part = client.get("/", headers={"hx-request": "true"}).text
    assert part.lstrip().startswith('<div id="flows"')
    assert "<html" not in part
    for path in ("/flows/welcome", "/contacts/ann", "/inbox"):
        assert "<html" not in client.get(path, headers={"hx-request": "true"}).text


def test_nothing_that_was_stored_becomes_markup(client: TestClient, wiring: Wiring) -> None:
    for path in (
        "/contacts",
        "/contacts/evil/../key",
        "/contacts/evil%2F..%2Fkey",
        "/inbox",
        "/contacts?q=%22%3E%3Csvg",
    ):
        page = client.get(path).text
        assert "<svg onload" not in page
        assert "{{7*7}}" in page or not re.search(r"[\s>'\"]49\b", page)
    assert "&lt;svg onload" in client.get("/contacts/evil%2F..%2Fkey").text


def test_pages_run_no_scripts_of_strangers(client: TestClient) -> None:
    for path in PATHS:
        answer = client.get(path)
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert not re.search(r"<[a-z][^>]*\s(on\w+|style)=|<script(?![^>]*\ssrc=)", answer.text), path


def test_a_mail_is_shown_apart(client: TestClient, wiring: Wiring) -> None:
    mail = inbox.list_inbox(wiring).messages[0].key
    page = client.get(f"/inbox/{mail}").text
    assert f'src="/inbox/{mail}/body"' in page
    assert "allow-scripts" not in page
    body = client.get(f"/inbox/{mail}/body")
    assert "Hello" in body.text
    assert "/t/o/" in inbox.read_mail(wiring, mail).html
    assert "/t/o/" not in body.text
    assert "sandbox allow-popups" in body.headers["content-security-policy"]
    assert "script-src" not in body.headers["content-security-policy"]


def test_failed_tokens_are_tried_again(client: TestClient, wiring: Wiring) -> None:
    page = client.get("/failures").text
    assert "works on numbers" in page
    token = re.search(r'name="token" value="(\d+)"', page)
    assert token is not None
    data = {"contact": "ann", "token": token[1]}
    strange = client.post("/failures/retry", data=data, headers={"origin": "https://elsewhere.example"})
    assert strange.status_code == 403
    strange = client.post("/failures/retry", data=data, headers={"sec-fetch-site": "cross-site"})
    assert strange.status_code == 403
    done = client.post("/failures/retry", data=data, follow_redirects=False)
    assert (done.status_code, done.headers["location"]) == (303, "/failures")
    assert "works on numbers" not in client.get("/failures").text
    settle(wiring)
    assert client.post("/failures/retry-flow", data={"flow": "poisoned"}).status_code == 200


def test_reading_changes_nothing(client: TestClient, wiring: Wiring) -> None:
    def digest() -> list[tuple[object, ...]]:
        with wiring.store.read() as connection:
            return [tuple(row) for row in connection.exec_driver_sql("SELECT * FROM token ORDER BY 1,2,3")]

    before = digest()
    for path in PATHS:
        client.get(path)
        assert client.delete(path).status_code == 405
    assert digest() == before


def test_what_is_not_there_is_said_on_a_page_or_as_json(client: TestClient) -> None:
    for path in ("/flows/nothing", "/contacts/nobody", "/inbox/none", "/nowhere"):
        page = client.get(path)
        assert page.status_code == 404
        assert "<h1>" in page.text
        told = client.get(path, headers={"accept": "application/json"})
        assert told.json()["error"]["message"]


def test_every_fault_has_a_status() -> None:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, EngineError)]
    assert len(kinds) > 15
    assert all(400 <= status_of(kind()) <= 599 for kind in kinds)
    assert status_of(errors.NotFound()) == 404
    assert set(STATUS) <= set(kinds)


def test_health(client: TestClient, wiring: Wiring) -> None:
    assert client.get("/health").json()["ok"] is True
    wiring.pulses.miss("tick", 0, "OperationalError")
    answer = client.get("/health")
    assert (answer.status_code, answer.json()["ok"]) == (503, False)


def test_a_new_store_says_what_to_do(sqlite_store: Store) -> None:
    with signed_in(engine_on(sqlite_store)) as client:
        assert "dripline demo" in client.get("/").text
        for path in ("/contacts", "/inbox", "/failures"):
            assert client.get(path).status_code == 200
    assert flows.check(engine_on(sqlite_store), "{}") != []


def test_what_begins_also_ends(sqlite_store: Store) -> None:
    seen: list[str] = []
    app = create_app(engine_on(sqlite_store), begin=lambda: seen.append("begin"), end=lambda: seen.append("end"))
    with TestClient(app) as client:
        assert client.get("/static/css/base.css").status_code == 200
        sheets = client.get("/static/joined/tokens+base.css")
        assert sheets.headers["content-type"].startswith("text/css")
        assert sheets.text.index("--canvas") < sheets.text.index("h1:lang")
        known = {"if-none-match": sheets.headers["etag"]}
        assert client.get("/static/joined/tokens+base.css", headers=known).status_code == 304
        for name in ("nothing", "tokens%2F..%2Fbase", "Tokens"):
            assert client.get(f"/static/joined/{name}.css").status_code == 404
    assert seen == ["begin", "end"]


def test_events_come_in_and_move_contacts(sqlite_store: Store) -> None:
    wiring = engine_on(sqlite_store)
    go_live(wiring)
    key = keys.create_key(wiring, "web").key
    with TestClient(create_app(wiring)) as client:
        call = {"userId": "eve", "event": "signed_up", "messageId": "m1"}
        assert client.post("/v1/track", json=call, auth=(key, "")).json() == {"success": True}
        assert client.post("/v1/track", json=call, auth=("no key", "")).status_code == 401
    settle(wiring)
    assert [stay.flow_key for stay in contact_detail(wiring, "eve").stays] == ["welcome"]


def test_a_link_in_a_mail_unsubscribes(client: TestClient, wiring: Wiring) -> None:
    mail = inbox.read_mail(wiring, inbox.list_inbox(wiring, contact="ann").messages[0].key)
    link = re.search(r'href="https?://[^"/]+(/t/u/[^"]+)"', mail.html)
    assert link is not None
    assert client.get(link[1]).status_code == 200
    assert contact_detail(wiring, "ann").consents == ()
    assert client.post(link[1], data={"scope": "all"}).status_code == 200
    assert [word[2] for word in contact_detail(wiring, "ann").consents] == ["withdrawn"]
    assert "message_clicked" not in client.get("/contacts/ann").text
