import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from designer.icons import TINTS
from designer.thumbnails import Thumbnails, spark, thumbnail
from engine.access.rights import Role
from engine.api import bringing, flows, overview
from engine.api.documents import Shipped, read_shipped
from engine.contract.node import Family
from engine.contract.registry import installed
from engine.graph.document import read_document
from engine.store.session import Store
from engine.wiring import Wiring
from tests.law.sources import ROOT
from tests.support.browser import signed_in
from tests.support.engines import WELCOME, add_contacts, engine_on, go_live, happen, pass_time, settle

SHIPPED: Shipped = read_shipped(ROOT / "flows")
BROKEN: dict[str, Any] = {
    **WELCOME,
    "key": "broken",
    "nodes": [*WELCOME["nodes"], {"id": "odd", "type": "no.such"}],
    "edges": [*WELCOME["edges"], {"from": "nowhere", "to": "odd"}],
}


@pytest.fixture
def wiring(sqlite_store: Store) -> Wiring:
    return engine_on(sqlite_store)


@pytest.fixture
def client(wiring: Wiring) -> Iterator[TestClient]:
    with signed_in(wiring, Role.EDITOR, shipped=SHIPPED) as client:
        client.follow_redirects = False
        yield client


def _lived_in(wiring: Wiring) -> None:
    go_live(wiring)
    add_contacts(wiring, "ann", "bob", "cem")
    for key in ("ann", "bob", "cem"):
        happen(wiring, key, "signed_up")
    settle(wiring)
    happen(wiring, "ann", "bought")
    settle(wiring)


def test_the_list_shows_states_and_figures(client: TestClient, wiring: Wiring) -> None:
    _lived_in(wiring)
    flows.import_flow(wiring, {**WELCOME, "key": "second", "name": "Second one"})
    page = client.get("/").text
    card = re.search(r'id="flow-welcome".*?</li>', page, re.S)
    assert card is not None
    assert ">2</dd>" in card[0]
    assert "33.3%" in card[0]
    assert "Live" in card[0]
    assert '<svg class="thumb"' in card[0]
    assert '<svg class="spark"' in card[0]
    second = re.search(r'id="flow-second".*?</li>', page, re.S)
    assert second is not None
    assert "Draft" in second[0]
    assert '<svg class="spark"' not in second[0]


def test_the_list_is_searched_and_ordered(client: TestClient, wiring: Wiring) -> None:
    go_live(wiring)
    pass_time(wiring, "1h")
    flows.import_flow(wiring, {**WELCOME, "key": "anew", "name": {"en": "Another", "zh-CN": "另一个"}})

    def keys(asked: str) -> list[str]:
        return re.findall(r'id="flow-([\w-]+)"', client.get(asked).text)

    assert keys("/") == ["anew", "welcome"]
    assert keys("/?order=name") == ["anew", "welcome"]
    assert keys("/?state=live") == ["welcome"]
    assert keys("/?q=另一") == ["anew"]
    assert keys("/?q=ANOTHER") == ["anew"]
    assert keys("/?q=nothing") == []
    assert keys("/?order=%22%3E") == ["anew", "welcome"]


def test_a_viewer_is_offered_nothing_to_change(wiring: Wiring) -> None:
    go_live(wiring)
    with signed_in(wiring, Role.VIEWER, shipped=SHIPPED) as client:
        for path in ("/", "/gallery", "/import"):
            page = client.get(path).text
            assert 'action="/flows"' not in page
            assert 'action="/gallery/' not in page
        assert client.post("/flows", data={"name": "Mine"}).status_code == 403
        assert client.post("/gallery/webinar").status_code == 403
        assert client.post("/import/keep", data={"document": json.dumps(WELCOME)}).status_code == 403


def test_a_new_flow_is_empty_and_has_a_key_of_its_own(client: TestClient, wiring: Wiring) -> None:
    names = {"Trial: Day 1!": "trial-day-1", "新客培育": "flow", "新客 2": "2", "trial day 1": "trial-day-1-2"}
    for name, key in names.items():
        done = client.post("/flows", data={"name": name})
        assert (done.status_code, done.headers["location"]) == (303, f"/flows/{key}/canvas")
        assert flows.export_flow(wiring, key)["name"] == name
    assert client.post("/flows", data={"name": "  "}).status_code == 422


def test_the_gallery_gives_flows_with_their_messages(client: TestClient, wiring: Wiring) -> None:
    page = client.get("/gallery").text
    for key in SHIPPED.flows:
        assert f'id="{key}"' in page
    done = client.post("/gallery/ab-promote")
    assert done.headers["location"] == "/flows/ab-promote/canvas"
    assert client.post("/gallery/ab-promote").headers["location"] == "/flows/ab-promote-2/canvas"
    errors = [each for each in flows.check(wiring, flows.export_flow(wiring, "ab-promote-2")) if each.level == "error"]
    assert errors == []
    assert client.post("/gallery/no-such").status_code == 404
    assert client.post("/gallery/..%2Fapp.py").status_code == 404


def test_patterns_say_what_they_need(wiring: Wiring) -> None:
    found = {each.key: each for each in bringing.gallery(wiring, SHIPPED)}
    assert found["trial-day1-8"].days == 15
    assert found["trial-day1-8"].events == ("trial_started",)
    assert found["webinar"].channels == ("email",)
    assert [each.nodes for each in bringing.gallery(wiring, SHIPPED)] == sorted(each.nodes for each in found.values())


def test_an_import_tells_every_problem_and_loses_nothing(client: TestClient, wiring: Wiring) -> None:
    text = json.dumps(BROKEN, ensure_ascii=False)
    page = client.post("/import", data={"document": text}).text
    assert page.count('<li class="error">') == len(
        [each for each in flows.check(wiring, text) if each.level == "error"]
    )
    assert "nodes[7].type" in page
    assert "edges[6].from" in page
    given = re.search(r'<textarea name="document" hidden>(.*?)</textarea>', page, re.S)
    assert given is not None
    done = client.post("/import/keep", data={"document": text})
    assert done.headers["location"] == "/flows/broken/canvas"
    kept = flows.export_flow(wiring, "broken")
    assert kept["nodes"] == BROKEN["nodes"]
    assert kept["edges"] == BROKEN["edges"]


@pytest.mark.parametrize(
    "text", ["{", "[]", "null", "{}", '{"dripline": 1, "key": 5}', "\x00", '{"a": 1e999}', "[" * 5_000, "中文"]
)
def test_what_is_no_flow_is_told_and_stays_in_the_field(client: TestClient, text: str) -> None:
    answer = client.post("/import", data={"document": text})
    assert answer.status_code == 200
    assert '<li class="error">' in answer.text or "note err" in answer.text
    assert client.post("/import/keep", data={"document": text}).status_code in (303, 422)


def test_a_file_is_read_like_a_text(client: TestClient, wiring: Wiring) -> None:
    bom = b"\xef\xbb\xbf" + json.dumps(WELCOME).encode()
    page = client.post("/import", files={"file": ("welcome.json", bom)}).text
    assert "Welcome" in page
    assert client.post("/import", files={"file": ("x.json", b"\xff\xfe{")}).status_code == 200


def test_a_key_that_is_taken_is_asked_about(client: TestClient, wiring: Wiring) -> None:
    go_live(wiring)
    text = json.dumps({**WELCOME, "name": "Changed"})
    page = client.post("/import", data={"document": text}).text
    assert 'value="welcome-2"' in page
    assert client.post("/import/keep", data={"document": text, "key": "welcome-2"}).status_code == 303
    assert flows.export_flow(wiring, "welcome")["name"] == WELCOME["name"]
    assert client.post("/import/keep", data={"document": text, "key": ""}).status_code == 303
    assert flows.export_flow(wiring, "welcome")["name"] == "Changed"
    assert flows.export_flow(wiring, "welcome", live=True)["name"] == WELCOME["name"]


def test_a_template_is_known(client: TestClient, wiring: Wiring) -> None:
    text = json.dumps(SHIPPED.templates["trial-day1-welcome"])
    assert "trial-day1-welcome" in client.post("/import", data={"document": text}).text
    assert client.post("/import/keep", data={"document": text}).status_code == 303


def test_what_is_exported_can_be_imported(client: TestClient, wiring: Wiring) -> None:
    go_live(wiring)
    answer = client.get("/flows/welcome/export")
    assert answer.headers["content-disposition"] == 'attachment; filename="welcome.flow.json"'
    assert answer.json() == flows.export_flow(wiring, "welcome")
    assert client.get("/flows/welcome/export?live=true").json() == flows.export_flow(wiring, "welcome", live=True)
    assert client.get("/flows/nothing/export").status_code == 404
    assert bringing.keep(wiring, answer.text, "again") == "again"


# ---------------------------------------------------------------- drawings


def test_thumbnails_are_small_and_have_every_card() -> None:
    registry = installed()
    for raw in SHIPPED.flows.values():
        document = read_document(raw, registry)[0]
        assert document is not None
        drawn = str(thumbnail(document))
        assert len(drawn.encode()) < 6_000
        cards = re.search(r'class="t-card" d="([^"]*)"', drawn)
        assert cards is not None
        assert cards[1].count("M") == len(document.nodes)
        assert not re.search(r"nan|inf|e[-+]\d", drawn)


def test_an_empty_flow_and_a_broken_one_are_drawn_too() -> None:
    assert "<path" not in thumbnail(None)
    document = read_document({"dripline": 1, "key": "x", "nodes": [], "edges": []}, installed())[0]
    assert "<path" not in thumbnail(document)
    document = read_document(BROKEN, installed())[0]
    assert document is not None
    assert "k-exit" in thumbnail(document)


def test_every_family_has_a_tint() -> None:
    css = (ROOT / "static" / "css" / "tokens.css").read_text(encoding="utf-8")
    plain = {"contact", "flow"}
    tints = {TINTS.get(family.value, family.value) for family in Family} - plain
    assert {tint for tint in tints if f".k-{tint}" not in css} == set()


def test_drawings_are_kept_by_revision() -> None:
    read: list[str] = []
    thumbnails = Thumbnails(read.append)
    for revision in (1, 1, 2, 1):
        thumbnails.draw("a", revision)
    assert read == ["a", "a"]


def test_sparks() -> None:
    assert spark([]) == spark([0, 0]) == spark([5]) == ""
    drawn = str(spark([0, 5, 10]))
    assert re.findall(r"[ML]([\d.]+ [\d.]+)", drawn) == ["2.0 18.0", "33.0 10.0", "64.0 2.0"]


def test_busy_days_are_counted_by_day(wiring: Wiring) -> None:
    _lived_in(wiring)
    first = overview.busy_days(wiring)["welcome"]
    assert len(first) == overview.DAYS
    assert first[:-1] == [0] * (overview.DAYS - 1)
    assert first[-1] > 0
    pass_time(wiring, "1d")
    settle(wiring)
    later = overview.busy_days(wiring)["welcome"]
    assert later[-2] == first[-1]
    assert later[-1] > 0


def test_the_folder_of_flows_is_what_is_shipped() -> None:
    assert set(SHIPPED.flows) == {Path(path.stem).stem for path in (ROOT / "flows").glob("*.flow.json")}
