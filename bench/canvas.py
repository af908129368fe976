"""Measure the canvas in Chromium, at 50, 200, 500 and 1,000 nodes, beside React Flow: ``python -m bench.canvas``.

Frames and the main thread's work while a hand moves things, a command's round trip, first paint, bytes.
"""

import argparse
import statistics
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Browser, Page, sync_playwright

from bench import canvas_page, react_flow
from bench.hands import Hand, layerize
from designer.rendering.renderer import JinjaRenderer
from engine.api import drawing, flows
from engine.collector import calm_collector
from engine.settings import Settings
from engine.wiring import Wiring, connect
from tests.support import chromium
from tests.support.serving import served

MOST: Final = {
    "cpu per frame ms": 6.0,
    "layerize per frame ms": 5.0,
    "round trip p95 ms": 100.0,
    "another's screen p95 ms": 150.0,
    "first paint s": 1.0,
    "usable s": 1.5,
    "page p50 ms": 40.0,
    "tidy ms": 60.0,
    "200 counts a second, % of a core": 20.0,
    "document kB": 60.0,
    "js kB": 60.0,
    "css kB": 16.0,
    "heap MB": 25.0,
    "requests": 20.0,
}
"""The second number of each budget of the design: over it, the run fails."""

BUDGETED: Final = 500
"""Budgets are those of a flow of so many nodes; a bigger one is measured and judged by nothing."""

GESTURES: Final = ("pan", "drag", "zoom")


def flow_of(count: int) -> dict[str, Any]:
    """Make a flow of so many nodes: mails, waits and branches by turns."""
    nodes: list[dict[str, Any]] = [{"id": "start", "type": "trigger.manual"}]
    edges: list[dict[str, Any]] = []
    ways = [("start", "out")]
    kinds: tuple[tuple[str, dict[str, Any], tuple[str, ...]], ...] = (
        ("send.email", {"subject": "Hello", "text": "Hello"}, ("out",)),
        ("wait.delay", {"duration": "1d"}, ("out",)),
        ("branch.rule", {"cases": [{"port": "yes", "when": {"tag": "vip"}}]}, ("yes", "else")),
    )
    while len(nodes) < count:
        kind, config, ports = kinds[len(nodes) % 3]
        name = f"n{len(nodes)}"
        source, port = ways.pop(0)
        nodes.append({"id": name, "type": kind, "config": config})
        edges.append({"from": source, "port": port, "to": name})
        ways += [(name, each) for each in ports]
    return {"dripline": 1, "key": "big", "name": "Big", "nodes": nodes, "edges": edges}


def main() -> int:
    """Measure; 1 when a figure is worse than what fails."""
    parser = argparse.ArgumentParser(prog="bench.canvas", description="Measure the canvas in Chromium.")
    parser.add_argument("--nodes", type=int, action="append", help="how many nodes (50, 200, 500, 1000)")
    parser.add_argument("--repeat", type=int, default=3, help="how often; the median counts (3)")
    parser.add_argument("--alone", action="store_true", help="without React Flow beside it")
    asked = parser.parse_args()
    if not asked.alone:
        react_flow.install()
    passed = True
    for count in asked.nodes or (50, 200, 500, 1000):
        runs = [measure(count, is_alone=asked.alone) for _ in range(asked.repeat)]
        told = [
            {name: statistics.median(run[side][name] for run in runs) for name in runs[0][side]}
            for side in range(len(runs[0]))
        ]
        print(f"\n{count} nodes")
        for name in told[0]:
            beside = "".join(f"{each[name]:10.1f}" if name in each else f"{'':10}" for each in told[1:])
            print(f"  {name:34}{told[0][name]:10.1f}{beside}{_judged(name, count, told[0][name])}")
        passed &= count > BUDGETED or all(told[0][name] <= most for name, most in MOST.items())
    return 0 if passed else 1


def _judged(name: str, count: int, value: float) -> str:
    if name not in MOST or count > BUDGETED:
        return ""
    return f"    at most {MOST[name]:g}: {'kept' if value <= MOST[name] else 'MISSED'}"


def measure(count: int, *, is_alone: bool) -> list[dict[str, float]]:
    """Open a flow of so many nodes and move things about; the same graph with React Flow right after."""
    with opened(lambda wiring: _draw(wiring, count)) as (address, browser):
        # Whoever opens a canvas comes from the list of flows: what a server does for its first page only is done then.
        urllib.request.urlopen(f"{address}/").read()  # noqa: S310 - our own server
        page = new_page(browser)
        ours = _looked_at(page, f"{address}/flows/big/canvas", "#canvas-page[data-ready]")
        graph = react_flow.read_graph(page)
        hand = Hand(page, "#n-n1")
        ours |= _gestures(browser, hand)
        ours |= canvas_page.measure(page, browser, address, flow_of(count))
        ours["heap MB"] = _heap(hand)
        page.close()
        if is_alone:
            return [ours]
        with react_flow.served(graph) as other:
            page = new_page(browser)
            theirs = _looked_at(page, other, "[data-ready]")
            hand = Hand(page, react_flow.CARD)
            theirs |= _gestures(browser, hand)
            theirs["heap MB"] = _heap(hand)
            return [ours, theirs]


def _draw(wiring: Wiring, count: int) -> None:
    flows.import_flow(wiring, flow_of(count))
    drawing.act(wiring, "big", "tidy", {}, drawing.Hand("bench"))


@contextmanager
def opened(fill: Callable[[Wiring], object]) -> Iterator[tuple[str, Browser]]:
    """Fill a database of its own and serve it; give the address, and a browser."""
    with tempfile.TemporaryDirectory(prefix="dripline-canvas-") as folder:
        wiring = connect(Settings(db=f"sqlite:///{Path(folder) / 'canvas.db'}"), JinjaRenderer())
        fill(wiring)
        calm_collector()  # as dripline serve does
        with served(wiring) as address, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium.find(), args=list(chromium.SWITCHES))
            try:
                yield address, browser
            finally:
                browser.close()
                wiring.store.close()


def new_page(browser: Browser) -> Page:
    """Open a page as large as a laptop's screen."""
    return browser.new_page(viewport={"width": 1440, "height": 900})


def _looked_at(page: Page, address: str, ready: str) -> dict[str, float]:
    began = time.perf_counter()
    page.goto(address)
    page.wait_for_selector(ready)
    usable = time.perf_counter() - began
    paint = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0") / 1000
    return {"first paint s": paint, "usable s": usable, **canvas_page.weigh(page)}


def _gestures(browser: Browser, hand: Hand) -> dict[str, float]:
    """Move things about; what is traced comes first, for zooming leaves another view behind."""
    hand.choose()
    acts = hand.gestures()
    told = {"layerize per frame ms": max(layerize(browser, hand.page, acts[name]) for name in ("pan", "drag"))}
    costs: Mapping[str, Any] = hand.costs()
    told |= {f"{name} p95 ms": costs[name].p95 for name in GESTURES}
    told |= {f"{name} script ms": costs[name].script for name in GESTURES}
    return {**told, "cpu per frame ms": max(costs["pan"].work, costs["drag"].work)}


def _heap(hand: Hand) -> float:
    hand.session.send("HeapProfiler.collectGarbage")
    return hand.metric("JSHeapUsedSize") / 1e6


if __name__ == "__main__":
    sys.exit(main())
