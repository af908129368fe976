from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from engine.access.rights import Actor, Right, Role
from engine.api import segments
from engine.errors import AccessError
from engine.store.session import Store
from engine.wiring import Wiring
from tests.designer.forms.browser import PageForm, forms_of, ids_of
from tests.support.browser import signed_in
from tests.support.engines import add_contacts, engine_on, settle

EVIL = '"><svg onload=alert(1)>'


@pytest.fixture
def wiring(sqlite_store: Store) -> Wiring:
    wiring = engine_on(sqlite_store)
    for number in range(6):
        plan = "pro" if number < 2 else "free"
        add_contacts(wiring, f"c{number}", attributes={"plan": plan, "name": f"{EVIL}{number}"}, tags=("vip",))
    segments.save_segment(
        wiring, "pros", {"attr": "plan", "op": "is", "value": "pro"}, {"en": "Pros", "zh-CN": "专业版"}
    )
    settle(wiring)
    return wiring


@pytest.fixture
def client(wiring: Wiring) -> Iterator[TestClient]:
    with signed_in(wiring) as client:
        yield client


def form_of(html: str) -> PageForm:
    return forms_of(html)["segment-form"]


def sent(form: PageForm, *press: str) -> dict[str, Any]:
    """Give what is posted as the client takes it."""
    found: dict[str, Any] = {}
    for name, value in form.press(press[0]) if press else form.inputs:
        found.setdefault(name, []).append(value)
    return found


def test_the_list_says_who_is_in_a_segment(client: TestClient) -> None:
    page = client.get("/segments").text
    assert "plan is “pro”" in page
    assert "Pros" in page
    assert "plan 是 “pro”" in client.get("/segments", headers={"accept-language": "zh"}).text
    assert client.get("/segments/none").status_code == 404


def test_a_segment_is_built_and_kept(client: TestClient, wiring: Wiring) -> None:
    form = form_of(client.get("/segments/new").text)
    form.put(name="Free", key="free", v__0__attr="plan")
    form = form_of(client.post("/segments/draw", data=sent(form)).text)
    form.put(v__0__value="free")
    form = form_of(client.post("/segments/draw", data=sent(form, "add v")).text)
    form.put(v__1__form="segment")
    form = form_of(client.post("/segments/draw", data=sent(form)).text)
    form.put(v__1__value="pros")
    form.type_in("v.1.not", "on")
    done = client.post("/segments/save", data=sent(form))
    assert (done.status_code, done.headers["hx-redirect"]) == (204, "/segments")
    kept = next(each for each in segments.list_segments(wiring) if each.key == "free")
    free = {"attr": "plan", "op": "is", "value": "free"}
    assert (kept.name, kept.rule) == ("Free", {"all": [free, {"not": {"segment": "pros"}}]})


def test_what_is_wrong_is_said_and_nothing_typed_is_lost(client: TestClient, wiring: Wiring) -> None:
    before = segments.list_segments(wiring)
    form = form_of(client.get("/segments/new").text).put(name="X", key="Not a key", v__0__attr="plan")
    answer = client.post("/segments/save", data=sent(form)).text
    assert "a key is made of" in answer
    assert form_of(answer).get("v.0.attr") == "plan"
    taken = client.post("/segments/save", data=sent(form.put(key="pros"))).text
    assert "is there already" in taken
    blank = client.post("/segments/save", data=sent(form.put(key="x"))).text
    assert "needs a value" in blank
    assert segments.list_segments(wiring) == before


def test_a_segment_is_changed_and_keeps_its_names(client: TestClient, wiring: Wiring) -> None:
    form = form_of(client.get("/segments/pros").text)
    assert (form.get("name"), form.get("was")) == ("Pros", "pros")
    client.post("/segments/save", data=sent(form.put(v__0__value="free")))
    (kept,) = segments.list_segments(wiring)
    assert (kept.name, kept.rule) == ({"en": "Pros", "zh-CN": "专业版"}, {"attr": "plan", "op": "is", "value": "free"})


def test_it_counts_while_one_builds(client: TestClient) -> None:
    form = form_of(client.get("/segments/pros").text)
    seen = client.post("/rules/matching", data={**sent(form), "rule_at": "v"}).text
    assert "<b>2</b>" in seen
    assert "plan is “pro”" in seen
    assert "33.3%" in seen
    assert "<svg" not in seen
    assert "&lt;svg" in seen
    empty = client.post("/rules/matching", data={**sent(form.put(v__0__value="")), "rule_at": "v"}).text
    assert "not complete" in empty
    unknown = form_of(client.post("/segments/draw", data=sent(form.put(v__0__form="segment"))).text)
    answer = client.post("/rules/matching", data={**sent(unknown.put(v__0__value="none")), "rule_at": "v"}).text
    assert "not complete" in answer


def test_what_was_stored_becomes_no_markup(client: TestClient, wiring: Wiring) -> None:
    segments.save_segment(wiring, "evil", {"tag": EVIL}, EVIL)
    for path in ("/segments", "/segments/evil", "/segments/new"):
        page = client.get(path).text
        assert "<svg onload" not in page
    assert "&lt;svg onload" in page or "&lt;svg onload" in client.get("/segments/evil").text
    ids = ids_of(client.get("/segments/evil").text)
    assert len(ids) == len(set(ids))


def test_who_may_only_look_changes_nothing(wiring: Wiring) -> None:
    viewer = Actor(7, "Vi", frozenset({Right.READ}))
    with pytest.raises(AccessError):
        segments.save_segment(wiring.acting(viewer), "x", {"tag": "a"})


def test_a_viewer_is_refused_at_the_door(wiring: Wiring) -> None:
    with signed_in(wiring, Role.VIEWER) as client:
        page = client.get("/segments/pros").text
        assert "/segments/save" not in page
        form = form_of(page)
        assert client.post("/segments/save", data=sent(form)).status_code == 403
        assert client.post("/rules/matching", data={**sent(form), "rule_at": "v"}).status_code == 200
