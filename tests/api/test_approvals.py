import json
from copy import deepcopy
from typing import Any

import pytest

from engine.access.rights import Actor, Role, rights_of
from engine.api import approvals, archiving, flows, users
from engine.errors import AccessError, FlowError
from engine.store.session import Store
from engine.wiring import Wiring
from tests.support.engines import WELCOME, engine_on

BROKEN = {**WELCOME, "edges": []}


def called(duration: str) -> dict[str, Any]:
    document = deepcopy(WELCOME)
    document["nodes"][3]["config"]["duration"] = duration
    return document


@pytest.fixture
def wiring(store: Store) -> Wiring:
    wiring = engine_on(store)
    flows.import_flow(wiring, WELCOME)
    return wiring


@pytest.fixture
def editor(wiring: Wiring) -> Wiring:
    return wiring.acting(Actor(1, "Eddy", rights_of(Role.EDITOR, approval=True)))


@pytest.fixture
def approver(wiring: Wiring) -> Wiring:
    return wiring.acting(Actor(2, "Ada", rights_of(Role.APPROVER, approval=True)))


def duration(wiring: Wiring) -> str:
    live = flows.export_flow(wiring, "welcome", live=True)
    return str(next(node for node in live["nodes"] if node["id"] == "day")["config"]["duration"])


def test_exactly_what_was_asked_for_is_published(editor: Wiring, approver: Wiring) -> None:
    asked = approvals.ask(editor, "welcome", " Please, by Monday ")
    assert (asked.state, asked.note, asked.by, asked.revision) == ("asked", "Please, by Monday", "Eddy", 1)
    assert approvals.list_asked(approver) == {"welcome": asked}
    flows.import_flow(editor, called("9d"))
    done = approvals.approve(approver, "welcome", 1)
    assert (done.is_new, done.number, duration(approver)) == (True, 1, "1d")
    assert approvals.find(approver, "welcome") is None
    draft = flows.export_flow(approver, "welcome")
    assert next(node for node in draft["nodes"] if node["id"] == "day")["config"]["duration"] == "9d"


def test_it_is_sent_back_with_words(editor: Wiring, approver: Wiring) -> None:
    approvals.ask(editor, "welcome")
    with pytest.raises(FlowError, match="say what is to be changed"):
        approvals.send_back(approver, "welcome", 1, "  ")
    sent = approvals.send_back(approver, "welcome", 1, "Too many mails")
    assert (sent.state, sent.answer, sent.answered_by) == ("sent_back", "Too many mails", "Ada")
    assert approvals.document_of(approver, "welcome") is None
    with pytest.raises(FlowError, match="not asked for"):
        approvals.approve(approver, "welcome", 1)
    flows.import_flow(editor, called("2d"))
    assert approvals.ask(editor, "welcome").answer is None
    approvals.approve(approver, "welcome", 2)
    assert duration(approver) == "2d"


def test_who_looked_at_another_revision_decides_nothing(editor: Wiring, approver: Wiring) -> None:
    approvals.ask(editor, "welcome")
    flows.import_flow(editor, called("2d"))
    approvals.ask(editor, "welcome")
    with pytest.raises(FlowError, match="not asked for"):
        approvals.approve(approver, "welcome", 1)
    with pytest.raises(FlowError, match="not asked for"):
        approvals.send_back(approver, "welcome", 1, "no")
    assert approvals.find(approver, "welcome") is not None


def test_who_may_do_which(editor: Wiring, approver: Wiring, wiring: Wiring) -> None:
    viewer = wiring.acting(Actor(3, "Vera", rights_of(Role.VIEWER, approval=True)))
    with pytest.raises(AccessError):
        approvals.ask(viewer, "welcome")
    approvals.ask(editor, "welcome")
    for refused in (
        lambda: flows.publish(editor, "welcome"),
        lambda: approvals.approve(editor, "welcome", 1),
        lambda: approvals.send_back(editor, "welcome", 1, "no"),
        lambda: approvals.withdraw(viewer, "welcome"),
    ):
        with pytest.raises(AccessError):
            refused()
    assert approvals.withdraw(editor, "welcome")
    assert not approvals.withdraw(editor, "welcome")


def test_only_what_could_be_published_is_asked_for(editor: Wiring, approver: Wiring) -> None:
    flows.import_flow(editor, BROKEN)
    with pytest.raises(FlowError) as refused:
        approvals.ask(editor, "welcome")
    assert refused.value.findings
    flows.import_flow(editor, WELCOME)
    flows.publish(approver, "welcome")
    with pytest.raises(FlowError, match="nothing to publish"):
        approvals.ask(editor, "welcome")


def test_publishing_answers_what_was_asked(editor: Wiring, approver: Wiring) -> None:
    approvals.ask(editor, "welcome")
    flows.publish(approver, "welcome")
    assert approvals.find(approver, "welcome") is None


def test_nothing_is_asked_of_an_archived_flow(editor: Wiring, approver: Wiring) -> None:
    approvals.ask(editor, "welcome")
    archiving.archive(editor, "welcome")
    assert approvals.list_asked(approver) == {}
    with pytest.raises(FlowError, match="not asked for"):
        approvals.approve(approver, "welcome", 1)
    with pytest.raises(FlowError, match="archived"):
        approvals.ask(editor, "welcome")
    archiving.bring_back(editor, "welcome")
    assert list(approvals.list_asked(approver)) == ["welcome"]


def test_what_became_impossible_meanwhile_is_not_published(editor: Wiring, approver: Wiring, wiring: Wiring) -> None:
    """It was sound when it was asked for; it is looked at again."""
    approvals.ask(editor, "welcome")
    with wiring.store.write() as connection:
        connection.execute(approvals.APPROVAL.update().values(document=json.dumps(BROKEN)))
    with pytest.raises(FlowError, match="cannot be published"):
        approvals.approve(approver, "welcome", 1)
    assert approvals.find(approver, "welcome") is not None


def test_the_log_has_question_and_answer(editor: Wiring, approver: Wiring, wiring: Wiring) -> None:
    approvals.ask(editor, "welcome", "Ready")
    approvals.send_back(approver, "welcome", 1, "Not yet")
    approvals.ask(editor, "welcome")
    approvals.withdraw(editor, "welcome")
    approvals.ask(editor, "welcome")
    approvals.approve(approver, "welcome", 1)
    lines = [(each.action, each.detail.get("words")) for each in reversed(users.list_audit(wiring))]
    assert [line for line in lines if line[0] != "flow.import"] == [
        ("flow.ask", "Ready"),
        ("flow.send_back", "Not yet"),
        ("flow.ask", ""),
        ("flow.withdraw", None),
        ("flow.ask", ""),
        ("flow.approve", None),
        ("flow.publish", None),
    ]
