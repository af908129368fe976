"""What tests do on a canvas, as a person would."""

from typing import Any

from playwright.sync_api import Locator, Page, expect

from engine.api import flows
from engine.wiring import Wiring

EMPTY: dict[str, Any] = {"dripline": 1, "key": "drip", "name": "Drip", "nodes": [], "edges": []}


def draft(wiring: Wiring, key: str = "drip") -> dict[str, Any]:
    """Give the draft as it is stored."""
    return flows.export_flow(wiring, key)


def shape(wiring: Wiring, key: str = "drip") -> tuple[list[str], set[str]]:
    """Give the ids of a draft's nodes and its edges, like ``a:out>b``."""
    raw = draft(wiring, key)
    edges = {f"{each['from']}:{each.get('port', 'out')}>{each['to']}" for each in raw["edges"]}
    return [each["id"] for each in raw["nodes"]], edges


def settings(wiring: Wiring, name: str, key: str = "drip") -> dict[str, Any]:
    """Give a node's settings in the draft."""
    node = next(each for each in draft(wiring, key)["nodes"] if each["id"] == name)
    found: dict[str, Any] = node.get("config", {})
    return found


def open_canvas(page: Page, key: str = "drip") -> Page:
    """Open a canvas and wait until the hand works."""
    page.goto(f"/flows/{key}/canvas")
    page.wait_for_selector("#canvas-page[data-ready]")
    return page


def card(page: Page, name: str) -> Locator:
    """Find a node's card."""
    return page.locator(f"#n-{name}")


def middle(place: Locator) -> tuple[float, float]:
    """Say where the middle of an element is."""
    place.wait_for(state="attached")
    box = place.bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def stands(place: Locator, x: float, y: float, within: float = 0.5) -> None:
    """Wait until the middle of an element is at a point of the window."""
    place.page.wait_for_function(
        """([element, x, y, within]) => {
          const box = element.getBoundingClientRect();
          const far = Math.max(Math.abs(box.x + box.width / 2 - x), Math.abs(box.y + box.height / 2 - y));
          return far <= within;
        }""",
        arg=[place.element_handle(), x, y, within],
    )


def drag(page: Page, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Drag by the mouse, not in one leap."""
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move((start[0] + end[0]) / 2, (start[1] + end[1]) / 2, steps=3)
    page.mouse.move(*end, steps=3)
    page.mouse.up()


def drag_type(page: Page, kind: str, end: tuple[float, float]) -> None:
    """Drag a node type out of the palette."""
    drag(page, middle(page.locator(f'.type[data-type="{kind}"]')), end)


def edge(page: Page, source: str, target: str) -> Locator:
    """Find the line between two nodes."""
    return page.locator(f'#edges .e[data-from="{source}"][data-to="{target}"]')


def field(page: Page, name: str) -> Locator:
    """Find the main input of a setting in the inspector."""
    return page.locator(f"#setting-{name}").locator("input:visible, textarea:visible").first


def fill(page: Page, name: str, words: str, wait: bool = True) -> None:
    """Write into a setting and wait until the draft has it."""
    place = field(page, name)
    place.wait_for(state="attached")
    before = page.locator("#revision").get_attribute("data-rev")
    place.fill(words)
    place.press("Tab")
    if wait:
        expect(page.locator("#revision")).not_to_have_attribute("data-rev", before or "")


def choose(page: Page, name: str) -> None:
    """Click a node and wait for its settings."""
    card(page, name).locator(".card-face").click()
    page.locator(f'#inspector [data-node="{name}"]').wait_for()


def ids(page: Page) -> list[str]:
    """Name the nodes that the page shows."""
    found: list[str] = page.evaluate("[...document.querySelectorAll('#cards > .n')].map((n) => n.dataset.id)")
    return found


def along(line: Locator, share: float = 0.5) -> tuple[float, float]:
    """Say where a point on an edge is in the window."""
    line.wait_for(state="attached")
    found: list[float] = line.evaluate(
        """(edge, share) => {
          const path = edge.lastElementChild;
          const point = path.getPointAtLength(path.getTotalLength() * share).matrixTransform(path.getScreenCTM());
          return [point.x, point.y];
        }""",
        share,
    )
    return found[0], found[1]
