from typing import Any

from designer.language import speak
from designer.why import part_words, seen_words
from engine.api import contacts
from engine.api.contacts import Moment
from engine.store.session import Store
from engine.wiring import Wiring
from tests.support.engines import add_contacts, engine_on, go_live, happen, pass_time, settle

CHOICE: dict[str, Any] = {
    "dripline": 1,
    "key": "choice",
    "nodes": [
        {"id": "start", "type": "trigger.event", "config": {"event": "signed_up"}},
        {"id": "hello", "type": "send.email", "config": {"subject": "Hello", "text": "Hello"}},
        {"id": "day", "type": "wait.delay", "config": {"duration": "1d"}},
        {
            "id": "used",
            "type": "branch.rule",
            "config": {
                "cases": [
                    {"port": "big", "label": "Big", "when": {"attr": "seats", "op": "gt", "value": 10}},
                    {
                        "port": "keen",
                        "when": {"all": [{"event": "used", "within": "2d"}, {"message": "hello", "did": "sent"}]},
                    },
                ]
            },
        },
        {"id": "end", "type": "wait.delay", "config": {"duration": "9d"}},
    ],
    "edges": [
        {"from": "start", "to": "hello"},
        {"from": "hello", "to": "day"},
        {"from": "day", "to": "used"},
        {"from": "used", "port": "keen", "to": "end"},
    ],
}


def _branch(wiring: Wiring, key: str) -> Moment:
    return next(each for each in contacts.time_line(wiring, key) if each.kind == "branch.rule")


def _went(wiring: Wiring) -> None:
    go_live(wiring, CHOICE)
    add_contacts(wiring, "ann", attributes={"seats": 4})
    add_contacts(wiring, "bob", attributes={"seats": 40})
    add_contacts(wiring, "cem")
    for key in ("ann", "bob", "cem"):
        happen(wiring, key, "signed_up")
    settle(wiring)
    happen(wiring, "ann", "used")
    pass_time(wiring, "1d")
    settle(wiring)
    # What happens afterwards is not what the step saw.
    pass_time(wiring, "1h")
    happen(wiring, "cem", "used")
    happen(wiring, "ann", "used")
    settle(wiring)


def test_a_branch_tells_which_rules_it_looked_at_and_what_they_saw(store: Store) -> None:
    wiring = engine_on(store)
    _went(wiring)
    big, keen = _branch(wiring, "ann").reasons
    assert (big.port, big.label, big.is_taken) == ("big", "Big", False)
    assert [(part.holds, part.seen) for part in big.parts] == [(False, 4)]
    assert (keen.port, keen.is_taken) == ("keen", True)
    assert [(part.holds, part.seen) for part in keen.parts] == [(True, 1), (True, None)]


def test_rules_after_the_one_that_was_taken_are_not_told(store: Store) -> None:
    wiring = engine_on(store)
    _went(wiring)
    (only,) = _branch(wiring, "bob").reasons
    assert (only.port, only.is_taken, [part.seen for part in only.parts]) == ("big", True, [40])


def test_whoever_takes_none_of_the_ways_is_told_why_not(store: Store) -> None:
    wiring = engine_on(store)
    _went(wiring)
    moment = _branch(wiring, "cem")
    assert moment.detail == "else"
    assert [(each.is_taken, [part.holds for part in each.parts]) for each in moment.reasons] == [
        (False, [False]),
        (False, [False, True]),
    ]


def test_a_step_without_rules_has_no_reasons(store: Store) -> None:
    wiring = engine_on(store)
    _went(wiring)
    assert {each.kind for each in contacts.time_line(wiring, "ann") if each.reasons} == {"branch.rule"}


def test_reasons_are_said_in_both_languages(store: Store) -> None:
    wiring = engine_on(store)
    _went(wiring)
    big, keen = _branch(wiring, "ann").reasons
    english, chinese = speak("en"), speak("zh-CN")
    assert part_words(big.parts[0], english) == "seats > 10"
    assert seen_words(big.parts[0], english) == "it was 4"
    assert seen_words(big.parts[0], chinese) == "实际为 4"
    assert seen_words(keen.parts[0], english) == "1 time"
    assert seen_words(keen.parts[0], chinese) == "1 次"
    assert seen_words(keen.parts[1], english) == ""
