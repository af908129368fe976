import json
import random
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy.engine import Connection

from engine.errors import EngineError, RevisionConflict
from engine.graph.canonical import canonical
from engine.graph.delta import Overtaken
from engine.graph.gesture import Gesture
from engine.library import drafts, gestures
from engine.library.gestures import Changed, Hand, Way
from engine.store.session import Store
from engine.wiring import Wiring
from tests.graph.documents import delay, flow, mail
from tests.graph.hands import gesture as any_gesture
from tests.support.engines import engine_on

ANN, BEN = Hand("ann", "1"), Hand("ben", "2")
DRIP = flow(mail("day1"), delay("pause", "1d"), mail("day2"))


@pytest.fixture
def wiring(store: Store) -> Wiring:
    wiring = engine_on(store)
    with store.write() as connection:
        drafts.save(connection, 1, DRIP, registry=wiring.registry, now=0)
    return wiring


def act(wiring: Wiring, hand: Hand, kind: str, base: int | None = None, **args: Any) -> Changed:
    with wiring.store.write() as connection:
        return gestures.perform(
            connection, 1, "test", Gesture(kind, args), hand, registry=wiring.registry, now=1, base=base
        )


def step(
    wiring: Wiring, way: Callable[[Connection, int, str, Hand, int], Changed | None], hand: Hand
) -> Changed | None:
    with wiring.store.write() as connection:
        return way(connection, 1, "test", hand, 2)


def draft(wiring: Wiring) -> tuple[int, dict[str, Any]]:
    with wiring.store.read() as connection:
        _, revision, document = drafts.load(connection, 1, "test")
    return revision, document


def setting(wiring: Wiring, name: str, key: str) -> Any:
    return next(each for each in draft(wiring)[1]["nodes"] if each["id"] == name)["config"].get(key)


def test_every_gesture_is_a_revision_and_can_be_undone_and_redone(wiring: Wiring) -> None:
    assert act(wiring, ANN, "configure", id="pause", field="/duration", value="2d").revision == 2
    assert act(wiring, ANN, "add", type="send.sms", after=["day2", "out"]).done.new == ("sms",)
    after = draft(wiring)[1]
    for _ in range(2):
        assert step(wiring, gestures.undo, ANN) is not None
    assert canonical(draft(wiring)[1]) == canonical(DRIP)
    assert step(wiring, gestures.undo, ANN) is None
    for _ in range(2):
        assert step(wiring, gestures.redo, ANN) is not None
    assert step(wiring, gestures.redo, ANN) is None
    assert draft(wiring) == (7, after)


def test_undo_is_personal(wiring: Wiring) -> None:
    act(wiring, ANN, "configure", id="pause", field="/duration", value="2d")
    act(wiring, BEN, "rename", id="day1", name="First")
    assert step(wiring, gestures.undo, ANN) is not None
    assert setting(wiring, "pause", "duration") == "1d"
    assert draft(wiring)[1]["nodes"][1]["name"] == "First"
    assert step(wiring, gestures.undo, Hand("cam")) is None


def test_what_another_has_changed_since_is_not_undone(wiring: Wiring) -> None:
    act(wiring, ANN, "configure", id="pause", field="/duration", value="2d")
    act(wiring, BEN, "configure", id="pause", field="/duration", value="3d")
    with pytest.raises(Overtaken) as told:
        step(wiring, gestures.undo, ANN)
    assert told.value.facts["keys"] == [("node", "pause", "config", "duration")]
    assert setting(wiring, "pause", "duration") == "3d"


def test_a_new_gesture_ends_what_could_be_redone(wiring: Wiring) -> None:
    act(wiring, ANN, "configure", id="pause", field="/duration", value="2d")
    step(wiring, gestures.undo, ANN)
    act(wiring, ANN, "rename", id="day1", name="First")
    assert step(wiring, gestures.redo, ANN) is None


def test_an_old_base_is_fine_unless_the_same_thing_was_changed(wiring: Wiring) -> None:
    act(wiring, BEN, "configure", id="pause", field="/duration", value="2d")
    act(wiring, ANN, "rename", 1, id="pause", name="Breathe")
    with pytest.raises(RevisionConflict) as told:
        act(wiring, ANN, "configure", 1, id="pause", field="/duration", value="3d")
    assert told.value.facts["actor"] == "ben"
    with pytest.raises(RevisionConflict):
        act(wiring, ANN, "delete", 1, ids=["pause"])
    act(wiring, ANN, "delete", 3, ids=["pause"], join=True)
    with pytest.raises(EngineError, match="no node"):
        act(wiring, BEN, "configure", 3, id="pause", field="/duration", value="4d")
    # One's own gestures may overtake each other: the tab knows what it did.
    act(wiring, ANN, "rename", 4, id="day1", name="A")
    act(wiring, ANN, "rename", 4, id="day1", name="B")


def test_a_burst_is_one_thing_to_undo(wiring: Wiring) -> None:
    for number, words in enumerate(("H", "He", "Hel")):
        hand = Hand("ann", "1", "typing")
        act(wiring, hand, "configure", id="day1", field="/subject", value=words)
        assert draft(wiring)[0] == 2 + number
    act(wiring, Hand("ann", "1", "later"), "configure", id="day1", field="/subject", value="Help")
    step(wiring, gestures.undo, ANN)
    assert setting(wiring, "day1", "subject") == "Hel"
    step(wiring, gestures.undo, ANN)
    assert setting(wiring, "day1", "subject") == DRIP["nodes"][1]["config"]["subject"]
    step(wiring, gestures.redo, ANN)
    assert setting(wiring, "day1", "subject") == "Hel"


def test_what_changes_nothing_is_no_revision(wiring: Wiring) -> None:
    act(wiring, ANN, "tidy")
    assert act(wiring, ANN, "tidy").revision == 2
    assert draft(wiring)[0] == 2


def test_the_log_tells_who_did_what(wiring: Wiring) -> None:
    act(wiring, ANN, "configure", id="pause", field="/duration", value="2d")
    step(wiring, gestures.undo, ANN)
    with wiring.store.read() as connection:
        flow_id = drafts.find_id(connection, 1, "test")
        assert flow_id is not None
        log = gestures.log(connection, flow_id)
        undone, redone = gestures.steps(connection, flow_id, "ann")
    assert [(each.revision, each.actor, each.kind, each.state) for each in log] == [
        (3, "ann", "undo", "over"),
        (2, "ann", "configure", "undone"),
    ]
    assert undone is None
    assert redone is not None
    assert redone.keys == (("node", "pause", "config", "duration"),)


def test_thirty_steps_back_and_forth(wiring: Wiring) -> None:
    dice, count, states = random.Random(3), 0, [json.dumps(draft(wiring)[1])]
    while count < 30:
        tried = any_gesture(draft(wiring)[1], dice)
        try:
            changed = act(wiring, ANN, tried.kind, **tried.args)
        except EngineError:
            continue
        if changed.done.change:
            count += 1
            states.append(canonical(draft(wiring)[1]))
    for before in reversed(states[1:-1]):
        step(wiring, gestures.undo, ANN)
        assert canonical(draft(wiring)[1]) == before
    step(wiring, gestures.undo, ANN)
    assert canonical(draft(wiring)[1]) == canonical(DRIP)
    for after in states[1:]:
        step(wiring, gestures.redo, ANN)
        assert canonical(draft(wiring)[1]) == after


def test_who_is_overtaken_chooses_what_becomes_of_it(wiring: Wiring) -> None:
    act(wiring, ANN, "rename", id="day2", name="Second")
    act(wiring, ANN, "add", type="send.sms", after=["day1", "out"])
    act(wiring, BEN, "configure", id="sms", field="/text", value="Theirs")
    act(wiring, BEN, "connect", None, **{"from": "sms", "port": "out", "to": "day2"})
    with wiring.store.read() as connection:
        choice = gestures.choice(connection, 1, "test", ANN, "undo")
    assert choice is not None
    assert (choice.kind, choice.actor) == ("add", "ben")
    assert [each["id"] for each in choice.mine["nodes"]] == ["start", "day1", "pause", "day2"]
    assert all("sms" not in edge.values() for edge in choice.mine["edges"])
    assert choice.now == draft(wiring)[1]
    with wiring.store.write() as connection:
        gestures.undo(connection, 1, "test", ANN, 2, Way.MINE)
    assert draft(wiring)[1] == choice.mine
    # What was undone so can be done again, and what another did to it is theirs to take back.
    assert step(wiring, gestures.undo, ANN) is not None
    assert "name" not in draft(wiring)[1]["nodes"][3]


@pytest.mark.parametrize(("way", "left"), [(Way.REST, "5d"), (Way.SKIP, "5d"), (Way.MINE, "1d")])
def test_the_rest_of_a_step_and_passing_over_it(wiring: Wiring, way: Way, left: str) -> None:
    act(wiring, ANN, "rename", id="day2", name="Second")
    act(wiring, ANN, "configure", id="pause", field="/duration", value="2d")
    act(wiring, BEN, "configure", id="pause", field="/duration", value="5d")
    with wiring.store.write() as connection:
        changed = gestures.undo(connection, 1, "test", ANN, 2, way)
    assert changed is not None
    assert bool(changed.done.change) is (way is Way.MINE)
    assert setting(wiring, "pause", "duration") == left
    assert step(wiring, gestures.undo, ANN) is not None
    assert "name" not in draft(wiring)[1]["nodes"][3]
    assert setting(wiring, "pause", "duration") == left


@pytest.mark.parametrize("way", [Way.REST, Way.SKIP, Way.MINE])
def test_a_way_that_was_chosen_at_another_state_is_asked_for_again(wiring: Wiring, way: Way) -> None:
    act(wiring, ANN, "configure", id="pause", field="/duration", value="2d")
    act(wiring, BEN, "configure", id="pause", field="/duration", value="5d")
    with wiring.store.read() as connection:
        seen = gestures.choice(connection, 1, "test", ANN, "undo")
    assert seen is not None
    act(wiring, BEN, "configure", id="pause", field="/duration", value="7d")
    with wiring.store.write() as connection, pytest.raises(Overtaken):
        gestures.undo(connection, 1, "test", ANN, 2, way, seen.revision)
    assert setting(wiring, "pause", "duration") == "7d"
    with wiring.store.write() as connection:
        assert gestures.undo(connection, 1, "test", ANN, 2, way, seen.revision + 1) is not None


def test_an_edge_does_not_come_back_to_a_node_that_is_gone(wiring: Wiring) -> None:
    act(wiring, ANN, "disconnect", edge=["pause", "out", "day2"])
    act(wiring, BEN, "delete", ids=["day2"])
    with pytest.raises(Overtaken):
        step(wiring, gestures.undo, ANN)
    with wiring.store.read() as connection:
        choice = gestures.choice(connection, 1, "test", ANN, "undo")
    assert choice is not None
    assert choice.mine == choice.rest == choice.now
