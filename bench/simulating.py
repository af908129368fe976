"""How long one waits for a simulation: ``python -m bench.simulating``, from the click until the result is shown.

The shipped trial flow, 2,000 contacts, 30 days, in Chromium; the first is what a server does that has just begun.
"""

import statistics
import sys
import tempfile
from pathlib import Path
from typing import Final

from playwright.sync_api import sync_playwright

from bench.hands import contention, wait_for_quiet
from bench.rehearsing import FLOW
from designer.app import calm_collector
from designer.rendering.renderer import JinjaRenderer
from engine.api import documents, flows
from engine.settings import Settings
from engine.wiring import connect
from tests.law.sources import ROOT
from tests.support import chromium
from tests.support.serving import served

TIMES: Final = 7
SECONDS: Final = 3.0
CLICK: Final = """() => new Promise((done) => {
  const began = performance.now();
  new MutationObserver((_, watch) => {
    if (!document.querySelector('#simulated')) return;
    watch.disconnect();
    requestAnimationFrame(() => done((performance.now() - began) / 1000));
  }).observe(document.body, { childList: true, subtree: true });
  document.querySelector('button.run').click(); })"""


def main() -> int:
    """Measure; 1 when the median is over what it may take."""
    with tempfile.TemporaryDirectory(prefix="dripline-simulating-") as folder, sync_playwright() as playwright:
        wiring = connect(Settings(db=f"sqlite:///{Path(folder) / 'simulating.db'}"), JinjaRenderer())
        shipped = documents.read_shipped(ROOT / "flows")
        flows.import_flow(wiring, documents.find_document(wiring, shipped, FLOW))
        documents.lend_templates(wiring, shipped, FLOW)
        calm_collector()  # as dripline serve does
        with served(wiring) as address:
            browser = playwright.chromium.launch(executable_path=chromium.find(), args=list(chromium.SWITCHES))
            page = browser.new_page(viewport={"width": 1440, "height": 900})
            page.goto(f"{address}/flows/{FLOW}/simulation", wait_until="networkidle")
            found = []
            for _ in range(TIMES):
                wait_for_quiet()
                found.append(page.evaluate(CLICK))
                page.reload(wait_until="networkidle")
            browser.close()
        wiring.store.close()
    median = statistics.median(found)
    told = ", ".join(f"{each:.2f}" for each in found)
    print(f"shown after {median:.2f} s in the median of {told}; at most {SECONDS:g}; contention {contention():.2f}")
    return int(median > SECONDS)


if __name__ == "__main__":
    sys.exit(main())
