"""Measure the canvas in Chromium, at 50, 200 and 500 nodes: ``python -m bench.canvas``.

Frames and the main thread's work while a hand moves things, a command's round trip, first paint, bytes of JavaScript.
"""

import argparse
import gc
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import CDPSession, Page, sync_playwright

from designer.rendering.renderer import JinjaRenderer
from engine.api import flows
from engine.settings import Settings
from engine.wiring import connect
from tests.support import chromium
from tests.support.serving import served

SECONDS: Final = 2.0
FAIL: Final = {
    "cpu per frame ms": 6.0,
    "round trip p95 ms": 100.0,
    "first paint s": 1.0,
    "usable s": 1.5,
    "js kB": 60.0,
}
FRAMES: Final = """() => { window.frames_seen = []; let last = performance.now();
const step = (now) => { window.frames_seen.push(now - last); last = now; window.frame = requestAnimationFrame(step); };
window.frame = requestAnimationFrame(step); }"""


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
    parser.add_argument("--nodes", type=int, action="append", help="how many nodes (50, 200, 500)")
    parser.add_argument("--repeat", type=int, default=3, help="how often; the median counts (3)")
    asked = parser.parse_args()
    passed = True
    for count in asked.nodes or (50, 200, 500):
        runs = [measure(count) for _ in range(asked.repeat)]
        told = {name: statistics.median(run[name] for run in runs) for name in runs[0]}
        print(f"{count:4} nodes  " + " · ".join(f"{name} {value:.1f}" for name, value in told.items()))
        passed &= all(told[name] <= most for name, most in FAIL.items())
    return 0 if passed else 1


def measure(count: int) -> dict[str, float]:
    """Open a flow of so many nodes and move things about."""
    with tempfile.TemporaryDirectory(prefix="dripline-canvas-") as folder:
        wiring = connect(Settings(db=f"sqlite:///{Path(folder) / 'canvas.db'}"), JinjaRenderer())
        flows.import_flow(wiring, flow_of(count))
        gc.collect()
        gc.freeze()  # as dripline serve does
        with served(wiring) as address, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium.find(), args=list(chromium.SWITCHES))
            page = browser.new_page(viewport={"width": 1440, "height": 900})
            try:
                return _measure(page, address)
            finally:
                browser.close()
                wiring.store.close()


def _measure(page: Page, address: str) -> dict[str, float]:
    began = time.perf_counter()
    page.goto(f"{address}/flows/big/canvas")
    page.wait_for_selector("#canvas-page[data-ready]")
    usable = time.perf_counter() - began
    paint = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0") / 1000
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})
    pan, pan_p95 = _while(page, session, lambda: _circle(page, (900, 700), "middle"))
    card = page.locator("#n-n1").bounding_box()
    assert card is not None
    drag, drag_p95 = _while(page, session, lambda: _circle(page, (card["x"] + 60, card["y"] + 20), "left"))
    trips = _trips(page)
    return {
        "pan p95 ms": pan_p95,
        "drag p95 ms": drag_p95,
        "cpu per frame ms": max(pan, drag),
        "round trip p50 ms": statistics.median(trips),
        "round trip p95 ms": sorted(trips)[int(len(trips) * 0.95) - 1],
        "first paint s": paint,
        "usable s": usable,
        "js kB": _zipped(page),
    }


def _while(page: Page, session: CDPSession, act: Callable[[], None]) -> tuple[float, float]:
    """Give the main thread's work per frame and the 95th percentile of frames, while something is done."""
    before = _task_time(session)
    page.evaluate(FRAMES)
    act()
    frames: list[float] = page.evaluate("() => { cancelAnimationFrame(window.frame); return window.frames_seen; }")
    work = (_task_time(session) - before) * 1000
    return work / max(1, len(frames)), sorted(frames)[int(len(frames) * 0.95) - 1]


def _task_time(session: CDPSession) -> float:
    metrics = session.send("Performance.getMetrics")["metrics"]
    return float(next(each["value"] for each in metrics if each["name"] == "TaskDuration"))


def _circle(page: Page, start: tuple[float, float], button: Any) -> None:
    page.mouse.move(*start)
    page.mouse.down(button=button)
    end, turn = time.perf_counter() + SECONDS, 0
    while time.perf_counter() < end:
        turn += 1
        page.mouse.move(start[0] + 150 * ((turn % 40) - 20) / 20, start[1] + 100 * ((turn % 30) - 15) / 15)
    page.mouse.up(button=button)


def _trips(page: Page) -> list[float]:
    """Change a setting again and again, and wait until the page shows it."""
    found: list[float] = page.evaluate(
        """async () => { const times = []; const { Sender } = await import('/static/canvas/send.js');
        const sender = new Sender(document.getElementById('canvas-page'));
        sender.revision = Number(document.getElementById('revision').dataset.rev);
        for (let n = 1; n <= 40; n++) { const began = performance.now();
          await sender.send('rename', { id: 'n1', name: `Name ${n}` }); times.push(performance.now() - began); }
        return times; }"""
    )
    return found


def _zipped(page: Page) -> float:
    """Give the JavaScript of the page in kB, zipped file by file."""
    sizes: list[float] = page.evaluate(
        """async () => { const names = performance.getEntriesByType('resource').map((e) => e.name);
        const zipped = async (name) => {
          const body = (await fetch(name)).body.pipeThrough(new CompressionStream('gzip'));
          return (await new Response(body).blob()).size; };
        return Promise.all(names.filter((name) => name.endsWith('.js')).map(zipped)); }"""
    )
    return sum(sizes) / 1000


if __name__ == "__main__":
    sys.exit(main())
