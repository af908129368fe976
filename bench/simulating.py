"""How long one waits for a simulation: ``python -m bench.simulating``, from the click until the result is shown.

The shipped trial flow, 2,000 contacts, 30 days, in Chromium; the first is what a server does that has just begun.
"""

import statistics
import sys
from typing import Final

from bench.canvas import new_page, opened
from bench.hands import contention, wait_for_quiet
from bench.rehearsing import FLOW, lent
from engine.api import flows

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
    found = []
    with opened(lambda wiring: flows.import_flow(wiring, lent(wiring)[1])) as (address, browser):
        page = new_page(browser)
        page.goto(f"{address}/flows/{FLOW}/simulation", wait_until="networkidle")
        for _ in range(TIMES):
            wait_for_quiet()
            found.append(page.evaluate(CLICK))
            page.reload(wait_until="networkidle")
    median = statistics.median(found)
    told = ", ".join(f"{each:.2f}" for each in found)
    print(f"shown after {median:.2f} s in the median of {told}; at most {SECONDS:g}; contention {contention():.2f}")
    return int(median > SECONDS)


if __name__ == "__main__":
    sys.exit(main())
