from copy import deepcopy
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from engine.api import changeover, flows, pausing
from engine.api.changeover import AGAIN, GONE, LEAVE, LEAVES, MOVES, SEVERAL, STAY
from engine.api.contacts import contact_detail, time_line
from engine.api.journal import journal_lines
from engine.errors import FlowError
from engine.store.session import Store
from engine.terms import from_micros
from tests.run.crossing import ONE, begun, delay, flow, mail, sent, sound, stays, version
from tests.support.engines import (
    MESSAGE,
    WELCOME,
    add_contacts,
    engine_on,
    go_live,
    happen,
    pass_time,
    run_days,
    settle,
    tick,
)


def test_publishing_alone_moves_nobody(store: Store) -> None:
    wiring = begun(store, ONE)
    go_live(wiring, flow(mail("first"), delay("rest", "9d"), mail("second")))
    assert version(wiring) == [1]
    assert changeover.last(wiring, "welcome") is None
    run_days(wiring, 4, "1d")
    assert sent(wiring) == ["first", "second"]


def test_a_wait_that_did_not_change_keeps_its_instant(store: Store) -> None:
    wiring = begun(store, ONE)
    before = stays(wiring)
    pass_time(wiring, "1d")
    # Two nodes before it shift every place by two.
    go_live(wiring, flow(mail("zero"), delay("nought", "1h"), mail("first"), delay("rest", "3d"), mail("third")))
    assert changeover.change_over(wiring, "welcome") == changeover.Moved(1, 0)
    assert (version(wiring), stays(wiring)) == ([2], before)
    sound(wiring)
    run_days(wiring, 3, "12h")
    assert sent(wiring) == ["first", "third"]
    nodes = [line["node"] for line in journal_lines(wiring, "welcome", "ann") if "port" in line]
    assert nodes == ["start", "first", "rest", "third"]
    sound(wiring)


@pytest.mark.parametrize(("length", "days"), [("5d", 5), ("2d", 2), ("6h", 1)])
def test_a_wait_of_another_length_counts_from_when_the_rest_began(store: Store, length: str, days: int) -> None:
    wiring = begun(store, ONE)
    came = wiring.clock.micros()
    pass_time(wiring, "1d")
    go_live(wiring, flow(mail("first"), delay("rest", length), mail("second")))
    changeover.change_over(wiring, "welcome")
    assert stays(wiring)[1] == from_micros(came) + timedelta(days=days)
    sound(wiring)
    run_days(wiring, 5, "6h")
    assert sent(wiring) == ["first", "second"]
    sound(wiring)


def test_a_local_time_that_changed_is_worked_out_anew(store: Store) -> None:
    wiring = begun(store, flow(("rest", "wait.until", {"day": 3, "at": "10:00"}), mail("second")))
    pass_time(wiring, "1h")
    go_live(wiring, flow(("rest", "wait.until", {"day": 2, "at": "08:30"}), mail("second")))
    changeover.change_over(wiring, "welcome")
    due = stays(wiring)[1]
    assert due is not None
    assert due.isoformat() == "2026-03-03T08:30:00+00:00"
    sound(wiring)


def test_a_message_with_other_words_goes_out_with_them_once(store: Store) -> None:
    wiring = begun(store, ONE, "ann", "ben")
    go_live(
        wiring, flow(mail("first"), delay("rest", "3d"), ("second", "send.email", {"subject": "New", "text": "New"}))
    )
    changeover.change_over(wiring, "welcome")
    run_days(wiring, 4, "1d")
    assert (sent(wiring), sent(wiring, "ben")) == (["first", "second"], ["first", "second"])
    with store.read() as connection:
        assert connection.scalars(sa.select(MESSAGE.c.version_id).order_by(MESSAGE.c.due_at)).all() == [1, 1, 2, 2]
    sound(wiring)


def test_a_node_that_is_gone_keeps_its_contacts_on_their_version(store: Store) -> None:
    wiring = begun(store, ONE)
    go_live(wiring, flow(mail("first"), delay("other", "3d"), mail("third")))
    found = changeover.preview(wiring, "welcome")
    assert [(group.version, group.node, group.fate, group.contacts) for group in found.groups] == [(1, "rest", GONE, 1)]
    assert (found.moving, found.staying) == (0, 1)
    assert changeover.change_over(wiring, "welcome") == changeover.Moved(0, 0)
    run_days(wiring, 4, "1d")
    assert sent(wiring) == ["first", "second"]
    sound(wiring)


def test_of_very_many_a_sample_is_looked_at(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = [f"c{number}" for number in range(12)]
    wiring = begun(store, ONE, *keys)
    go_live(wiring, flow(mail("first"), delay("rest", "9d"), mail("second")))
    assert changeover.is_anybody_behind(wiring, "welcome")
    exact = changeover.preview(wiring, "welcome", exact=False)
    assert not exact.is_estimate
    monkeypatch.setattr(changeover, "LOOKED", 2)
    found = changeover.preview(wiring, "welcome", exact=False)
    assert found.is_estimate
    assert found.groups == exact.groups == changeover.preview(wiring, "welcome").groups
    assert found.moving == 12
    # Where nobody was looked at, what becomes of most is told.
    monkeypatch.setattr(changeover, "_some", lambda *_: [])
    assert changeover.preview(wiring, "welcome", exact=False).groups == exact.groups
    assert changeover.change_over(wiring, "welcome").moved == 12
    assert not changeover.is_anybody_behind(wiring, "welcome")


def test_a_sample_costs_one_statement_for_each_version_that_somebody_is_on(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    wiring = begun(store, ONE, *(f"c{number}" for number in range(12)))
    for days in ("8d", "9d"):
        go_live(wiring, flow(mail("first"), delay("rest", days), mail("second")))
    monkeypatch.setattr(changeover, "LOOKED", 2)
    counted: list[str] = []
    sa.event.listen(store.engine, "before_cursor_execute", lambda *args: counted.append(args[2]))
    found = changeover.preview(wiring, "welcome", exact=False)
    assert (found.is_estimate, found.moving) == (True, 12)
    assert sum(" AS fate" in statement for statement in counted) == 1


def test_a_node_that_is_gone_leads_where_it_was_told(store: Store) -> None:
    wiring = begun(store, ONE)
    go_live(wiring, flow(mail("first"), delay("other", "2d"), mail("third")))
    pass_time(wiring, "1d")
    chosen = {"rest": "other"}
    now = from_micros(wiring.clock.micros())
    ((group,), (sample,)) = (
        changeover.preview(wiring, "welcome", chosen).groups,
        changeover.rehearse(wiring, "welcome", chosen),
    )
    assert (group.fate, group.target) == (MOVES, "other")
    assert (sample.contact, sample.due, sample.at) == ("ann", now + timedelta(days=2), now + timedelta(days=2))
    assert version(wiring) == [1]
    assert changeover.change_over(wiring, "welcome", chosen).moved == 1
    assert stays(wiring)[1] == now + timedelta(days=2)
    sound(wiring)
    run_days(wiring, 3, "12h")
    assert sent(wiring) == ["first", "third"]
    sound(wiring)


def test_who_is_put_at_a_message_gets_it_at_once(store: Store) -> None:
    wiring = begun(store, ONE)
    go_live(wiring, flow(mail("first"), delay("other", "2d"), mail("third")))
    changeover.change_over(wiring, "welcome", {"rest": "third"})
    settle(wiring)
    assert sent(wiring) == ["first", "third"]
    assert contact_detail(wiring, "ann").stays[0].state == "completed"
    sound(wiring)


def test_contacts_may_leave_instead(store: Store) -> None:
    wiring = begun(store, ONE)
    go_live(wiring, flow(mail("first"), mail("third")))
    found = changeover.preview(wiring, "welcome", {"rest": LEAVE})
    assert [group.fate for group in found.groups] == [LEAVES]
    assert changeover.change_over(wiring, "welcome", {"rest": LEAVE}) == changeover.Moved(0, 1)
    assert contact_detail(wiring, "ann").stays[0].state == "exit"
    sound(wiring)
    assert changeover.undo(wiring, "welcome") == changeover.TakenBack(1, 0)
    assert contact_detail(wiring, "ann").stays[0].state == "active"
    sound(wiring)
    run_days(wiring, 4, "1d")
    assert sent(wiring) == ["first", "second"]
    sound(wiring)


def test_nobody_is_put_where_a_message_would_come_again(store: Store) -> None:
    wiring = begun(store, ONE)
    go_live(wiring, flow(delay("before", "1d"), mail("first"), mail("third")))
    found = changeover.preview(wiring, "welcome", {"rest": "before"})
    assert [group.fate for group in found.groups] == [AGAIN]
    assert changeover.change_over(wiring, "welcome", {"rest": "before"}).moved == 0
    # A node that was moved behind the rest counts as well.
    go_live(wiring, flow(delay("rest", "3d"), mail("first"), mail("third")))
    assert changeover.change_over(wiring, "welcome").moved == 0
    run_days(wiring, 4, "1d")
    assert sent(wiring) == ["first", "second"]
    sound(wiring)


def test_what_an_earlier_version_sent_is_remembered_over_two_moves(store: Store) -> None:
    wiring = begun(store, ONE)
    go_live(wiring, flow(delay("rest", "3d"), mail("second")))
    assert changeover.change_over(wiring, "welcome").moved == 1
    go_live(wiring, flow(delay("rest", "3d"), mail("first"), mail("second")))
    assert [group.fate for group in changeover.preview(wiring, "welcome").groups] == [AGAIN]


def test_what_another_path_sent_does_not_come_again(store: Store) -> None:
    wiring = begun(store, flow(mail("first"), delay("rest", "3d"), mail("second")))
    both = flow(delay("rest", "3d"), mail("second"))
    both["nodes"].append({"id": "first", "type": "send.email", "config": {"subject": "S", "text": "T"}})
    both["edges"].append({"from": "start", "to": "first"})
    go_live(wiring, {**both, "settings": {"reentry": {"allow": "always"}}})
    happen(wiring, "ann", "signed_up")
    settle(wiring)
    assert sent(wiring) == ["first", "first"]
    go_live(wiring, {**flow(delay("rest", "3d"), mail("first")), "settings": {"reentry": {"allow": "always"}}})
    assert {group.fate for group in changeover.preview(wiring, "welcome").groups} == {AGAIN}
    assert changeover.change_over(wiring, "welcome").moved == 0
    sound(wiring)


def test_an_event_that_is_awaited_wakes_in_the_new_version(store: Store) -> None:
    waits = ("rest", "wait.event", {"event": "used", "timeout": "3d"})
    wiring = begun(store, flow(mail("first"), waits, mail("second")), "ann", "ben")
    came = from_micros(wiring.clock.micros())
    pass_time(wiring, "1d")
    waits = ("rest", "wait.event", {"event": "paid", "timeout": "5d"})
    go_live(wiring, flow(mail("zero"), mail("first"), waits, mail("second")))
    assert changeover.change_over(wiring, "welcome").moved == 2
    assert stays(wiring)[1] == came + timedelta(days=5)
    happen(wiring, "ann", "used")
    settle(wiring)
    assert sent(wiring) == ["first"]
    happen(wiring, "ann", "paid")
    run_days(wiring, 5, "1d")
    assert (sent(wiring), sent(wiring, "ben")) == (["first", "second"], ["first"])
    sound(wiring)


def test_a_rule_that_is_awaited_is_looked_at_at_once(store: Store) -> None:
    def waits(tag: str) -> dict[str, Any]:
        return flow(("rest", "wait.rule", {"when": {"tag": tag}, "timeout": "3d"}), mail("second"))

    wiring = engine_on(store)
    go_live(wiring, waits("mql"))
    add_contacts(wiring, "ann", tags=("sql",))
    add_contacts(wiring, "ben")
    for key in ("ann", "ben"):
        happen(wiring, key, "signed_up")
    settle(wiring)
    pass_time(wiring, "1d")
    go_live(wiring, waits("sql"))
    changeover.change_over(wiring, "welcome")
    settle(wiring)
    assert (sent(wiring), sent(wiring, "ben")) == (["second"], [])
    assert contact_detail(wiring, "ben").stays[0].resting[0][2] == from_micros(wiring.clock.micros()) + timedelta(
        days=2
    )
    sound(wiring)


def test_rules_about_messages_know_what_was_sent_before(store: Store) -> None:
    def branching(*before: tuple[str, str, dict[str, Any]]) -> dict[str, Any]:
        cases = {"cases": [{"port": "yes", "when": {"message": "first", "did": "opened"}}]}
        document = flow(*before, mail("first"), delay("rest", "1d"), ("seen", "branch.rule", cases))
        for name, port in (("thanks", "yes"), ("nudge", "else")):
            document["nodes"].append({"id": name, "type": "send.email", "config": {"subject": name, "text": name}})
            document["edges"].append({"from": "seen", "port": port, "to": name})
        return document

    wiring = begun(store, branching(), "ann", "ben")
    happen(wiring, "ann", "message_opened", node="first", flow="welcome")
    settle(wiring)
    # Another message has the place of the first one now, and another node that of the second.
    go_live(wiring, branching(mail("zero"), mail("nought")))
    assert changeover.change_over(wiring, "welcome").moved == 2
    run_days(wiring, 2, "1d")
    assert (sent(wiring), sent(wiring, "ben")) == (["first", "thanks"], ["first", "nudge"])
    reasons = [moment.reasons for moment in time_line(wiring, "ann") if moment.reasons]
    assert reasons[0][0].is_taken
    assert reasons[0][0].parts[0].holds
    sound(wiring)


def test_another_node_under_an_old_place_sends_too(store: Store) -> None:
    wiring = begun(store, flow(mail("first"), delay("rest", "1d"), mail("second"), delay("more", "1d"), mail("third")))
    run_days(wiring, 1, "1d")
    assert sent(wiring) == ["first", "second"]
    # "fourth" has the place that "second" had, and "more" is where it was.
    go_live(wiring, flow(delay("rest", "1d"), delay("more", "2d"), mail("fourth"), mail("fifth")))
    changeover.change_over(wiring, "welcome")
    run_days(wiring, 3, "1d")
    assert sent(wiring) == ["first", "second", "fourth", "fifth"]
    sound(wiring)


PARALLEL: dict[str, Any] = {
    "dripline": 1,
    "key": "welcome",
    "nodes": [
        {"id": "start", "type": "trigger.event", "config": {"event": "signed_up"}},
        {"id": "left", "type": "wait.delay", "config": {"duration": "1d"}},
        {"id": "right", "type": "wait.delay", "config": {"duration": "3d"}},
        {"id": "meet", "type": "path.join"},
        {"id": "both", "type": "send.email", "config": {"subject": "S", "text": "T"}},
    ],
    "edges": [
        {"from": "start", "to": "left"},
        {"from": "start", "to": "right"},
        {"from": "left", "to": "meet"},
        {"from": "right", "to": "meet"},
        {"from": "meet", "to": "both"},
    ],
}


def test_parallel_paths_go_together_where_the_drawing_is_the_same(store: Store) -> None:
    wiring = begun(store, PARALLEL)
    run_days(wiring, 1, "12h")
    longer = deepcopy(PARALLEL)
    longer["nodes"][2]["config"]["duration"] = "4d"
    go_live(wiring, longer)
    found = changeover.preview(wiring, "welcome")
    assert {(group.node, group.fate) for group in found.groups} == {("meet", MOVES), ("right", MOVES)}
    assert changeover.change_over(wiring, "welcome").moved == 1
    assert version(wiring) == [2]
    sound(wiring)
    assert changeover.undo(wiring, "welcome") == changeover.TakenBack(1, 0)
    sound(wiring)
    changeover.change_over(wiring, "welcome")
    run_days(wiring, 2, "1d")
    assert sent(wiring) == []
    run_days(wiring, 1, "1d")
    assert sent(wiring) == ["both"]
    sound(wiring)


def test_parallel_paths_stay_where_the_drawing_differs(store: Store) -> None:
    wiring = begun(store, PARALLEL)
    other = deepcopy(PARALLEL)
    other["nodes"].append({"id": "more", "type": "send.email", "config": {"subject": "S", "text": "T"}})
    other["edges"].append({"from": "both", "to": "more"})
    go_live(wiring, other)
    assert {group.fate for group in changeover.preview(wiring, "welcome").groups} == {SEVERAL}
    assert changeover.change_over(wiring, "welcome").moved == 0
    run_days(wiring, 4, "1d")
    assert sent(wiring) == ["both"]
    sound(wiring)


def test_a_paused_flow_moves_and_keeps_its_backlog(store: Store) -> None:
    wiring = begun(store, ONE)
    pausing.pause(wiring, "welcome")
    pass_time(wiring, "5d")
    go_live(wiring, flow(mail("first"), delay("rest", "3d"), mail("third")))
    changeover.change_over(wiring, "welcome")
    assert pausing.backlog(wiring, "welcome").tokens == 1
    pausing.resume(wiring, "welcome", pausing.How.DROP)
    settle(wiring)
    assert sent(wiring) == ["first"]
    sound(wiring)


def test_what_is_owed_already_stays_owed(store: Store) -> None:
    wiring = begun(store, flow(mail("first"), delay("rest", "3d"), mail("second"), delay("more", "1d")))
    run_days(wiring, 2, "1d")
    pass_time(wiring, "1d")
    flows.import_flow(wiring, flow(delay("more", "9d"), mail("third")))
    tick(wiring)
    flows.publish(wiring, "welcome")
    assert changeover.change_over(wiring, "welcome").moved == 1
    settle(wiring)
    assert sent(wiring) == ["first", "second"]
    sound(wiring)


def test_a_choice_that_is_not_there_is_refused(store: Store) -> None:
    wiring = begun(store, ONE)
    go_live(wiring, flow(mail("first"), delay("other", "2d"), mail("third")))
    for wrong in ("nowhere", "start"):
        with pytest.raises(FlowError):
            changeover.change_over(wiring, "welcome", {"rest": wrong})
    assert changeover.change_over(wiring, "welcome", {"rest": STAY}).moved == 0


def test_only_one_version_may_be_moved(store: Store) -> None:
    wiring = begun(store, ONE, "ann")
    go_live(wiring, flow(mail("first"), delay("rest", "4d"), mail("second")))
    add_contacts(wiring, "ben")
    happen(wiring, "ben", "signed_up")
    settle(wiring)
    go_live(wiring, flow(mail("first"), delay("rest", "5d"), mail("second")))
    assert changeover.change_over(wiring, "welcome", number=2).moved == 1
    assert sorted(version(wiring)) == [1, 3]
    assert changeover.change_over(wiring, "welcome").moved == 1
    sound(wiring)


def test_who_is_in_twice_stays_where_the_new_version_takes_each_once(store: Store) -> None:
    wiring = begun(store, {**ONE, "settings": {"reentry": {"allow": "always"}}}, "ann", "ben")
    happen(wiring, "ann", "signed_up")
    settle(wiring)
    go_live(wiring, ONE)
    assert changeover.change_over(wiring, "welcome").moved == 1
    assert sorted(version(wiring)) == [1, 1, 2]
    sound(wiring)


def test_a_draft_can_be_looked_at_before_it_is_published(store: Store) -> None:
    wiring = begun(store, WELCOME)
    changed = deepcopy(WELCOME)
    changed["nodes"][3]["config"]["duration"] = "2d"
    flows.import_flow(wiring, changed)
    found = changeover.preview(wiring, "welcome", draft=True)
    assert (found.number, found.moving) == (None, 1)
    (sample,) = changeover.rehearse(wiring, "welcome", draft=True)
    assert sample.due == from_micros(wiring.clock.micros()) + timedelta(days=2)
    assert sample.message is not None
    assert version(wiring) == [1]


def test_the_number_of_statements_does_not_grow(store: Store) -> None:
    def counted(contacts: int, key: str) -> int:
        keys = [f"{key}{number}" for number in range(contacts)]
        add_contacts(wiring, *keys)
        for each in keys:
            happen(wiring, each, "signed_up")
        settle(wiring)
        go_live(wiring, flow(mail("first"), delay("rest", f"{contacts}d"), mail("second")))
        seen: list[str] = []
        sa.event.listen(store.engine, "before_cursor_execute", lambda *args: seen.append(args[2]))
        changeover.change_over(wiring, "welcome")
        return len(seen)

    wiring = engine_on(store)
    go_live(wiring, ONE)
    few = counted(4 * store.parts, "few")
    assert counted(40 * store.parts, "many") <= 2 * few + 40
