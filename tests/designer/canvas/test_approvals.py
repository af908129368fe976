"""Ask for a flow to be published, see that on the list and in the review, approve it or send it back."""

from copy import deepcopy

import pytest

from engine.access.rights import Role
from engine.api import approvals, flows, workspaces
from engine.store.session import Store
from engine.wiring import Wiring
from tests.support.browser import signed_in
from tests.support.engines import WELCOME, engine_on

KEY = "/flows/welcome"


@pytest.fixture
def wiring(sqlite_store: Store) -> Wiring:
    wiring = engine_on(sqlite_store)
    workspaces.change_workspace(wiring, settings={"approval": True})
    flows.import_flow(wiring, WELCOME)
    return wiring


def test_an_editor_asks_and_takes_it_back(wiring: Wiring) -> None:
    with signed_in(wiring, Role.EDITOR) as client:
        sheet = client.get(f"{KEY}/review").text
        assert 'data-run="ask"' in sheet
        assert 'data-run="publish"' not in sheet
        told = client.post(f"{KEY}/ask", data={"note": "By Monday <b>"}).text
        assert "Asked. Approvers see it" in told
        assert "Editor asks for this to be published" in told
        assert "By Monday &lt;b&gt;" in told
        assert "Editor asks for approval" in client.get("/").text
        assert client.post(f"{KEY}/approve", data={"revision": 1}).status_code == 403
        assert "Taken back." in client.post(f"{KEY}/withdraw").text
    assert approvals.find(wiring, "welcome") is None


def test_an_approver_publishes_what_was_asked_for(wiring: Wiring) -> None:
    with signed_in(wiring, Role.EDITOR) as client:
        client.post(f"{KEY}/ask", data={"note": "Ready"})
    other = deepcopy(WELCOME)
    other["nodes"][3]["name"] = "Another day"
    flows.import_flow(wiring, other)
    with signed_in(wiring, Role.APPROVER) as client:
        assert "Editor asks for approval" in client.get("/").text
        sheet = client.get(f"{KEY}/review").text
        assert "The draft has been changed since. What is approved is revision 1" in sheet
        asked = sheet.split('class="card panel approval"')[1].split("</section>")[0]
        assert ("Another day" in asked, "Another day" in sheet) == (False, True)
        assert "Approved and published." in client.post(f"{KEY}/approve", data={"revision": 1}).text
        assert "asks for approval" not in client.get("/").text
    live = flows.export_flow(wiring, "welcome", live=True)
    assert "Another day" not in str(live)


def test_it_is_sent_back_with_words(wiring: Wiring) -> None:
    with signed_in(wiring, Role.EDITOR) as client:
        client.post(f"{KEY}/ask")
    with signed_in(wiring, Role.APPROVER) as client:
        refused = client.post(f"{KEY}/send_back", data={"revision": 1}, headers={"accept-language": "zh"})
        assert "请说明需要修改什么" in refused.text
        assert "Sent back." in client.post(f"{KEY}/send_back", data={"revision": 1, "words": "Too loud"}).text
    with signed_in(wiring, Role.EDITOR) as client:
        assert ">sent back<" in client.get("/").text.replace("</i>", ">")
        sheet = client.get(f"{KEY}/review").text
        assert "Approver sent it back" in sheet
        assert "<blockquote>Too loud</blockquote>" in sheet
        assert 'data-run="ask"' in sheet


def test_without_approval_editors_publish(wiring: Wiring) -> None:
    workspaces.change_workspace(wiring, settings={"approval": None})
    with signed_in(wiring, Role.EDITOR) as client:
        assert 'data-run="publish"' in client.get(f"{KEY}/review").text


def test_who_may_only_look_asks_nothing(wiring: Wiring) -> None:
    with signed_in(wiring, Role.VIEWER) as client:
        sheet = client.get(f"{KEY}/review").text
        assert 'data-run="ask"' not in sheet
        assert client.post(f"{KEY}/ask").status_code == 403
