from engine.api.journal import contact_lines, journal_lines
from engine.store.session import Store
from tests.support.engines import WELCOME, add_contacts, engine_on, go_live, happen, pass_time, settle, signed_up

TAGGED = {
    **WELCOME,
    "key": "tagged",
    "settings": {},
    "nodes": [
        {"id": "start", "type": "trigger.event", "config": {"event": "signed_up"}},
        {"id": "watch", "type": "wait.rule", "config": {"when": {"tag": "vip"}, "timeout": "9d"}},
        {"id": "rest", "type": "wait.delay", "config": {"duration": "1d"}},
        {"id": "tag", "type": "contact.tag", "config": {"add": ["vip"]}},
        {"id": "mail", "type": "send.email", "config": {"subject": "S", "text": "T"}},
    ],
    "edges": [
        {"from": "start", "to": "watch"},
        {"from": "start", "to": "rest"},
        {"from": "rest", "to": "tag"},
        {"from": "watch", "port": "matched", "to": "mail"},
        {"from": "tag", "to": "mail"},
    ],
}


def test_lines_are_in_the_order_of_time_contact_and_steps(store: Store) -> None:
    wiring = engine_on(store)
    go_live(wiring)
    add_contacts(wiring, "ann", "ben")
    happen(wiring, "ben", "signed_up")
    happen(wiring, "ann", "signed_up")
    settle(wiring)
    pass_time(wiring, "1d")
    happen(wiring, "ann", "bought")
    settle(wiring)

    lines = list(journal_lines(wiring, "welcome", "ann"))
    at = "2026-03-02T09:00:00Z"
    assert lines == [
        {"at": at, "contact": "ann", "enrollment": 1, "node": "start", "port": "out"},
        {"at": at, "contact": "ann", "enrollment": 1, "node": "hello", "port": "out"},
        {"at": at, "contact": "ann", "enrollment": 1, "node": "hello", "message": "sent"},
        {"at": "2026-03-03T09:00:00Z", "contact": "ann", "enrollment": 1, "end": "goal"},
    ]
    everybody = list(journal_lines(wiring, "welcome"))
    assert len(everybody) == 4 + 8
    assert [line["at"] for line in everybody] == sorted(line["at"] for line in everybody)  # type: ignore[type-var]
    assert [line for line in everybody if line["contact"] == "ann"] == lines
    assert [line["contact"] for line in everybody if "end" in line] == ["ann", "ben"] or store.parts > 1


def test_a_suppressed_message_says_why(store: Store) -> None:
    wiring = signed_up(store, "ann", email=None)
    settle(wiring)
    messages = [line for line in journal_lines(wiring, "welcome") if "message" in line]
    assert [(line["message"], line["reason"]) for line in messages] == [("suppressed", "no_address")]


def test_what_several_waves_did_at_one_instant_keeps_its_order(store: Store) -> None:
    wiring = signed_up(store, "ann", into=TAGGED)
    settle(wiring)
    pass_time(wiring, "1d")
    settle(wiring)
    lines = [line.get("node", line.get("end")) for line in journal_lines(wiring, "tagged")]
    # The tag was set by one branch, and set the other branch free.
    assert lines == ["start", "rest", "tag", "mail", "mail", "watch", "mail", "mail", "completed"]


def test_a_contact_in_several_flows(store: Store) -> None:
    wiring = engine_on(store)
    go_live(wiring)
    go_live(wiring, TAGGED)
    add_contacts(wiring, "ann", "ben")
    happen(wiring, "ann", "signed_up")
    settle(wiring)
    lines = list(contact_lines(wiring, "ann"))
    assert {line.get("flow") for line in lines} == {None, "tagged"}
    assert list(contact_lines(wiring, "ben")) == []
