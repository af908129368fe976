"""The builder of rules by keyboard alone, in a segment and in a node; the message editor."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from engine.api import flows, inbox, messages, segments
from engine.wiring import Wiring
from tests.e2e.canvas import EMPTY
from tests.e2e.conftest import apart
from tests.support.engines import add_contacts, happen

NESTED = {
    "all": [
        {"attr": "plan", "op": "in", "value": ["free", "pro"]},
        {
            "any": [
                {"event": "demo_booked", "count": {"op": "gte", "value": 2}, "within": "14d"},
                {"not": {"tag": "customer"}},
            ]
        },
    ]
}
BRANCHING = {
    **EMPTY,
    "key": "branching",
    "nodes": [
        {"id": "start", "type": "trigger.manual"},
        {"id": "fork", "type": "branch.rule", "config": {"cases": [{"port": "yes", "when": {"tag": "vip"}}]}},
    ],
    "edges": [{"from": "start", "to": "fork"}],
}


@pytest.fixture
def wiring(wiring: Wiring) -> Wiring:
    def live() -> None:
        for number in range(5):
            add_contacts(wiring, f"c{number}", attributes={"plan": "pro", "name": f"Ann {number}"}, tags=("vip",))
            happen(wiring, f"c{number}", "demo_booked")
        happen(wiring, "c1", "demo_booked")
        flows.import_flow(wiring, BRANCHING)

    apart(live)
    return wiring


def test_a_nested_rule_is_built_by_keyboard_alone(page: Page, wiring: Wiring) -> None:
    page.goto("/segments/new")
    write(page, "name", "Close to buying")
    write(page, "key", "close")
    write(page, "v.0.attr", "plan")
    pick(page, "v.0.op", "is one of")
    write(page, "v.0.value.list", "free, pro")
    press(page, "add_group v")
    pick(page, "v.1.0.form", "Event")
    write(page, "v.1.0.event", "demo_booked")
    pick(page, "v.1.0.count.op", "at least")
    write(page, "v.1.0.count.value", "2")
    write(page, "v.1.0.within.n", "14")
    press(page, "add v.1")
    pick(page, "v.1.1.form", "Tag")
    pick(page, "v.1.1.not", "has not")
    write(page, "v.1.1.value", "customer")
    page.keyboard.press("Tab")
    expect(page.locator(".matching .found")).to_contain_text("5")
    expect(page.locator(".matching .sentence")).to_contain_text("plan is one of")
    reach(page, "form#segment-form .btn.pri")
    with page.expect_navigation(url="**/segments"):
        page.keyboard.press("Enter")
    expect(page.locator("main table")).to_contain_text("Close to buying")
    (kept,) = apart(lambda: segments.list_segments(wiring))
    assert kept.rule == NESTED


def test_a_row_that_was_added_has_the_focus(page: Page) -> None:
    page.goto("/segments/new")
    press(page, "add v")
    expect(page.locator('[name="v.1.form"]')).to_be_focused()
    press(page, "drop v.1")
    expect(page.locator('[name="v.1.form"]')).to_have_count(0)
    page.wait_for_function("() => document.activeElement !== document.body")


def test_nothing_typed_is_lost_to_an_answer_that_comes_late(page: Page) -> None:
    page.goto("/segments/new")
    page.locator(".matching p").wait_for()

    def late(route: Any) -> None:
        answer = route.fetch()
        page.locator('[name="name"]').focus()
        page.keyboard.type("typed meanwhile")
        page.locator('[name="v.0.value"]').focus()
        route.fulfill(response=answer)

    page.route("**/segments/draw", late, times=1)
    with page.expect_response("**/segments/draw"):
        page.locator('[name="v.0.attr"]').fill("plan")
        page.keyboard.press("Tab")
    expect(page.locator('[name="v.0.attr_was"]')).to_have_value("plan")
    expect(page.locator('[name="name"]')).to_have_value("typed meanwhile")


def test_a_rule_is_built_in_a_nodes_inspector(page: Page, wiring: Wiring) -> None:
    # So high that the panel need not scroll: then what stands above a button moves it.
    page.set_viewport_size({"width": 1440, "height": 1600})
    page.goto("/flows/branching/canvas")
    page.locator('[data-id="fork"], #n-fork').first.click()
    form = page.locator("#setting-cases")
    form.locator('[name="v.0.when.n"]').wait_for(state="attached")
    form.locator('button[value="add v.0.when"]').click()
    form.locator('[name="v.0.when.1.form"]').select_option("segment")
    with page.expect_response("**/rules/matching"):
        form.locator('[name="v.0.when.1.value"]').fill("pros")
        page.keyboard.press("Tab")
    expect(form.locator(".fault").first).to_be_visible()
    # The help of the row goes when the button is pressed, and must not pull the button away before it is let go.
    form.locator('button[value="add v"]').click(delay=200)
    expect(form.locator('[name="v.1.port"]')).to_be_visible()

    def cases() -> Any:
        draft = apart(lambda: flows.export_flow(wiring, "branching"))
        return next(node for node in draft["nodes"] if node["id"] == "fork")["config"]["cases"]

    assert cases()[0] == {"port": "yes", "when": {"all": [{"tag": "vip"}, {"segment": "pros"}]}}
    assert len(cases()) == 2


def test_no_answer_pulls_a_button_away_while_it_is_pressed(page: Page, wiring: Wiring) -> None:
    # So high that the panel need not scroll: then what stands above a button moves it.
    page.set_viewport_size({"width": 1440, "height": 1600})
    page.goto("/flows/branching/canvas")
    page.locator('[data-id="fork"], #n-fork').first.click()
    form = page.locator("#setting-cases")
    expect(form.locator(".matching .found")).to_be_visible()
    button = form.locator('button[value="add v"]')

    def while_pressed(route: Any) -> None:
        expect(form.locator(".fault").first).to_be_visible()
        answer = route.fetch()
        button.hover()
        page.mouse.down()
        route.fulfill(response=answer)

    page.route("**/rules/matching", while_pressed, times=1)
    with page.expect_response("**/rules/matching"):
        form.locator('[name="v.0.when.0.form"]').select_option("segment")
    # Who draws an answer at once has drawn it when a later question is answered.
    page.evaluate("() => fetch(location.href).then((answer) => answer.text())")
    page.mouse.up()
    expect(form.locator('[name="v.1.port"]')).to_be_visible()


def test_a_press_that_ends_in_a_menu_holds_no_answer_back(page: Page) -> None:
    page.goto("/segments/new")
    page.locator(".matching p").wait_for()
    page.locator('button[value="add v"]').hover()
    page.mouse.down(button="right")
    # The menu takes the rest.
    page.locator('[name="v.0.attr"]').fill("plan")
    page.keyboard.press("Tab")
    expect(page.locator('[name="v.0.attr_was"]')).to_have_value("plan")


def test_a_letter_is_written_seen_tested_and_kept(page: Page, wiring: Wiring) -> None:
    page.goto("/templates/new")
    page.fill('[name="key"]', "hello")
    page.fill('[name="t.subject"]', "For {{ contact.name }}")
    page.fill('[name="t.blocks.0.words"]', "From blocks")
    page.locator('button[value="add t.blocks image"]').press("Enter")
    expect(page.locator('[name="t.blocks.3.src"]')).to_be_focused()
    page.locator('button[value="up t.blocks.3"]').press("Enter")
    expect(page.locator('[name="t.blocks.2.src"]')).to_be_visible()
    expect(page.frame_locator(".paper iframe").locator("h1")).to_have_text("From blocks")
    page.once("dialog", lambda dialog: dialog.dismiss())
    page.locator('button[value="as_letter t"]').press("Enter")
    expect(page.locator('[name="t.blocks.0.words"]')).to_have_value("From blocks")
    page.once("dialog", lambda dialog: dialog.accept())
    page.locator('button[value="as_letter t"]').press("Enter")
    expect(page.locator('[name="t.markdown"]')).to_have_value("# From blocks")
    page.fill('[name="t.markdown"]', "# Hi \n\n**[Start](https://example.com)**")
    page.locator('[name="t.markdown"]').focus()
    for _ in range(2):
        page.keyboard.press("ArrowUp")
    page.keyboard.press("End")
    page.locator("#message-form details.chips summary").nth(2).click()
    page.locator('details[open] [data-variable="{{ contact.name }}"]').click()
    expect(page.locator(".letterhead b")).to_have_text("For Ann 0")
    expect(page.frame_locator(".paper iframe").locator("a.button, a").first).to_have_text("Start")
    expect(page.locator(".points .err")).to_have_count(0)
    page.fill('[name="contact"]', "")
    expect(page.locator(".points .err").first).to_contain_text("contact.name")
    page.fill('[name="contact"]', "c2")
    page.fill('[name="address"]', "me@example.com")
    page.get_by_role("button", name="Send a test").click()
    expect(page.locator("#test-told")).to_contain_text("On its way")
    assert apart(lambda: inbox.list_inbox(wiring)).messages[0].subject == "[Test] For Ann 2"
    with page.expect_navigation(url="**/templates"):
        page.get_by_role("button", name="Save").click()
    assert "{{ contact.name }}" in str(apart(lambda: messages.find_template(wiring, "hello")).content["markdown"])


def reach(page: Page, selector: str) -> None:
    """Go on by the tabulator until an element has the focus."""
    page.locator(selector).first.wait_for()
    for _ in range(120):
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"the tabulator does not lead to {selector}")


def settled(page: Page) -> None:
    """Wait until the form shows what the server made of the last change."""
    page.wait_for_function("() => !document.querySelector('.htmx-request')")


def write(page: Page, name: str, words: str) -> None:
    reach(page, f'[name="{name}"]')
    page.keyboard.press("Control+A")
    page.keyboard.type(words)


def pick(page: Page, name: str, words: str) -> None:
    """Choose in a list by typing its beginning."""
    reach(page, f'[name="{name}"]')
    page.keyboard.type(words)
    page.keyboard.press("Tab")
    settled(page)


def press(page: Page, value: str) -> None:
    reach(page, f'button[value="{value}"]')
    page.keyboard.press("Enter")
    settled(page)
