"""What a hand does on a drawing in Chromium, and what that costs the page: frames, and the main thread's work."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from playwright.sync_api import Browser, CDPSession, Page

from bench.samples import quantile

SECONDS: Final = 2.0
BUSY: Final = 1.3
"""On a machine more contended than this, frame times say nothing."""

FRAMES: Final = """() => { window.frames_seen = []; let last = performance.now();
const step = (now) => { window.frames_seen.push(now - last); last = now; window.frame = requestAnimationFrame(step); };
window.frame = requestAnimationFrame(step); }"""
SEEN: Final = "() => { cancelAnimationFrame(window.frame); return window.frames_seen; }"


@dataclass(frozen=True)
class Cost:
    """What a gesture cost: the 95th percentile of frames, and per frame the main thread's work and script, in ms."""

    p95: float
    work: float
    script: float


def contention() -> float:
    """Tell how much longer than its own work a loop takes: 1 on a quiet machine."""
    began, worked = time.perf_counter(), time.process_time()
    while time.process_time() - worked < 0.03:
        pass
    return (time.perf_counter() - began) / (time.process_time() - worked)


def wait_for_quiet(seconds: float = 10.0) -> float:
    """Wait until nothing else uses the machine, but not for ever; tell how contended it is."""
    end = time.monotonic() + seconds
    while (found := contention()) > BUSY and time.monotonic() < end:
        time.sleep(0.5)
    return found


class Hand:
    """A hand on a page that shows a drawing: the same gestures whoever drew it."""

    def __init__(self, page: Page, card: str) -> None:
        self.page, self.card = page, card
        self.session: CDPSession = page.context.new_cdp_session(page)
        self.session.send("Performance.enable", {"timeDomain": "threadTicks"})

    def costs(self) -> Mapping[str, Cost]:
        """Pan, drag a node, and zoom out and in at the wheel."""
        return {name: self._while(act) for name, act in self.gestures().items()}

    def choose(self) -> None:
        """Choose the node, so that what choosing costs is not counted with what is done to it."""
        self.page.mouse.click(*self._grip())
        self.page.wait_for_timeout(500)

    def gestures(self) -> dict[str, Callable[[], None]]:
        """Name the gestures."""
        return {"pan": self._pan, "drag": self._drag, "zoom": self._zoom}

    def metric(self, name: str) -> float:
        """Read one of the browser's own figures."""
        metrics = self.session.send("Performance.getMetrics")["metrics"]
        return float(next(each["value"] for each in metrics if each["name"] == name))

    def _while(self, act: Callable[[], None]) -> Cost:
        wait_for_quiet()
        work, script = self.metric("TaskDuration"), self.metric("ScriptDuration")
        self.page.evaluate(FRAMES)
        act()
        frames: list[float] = self.page.evaluate(SEEN)
        count = max(1, len(frames))
        return Cost(
            quantile(frames, 0.95),
            (self.metric("TaskDuration") - work) * 1000 / count,
            (self.metric("ScriptDuration") - script) * 1000 / count,
        )

    def _pan(self) -> None:
        self._circle((900, 700), "middle")

    def _drag(self) -> None:
        self._circle(self._grip(), "left")

    def _grip(self) -> tuple[float, float]:
        """Where a hand takes the node: beside its ports."""
        box = self.page.locator(self.card).bounding_box()
        assert box is not None
        return box["x"] + box["width"] * 0.3, box["y"] + box["height"] / 2

    def _circle(self, start: tuple[float, float], button: Any) -> None:
        mouse = self.page.mouse
        mouse.move(*start)
        mouse.down(button=button)
        for turn in _turns():
            mouse.move(start[0] + 150 * ((turn % 40) - 20) / 20, start[1] + 100 * ((turn % 30) - 15) / 15)
        mouse.move(*start)  # the next gesture finds everything where it was
        mouse.up(button=button)

    def _zoom(self) -> None:
        """Turn the wheel with Ctrl, out to a quarter and in again."""
        self.page.mouse.move(700, 450)
        self.page.keyboard.down("Control")
        for turn in _turns():
            self.page.mouse.wheel(0, 24 if turn % 40 < 20 else -24)
        self.page.keyboard.up("Control")


def layerize(browser: Browser, page: Page, act: Callable[[], None]) -> float:
    """Tell how long Chromium cuts a page into layers per frame while something is done, in ms."""
    browser.start_tracing(page=page, categories=["devtools.timeline", "disabled-by-default-devtools.timeline"])
    page.evaluate(FRAMES)
    act()
    frames = len(page.evaluate(SEEN))
    events = json.loads(browser.stop_tracing())["traceEvents"]
    spent = sum(int(each.get("dur", 0)) for each in events if each["name"] == "Layerize")
    return spent / 1000 / max(1, frames)


def _turns() -> Any:
    end, turn = time.perf_counter() + SECONDS, 0
    while time.perf_counter() < end:
        turn += 1
        yield turn
