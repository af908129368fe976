"""On the narrowest screen that is promised no page has to be pushed sideways, and no table loses a column."""

import pytest
from playwright.sync_api import Page

from engine.wiring import Wiring
from tests.e2e.conftest import NewPage, apart
from tests.e2e.pages import lived_in, paths
from tests.support.engines import add_contacts, happen, settle

NARROW = {"width": 1024, "height": 800}
WIDER = """() => [
  ...[document.documentElement.scrollWidth].filter((width) => width > innerWidth).map((width) => `all: ${width} px`),
  ...[...document.querySelectorAll('table')]
    .filter((each) => each.getClientRects().length && each.scrollWidth > each.parentElement.clientWidth + 1)
    .map((each) => `a table: ${each.scrollWidth} px in ${each.parentElement.clientWidth}`),
]"""


@pytest.fixture
def wiring(wiring: Wiring) -> Wiring:
    return apart(lambda: _told_at_length(lived_in(wiring)))


def _told_at_length(wiring: Wiring) -> Wiring:
    """Let contacts come whose facts are as long as many people's are."""
    add_contacts(
        wiring, "c00015", "c00016", email="thiago.almeida1003@example.org", attributes={"name": "Ruby Campbell"},
        stage="subscribed", timezone="America/Los_Angeles",
    )  # fmt: skip
    for key in ("c00015", "c00016"):
        happen(wiring, key, "signed_up")
    settle(wiring)
    return wiring


@pytest.mark.timeout(300)  # some forty pages
@pytest.mark.parametrize("locale", ["en-US", "zh-CN"])
def test_every_page_fits_a_narrow_screen(wiring: Wiring, new_page: NewPage, locale: str) -> None:
    page = new_page(locale=locale, viewport=NARROW)
    found = {}
    for name, path in paths(wiring).items():
        page.goto(path)
        found[name] = wider(page)
    assert {name: told for name, told in found.items() if told} == {}


def test_what_does_not_fit_is_seen(new_page: NewPage) -> None:
    page = new_page(viewport=NARROW)
    page.goto("/contacts")
    page.evaluate("document.querySelector('table td').textContent = 'x'.repeat(200)")
    assert [told.split(":")[0] for told in wider(page)] == ["a table"]


def wider(page: Page) -> list[str]:
    """Name what is wider than its place."""
    found: list[str] = page.evaluate(WIDER)
    return found
