"""The ledger: one row a contact, running counts that equal a recount, goals and guardrails within the window."""

from collections import Counter

import pytest
import sqlalchemy as sa

from engine.experiments.division import EXPOSURE
from engine.experiments.ledger import TALLY
from engine.people.merging import merge
from engine.schedule.work import tick_once
from engine.store.session import Store
from tests.experiments.flows import experiment, given, recounted, sign_up, split, tallies, world
from tests.support.engines import add_contacts, engine_on, go_live, happen, pass_time, settle


def test_everybody_is_counted_once(store: Store) -> None:
    wiring, keys = world(store)
    shown = given(wiring)
    assert set(shown) == set(keys)
    assert tallies(wiring) == Counter({(variant, 0): count for variant, count in Counter(shown.values()).items()})
    assert experiment(wiring).started_at == wiring.clock.micros()
    pass_time(wiring, "1d")
    sign_up(wiring, keys[:10])
    assert given(wiring) == shown
    assert tallies(wiring) == recounted(wiring)


def test_a_goal_counts_once_and_within_its_window(store: Store) -> None:
    wiring, keys = world(store)
    shown = given(wiring)
    pass_time(wiring, "1h")
    for key in (keys[0], keys[1], keys[0]):
        happen(wiring, key, "bought")
    settle(wiring)
    happen(wiring, keys[1], "bought")
    pass_time(wiring, "2d")
    happen(wiring, keys[2], "bought")
    settle(wiring)
    wanted = Counter({(variant, 0): count for variant, count in Counter(shown.values()).items()})
    wanted.update((shown[key], 1) for key in keys[:2])
    assert tallies(wiring) == recounted(wiring) == wanted


def test_what_happened_before_or_with_the_split_is_no_success(store: Store) -> None:
    wiring = engine_on(store)
    go_live(wiring, split(goal={"event": "signed_up", "within": "1d"}))
    add_contacts(wiring, "ann")
    sign_up(wiring, ["ann"])
    assert tallies(wiring).total() == 1
    pass_time(wiring, "1h")
    sign_up(wiring, ["ann"])
    assert sorted(what for _, what in tallies(wiring).elements()) == [0, 1]


def test_where_chooses_the_events_that_count(store: Store) -> None:
    wiring, keys = world(store, goal={"event": "bought", "where": {"plan": {"op": "is", "value": "pro"}}})
    pass_time(wiring, "1h")
    happen(wiring, keys[0], "bought", plan="free")
    happen(wiring, keys[1], "bought", plan="pro")
    settle(wiring)
    assert sum(count for (_, what), count in tallies(wiring).items() if what == 1) == 1


def test_guardrails_are_counted_each_on_its_own(store: Store) -> None:
    wiring, keys = world(store, guardrails=[{"event": "unsubscribed"}, {"event": "message_complained"}])
    pass_time(wiring, "1h")
    for key in keys[:5]:
        happen(wiring, key, "unsubscribed")
        happen(wiring, key, "unsubscribed")
    happen(wiring, keys[0], "message_complained")
    settle(wiring)
    kinds = Counter(what for _, what in tallies(wiring).elements())
    assert (kinds[2], kinds[3]) == (5, 1)
    assert tallies(wiring) == recounted(wiring)


def test_the_holdout_is_measured(store: Store) -> None:
    wiring, keys = world(store, holdout=0.5)
    shown = given(wiring)
    assert set(shown.values()) == {"a", "b", "holdout"}
    pass_time(wiring, "1h")
    for key in keys:
        happen(wiring, key, "bought")
    settle(wiring)
    found = tallies(wiring)
    assert found["holdout", 0] == found["holdout", 1] == list(shown.values()).count("holdout")


def test_a_new_version_with_the_same_split_keeps_the_ledger(store: Store) -> None:
    wiring, keys = world(store)
    shown = given(wiring)
    changed = split()
    changed["name"] = "Changed"
    changed["nodes"][1]["config"]["promote"] = {"cap": "4w"}
    go_live(wiring, changed)
    pass_time(wiring, "1d")
    sign_up(wiring, keys)
    assert given(wiring) == shown
    assert tallies(wiring) == recounted(wiring)
    assert experiment(wiring).state == "running"


def test_another_split_is_another_experiment(store: Store) -> None:
    wiring, keys = world(store)
    changed = split(promote={"alpha": 0.1})
    go_live(wiring, changed)
    sign_up(wiring, keys[:7])
    assert tallies(wiring)["a", 0] + tallies(wiring)["b", 0] == len(keys) + 7


def test_those_outside_of_the_sample_wait_until_their_time_is_over(store: Store) -> None:
    wiring, keys = world(store, sample=0.3, decide_by="3d")
    first = given(wiring)
    assert 0 < len(first) < len(keys)
    pass_time(wiring, "2d")
    assert tick_once(wiring).steps == 0
    pass_time(wiring, "1d")
    settle(wiring)
    shown = given(wiring)
    assert set(shown) == set(keys)
    assert first.items() <= shown.items()
    assert set(shown.values()) == {"a", "b"}
    assert tallies(wiring) == recounted(wiring)


@pytest.mark.parametrize("both_act", [False, True])
def test_of_two_contacts_who_turn_out_to_be_one_the_first_exposure_counts(store: Store, both_act: bool) -> None:
    wiring, keys = world(store, people=20, guardrails=[{"event": "unsubscribed"}])
    pass_time(wiring, "1h")
    later = [f"later{number}" for number in range(20)]
    add_contacts(wiring, *later)
    sign_up(wiring, later)
    pass_time(wiring, "1h")
    for key in [*later, *(keys if both_act else ())]:
        happen(wiring, key, "bought")
        happen(wiring, key, "unsubscribed")
    settle(wiring)
    shown = given(wiring)
    with store.write() as connection:
        for survivor, other in zip(later, keys, strict=True):
            assert merge(connection, store.parts, survivor, other, now=wiring.clock.micros())
    firsts = Counter(shown[key] for key in keys)
    assert given(wiring) == {survivor: shown[key] for survivor, key in zip(later, keys, strict=True)}
    wanted = {(variant, what): count for variant, count in firsts.items() for what in (0, 1, 2)}
    assert tallies(wiring) == recounted(wiring) == Counter(wanted)
    with store.read() as connection:
        rows = connection.execute(sa.select(TALLY.c.part, TALLY.c.contacts))
        held: Counter[int] = Counter()
        for part, contacts in rows:
            held[part] += contacts
        exposed = Counter(connection.scalars(sa.select(EXPOSURE.c.part)))
    assert +held == Counter({part: 3 * count for part, count in exposed.items()})
