"""The review shows where contacts on the way would land, moves them and takes that back."""

import json
from collections.abc import Iterator
from copy import deepcopy

import pytest
from fastapi.testclient import TestClient

from engine.access.rights import Role
from engine.api import changeover, flows
from engine.api.contacts import contact_detail
from engine.store.session import Store
from engine.wiring import Wiring
from tests.support.browser import signed_in
from tests.support.engines import WELCOME, settle, signed_up

KEY = "/flows/welcome"


@pytest.fixture
def wiring(sqlite_store: Store) -> Wiring:
    """Give an engine in which two contacts wait a day, and the draft calls that wait otherwise."""
    wiring = signed_up(sqlite_store, "ann", "ben")
    settle(wiring)
    other = deepcopy(WELCOME)
    other["nodes"][3] = {"id": "days", "type": "wait.delay", "name": "Three days", "config": {"duration": "3d"}}
    for edge in other["edges"]:
        edge.update({end: "days" for end in ("from", "to") if edge[end] == "day"})
    flows.import_flow(wiring, other)
    return wiring


@pytest.fixture
def client(wiring: Wiring) -> Iterator[TestClient]:
    with signed_in(wiring) as client:
        yield client


def numbers(wiring: Wiring) -> list[int]:
    return [group.version for group in changeover.preview(wiring, "welcome").groups for _ in range(group.contacts)]


def test_they_stay_when_nothing_is_chosen(client: TestClient, wiring: Wiring) -> None:
    sheet = client.get(f"{KEY}/review").text
    assert "They stay on their version and go on there." in sheet
    assert "<table" not in sheet
    client.post(f"{KEY}/publish", data={"way": "stay"})
    assert numbers(wiring) == [1, 1]


def test_a_move_is_shown_done_and_taken_back(client: TestClient, wiring: Wiring) -> None:
    sheet = client.get(f"{KEY}/review", params={"way": "move"}).text
    assert 'data-node="day"' in sheet
    assert "stay on their version" in sheet
    assert "The first who would move" not in sheet
    chosen = json.dumps({"day": "days"})
    sheet = client.get(f"{KEY}/review", params={"way": "move", "chosen": chosen}).text
    assert "→ Three days" in sheet
    assert "<b>ann</b>" in sheet
    assert "Next: " in sheet
    assert numbers(wiring) == []
    done = client.post(f"{KEY}/publish", data={"way": "move", "chosen": chosen}).text
    assert "Published." in done
    assert "2 contacts moved." in done
    assert "2 contacts were moved to version 2" in done
    assert numbers(wiring) == []
    page = client.get("/contacts/ann").text
    assert "Moved from version 1 to 2 of Welcome" in page
    assert "2 contacts went back." in client.post(f"{KEY}/move/undo").text
    assert numbers(wiring) == [1, 1]
    assert "1 to 2" not in client.post(f"{KEY}/move/undo").text


def test_contacts_are_moved_after_publishing_too(client: TestClient, wiring: Wiring) -> None:
    client.post(f"{KEY}/publish")
    sheet = client.get(f"{KEY}/review", params={"way": "move", "chosen": json.dumps({"day": "!exit"})}).text
    assert 'data-run="move"' in sheet
    assert "leave the flow" in sheet
    assert "2 contacts left the flow." in client.post(f"{KEY}/move", data={"chosen": json.dumps({"day": "!exit"})}).text
    assert contact_detail(wiring, "ann").stays[0].state == "exit"


def test_a_choice_that_is_not_there_is_said(client: TestClient, wiring: Wiring) -> None:
    client.post(f"{KEY}/publish")
    for chosen in ('{"day": "nowhere"}', "nonsense"):
        answer = client.post(f"{KEY}/move", data={"chosen": chosen})
        assert answer.status_code == 200
    assert "nowhere" in client.get(f"{KEY}/review", params={"way": "move", "chosen": '{"day": "nowhere"}'}).text
    assert numbers(wiring) == [1, 1]


def test_who_may_not_publish_may_not_move(wiring: Wiring) -> None:
    with signed_in(wiring, Role.VIEWER) as client:
        sheet = client.get(f"{KEY}/review", params={"way": "move", "chosen": json.dumps({"day": "days"})}).text
        assert "→ Three days" in sheet
        assert "<b>ann</b>" not in sheet
        assert client.post(f"{KEY}/move").status_code == 403
        assert client.post(f"{KEY}/move/undo").status_code == 403
