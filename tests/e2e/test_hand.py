"""The hand on the canvas: what it draws is what the server draws, and every state can be left again."""

import json
import random
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from designer.canvas.paths import path
from engine.access.rights import Role
from engine.api import flows
from engine.wiring import Wiring
from tests.e2e.canvas import along, card, choose, drag, edge, ids, middle, open_canvas, shape, stands
from tests.e2e.conftest import NewPage, apart
from tests.flows import shipped
from tests.support.browser import let_in
from tests.support.engines import WELCOME
from tests.support.serving import served

BOXES = "[...document.querySelectorAll('#cards > .n')].map((n) => n.getBoundingClientRect().toJSON())"
READABLE = 0.6


@pytest.fixture
def wiring(wiring: Wiring) -> Wiring:
    flows.import_flow(wiring, WELCOME)
    return wiring


@pytest.fixture
def page(new_page: NewPage) -> Page:
    return new_page(reduced_motion="reduce")


def test_the_script_draws_edges_as_the_server_does(page: Page) -> None:
    open_canvas(page, "welcome")
    dice = random.Random(7)
    ways = [
        [[dice.randint(-900, 900) / 2, dice.randint(0, 900) / 4] for _ in range(dice.randint(2, 6))] for _ in range(200)
    ]
    drawn = page.evaluate(f"import('/static/canvas/paths.js').then((m) => {json.dumps(ways)}.map((w) => m.path(w)))")
    for way, said in zip(ways, drawn, strict=True):
        assert said == path([(x, y) for x, y in way])


def test_templates_open_readable_and_without_overlap(page: Page, wiring: Wiring) -> None:
    for key in shipped.KEYS:
        flows.import_flow(wiring, shipped.flow(key))
        open_canvas(page, key)
        zoom = int(page.locator("#zoom-level").inner_text().rstrip("%")) / 100
        assert zoom >= READABLE
        boxes = page.evaluate(BOXES)
        assert len(boxes) == len(shipped.flow(key)["nodes"])
        assert [(a, b) for n, a in enumerate(boxes) for b in boxes[:n] if _meet(a, b)] == []


def _meet(a: dict[str, float], b: dict[str, float]) -> bool:
    return a["left"] < b["right"] and b["left"] < a["right"] and a["top"] < b["bottom"] and b["top"] < a["bottom"]


def test_a_dragged_node_stays_and_escape_puts_it_back(page: Page, wiring: Wiring) -> None:
    open_canvas(page, "welcome")
    start = middle(card(page, "thanks"))
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move(start[0] - 90, start[1] + 40, steps=4)
    expect(card(page, "thanks")).to_have_class("n k k-email chosen lifted")
    page.keyboard.press("Escape")
    page.mouse.up()
    stands(card(page, "thanks"), *start)
    assert "at" not in flows.export_flow(wiring, "welcome")["nodes"][5]
    drag(page, start, (start[0] - 96, start[1] + 40))
    expect(page.locator("#revision")).to_have_attribute("data-rev", "2")
    stands(card(page, "thanks"), start[0] - 96, start[1] + 40, within=8)
    at = middle(card(page, "thanks"))
    open_canvas(page, "welcome")
    stands(card(page, "thanks"), *at)


def test_edges_are_drawn_and_taken_away_by_dragging(page: Page, wiring: Wiring) -> None:
    open_canvas(page, "welcome")
    drag(page, middle(card(page, "thanks").locator(".out")), middle(card(page, "nudge")))
    edge(page, "thanks", "nudge").wait_for(state="attached")
    drag(page, middle(card(page, "thanks").locator(".out")), middle(card(page, "hello")))
    assert "thanks:out>hello" not in apart(lambda: shape(wiring, "welcome"))[1]
    page.locator("#viewport").focus()
    page.mouse.click(*along(edge(page, "thanks", "nudge")))
    expect(edge(page, "thanks", "nudge")).to_have_class("e chosen")
    page.keyboard.press("Delete")
    expect(edge(page, "thanks", "nudge")).to_have_count(0)
    assert "thanks:out>nudge" not in apart(lambda: shape(wiring, "welcome"))[1]


def test_a_marquee_chooses_and_many_move_together(page: Page, wiring: Wiring) -> None:
    open_canvas(page, "welcome")
    stage = page.locator("#viewport").bounding_box()
    assert stage is not None
    drag(page, (stage["x"] + 5, stage["y"] + 5), (stage["x"] + stage["width"] - 5, stage["y"] + stage["height"] - 70))
    expect(page.locator("#cards > .n.chosen")).to_have_count(7)
    before = {name: middle(card(page, name)) for name in ids(page)}
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Shift+ArrowRight")
    expect(page.locator("#revision")).to_have_attribute("data-rev", "3")
    page.keyboard.press("Control+z")
    expect(page.locator("#revision")).to_have_attribute("data-rev", "4")
    for name, at in before.items():
        stands(card(page, name), *at)


def test_the_wheel_pans_and_zooms_at_the_pointer(page: Page) -> None:
    open_canvas(page, "welcome")
    x, y = middle(card(page, "hello"))
    page.mouse.move(x, y)
    page.mouse.wheel(0, 60)
    stands(card(page, "hello"), x, y - 60, within=1)
    page.mouse.wheel(0, -60)
    stands(card(page, "hello"), x, y, within=1)
    page.keyboard.down("Control")
    page.mouse.wheel(0, -120)
    page.keyboard.up("Control")
    expect(page.locator("#zoom-level")).not_to_have_text("100%")
    stands(card(page, "hello"), x, y, within=2)


def test_who_may_only_look_cannot_change(browser: Any, wiring: Wiring) -> None:
    session = apart(lambda: let_in(wiring, Role.VIEWER))
    with served(wiring, is_demo=False) as address:
        context = browser.new_context(base_url=address)
        context.add_cookies([{"name": "dripline_session", "value": session, "url": address}])
        page = open_canvas(context.new_page(), "welcome")
        expect(page.locator(".palette")).to_be_hidden()
        choose(page, "day")
        page.keyboard.press("Delete")
        page.keyboard.press("e")
        drag(page, middle(card(page, "thanks")), (400, 300))
        assert len(ids(page)) == 7
        context.close()
    assert apart(lambda: flows.export_flow(wiring, "welcome")) == WELCOME
