"""What people do around the canvas: sign in, choose language and theme, begin, import; and what a viewer may not."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from engine.access.rights import Role
from engine.api import flows, users
from engine.clock import RealClock
from engine.wiring import Wiring
from tests.e2e.conftest import apart, opened
from tests.e2e.pages import lived_in
from tests.support.browser import let_in
from tests.support.engines import WELCOME
from tests.support.serving import served

PASSWORD = "four words are enough"
BROKEN: dict[str, Any] = {**WELCOME, "key": "broken", "nodes": [*WELCOME["nodes"], {"id": "odd", "type": "no.such"}]}

DROP = """
([name, text]) => {
  const carrier = new DataTransfer();
  carrier.items.add(new File([text], name, { type: "application/json" }));
  for (const kind of ["dragenter", "dragover", "drop"])
    document.body.dispatchEvent(new DragEvent(kind, { dataTransfer: carrier, bubbles: true, cancelable: true }));
}
"""
PASTE = """
(text) => {
  const carrier = new DataTransfer();
  carrier.setData("text/plain", text);
  document.body.dispatchEvent(new ClipboardEvent("paste", { clipboardData: carrier, bubbles: true }));
}
"""


@pytest.fixture
def wiring(wiring: Wiring) -> Wiring:
    return apart(lambda: lived_in(wiring))


@pytest.fixture
def outside(browser: Browser, wiring: Wiring) -> Iterator[Page]:
    """Give a page of a server that knows nobody by itself."""
    with served(wiring, is_demo=False) as address, opened(browser, address) as page:
        yield page


def test_from_the_first_visit_to_an_invited_viewer(outside: Page, wiring: Wiring) -> None:
    page = outside
    page.goto("/contacts")
    page.get_by_label("Your name").fill("Ada")
    page.get_by_label("Email").fill("ada@example.com")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Begin").click()
    expect(page.get_by_role("heading", name="Flows", level=1)).to_be_visible()

    page.goto("/settings/users")
    page.get_by_label("Name").fill("Vic")
    page.get_by_label("Email").fill("vic@example.com")
    page.get_by_label("Viewer").check()
    page.get_by_role("button", name="Make an invitation").click()
    link = page.locator(".secret").inner_text()
    page.locator(".me").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()

    page.goto(link)
    page.get_by_label("Password").fill("another four words")
    page.get_by_role("button", name="Begin").click()
    expect(page.get_by_role("heading", name="Flows", level=1)).to_be_visible()
    expect(page.get_by_role("link", name="Settings")).to_have_count(0)
    assert [user.name for user in users.list_users(wiring)] == ["Ada", "Vic"]


def test_a_viewer_sees_everything_and_can_change_nothing(browser: Browser, wiring: Wiring) -> None:
    with served(wiring, is_demo=False) as address, opened(browser, address) as page:
        cookie = let_in(wiring, Role.VIEWER, RealClock())
        page.context.add_cookies([{"name": "dripline_session", "value": cookie, "url": address}])
        page.goto("/")
        expect(page.get_by_role("heading", name="Welcome")).to_be_visible()
        expect(page.get_by_role("button", name="New flow")).to_have_count(0)
        page.keyboard.press("n")
        expect(page.locator("dialog[open]")).to_have_count(0)
        token = json.loads(page.evaluate("document.body.getAttribute('hx-headers:inherited')"))["X-CSRF-Token"]
        before = flows.export_flow(wiring, "welcome")
        for path, form in (
            ("/flows/welcome/gestures", {"kind": "delete", "ids": "hello", "base": "1", "hand": "x"}),
            ("/import/keep", {"document": json.dumps({**WELCOME, "name": "Mine"})}),
            ("/flows", {"name": "Mine"}),
        ):
            answer = page.request.post(address + path, form={**form, "csrf": token})
            assert answer.status == 403, path
        assert flows.export_flow(wiring, "welcome") == before


def test_language_and_theme_are_chosen_and_stay(page: Page) -> None:
    page.goto("/contacts")
    page.get_by_role("button", name="Demo").click()
    page.get_by_role("button", name="简体中文").click()
    expect(page.get_by_role("heading", name="联系人")).to_be_visible()
    page.get_by_role("button", name="Demo").click()
    page.get_by_role("button", name="深色").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    expect(page.locator("body")).to_have_css("background-color", "rgb(22, 25, 31)")
    page.goto("/")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    expect(page.locator("html")).to_have_attribute("lang", "zh-CN")


def test_a_new_flow_by_one_key(page: Page, wiring: Wiring) -> None:
    page.goto("/")
    page.keyboard.press("n")
    page.get_by_label("Name", exact=True).fill("Day 1 to Day 3")
    page.keyboard.press("Enter")
    page.wait_for_url("**/flows/day-1-to-day-3/canvas")
    assert flows.export_flow(wiring, "day-1-to-day-3")["nodes"] == []


def test_a_file_that_is_dropped_is_read_mended_and_kept(page: Page, wiring: Wiring) -> None:
    page.goto("/")
    page.evaluate(DROP, ["broken.json", json.dumps(BROKEN)])
    page.wait_for_url("**/import")
    expect(page.locator(".findings .error")).to_have_count(1)
    expect(page.locator(".findings")).to_contain_text("no.such")
    page.get_by_label("Or its text").fill(json.dumps({**WELCOME, "key": "broken"}))
    page.get_by_role("button", name="Look at it").click()
    expect(page.locator(".findings .error")).to_have_count(0)
    page.get_by_role("button", name="Keep as a draft").click()
    page.wait_for_url("**/flows/broken/canvas")
    assert flows.publish(wiring, "broken").number == 1


def test_text_that_is_pasted_is_read_and_both_flows_are_kept(page: Page, wiring: Wiring) -> None:
    page.goto("/")
    page.evaluate(PASTE, json.dumps(WELCOME))
    page.wait_for_url("**/import")
    expect(page.get_by_text("welcome-2")).to_be_visible()
    page.get_by_role("button", name="Keep as a draft").click()
    page.wait_for_url("**/flows/welcome-2/canvas")
    assert flows.export_flow(wiring, "welcome-2")["nodes"] == WELCOME["nodes"]


def test_what_is_exported_is_a_file(page: Page, wiring: Wiring, tmp_path: Path) -> None:
    page.goto("/")
    page.get_by_role("button", name="More for Welcome").click()
    with page.expect_download() as waiting:
        page.get_by_role("link", name="Export the draft").click()
    waiting.value.save_as(tmp_path / "file.json")
    assert waiting.value.suggested_filename == "welcome.flow.json"
    assert json.loads((tmp_path / "file.json").read_text(encoding="utf-8")) == flows.export_flow(wiring, "welcome")
