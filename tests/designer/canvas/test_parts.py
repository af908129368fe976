import asyncio
import re
from itertools import pairwise

import pytest
from fastapi import Request

from designer.canvas.desk import Desk
from designer.canvas.hub import Hub
from designer.canvas.mends import mend_of
from designer.canvas.paths import Ground, middle, path, route
from designer.canvas.reading import Said
from designer.canvas.scene import make_scene
from designer.canvas.widths import columns, cut
from designer.faults import say_fault
from designer.language import speak
from designer.views import Pages
from engine.api import drawing, flows
from engine.api.drawing import Hand
from engine.contract.registry import installed
from engine.graph.check import examine
from engine.graph.document import read_document
from engine.graph.gesture import Gesture, apply
from engine.graph.sizes import Box, Point
from engine.graph.surroundings import Surroundings
from engine.store.session import Store
from engine.wiring import Wiring
from tests.graph.documents import NOW, delay, flow, mail
from tests.support.engines import WELCOME, engine_on


def test_edges_go_straight_where_they_can() -> None:
    assert route((10, 0), (10, 200), Ground([])) == [(10, 0), (10, 200)]
    assert len(route((10, 0), (200, 200), Ground([]))) == 4


def test_edges_go_past_cards() -> None:
    card = Box(0, 100, 248, 64)
    ground = Ground([card])
    for end in ((124.0, 300.0), (60.0, 300.0), (500.0, 300.0)):
        points = route((124, 0), end, ground)
        assert not any(_crosses(card, first, second) for first, second in pairwise(points))
    back = route((124.0, 300.0), (124.0, 0.0), ground)
    assert back[0] == (124.0, 300.0)
    assert back[-1] == (124.0, 0.0)


def _crosses(card: Box, first: Point, second: Point) -> bool:
    """Tell whether a line straight down goes through a card."""
    (x, y1), (x2, y2) = first, second
    return x == x2 and card.x < x < card.right and min(y1, y2) < card.bottom and max(y1, y2) > card.y


def test_corners_are_round() -> None:
    said = path([(0, 0), (0, 50), (100, 50), (100, 100)])
    assert said == "M0 0L0 38Q0 50 12 50L88 50Q100 50 100 62L100 100"
    assert middle([(0, 0), (0, 50), (100, 50), (100, 100)]) == (50, 50)
    assert re.fullmatch(r"M[\d .LQ]+", path([(0, 0), (0, 3), (5, 3), (5, 9)]))


@pytest.mark.parametrize(
    ("text", "most", "shown"),
    [
        ("Hello", 5, "Hello"),
        ("Hello world", 6, "Hello…"),
        ("欢迎加入我们", 7, "欢迎加…"),
        ("a\n  b", 9, "a b"),
        ("e\u0301e\u0301e\u0301e\u0301", 3, "e\u0301e\u0301…"),
        ("\U0001f44d\U0001f3fd\U0001f44d", 3, "\U0001f44d\U0001f3fd…"),
    ],
)
def test_texts_are_cut_by_their_width(text: str, most: int, shown: str) -> None:
    assert cut(text, most) == shown
    assert columns(cut(text, most)) <= most + 2


def test_those_who_look_are_told_of_changes() -> None:
    hub = Hub()

    async def look() -> list[str]:
        waiting = asyncio.create_task(hub.wait("flow", 30))
        await asyncio.sleep(0)
        await asyncio.to_thread(hub.tell, "flow")
        await asyncio.wait_for(waiting, 5)
        await hub.wait("flow", 0.001)
        return [each.name for each in hub.who("flow")]

    hub.come("flow", "1", "Ann")
    hub.come("flow", "2", "Ben", ("day1",))
    assert asyncio.run(look()) == ["Ann", "Ben"]
    assert len({each.colour for each in hub.who("flow")}) == 2
    hub.leave("flow", "1")
    assert [each.as_json()["selected"] for each in hub.who("flow")] == [["day1"]]


LOOK = Request({"type": "http", "method": "GET", "path": "/", "headers": [], "query_string": b"", "app": None})


@pytest.fixture
def wiring(sqlite_store: Store) -> Wiring:
    wiring = engine_on(sqlite_store)
    flows.import_flow(wiring, WELCOME)
    return wiring


def test_a_page_is_not_sent_what_the_answer_to_its_gesture_shows(wiring: Wiring) -> None:
    desk, seen = Desk(Pages(wiring)), drawing.revision_of(wiring, "welcome")
    changed = drawing.act(wiring, "welcome", "rename", {"id": "hello", "name": "Hi"}, Hand("ann", "tab"))
    assert changed is not None
    desk.hub.make("welcome", changed.revision, "mine")
    assert desk.since(LOOK, "welcome", seen, "mine") == (changed.revision, "")
    # A copy of the tab has its name, and is another page.
    revision, html = desk.since(LOOK, "welcome", seen, "copy")
    assert revision == changed.revision
    assert "Hi" in html


def test_others_are_shown_what_the_answer_has_just_read(wiring: Wiring, monkeypatch: pytest.MonkeyPatch) -> None:
    desk, seen = Desk(Pages(wiring)), drawing.revision_of(wiring, "welcome")
    hand = Hand("ann", "tab")
    args = {"id": "hello", "name": "Hi"}
    changed = drawing.act(wiring, "welcome", "rename", args, hand)
    desk.answer(LOOK, "welcome", Said("rename", args, hand, seen, "", "mine"), changed)
    with monkeypatch.context() as patched:
        patched.setattr(drawing, "open_sheet", lambda *_: pytest.fail("read again"))
        assert "Hi" in desk.since(LOOK, "welcome", seen, "other")[1]
    # What another process did is read.
    again = drawing.act(wiring, "welcome", "rename", {**args, "name": "Ho"}, hand)
    assert changed is not None
    assert again is not None
    assert "Ho" in desk.since(LOOK, "welcome", changed.revision, "other")[1]


def test_what_a_button_mends_is_mended() -> None:
    raw = flow(mail("day1"), delay("pause", "1d"), mail("day2"))
    raw["nodes"][1]["config"]["subjekt"] = "x"
    raw["nodes"][2]["config"] = {"durration": "2d"}
    raw["nodes"].append({"id": "typo", "type": "send.emial", "config": {"subject": "a", "text": "b"}})
    raw["nodes"].append(mail("lost"))
    raw["edges"] += [{"from": "day2", "to": "nowhere"}, {"from": "day2", "to": "typo"}]
    document = raw
    for _ in range(10):
        findings = examine(document, Surroundings(), NOW, installed())[1]
        mends = [mend for each in findings if (mend := mend_of(each, document)) is not None]
        if not mends:
            break
        document = apply(document, Gesture(mends[0].kind, mends[0].args)).document
    assert [str(each) for each in findings if each.level == "error"] == []
    assert document["nodes"][2]["config"] == {"duration": "2d"}
    assert "lost" not in [each["id"] for each in document["nodes"]]


def test_findings_are_said_in_the_readers_language() -> None:
    chinese, english = speak("zh-CN"), speak("en")
    assert say_fault("did you mean wait.delay?", chinese).startswith("您是指 wait.delay")
    assert say_fault("'a' has no port 'b'", chinese) == "'a' 没有出口 'b'"
    assert say_fault("there is no segment 'x'", english) == "there is no segment 'x'"
    assert say_fault("100 % %(new) words", chinese) == "100 % %(new) words"


def test_lines_are_drawn_again_only_where_something_moved() -> None:
    raw = flow(mail("day1"), delay("pause", "1d"), mail("day2"))
    named = apply(raw, Gesture("rename", {"id": "day1", "name": "First"})).document
    moved = apply(named, Gesture("move", {"to": [["day2", 400, 500]]})).document
    first, second, third = (read_document(each, installed())[0] for each in (raw, named, moved))
    before = make_scene(first, (), 1, speak("en"))
    after = make_scene(second, (), 2, speak("en"), before)
    assert after.lines is before.lines
    assert after == make_scene(second, (), 2, speak("en"))
    last = make_scene(third, (), 3, speak("en"), after)
    assert last == make_scene(third, (), 3, speak("en"))
    assert last.lines != after.lines


def test_cards_are_drawn_again_only_where_they_would_differ() -> None:
    raw = flow(mail("day1"), delay("pause", "1d"), mail("day2"))
    named = {**raw, "nodes": [{**each, "name": "First"} if each["id"] == "day1" else each for each in raw["nodes"]]}
    first, _ = read_document(raw, installed())
    before = make_scene(first, (), 1, speak("en"))
    second, _ = read_document(named, installed(), first)
    after = make_scene(second, (), 2, speak("en"), before)
    assert after == make_scene(read_document(named, installed())[0], (), 2, speak("en"))
    # The trigger says where its way leads: to a node of another name.
    kept = {name for name, card in after.cards.items() if card is before.cards[name]}
    assert kept == {"pause", "day2"}
