"""Delete segments and templates, archive flows: refused with what uses them, else done."""

import re
from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from engine.access.rights import Role
from engine.api import flows, messages, segments
from engine.store.session import Store
from engine.wiring import Wiring
from tests.support.browser import signed_in
from tests.support.engines import WELCOME, add_contacts, engine_on, go_live, happen, settle

TAGGED = {**WELCOME, "key": "tagged", "settings": {"goal": {"segment": "vips"}}, "name": "Tagged"}


@pytest.fixture
def wiring(sqlite_store: Store) -> Wiring:
    wiring = engine_on(sqlite_store)
    segments.save_segment(wiring, "vips", {"tag": "vip"}, {"en": "VIPs", "zh-CN": "贵宾"})
    messages.keep_template(wiring, {"key": "note", "channel": "sms", "name": "A note", "text": "Hello"})
    return wiring


@pytest.fixture
def client(wiring: Wiring) -> Iterator[TestClient]:
    with signed_in(wiring) as client:
        yield client


def test_a_segment_is_deleted_after_asking(client: TestClient, wiring: Wiring) -> None:
    assert '/segments/vips/delete"' in client.get("/segments/vips").text
    asked = client.get("/segments/vips/delete", headers={"accept-language": "zh"}).text
    assert "删除“贵宾”" in asked
    answer = client.post("/segments/vips/delete", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/segments")
    assert segments.list_segments(wiring) == []
    assert client.get("/segments/vips/delete").status_code == 404


def test_a_segment_in_use_is_not(client: TestClient, wiring: Wiring) -> None:
    flows.import_flow(wiring, TAGGED)
    segments.save_segment(wiring, "few", {"all": [{"segment": "vips"}, {"tag": "x"}]}, "Few")
    for answer in (client.get("/segments/vips/delete"), client.post("/segments/vips/delete")):
        assert 'href="/flows/tagged/canvas">Tagged<' in answer.text
        assert 'href="/segments/few">Few<' in answer.text
        assert "<form method" not in re.sub(r"(?s)<header.*?</header>", "", answer.text.split("</h1>")[1])
    assert answer.status_code == 409
    assert len(segments.list_segments(wiring)) == 2


def test_a_template_is_deleted_too(client: TestClient, wiring: Wiring) -> None:
    assert '/templates/note/delete"' in client.get("/templates/note").text
    assert "Nothing uses it" in client.get("/templates/note/delete").text
    sms = {"id": "sms", "type": "send.sms", "config": {"template": "note"}}
    flows.import_flow(wiring, {**WELCOME, "nodes": [*WELCOME["nodes"], sms]})
    assert client.post("/templates/note/delete").status_code == 409
    flows.import_flow(wiring, WELCOME)
    assert client.post("/templates/note/delete", follow_redirects=False).headers["location"] == "/templates"
    assert messages.list_templates(wiring) == []


def test_a_flow_is_archived_and_brought_back(client: TestClient, wiring: Wiring) -> None:
    flows.import_flow(wiring, WELCOME)
    assert '/flows/welcome/archive"' in client.get("/").text
    shown = client.post("/flows/welcome/archive").text
    assert "Welcome is archived." in shown
    assert 'id="flow-welcome"' not in shown
    away = client.get("/?state=archived").text
    assert 'id="flow-welcome"' in away
    assert '/flows/welcome/restore"' in away
    assert 'id="flow-welcome"' in client.post("/flows/welcome/restore").text


def test_a_flow_with_people_in_it_is_paused_first(client: TestClient, wiring: Wiring) -> None:
    add_contacts(wiring, "ann")
    go_live(wiring)
    happen(wiring, "ann", "signed_up")
    settle(wiring)
    shown = client.get("/").text
    assert "Pause it to archive it" in shown
    assert '/flows/welcome/archive"' not in shown
    refused = client.post("/flows/welcome/archive", headers={"accept": "text/html", "accept-language": "zh"})
    assert refused.status_code == 422
    assert "还有 1 位联系人" in refused.text


def test_who_may_only_look_deletes_nothing(wiring: Wiring) -> None:
    flows.import_flow(wiring, WELCOME)
    with signed_in(wiring, Role.VIEWER) as client:
        assert "/delete" not in client.get("/segments/vips").text + client.get("/templates/note").text
        assert "/archive" not in client.get("/").text
        for path in ("/segments/vips/delete", "/templates/note/delete", "/flows/welcome/archive"):
            assert client.post(path).status_code == 403
