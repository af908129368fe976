"""No page has a serious or critical fault that axe-core finds: both themes, both languages."""

from typing import Any

import pytest
from playwright.sync_api import Page

from engine.wiring import Wiring
from tests.e2e.conftest import NewPage, apart
from tests.e2e.pages import OPENED, lived_in, paths
from tests.law.sources import ROOT

AXE = ROOT / "build" / "vendor" / "node_modules" / "axe-core" / "axe.min.js"
RUN = """(opened) => {
  const there = opened && document.querySelector(opened).closest('dialog, [popover], aside, #viewport');
  return axe.run(there || document, { resultTypes: ['violations'], iframes: false });
}"""
LOOKS = [("light", "en-US"), ("dark", "zh-CN")]


@pytest.fixture
def wiring(wiring: Wiring) -> Wiring:
    return apart(lambda: lived_in(wiring))


@pytest.mark.timeout(400)  # some forty pages and what opens on them: on a busy machine that takes its time
@pytest.mark.parametrize(("theme", "locale"), LOOKS)
def test_no_page_has_a_serious_fault(wiring: Wiring, new_page: NewPage, theme: str, locale: str) -> None:
    found = {}
    page = new_page(color_scheme=theme, locale=locale, reduced_motion="reduce")
    for name, path in paths(wiring).items():
        page.goto(path)
        found[name] = faults(page)
        for opener, there in OPENED.get(name, ()):
            page.locator(opener).first.click()
            page.locator(there).first.wait_for()
            found[f"{name} {opener}"] = faults(page, there)
    assert {name: told for name, told in found.items() if told} == {}


def test_a_fault_is_seen(wiring: Wiring, new_page: NewPage) -> None:
    page = new_page()
    page.goto("/contacts")
    page.evaluate("document.querySelector('#content').insertAdjacentHTML('beforeend', '<button></button>')")
    assert [fault.split(":")[0] for fault in faults(page)] == ["button-name"]


def faults(page: Page, opened: str = "") -> list[str]:
    """Name what axe-core finds on a page that is serious or critical; of what was opened only there."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE.read_text(encoding="utf-8"))
    told: dict[str, Any] = page.evaluate(RUN, opened)
    return [
        f"{each['id']}: {node['html'][:160]} {node.get('failureSummary', '')[:300]}"
        for each in told["violations"]
        if each["impact"] in ("serious", "critical")
        for node in each["nodes"][:6]
    ]
