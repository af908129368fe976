"""What our canvas' page costs besides moving things: commands, another's screen, bytes, counters, the server's work."""

import statistics
import time
import urllib.request
from collections.abc import Mapping
from typing import Any, Final

from playwright.sync_api import Browser, Page

from bench.samples import quantile
from engine.contract.registry import installed
from engine.graph.document import read_document
from engine.graph.layout import tidy

TIMES: Final = 40
CHANGE: Final = """
  const change = (days) => new Promise((resolve) => {
    const field = document.querySelector('#setting-duration [name="v.n"]');
    field.value = days;
    document.addEventListener('htmx:after:swap', resolve, { once: true });
    field.dispatchEvent(new Event('change', { bubbles: true }));
  });
"""
"""What the page does when somebody sets the chosen wait to so many days; done when the answer is shown."""
TRIPS: Final = f"""async (times) => {{ {CHANGE}
  const found = [];
  for (let n = 1; n <= times; n++) {{
    const began = performance.now();
    await change(n + 1);
    found.push(performance.now() - began);
    await new Promise((resolve) => setTimeout(resolve, 60));
  }}
  return found;
}}"""
WATCH: Final = """() => { window.seen = {}; new MutationObserver(() => {
  const said = document.querySelector('#n-n1 .card-face b')?.textContent.match(/[0-9]+/)?.[0];
  window.seen[said] ??= performance.timeOrigin + performance.now();
}).observe(document.body, { subtree: true, childList: true, characterData: true }); }"""
SENT: Final = f"""async (times) => {{ {CHANGE}
  const found = {{}};
  for (let n = 1; n <= times; n++) {{
    found[n + 100] = performance.timeOrigin + performance.now();
    await change(n + 100);
    await new Promise((resolve) => setTimeout(resolve, 150));
  }}
  return found;
}}"""
WEIGH: Final = """async () => {
  const zipped = async (name) => {
    const body = (await fetch(name)).body.pipeThrough(new CompressionStream('gzip'));
    return (await new Response(body).blob()).size; };
  const names = performance.getEntriesByType('resource').map((each) => each.name);
  const sum = async (wanted) => (await Promise.all(wanted.map(zipped))).reduce((one, two) => one + two, 0) / 1000;
  const files = (end) => [...new Set(names.filter((name) => new URL(name).pathname.endsWith(end)))];
  const [js, css, page] = await Promise.all([sum(files('.js')), sum(files('.css')), sum([location.href])]);
  const requests = names.filter((name) => !name.includes('/stream')).length + 1;
  return { 'js kB': js, 'css kB': css, 'document kB': page, requests };
}"""
COUNTED: Final = 400
"""So many counters change with every look, which is every two seconds."""


def weigh(page: Page) -> dict[str, float]:
    """Give what a page is made of, in kB, zipped file by file; and how many requests brought it."""
    found: dict[str, float] = page.evaluate(WEIGH)
    return found


def measure(page: Page, browser: Browser, address: str, flow: Mapping[str, Any]) -> dict[str, float]:
    """Measure what a hand does not move."""
    # By its key: as far away as the wheel may have left it, its ports cover the middle of it.
    page.locator("#n-n1 .card-face").press("Enter")
    page.locator('#inspector [data-node="n1"]').wait_for()
    trips: list[float] = page.evaluate(TRIPS, TIMES)
    return {
        "round trip p50 ms": statistics.median(trips),
        "round trip p95 ms": quantile(trips, 0.95),
        "another's screen p95 ms": quantile(_seen(page, browser, address), 0.95),
        "page p50 ms": _page_time(address),
        "tidy ms": _tidy(flow),
        "200 counts a second, % of a core": _counters(page, flow),
    }


def _seen(page: Page, browser: Browser, address: str) -> list[float]:
    """Tell after how many ms another's page shows what this one does."""
    other = browser.new_page()
    other.goto(f"{address}/flows/big/canvas")
    other.wait_for_selector("#canvas-page[data-ready]")
    other.evaluate(WATCH)
    sent: dict[str, float] = page.evaluate(SENT, TIMES)
    other.wait_for_function("(last) => window.seen[last]", arg=str(TIMES + 100))
    seen: dict[str, float] = other.evaluate("window.seen")
    other.close()
    return [seen[name] - at for name, at in sent.items() if name in seen]


def _page_time(address: str) -> float:
    """Tell how many ms the server takes for the whole page, reading and checking the draft included."""
    times = []
    for _ in range(15):
        began = time.perf_counter()
        with urllib.request.urlopen(f"{address}/flows/big/canvas") as answer:  # noqa: S310 - our own server
            answer.read()
        times.append((time.perf_counter() - began) * 1000)
    return statistics.median(times)


def _tidy(flow: Mapping[str, Any]) -> float:
    document, _ = read_document(flow, installed())
    assert document is not None
    times = []
    for _ in range(5):
        began = time.perf_counter()
        tidy(document)
        times.append((time.perf_counter() - began) * 1000)
    return statistics.median(times)


def _counters(page: Page, flow: Mapping[str, Any]) -> float:
    """Tell how much of a core the page takes while 200 counters a second change."""
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})
    looks = 0

    def counts(route: Any) -> None:
        nonlocal looks
        looks += 1
        nodes = {each["id"]: f"{looks} here" for each in flow["nodes"][: COUNTED // 2]}
        edges = [[each["from"], each.get("port", "out"), each["to"], looks] for each in flow["edges"][: COUNTED // 2]]
        route.fulfill(json={"nodes": nodes, "tones": {}, "edges": edges})

    page.route("**/counts?*", counts)
    page.locator('[data-command="overlay"]').click()
    page.locator("#chips .chip").first.wait_for()
    before, began = _busy(session), time.perf_counter()
    page.wait_for_timeout(8_000)
    share = (_busy(session) - before) / (time.perf_counter() - began) * 100
    page.locator('[data-command="overlay"]').click()
    page.unroute("**/counts?*")
    return share


def _busy(session: Any) -> float:
    metrics = session.send("Performance.getMetrics")["metrics"]
    return float(next(each["value"] for each in metrics if each["name"] == "TaskDuration"))
