"""The main journeys on the canvas, by mouse and by keyboard."""

import re
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from typing import Any

import pytest
import sqlalchemy as sa
from playwright.sync_api import Browser, Page, expect

from engine.access.rights import Role
from engine.api import flows, inbox
from engine.wiring import Wiring
from tests.e2e.canvas import (
    EMPTY,
    card,
    choose,
    drag_type,
    edge,
    field,
    fill,
    ids,
    middle,
    open_canvas,
    settings,
    shape,
)
from tests.e2e.conftest import NewPage, apart, opened
from tests.support.browser import let_in
from tests.support.engines import MESSAGE, WELCOME, add_contacts, go_live, happen, pass_time, settle
from tests.support.serving import served


@pytest.fixture
def wiring(wiring: Wiring) -> Wiring:
    flows.import_flow(wiring, EMPTY)
    return wiring


@pytest.fixture
def page(new_page: NewPage) -> Page:
    """Give a page on which nothing moves by itself, so that what is aimed at is still there."""
    return new_page(reduced_motion="reduce")


def test_the_trial_drip_by_mouse_from_empty_to_the_inbox(page: Page, wiring: Wiring) -> None:
    open_canvas(page)
    expect(page.locator("#nothing")).to_be_visible()
    page.click('[data-first="trigger.event"]')
    choose(page, "event")
    fill(page, "event", "trial_started")
    drag_type(page, "send.email", middle(card(page, "event").locator(".out")))
    write_mail(page, "email", "Welcome")
    drag_type(page, "send.email", middle(card(page, "email").locator(".out")))
    write_mail(page, "email_2", "Day 2")
    drag_type(page, "wait.until", middle(edge(page, "email", "email_2").locator(".hit")))
    card(page, "until").wait_for()
    expect(edge(page, "until", "email_2")).to_have_count(1)
    for name, day in (("until_2", "3"), ("email_3", "")):
        if day:
            drag_type(page, "wait.until", middle(card(page, "email_2").locator(".out")))
            choose(page, name)
            fill(page, "day", day)
        else:
            drag_type(page, "send.email", middle(card(page, "until_2").locator('.out[data-port="out"]')))
            write_mail(page, name, "Day 3")
    nodes, edges = apart(lambda: shape(wiring))
    assert set(nodes) == {"event", "email", "until", "email_2", "until_2", "email_3"}
    drawn = {"event:out>email", "email:out>until", "until:out>email_2", "email_2:out>until_2", "until_2:out>email_3"}
    assert edges == drawn
    assert settings(wiring, "until_2")["day"] == 3
    expect(page.locator(".problems")).to_contain_text("No problems")
    simulate(page)
    open_canvas(page)
    publish(page)
    apart(lambda: receive(wiring))
    page.goto("/inbox")
    expect(page.locator("#content")).to_contain_text("Welcome")


def write_mail(page: Page, name: str, subject: str) -> None:
    card(page, name).wait_for()
    choose(page, name)
    fill(page, "subject", subject)
    fill(page, "text", f"{subject}: hello")


def simulate(page: Page) -> None:
    page.click("text=Simulate")
    page.wait_for_selector("#canvas-page[data-ready]")
    page.fill("#contacts", "40")
    page.fill("#days", "7")
    page.click(".run")
    expect(page.locator("#simulated")).to_be_visible()
    expect(page.locator(".sim-figures dd").first).to_have_text(re.compile("[1-9]"))
    page.locator("#day").fill("0")
    page.locator(".walk summary").first.click()
    expect(page.locator(".walk[open] li").first).to_be_visible()


def publish(page: Page) -> None:
    page.keyboard.press("Control+Shift+Enter")
    page.locator('#sheet [data-run="publish"]').click()
    expect(page.locator("#sheet .note.ok")).to_be_visible()
    expect(page.locator("#status")).to_contain_text("v1")
    page.locator("#sheet [data-close]").click()


def receive(wiring: Wiring, subject: str = "Welcome") -> None:
    add_contacts(wiring, "ann")
    happen(wiring, "ann", "trial_started")
    settle(wiring)
    assert [mail.subject for mail in inbox.list_inbox(wiring).messages] == [subject]


def test_the_trial_drip_by_keyboard_alone(page: Page, wiring: Wiring) -> None:
    open_canvas(page)
    page.locator("#viewport").focus()
    choose_by_keys(page, "a", "Event")
    write_by_keys(page, "event", event="trial_started")
    for number, name in enumerate(("email", "email_2", "email_3"), start=1):
        if number > 1:
            choose_by_keys(page, "a", "Wait until")
            if number == 2:  # a new wait is until day 2
                expect(card(page, "until").locator(".card-face")).to_be_focused()
            else:
                write_by_keys(page, "until_2", day="3")
        page.keyboard.press("e")
        write_by_keys(page, name, subject=f"Day {number}", text="Hello")
    drawn = {"event:out>email", "email:out>until", "until:out>email_2", "email_2:out>until_2", "until_2:out>email_3"}
    assert apart(lambda: shape(wiring))[1] == drawn
    for key, count in (("Control+z", 5), ("Control+Shift+z", 6)):
        for _ in range(3):
            page.keyboard.press(key)
        expect(page.locator("#cards > .n")).to_have_count(count)
    page.keyboard.press("Shift+Slash")
    expect(page.locator("#keys-dialog")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("Shift+L")
    expect(page.locator(".problems")).to_contain_text("No problems")
    simulate_by_keys(page)
    page.keyboard.press("Control+Shift+Enter")
    expect(page.locator("#sheet h2")).to_be_visible()
    tab_to(page, '#sheet [data-run="publish"]')
    page.keyboard.press("Enter")
    expect(page.locator("#status")).to_contain_text("v1")
    apart(lambda: receive(wiring, "Day 1"))
    page.keyboard.press("Escape")
    tab_to(page, 'nav a[href="/inbox"]')
    page.keyboard.press("Enter")
    expect(page.locator("#content")).to_contain_text("Day 1")


def simulate_by_keys(page: Page) -> None:
    """Go to the simulation and back: run it, scrub to its first day, follow a contact."""
    page.keyboard.press("t")
    page.wait_for_url("**/simulation")
    for name, value in (("contacts", "40"), ("days", "7")):
        tab_to(page, f"#{name}")
        page.keyboard.press("Control+a")
        page.keyboard.type(value)
    tab_to(page, ".run")
    page.keyboard.press("Enter")
    expect(page.locator("#simulated")).to_be_visible()
    expect(page.locator(".sim-figures dd").first).to_have_text(re.compile("[1-9]"))
    tab_to(page, "#day")
    page.keyboard.press("Home")
    expect(page.locator("#day")).to_have_value("0")
    tab_to(page, ".walk summary")
    page.keyboard.press("Enter")
    expect(page.locator(".walk[open] li").first).to_be_visible()
    tab_to(page, '.tabs-of-flow a[href$="/canvas"]')
    page.keyboard.press("Enter")
    page.wait_for_selector("#canvas-page[data-ready]:not(.simulation)")


def write_by_keys(page: Page, name: str, **words: str) -> None:
    """Open the settings of the node that was just added, write, and come back."""
    expect(card(page, name).locator(".card-face")).to_be_focused()
    page.keyboard.press("Enter")
    for setting, value in words.items():
        field(page, setting).wait_for()
        tab_to(page, f"#setting-{setting} :is(input:not([type=hidden]), textarea)")
        before = page.locator("#revision").get_attribute("data-rev")
        page.keyboard.press("Control+a")
        page.keyboard.type(value)
        page.keyboard.press("Tab")
        expect(page.locator("#revision")).not_to_have_attribute("data-rev", before or "")
    page.keyboard.press("Escape")
    expect(card(page, name).locator(".card-face")).to_be_focused()


def tab_to(page: Page, selector: str) -> None:
    """Press Tab until something has the focus."""
    for _ in range(80):
        if page.evaluate("(selector) => document.activeElement.matches(selector)", selector):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"Tab does not come to {selector}")


def choose_by_keys(page: Page, key: str, words: str) -> None:
    page.keyboard.press(key)
    expect(page.locator("#choose-dialog")).to_be_visible()
    page.keyboard.type(words)
    page.keyboard.press("Enter")


def test_thirty_steps_back_and_forth_through_a_reload(page: Page, wiring: Wiring) -> None:
    open_canvas(page)
    page.locator("#viewport").focus()
    choose_by_keys(page, "a", "By hand")
    card(page, "manual").wait_for()
    for number in range(29):
        page.keyboard.press("w" if number % 2 else "e")
        expect(page.locator("#cards > .n")).to_have_count(number + 2)
    shown = ids(page)
    for _ in range(15):
        page.keyboard.press("Control+z")
    expect(page.locator("#cards > .n")).to_have_count(15)
    open_canvas(page)
    page.locator("#viewport").focus()
    for _ in range(15):
        page.keyboard.press("Control+z")
    expect(page.locator("#cards > .n")).to_have_count(0)
    for _ in range(30):
        page.keyboard.press("Control+Shift+z")
    expect(page.locator("#cards > .n")).to_have_count(30)
    assert ids(page) == shown
    assert apart(lambda: shape(wiring))[0] == shown


@pytest.fixture
def two(browser: Browser, wiring: Wiring) -> Iterator[tuple[Page, Page]]:
    """Give the pages of two users on one draft."""
    flows.import_flow(wiring, WELCOME)
    with ExitStack() as stack:
        address = stack.enter_context(served(wiring, is_demo=False))
        pages = []
        for role in (Role.EDITOR, Role.ADMIN):
            page = stack.enter_context(opened(browser, address, reduced_motion="reduce"))
            cookie = apart(partial(let_in, wiring, role))
            page.context.add_cookies([{"name": "dripline_session", "value": cookie, "url": address}])
            pages.append(open_canvas(page, "welcome"))
        yield pages[0], pages[1]


def test_two_browsers_on_one_draft(two: tuple[Page, Page]) -> None:
    ann, ben = two
    expect(ann.locator("#faces .face")).to_have_count(1)
    choose(ann, "day")
    expect(card(ben, "day")).to_have_attribute("data-by", "Editor")
    fill(ann, "duration", "5")
    expect(card(ben, "day")).to_contain_text("5 days")
    choose(ben, "day")
    fill(ben, "duration", "6")
    expect(card(ann, "day")).to_contain_text("6 days")
    ann.locator("#viewport").focus()
    expect(field(ann, "duration")).to_have_value("6")
    ann.keyboard.press("Control+z")
    expect(ann.locator("#step-choice")).to_contain_text("Admin has changed the same thing since")
    expect(ann.locator("#step-choice .way")).to_have_count(1)
    expect(ann.locator("#step-choice ins")).to_have_text("1 day")
    ann.locator('[data-way="mine"]').click()
    expect(card(ben, "day")).to_contain_text("1 day")
    ben.locator("#viewport").focus()
    ben.keyboard.press("Control+z")
    ben.locator('[data-way="skip"]').click()
    expect(ben.locator("#choice-dialog")).to_be_hidden()
    expect(ben.locator('[data-command="undo"]')).to_have_attribute("aria-disabled", "true")
    choose(ben, "nudge")
    ben.keyboard.press("Delete")
    expect(card(ann, "nudge")).to_have_count(0)
    expect(edge(ann, "used", "nudge")).to_have_count(0)
    expect(ben.locator("#cards > .n")).to_have_count(len(ids(ann)))
    assert sorted(ids(ann)) == sorted(ids(ben))


def test_numbers_of_a_period_and_the_contacts_behind_them(page: Page, wiring: Wiring) -> None:
    apart(lambda: lived(wiring))
    open_canvas(page, "welcome")
    page.keyboard.press("d")
    bubble = card(page, "day").locator(".rests")
    expect(bubble).to_have_text("1 here · 3 entered")
    expect(card(page, "hello").locator(".rests")).to_have_text("3 sent, 33.3% opened, 0% clicked")
    expect(page.locator('.chip[data-of="day"]')).to_have_text("2")
    page.select_option("#period", "today")
    expect(page.locator('.chip[data-of="day"]')).to_have_count(0)
    expect(page.locator('.chip[data-of="hello"]')).to_have_text("1")
    page.locator('.chip[data-of="hello"]').click()
    expect(page.locator("#people .resting a")).to_have_text(["cem@example.com"])
    page.keyboard.press("Escape")
    choose(page, "day")
    page.keyboard.press("p")
    expect(page.locator("#people .resting a")).to_have_text(["cem@example.com"])
    page.locator('#people [data-people="passed"]').wait_for()
    page.locator("#people .resting a").click()
    page.wait_for_url("**/contacts/cem")


def lived(wiring: Wiring) -> None:
    """Let two contacts go through two days ago, one of whom opens a mail, and one come in today."""
    go_live(wiring)
    add_contacts(wiring, "ann", "ben", "cem")
    for key in ("ann", "ben"):
        happen(wiring, key, "signed_up")
    settle(wiring)
    with wiring.store.write() as connection:
        one = sa.select(sa.func.min(MESSAGE.c.contact_id)).scalar_subquery()
        connection.execute(MESSAGE.update().values(opened_at=MESSAGE.c.sent_at).where(MESSAGE.c.contact_id == one))
    for _ in range(2):
        pass_time(wiring, "1d")
        settle(wiring)
    happen(wiring, "cem", "signed_up")
    settle(wiring)


def test_copies_go_from_one_flow_to_another(new_page: NewPage, wiring: Wiring) -> None:
    flows.import_flow(wiring, WELCOME)
    page = open_canvas(new_page(permissions=["clipboard-read", "clipboard-write"]), "welcome")
    page.locator("#viewport").focus()
    page.keyboard.press("Control+a")
    page.keyboard.press("Control+c")
    expect(page.locator("#live")).to_have_text("Copied.")
    open_canvas(page)
    page.locator("#viewport").focus()
    page.keyboard.press("Control+v")
    expect(page.locator("#cards > .n")).to_have_count(7)
    nodes, edges = apart(lambda: shape(wiring))
    assert sorted(nodes) == sorted(each["id"] for each in WELCOME["nodes"])
    assert edges == apart(lambda: shape(wiring, "welcome"))[1]
    page.keyboard.press("Control+d")
    expect(page.locator("#cards > .n")).to_have_count(14)


def test_the_outline_builds_a_flow_too(page: Page, wiring: Wiring) -> None:
    open_canvas(page)
    page.locator("#viewport").focus()
    page.keyboard.press("o")
    page.select_option("#add-first", "trigger.manual")
    page.click("#outline form[data-anywhere] button")
    line = page.locator('[data-line="manual"]')
    line.locator("summary").click()
    line.locator("select").first.select_option("send.email")
    line.locator("form button").first.click()
    page.locator('[data-line="email"]').wait_for()
    assert apart(lambda: shape(wiring)) == (["manual", "email"], {"manual:out>email"})


def test_problems_are_shown_and_mended(page: Page, wiring: Wiring) -> None:
    broken: dict[str, Any] = {**WELCOME, "key": "broken"}
    broken["nodes"] = [{**each} for each in WELCOME["nodes"]]
    broken["nodes"][3] = {"id": "day", "type": "wait.delay", "config": {"durration": "1d"}}
    broken["edges"] = [*WELCOME["edges"], {"from": "nudge", "to": "nowhere"}]
    flows.import_flow(wiring, broken)
    open_canvas(page, "broken")
    page.click('[data-command="problems"]')
    expect(page.locator("#issues .faults li")).not_to_have_count(0)
    for name in ("Remove this edge", "Use what was meant"):
        page.locator("#issues").get_by_role("button", name=name).first.click()
        expect(page.locator("#issues").get_by_role("button", name=name)).to_have_count(0)
    expect(page.locator(".problems")).to_contain_text("No problems")
    assert settings(wiring, "day", "broken") == {"duration": "1d"}
