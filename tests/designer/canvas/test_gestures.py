"""What the canvas answers: fragments of what changed, words, and refusals."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from engine.access.rights import Role
from engine.api import flows
from engine.store.session import Store
from engine.wiring import Wiring
from tests.flows import shipped
from tests.support.browser import signed_in
from tests.support.engines import WELCOME, add_contacts, engine_on, go_live, happen, settle

KEY = "/flows/welcome"


@pytest.fixture
def wiring(sqlite_store: Store) -> Wiring:
    wiring = engine_on(sqlite_store)
    flows.import_flow(wiring, WELCOME)
    return wiring


@pytest.fixture
def client(wiring: Wiring) -> Iterator[TestClient]:
    with signed_in(wiring) as client:
        yield client


def act(client: TestClient, kind: str, base: int = 1, tab: str = "t", opened: str = "", **args: Any) -> Any:
    data = {"kind": kind, "args": json.dumps(args), "base": str(base), "hand": tab, "open": opened}
    return client.post(f"{KEY}/gestures", data=data)


def told(answer: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(answer.headers["x-canvas"])
    return found


def targets(html: str) -> list[tuple[str, str]]:
    return re.findall(r'<hx-partial hx-target="([^"]+)" hx-swap="([^"]+)"', html)


def test_only_what_changed_is_sent(client: TestClient) -> None:
    client.get(f"{KEY}/canvas")
    act(client, "move", to=[["day", 400, 400]])
    answer = act(client, "configure", base=2, id="day", field="/duration", value="5d")
    assert answer.status_code == 200
    sent = targets(answer.text)
    assert ("#n-day", "outerMorph") in sent
    assert not [target for target, _ in sent if target.startswith("#n-") and target != "#n-day"]
    assert "Wait 5 days" in answer.text
    assert "Changed the settings of" in answer.text
    assert told(answer) == {"revision": 3, "new": [], "done": True}


def test_a_new_node_comes_with_its_edge(client: TestClient) -> None:
    client.get(f"{KEY}/canvas")
    answer = act(client, "add", type="send.sms", after=["thanks", "out"])
    assert told(answer)["new"] == ["sms"]
    assert ("#cards", "beforeend") in targets(answer.text)
    assert ("#edges", "beforeend strip:true") in targets(answer.text)
    gone = act(client, "delete", base=2, ids=["sms"])
    assert ("#n-sms", "delete") in targets(gone.text)


def test_edges_follow_a_port_and_go_with_it(client: TestClient, wiring: Wiring) -> None:
    client.get(f"{KEY}/canvas")
    answer = act(client, "configure", id="used", field="/cases/0/port", value="active")
    assert ("#edges", "beforeend strip:true") in targets(answer.text)
    assert "Removed with it" not in answer.text
    assert {"from": "used", "port": "active", "to": "thanks"} in flows.export_flow(wiring, "welcome")["edges"]
    act(client, "configure", base=2, id="used", field="/cases/-", value={"port": "no", "when": {"tag": "x"}})
    answer = act(client, "configure", base=3, id="used", field="/cases/0", value=None)
    assert "Removed with it: the edge to Email." in answer.text
    assert "thanks" not in [edge["to"] for edge in flows.export_flow(wiring, "welcome")["edges"]]
    act(client, "undo", base=4)
    assert {"from": "used", "port": "active", "to": "thanks"} in flows.export_flow(wiring, "welcome")["edges"]


def test_a_page_that_shows_nothing_known_gets_the_whole_world(client: TestClient) -> None:
    answer = act(client, "rename", base=0, id="day", name="Pause")
    assert targets(answer.text)[0] == ("#world", "innerHTML")
    assert answer.text.count('class="n ') == len(WELCOME["nodes"])


def test_two_hands_on_one_field(client: TestClient) -> None:
    client.get(f"{KEY}/canvas")
    act(client, "configure", tab="a", id="day", field="/duration", value="5d")
    late = act(client, "configure", tab="b", id="day", field="/duration", value="6d")
    assert late.status_code == 409
    assert ("#n-day", "outerMorph") in targets(late.text)
    assert "toast err" in late.text
    assert act(client, "rename", tab="b", id="day", name="Pause").status_code == 200


@pytest.mark.parametrize(
    ("kind", "args"),
    [
        ("connect", {"from": "thanks", "to": "hello"}),
        ("add", {"type": "no.such", "x": 0, "y": 0}),
        ("configure", {"id": "nobody", "field": "/x", "value": 1}),
        ("nonsense", {}),
        ("move", {"to": [["day", "left", 3]]}),
        ("paste", {"piece": "<script>", "x": 0, "y": 0}),
    ],
)
def test_what_cannot_be_done_is_refused_and_says_why(
    client: TestClient, wiring: Wiring, kind: str, args: dict[str, Any]
) -> None:
    client.get(f"{KEY}/canvas")
    answer = act(client, kind, **args)
    assert answer.status_code == 422
    assert told(answer) == {"revision": 1, "new": [], "done": False}
    assert "toast err" in answer.text
    assert flows.export_flow(wiring, "welcome") == WELCOME


def test_undo_and_redo(client: TestClient, wiring: Wiring) -> None:
    client.get(f"{KEY}/canvas")
    act(client, "rename", id="day", name="Pause")
    undone = act(client, "undo", base=2)
    assert "Undone: Rename." in undone.text
    assert "name" not in next(each for each in flows.export_flow(wiring, "welcome")["nodes"] if each["id"] == "day")
    assert "Redone: Rename." in act(client, "redo", base=3).text
    assert told(act(client, "redo", base=4))["done"] is False


def test_a_form_of_the_inspector_is_a_gesture(client: TestClient, wiring: Wiring) -> None:
    panel = client.get(f"{KEY}/inspector?id=day").text
    assert 'id="setting-duration"' in panel
    data = {
        "kind": "configure",
        "id": "day",
        "field": "/duration",
        "value": '"9d"',
        "base": "1",
        "hand": "t",
        "open": "day",
    }
    answer = client.post(f"{KEY}/gestures", data=data)
    assert ("#inspector", "innerMorph") in targets(answer.text)
    assert flows.export_flow(wiring, "welcome")["nodes"][3]["config"]["duration"] == "9d"
    wrong = client.post(f"{KEY}/gestures", data={**data, "base": "2", "value": '"soon"'})
    assert wrong.status_code == 200
    assert "is not a duration" in wrong.text


def test_a_viewer_may_not_edit(wiring: Wiring) -> None:
    with signed_in(wiring, Role.VIEWER) as client:
        assert 'data-locked="true"' in client.get(f"{KEY}/canvas").text
        assert act(client, "rename", id="day", name="Mine").status_code == 403
        assert client.post(f"{KEY}/publish").status_code == 403
    assert "Mine" not in json.dumps(flows.export_flow(wiring, "welcome"))


def test_review_publish_pause_and_resume(client: TestClient, wiring: Wiring) -> None:
    sheet = client.get(f"{KEY}/review").text
    assert "never published" in sheet
    assert "Published." in client.post(f"{KEY}/publish").text
    add_contacts(wiring, "ann")
    happen(wiring, "ann", "signed_up")
    settle(wiring)
    act(client, "configure", id="day", field="/duration", value="5d")
    sheet = client.get(f"{KEY}/review").text
    assert re.search(r"<del>1 day</del> → <ins>5 days</ins>", sheet)
    assert "1 contact rests here now" in sheet
    assert "Paused." in client.post(f"{KEY}/pause").text
    assert "Go on, and send none of it" in client.get(f"{KEY}/review").text
    assert "The flow goes on." in client.post(f"{KEY}/resume", data={"how": "send"}).text


def test_a_faulty_draft_is_not_published(client: TestClient) -> None:
    act(client, "configure", id="day", field="/duration", value=None)
    assert "1 error must be mended" in client.get(f"{KEY}/review").text
    assert "cannot be published" in client.post(f"{KEY}/publish").text


def test_live_numbers(client: TestClient, wiring: Wiring) -> None:
    assert client.get(f"{KEY}/counts").json() == {"nodes": {}, "tones": {}, "edges": []}
    go_live(wiring)
    add_contacts(wiring, "ann", "bob")
    for key in ("ann", "bob"):
        happen(wiring, key, "signed_up")
    settle(wiring)
    found = client.get(f"{KEY}/counts").json()
    assert found["nodes"]["day"] == "2 here · 2 entered"
    assert found["nodes"]["hello"] == "2 sent, 0% opened, 0% clicked"
    assert ["start", "out", "hello", 2] in found["edges"]
    listed = client.get(f"{KEY}/resting?node=day").text
    assert "ann@example.com" in listed
    assert "2 contacts left here this way today" in client.get(f"{KEY}/passed?node=hello&port=out&period=today").text


def test_nodes_as_text(client: TestClient) -> None:
    piece = client.get(f"{KEY}/piece?ids=hello,day").json()
    assert [each["id"] for each in piece["nodes"]] == ["hello", "day"]
    assert piece["edges"] == [{"from": "hello", "to": "day"}]
    assert all(len(each["at"]) == 2 for each in piece["nodes"])
    assert client.get(f"{KEY}/piece?ids=none").status_code == 404


@pytest.mark.parametrize("key", shipped.KEYS)
def test_shipped_flows_open(client: TestClient, wiring: Wiring, key: str) -> None:
    flows.import_flow(wiring, shipped.flow(key))
    page = client.get(f"/flows/{key}/canvas")
    assert page.status_code == 200
    assert page.text.count('class="n ') == len(shipped.flow(key)["nodes"])
    assert "style-src-attr 'unsafe-inline'" in page.headers["content-security-policy"]
    assert client.get(f"/flows/{key}/outline").text.count("data-line=") == len(shipped.flow(key)["nodes"])


def test_names_become_no_markup(client: TestClient) -> None:
    evil = '"><img src=x onerror=alert(1)>'
    answer = act(client, "rename", id="day", name=evil)
    for text in (answer.text, client.get(f"{KEY}/canvas").text, client.get(f"{KEY}/outline").text):
        assert "<img src=x" not in text


def test_problems_are_sent_when_they_have_changed_and_what_stays_keeps_its_element(client: TestClient) -> None:
    client.get(f"{KEY}/canvas")
    first = act(client, "disconnect", edge=["hello", "out", "day"]).text
    assert 'hx-target="#issues"' in first
    second = act(client, "move", base=2, to=[["hello", 40, 40]]).text
    assert 'hx-target="#issues"' not in second
    assert 'id="n-hello"' in second
    page = client.get(f"{KEY}/canvas").text
    since = dict(re.findall(r'id="n-(\w+)" class="[^"]*" style="[^"]*" data-id="\w+" data-rev="(\d+)"', page))
    assert since["hello"] == "3"
    assert since["thanks"] < "3"


def test_the_page_names_every_module_that_its_own_need(client: TestClient) -> None:
    """A browser that learns of a module only from another one waits for a round trip more."""
    page = client.get(f"{KEY}/canvas").text
    named = set(re.findall(r'(?:src|href)="(/static/[^"]+\.js)"', page))
    needed, waiting = set[str](), ["/static/canvas/main.js"]
    while waiting:
        module = waiting.pop()
        if module not in needed:
            needed.add(module)
            imported = re.findall(r'^import .* from "([^"]+)";$', client.get(module).text, re.MULTILINE)
            waiting += [name.replace("./", "/static/canvas/") for name in imported]
    assert needed <= named
    assert {name for name in named if name.startswith("/static/canvas/")} <= needed


def test_an_answer_leaves_the_names_to_choose_from(client: TestClient) -> None:
    opened = client.get(f"{KEY}/inspector?id=day").text
    answer = act(client, "configure", opened="day", id="day", field="/duration", value="2d").text
    assert '<div id="names" hidden hx-morph-skip>' in opened
    assert '<datalist id="attributes">' in opened
    assert '<div id="names" hidden hx-morph-skip>' in answer
    assert "<datalist" not in answer
