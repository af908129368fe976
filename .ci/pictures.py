"""Take the pictures of README.md into docs/pictures, from a demo of a few hundred contacts. `make pictures`."""

import sys
import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Final, Literal, TypeAlias

from playwright.sync_api import Page, ViewportSize, sync_playwright

from engine.api import workspaces
from engine.api.demo import Demo
from engine.api.documents import read_shipped
from engine.clock import FastClock, FixedClock, RealClock
from engine.terms import HOUR
from engine.wiring import Wiring, open_database, with_clock
from tests.support import chromium
from tests.support.engines import engine_on, settle
from tests.support.serving import served

ROOT: Final = Path(__file__).resolve().parent.parent
FOLDER: Final = ROOT / "docs" / "pictures"
CONTACTS: Final = 300
DAYS: Final = 9
PATIENCE: Final = 30_000
Picture: TypeAlias = tuple[str, Literal["light", "dark"], str, Callable[[Page, str], None]]
"""A picture's name, theme and language, and how to come to what it shows."""

SIZE: Final = ViewportSize(width=1400, height=750)
SCALE: Final = 0.75
"""So much smaller are the pictures than the pages: each stays below 150 kB."""
HOURS: Final = 6
FLOW: Final = "trial-day1-8"


def main() -> int:
    """Let a demo live for some days, serve it as it stands then, and take the pictures."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, closing(open_database(f"sqlite:///{folder}/demo.db")) as store:
        wiring = lived(engine_on(store))
        with sync_playwright() as playwright, served(wiring) as address:
            browser = playwright.chromium.launch(executable_path=chromium.find(), args=list(chromium.SWITCHES))
            for name, theme, locale, visit in PICTURES:
                context = browser.new_context(
                    viewport=SIZE, device_scale_factor=SCALE, color_scheme=theme, locale=locale, reduced_motion="reduce"
                )
                page = context.new_page()
                page.set_default_timeout(PATIENCE)
                visit(page, address)
                page.screenshot(path=FOLDER / f"{name}.png")
                context.close()
            browser.close()
    return 0


def lived(wiring: Wiring) -> Wiring:
    """Let a demo's days go by, a few hours at a time."""
    workspaces.change_workspace(wiring, settings={"frequency_cap": {"messages": 6, "per": "7d", "on_excess": "skip"}})
    sample = Demo.begin(wiring, read_shipped(ROOT / "flows"), CONTACTS, speed=1)
    start = sample.now
    for hours in range(0, DAYS * 24 + 1, HOURS):
        # A clock of speed 0 stands.
        sample.clock = FastClock(start + hours * HOUR, RealClock().micros(), 0)
        wiring = with_clock(wiring, sample.clock)
        sample.go_on(wiring)
        settle(wiring)
    return with_clock(wiring, FixedClock(sample.now))


def flows(page: Page, address: str) -> None:
    page.goto(address)


def canvas(page: Page, address: str) -> None:
    page.goto(f"{address}/flows/{FLOW}/canvas")
    page.wait_for_selector("#canvas-page[data-ready]")
    page.click("#n-day2_split")
    page.wait_for_selector('.node-panel[data-node="day2_split"]')


def simulation(page: Page, address: str) -> None:
    page.goto(f"{address}/flows/{FLOW}/simulation")
    page.wait_for_selector("#canvas-page[data-ready]")
    page.fill("#contacts", "300")
    page.click(".run")
    page.locator("#simulated").wait_for()


def contact(page: Page, address: str) -> None:
    page.goto(f"{address}/contacts")
    page.locator("tbody a.main").nth(4).click()
    page.wait_for_load_state("load")


PICTURES: Final[tuple[Picture, ...]] = (
    ("flows", "light", "en-US", flows),
    ("canvas", "dark", "zh-CN", canvas),
    ("simulation", "light", "en-US", simulation),
    ("contact", "light", "en-US", contact),
)


if __name__ == "__main__":
    sys.exit(main())
