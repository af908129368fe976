"""Take pictures of every page into build/shots: two languages, light and dark, 1440 and 1024 pixels wide.

What is opened on a page, such as the review of a flow, has a number behind the page's name.

`make shots` takes all; `make shots ARGS="flows contacts"` those pages only.
"""

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from itertools import product
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from engine.access.rights import Role
from engine.api import users
from engine.clock import RealClock
from engine.wiring import Wiring, open_database
from tests.e2e.pages import OPENED, lived_in, paths
from tests.support import chromium
from tests.support.browser import let_in
from tests.support.engines import engine_on
from tests.support.serving import served

FOLDER = Path(__file__).resolve().parent.parent / "build" / "shots"
LOOKS = tuple(product((("en", "en-US"), ("zh", "zh-CN")), ("light", "dark"), (1440, 1024)))


def main(wanted: list[str]) -> int:
    """Make a small world, serve it, and take the pictures."""
    if not wanted:
        shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, closing(open_database(f"sqlite:///{folder}/shots.db")) as store:
        world = lived_in(engine_on(store))
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium.find(), args=list(chromium.SWITCHES))
            with served(world) as inside, served(world, is_demo=False) as outside:
                places = [(name, inside + path) for name, path in paths(world).items()]
                places += [(name, outside + path) for name, path in doors(world).items()]
                taken = [take(browser, place, wanted) for place in places]
            browser.close()
    print(f"{sum(taken)} pictures in {FOLDER}")
    return 0


def doors(wiring: Wiring) -> dict[str, str]:
    """Name the pages that are seen from outside."""
    let_in(wiring)
    word = users.invite_user(wiring, RealClock(), "new@example.com", "Noa", Role.EDITOR)
    return {"sign-in": "/sign-in", "invitation": f"/invitation/{word}"}


def take(browser: Browser, place: tuple[str, str], wanted: list[str]) -> int:
    """Take all pictures of a page; tell how many."""
    name, address = place
    return sum(shoot(browser, name, address, look) for look in looks(name, wanted))


def looks(name: str, wanted: list[str]) -> Iterator[tuple[tuple[str, str], str, int]]:
    """Name the looks of a page that were asked for."""
    yield from LOOKS if not wanted or name in wanted else ()


def shoot(browser: Browser, name: str, address: str, look: tuple[tuple[str, str], str, int]) -> int:
    """Take one picture."""
    (tag, locale), theme, width = look
    context = browser.new_context(
        locale=locale,
        color_scheme="dark" if theme == "dark" else "light",
        viewport={"width": width, "height": 900},
        reduced_motion="reduce",
    )
    page = context.new_page()
    page.goto(address)
    # A canvas always has a stream open; a message's preview comes after its page.
    page.wait_for_load_state("networkidle" if name.startswith("message") else "load")
    look_at = f"{tag}-{theme}-{width}.png"
    page.screenshot(path=FOLDER / f"{name}-{look_at}")
    opened = OPENED.get(name, ())
    for number, (opener, there) in enumerate(opened, start=1):
        page.locator(opener).first.click()
        page.locator(there).first.wait_for()
        page.screenshot(path=FOLDER / f"{name}.{number}-{look_at}")
    context.close()
    return 1 + len(opened)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
