import gzip
import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from designer.routes.ingest import INFLATED_BYTES, WIRE_BYTES, ingest_router
from engine.access import keys
from engine.api.ingest import Ingest, open_ingest
from engine.clock import FixedClock
from engine.people.segment_api import CALL_BYTES
from engine.store.session import Store
from engine.terms import MINUTE
from tests.people.sights import NOW, contact, rows_in

Send = Callable[..., Any]


@pytest.fixture
def ingest(store: Store) -> Iterator[Ingest]:
    """Give a way in that writes, on a clock that stands."""
    opened = open_ingest(store, FixedClock(NOW))
    yield opened
    opened.close()


@pytest.fixture
def key(store: Store) -> str:
    """Give a write key."""
    with store.write() as connection:
        return keys.create(connection, "tests", now=NOW).text


def client_of(ingest: Ingest) -> TestClient:
    app = FastAPI()
    app.include_router(ingest_router(ingest))
    return TestClient(app)


@pytest.fixture
def client(ingest: Ingest) -> Iterator[TestClient]:
    """Give a client of the tracking API."""
    with client_of(ingest) as client:
        yield client


TRACK = {"userId": "ann", "event": "used", "messageId": "m1"}


def test_a_call_is_committed_when_it_is_answered(client: TestClient, store: Store, key: str) -> None:
    answer = client.post("/v1/track", json=TRACK, auth=(key, ""))
    assert (answer.status_code, answer.json()) == (200, {"success": True})
    assert rows_in(store, "event", "name", "message_id", "at") == [("used", "m1", NOW)]
    assert client.post("/v1/track", json=TRACK, auth=(key, "")).status_code == 200
    assert len(rows_in(store, "event", "id")) == 1


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("identify", {"traits": {"email": "ann@example.com"}}),
        ("track", {"event": "used"}),
        ("page", {"name": "Home"}),
        ("screen", {"name": "Home"}),
        ("group", {"groupId": "acme"}),
        ("alias", {"previousId": "anon"}),
        ("batch", {"batch": [{"type": "track", "userId": "ann", "event": "used"}]}),
        ("import", {"batch": [{"type": "identify", "userId": "ann"}]}),
    ],
)
def test_every_kind_of_call_has_an_address(client: TestClient, store: Store, key: str, kind: str, said: Any) -> None:
    answer = client.post(f"/v1/{kind}", json={"userId": "ann", **said, "writeKey": key})
    assert answer.json() == {"success": True}
    assert contact(store, "ann")


def test_other_addresses_do_not_exist(client: TestClient, key: str) -> None:
    assert client.post("/v1/t", json=TRACK, auth=(key, "")).status_code == 404
    assert client.get("/v1/track", auth=(key, "")).status_code == 405


@pytest.mark.parametrize(
    "spoil",
    [
        {},
        {"auth": ("dlw_x.y", "")},
        {"auth": ("", "")},
        {"headers": {"Authorization": "Basic !!!"}},
        {"headers": {"Authorization": "Bearer x"}},
    ],
)
def test_without_a_key_nothing_is_taken(client: TestClient, store: Store, key: str, spoil: Any) -> None:
    answer = client.post("/v1/track", json=TRACK, **spoil)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Basic")
    assert answer.json()["success"] is False
    assert rows_in(store, "event", "id") == rows_in(store, "event_refusal", "id") == []


def test_a_revoked_key_is_refused(client: TestClient, ingest: Ingest, store: Store, key: str) -> None:
    assert client.post("/v1/track", json=TRACK, auth=(key, "")).status_code == 200
    with store.write() as connection:
        keys.revoke(connection, keys.listed(connection)[0].id, now=NOW)
    ingest.ring.forget()
    assert client.post("/v1/track", json=TRACK, auth=(key, "")).status_code == 401


def test_a_refused_call_is_told_and_kept(client: TestClient, store: Store, key: str) -> None:
    answer = client.post("/v1/track", json={"userId": "ann"}, auth=(key, ""))
    assert answer.status_code == 400
    (error,) = answer.json()["errors"]
    assert (error["index"], error["code"], answer.json()["accepted"]) == (0, "event", 0)
    ((position, reason, payload),) = rows_in(store, "event_refusal", "position", "reason", "payload")
    assert (position, reason) == (0, f"event: {error['reason']}")
    assert json.loads(payload) == {"userId": "ann"}


def test_of_a_batch_the_good_calls_are_taken(client: TestClient, store: Store, key: str) -> None:
    calls = [
        {"type": "track", "userId": "ann", "event": "used", "messageId": "1"},
        {"type": "track", "userId": "ann"},
        {"type": "nonsense", "userId": "ann"},
        {"type": "page", "userId": "bob", "messageId": "2"},
        "x",
    ]
    answer = client.post("/v1/batch", json={"batch": calls}, auth=(key, ""))
    assert (answer.status_code, answer.json()["success"], answer.json()["accepted"]) == (200, False, 2)
    assert [(each["index"], each["code"]) for each in answer.json()["errors"]] == [
        (1, "event"),
        (2, "type"),
        (4, "json"),
    ]
    assert sorted(rows_in(store, "event", "message_id")) == [("1",), ("2",)]
    assert [position for (position,) in rows_in(store, "event_refusal", "position")] == [1, 2, 4]


@pytest.mark.parametrize("body", [b"{", b"[]", b'"x"', b'{"batch": {}}', b'{"batch": [], "sentAt": "x"}', b"\xff"])
def test_a_batch_that_is_none(client: TestClient, key: str, body: bytes) -> None:
    answer = client.post("/v1/batch", content=body, auth=(key, ""))
    assert (answer.status_code, answer.json()["accepted"]) == (400, 0)


def test_an_empty_batch(client: TestClient, key: str) -> None:
    assert client.post("/v1/batch", json={"batch": []}, auth=(key, "")).json() == {"success": True}


def test_a_batch_says_when_it_was_sent_and_where(client: TestClient, store: Store, key: str) -> None:
    batch = {
        "sentAt": "2026-02-01T00:00:10Z",
        "context": {"timezone": "Asia/Shanghai", "locale": "zh-CN"},
        "batch": [{"type": "track", "userId": "ann", "event": "used", "timestamp": "2026-02-01T00:00:00Z"}],
    }
    client.post("/v1/batch", json=batch, auth=(key, ""))
    assert rows_in(store, "event", "at") == [(NOW - 10_000_000,)]
    assert contact(store, "ann")[5:7] == ("Asia/Shanghai", "zh-CN")


def test_sizes(client: TestClient, store: Store, key: str) -> None:
    long = {**TRACK, "properties": {"x": "y" * CALL_BYTES}}
    answer = client.post("/v1/track", json=long, auth=(key, ""))
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "too_large")
    batch = {"batch": [{"type": "track", **long}, {"type": "track", **TRACK}]}
    answer = client.post("/v1/batch", json=batch, auth=(key, ""))
    assert (answer.status_code, answer.json()["accepted"]) == (200, 1)
    many = {"batch": [{"type": "track", **TRACK, "properties": {"x": "y" * 20_000}}] * 30}
    answer = client.post("/v1/batch", json=many, auth=(key, ""))
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (413, "too_large")
    assert len(rows_in(store, "event", "id")) == 1


def test_packed_bodies(client: TestClient, store: Store, key: str) -> None:
    def post(body: bytes, encoding: str = "gzip") -> Any:
        return client.post("/v1/track", content=body, auth=(key, ""), headers={"Content-Encoding": encoding})

    assert post(gzip.compress(json.dumps(TRACK).encode())).json() == {"success": True}
    assert len(rows_in(store, "event", "id")) == 1
    assert post(b"no gzip").status_code == 400
    assert post(gzip.compress(b"{}")[:-9]).status_code == 400
    assert post(json.dumps(TRACK).encode(), "br").status_code == 415
    assert post(json.dumps(TRACK).encode(), "identity").status_code == 200
    bomb = gzip.compress(b" " * (INFLATED_BYTES + 1))
    assert len(bomb) < WIRE_BYTES
    assert post(bomb).status_code == 413


def test_under_pressure_senders_are_asked_to_come_again(store: Store, key: str) -> None:
    ingest = open_ingest(store, FixedClock(NOW), start=False)
    taken = ingest.take("track", key, b'{"userId": "a", "event": "used"}')
    ingest.intake._capacity = 1
    with client_of(ingest) as client:
        answer = client.post("/v1/track", json=TRACK, auth=(key, ""))
        assert answer.status_code == 429
        assert int(answer.headers["retry-after"]) >= 1
        assert answer.json()["errors"][0]["code"] == "people.busy"
    assert not taken.done.done()
    ingest.close()
    assert taken.done.result(timeout=0).events == 1


def test_a_server_that_stops_says_so(client: TestClient, ingest: Ingest, key: str) -> None:
    ingest.close()
    answer = client.post("/v1/track", json=TRACK, auth=(key, ""))
    assert answer.status_code == 503
    assert answer.headers["retry-after"]


def test_browsers_may_send_from_anywhere(client: TestClient, key: str) -> None:
    asked = client.options("/v1/track")
    assert (asked.status_code, asked.headers["access-control-allow-origin"]) == (204, "*")
    answer = client.post(
        "/v1/track", content=json.dumps({**TRACK, "writeKey": key}), headers={"Content-Type": "text/plain"}
    )
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, "*")


def test_the_use_of_a_key_is_noted_once_a_minute(client: TestClient, ingest: Ingest, store: Store, key: str) -> None:
    clock = ingest.clock
    assert isinstance(clock, FixedClock)
    seen = []
    for _ in range(3):
        client.post("/v1/track", json={**TRACK, "messageId": None}, auth=(key, ""))
        seen.append(rows_in(store, "write_key", "used_at")[0][0] - NOW)
        clock.at += MINUTE // 2
    assert seen == [0, 0, MINUTE]


def test_many_senders_at_once(client: TestClient, store: Store, key: str) -> None:
    statuses: list[int] = []

    def send(name: str) -> None:
        for number in range(10):
            call = {"userId": name, "event": "used", "messageId": f"{name}{number % 8}"}
            statuses.append(client.post("/v1/track", json=call, auth=(key, "")).status_code)

    threads = [threading.Thread(target=send, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [200] * 40
    assert len(rows_in(store, "event", "id")) == 32
