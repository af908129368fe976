"""What a browser is sent after a change: the elements that differ, and nothing else.

Every fragment is a whole element with the revision since which it is so; a browser drops what is older than what it
shows.
"""

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from fastapi import Request

from designer.canvas.scene import Card, Line, Scene
from designer.views import Pages

KEPT: Final = 64
"""So many scenes are remembered to compare with."""


@dataclass(frozen=True)
class Fragment:
    """One element to put into the page: where, how, and the card or line to draw, if any."""

    target: str
    swap: str
    card: Card | None = None
    line: Line | None = None


def fragments(before: Scene | None, after: Scene) -> Iterator[Fragment]:
    """Say how a page that shows one scene comes to show another; None is a page that shows none."""
    if before is None:
        yield Fragment("#world", "innerHTML")
        return
    yield from _of_lines(before, after)
    for name, card in after.cards.items():
        known = before.cards.get(name)
        if known is None:
            yield Fragment("#cards", "beforeend", card=card)
        elif known is not card and known != card:
            yield Fragment(f"#{card.dom}", "outerMorph", card=card)
    for name, card in before.cards.items():
        if name not in after.cards:
            yield Fragment(f"#{card.dom}", "delete")


def _of_lines(before: Scene, after: Scene) -> Iterator[Fragment]:
    for dom, line in after.lines.items():
        known = before.lines.get(dom)
        if known is None:
            yield Fragment("#edges", "beforeend strip:true", line=line)
        elif known is not line and known != line:
            yield Fragment(f"#{dom}", "outerMorph strip:true", line=line)
    for dom in before.lines:
        if dom not in after.lines:
            yield Fragment(f"#{dom}", "delete")


class Scenes:
    """The scenes that browsers show now or showed lately."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, int, str], Scene] = OrderedDict()

    def find(self, key: str, revision: int | None, language: str) -> Scene | None:
        """Give a scene that was made before."""
        return None if revision is None else self._kept.get((key, revision, language))

    def keep(self, key: str, language: str, scene: Scene) -> Scene:
        """Remember a scene; of the one before it only what pages show, which is all that is compared with it later."""
        last = self._kept.get((key, scene.revision - 1, language))
        if last is not None:
            self._kept[key, last.revision, language] = replace(last, draft=None)
        self._kept[key, scene.revision, language] = scene
        self._kept.move_to_end((key, scene.revision, language))
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return scene


def write_scene(pages: Pages, request: Request, scene: Scene) -> Scene:
    """Write the elements of a scene that are not written yet."""
    parts = pages.macros(request, "canvas/parts.html")
    for card in scene.cards.values():
        if card.dom not in scene.html:
            scene.html[card.dom] = parts.card(card, scene.revision)
    for line in scene.lines.values():
        if line.dom not in scene.html:
            scene.html[line.dom] = parts.line(line, scene.revision)
    return scene
