import pytest

from engine.api import archiving, counts, discarding, flows, inbox, messages, pausing, segments
from engine.api.discarding import User
from engine.errors import FlowError, NotFound
from engine.store.session import Store
from engine.wiring import Wiring
from tests.support.engines import WELCOME, add_contacts, engine_on, go_live, happen, pass_time, settle, tick

NOTE = {"key": "note", "channel": "email", "name": "A note", "subject": "Hi", "text": "Hello"}
PRO = {"attr": "plan", "op": "is", "value": "pro"}


def wait_for(rule: object, key: str = "patient") -> dict[str, object]:
    return {
        "dripline": 1,
        "key": key,
        "name": "Patient",
        "nodes": [
            {"id": "start", "type": "trigger.event", "config": {"event": "signed_up"}},
            {"id": "wait", "type": "wait.rule", "config": {"when": rule, "timeout": "9d"}},
            {"id": "mail", "type": "send.email", "config": {"template": "note"}},
        ],
        "edges": [{"from": "start", "to": "wait"}, {"from": "wait", "port": "matched", "to": "mail"}],
    }


@pytest.fixture
def wiring(store: Store) -> Wiring:
    wiring = engine_on(store)
    segments.save_segment(wiring, "pros", PRO, "Pros")
    segments.save_segment(wiring, "keen", {"all": [{"segment": "pros"}, {"tag": "keen"}]})
    messages.keep_template(wiring, NOTE)
    return wiring


def test_what_nothing_uses_is_taken_away(wiring: Wiring) -> None:
    add_contacts(wiring, "ann", attributes={"plan": "pro"}, tags=("keen",))
    settle(wiring)
    assert segments.count_members(wiring, "keen") == 1
    discarding.delete_segment(wiring, "keen")
    discarding.delete_segment(wiring, "pros")
    discarding.delete_template(wiring, "note")
    assert (segments.list_segments(wiring), messages.list_templates(wiring)) == ([], [])
    settle(wiring)
    segments.save_segment(wiring, "pros", PRO)
    settle(wiring)
    assert segments.count_members(wiring, "pros") == 1
    for delete in (discarding.delete_segment, discarding.delete_template):
        with pytest.raises(NotFound):
            delete(wiring, "nobody")


def test_who_uses_something_is_told(wiring: Wiring) -> None:
    flows.import_flow(wiring, wait_for({"not": {"segment": "keen"}}))
    assert discarding.users_of(wiring, "segment", "keen") == [User("flow", "patient", "Patient")]
    assert discarding.users_of(wiring, "segment", "pros") == [User("segment", "keen", "keen")]
    assert discarding.users_of(wiring, "template", "note") == [User("flow", "patient", "Patient")]
    for delete, key in (
        (discarding.delete_segment, "keen"),
        (discarding.delete_segment, "pros"),
        (discarding.delete_template, "note"),
    ):
        with pytest.raises(FlowError, match=f"'{key}' is used in") as refused:
            delete(wiring, key)
        assert refused.value.facts["users"]
    assert len(segments.list_segments(wiring)) == 2


def test_settings_that_cannot_be_read_use_what_they_name(wiring: Wiring) -> None:
    flows.import_flow(wiring, wait_for({"segment": "keen", "oops": 1}))
    assert [each.key for each in discarding.users_of(wiring, "segment", "keen")] == ["patient"]


def test_versions_count_until_their_flow_is_archived_and_empty(wiring: Wiring) -> None:
    """The draft may have forgotten it: who is on the way still needs it."""
    add_contacts(wiring, "ann", "bob")
    go_live(wiring, wait_for({"segment": "keen"}))
    happen(wiring, "ann", "signed_up")
    settle(wiring)
    go_live(wiring, wait_for({"tag": "other"}))
    assert discarding.users_of(wiring, "segment", "keen") == [User("flow", "patient", "Patient", is_past=True)]
    with pytest.raises(FlowError, match="patient"):
        discarding.delete_segment(wiring, "keen")
    pausing.pause(wiring, "patient")
    archiving.archive(wiring, "patient")
    with pytest.raises(FlowError, match="patient"):
        discarding.delete_segment(wiring, "keen")
    archiving.bring_back(wiring, "patient")
    pausing.resume(wiring, "patient", pausing.How.SEND)
    pass_time(wiring, "10d")
    settle(wiring)
    archiving.archive(wiring, "patient")
    discarding.delete_segment(wiring, "keen")
    segments.save_segment(wiring, "keen", PRO)
    archiving.bring_back(wiring, "patient")
    pausing.resume(wiring, "patient", pausing.How.SEND)
    happen(wiring, "bob", "signed_up")
    happen(wiring, "ann", "whatever")
    settle(wiring)
    assert flows_with_people(wiring) == [("patient", 1)]


def flows_with_people(wiring: Wiring) -> list[tuple[str, int]]:
    return [(each.flow.key, each.active) for each in counts.list_flows(wiring)]


def sent(wiring: Wiring) -> int:
    return len(inbox.list_inbox(wiring).messages)


def test_a_flow_is_put_away_when_nobody_is_in_it(wiring: Wiring) -> None:
    add_contacts(wiring, "ann", "bob")
    go_live(wiring, WELCOME)
    happen(wiring, "ann", "signed_up")
    settle(wiring)
    with pytest.raises(FlowError, match="1 contacts in flow 'welcome'"):
        archiving.archive(wiring, "welcome")
    happen(wiring, "ann", "bought")
    settle(wiring)
    assert archiving.archive(wiring, "welcome")
    assert not archiving.archive(wiring, "welcome")
    happen(wiring, "bob", "signed_up")
    settle(wiring)
    assert flows_with_people(wiring) == [("welcome", 0)]
    with pytest.raises(FlowError, match="archived"):
        flows.publish(wiring, "welcome")
    assert archiving.bring_back(wiring, "welcome")
    assert not archiving.bring_back(wiring, "welcome")
    pausing.resume(wiring, "welcome", pausing.How.SEND)
    happen(wiring, "bob", "signed_up")
    settle(wiring)
    assert flows_with_people(wiring) == [("welcome", 1)]


def test_who_is_in_a_paused_flow_stays_until_it_is_back(wiring: Wiring) -> None:
    add_contacts(wiring, "ann")
    go_live(wiring, WELCOME)
    happen(wiring, "ann", "signed_up")
    settle(wiring)
    before = sent(wiring)
    pausing.pause(wiring, "welcome")
    archiving.archive(wiring, "welcome")
    pass_time(wiring, "3d")
    settle(wiring)
    assert (flows_with_people(wiring), sent(wiring)) == ([("welcome", 1)], before)
    archiving.bring_back(wiring, "welcome")
    settle(wiring)
    assert sent(wiring) == before
    pausing.resume(wiring, "welcome", pausing.How.SEND)
    settle(wiring)
    assert sent(wiring) == before + 1


def test_messages_of_an_archived_flow_are_not_sent(wiring: Wiring) -> None:
    """Not even those that it owed already."""
    add_contacts(wiring, "ann")
    go_live(wiring, WELCOME)
    happen(wiring, "ann", "signed_up")
    tick(wiring)
    pausing.pause(wiring, "welcome")
    archiving.archive(wiring, "welcome")
    settle(wiring)
    assert sent(wiring) == 0
    archiving.bring_back(wiring, "welcome")
    pausing.resume(wiring, "welcome", pausing.How.SEND)
    settle(wiring)
    assert sent(wiring) == 1


def test_a_draft_comes_back_as_a_draft(wiring: Wiring) -> None:
    flows.import_flow(wiring, wait_for({"segment": "keen"}))
    archiving.archive(wiring, "patient")
    discarding.delete_segment(wiring, "keen")
    assert archiving.bring_back(wiring, "patient")
    with wiring.store.read() as connection:
        assert flows.find(wiring, connection, "patient").state == "draft"


def test_what_needs_something_that_is_gone_stays_away(wiring: Wiring) -> None:
    go_live(wiring, wait_for({"segment": "keen"}))
    archiving.archive(wiring, "patient")
    discarding.delete_segment(wiring, "keen")
    discarding.delete_template(wiring, "note")
    with pytest.raises(FlowError, match="needs the segment 'keen'"):
        archiving.bring_back(wiring, "patient")
    segments.save_segment(wiring, "keen", PRO)
    with pytest.raises(FlowError, match="needs the template 'note'"):
        archiving.bring_back(wiring, "patient")
    messages.keep_template(wiring, NOTE)
    assert archiving.bring_back(wiring, "patient")
