"""Who looks at which draft now, and who is told when it changes. Kept in memory: nothing is lost with it."""

import asyncio
import threading
import time
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Final

GONE_AFTER: Final = 12.0
"""Seconds without a sign after which a tab is taken for closed."""

COLOURS: Final = 6


@dataclass
class Present:
    """One tab that looks at a draft: whose it is, and which nodes it has in hand."""

    tab: str
    name: str
    colour: int
    selected: tuple[str, ...] = ()
    seen: float = 0.0

    def as_json(self) -> dict[str, object]:
        """Give what other tabs are told."""
        return {"tab": self.tab, "name": self.name, "colour": self.colour, "selected": list(self.selected)}


@dataclass
class Room:
    """Everybody at one draft.

    Shape: ``made`` is the last revision that a page here made, and which page: the answer to its gesture shows it.
    """

    present: dict[str, Present] = field(default_factory=dict)
    waiting: set[asyncio.Event] = field(default_factory=set)
    made: tuple[int, str] = (0, "")


class Hub:
    """Tells streams that a draft or those at it have changed."""

    def __init__(self) -> None:
        self._rooms: dict[str, Room] = defaultdict(Room)
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None

    def tell(self, key: str) -> None:
        """Wake the streams of a draft; may be called from any thread."""
        with self._lock:
            waiting, loop = list(self._rooms[key].waiting), self._loop
        for event in waiting:
            if loop is not None and not loop.is_closed():
                loop.call_soon_threadsafe(event.set)

    def make(self, key: str, revision: int, load: str) -> None:
        """Note which page has made a revision of a draft."""
        with self._lock:
            self._rooms[key].made = (revision, load)

    def is_by(self, key: str, revision: int, load: str) -> bool:
        """Tell whether it was this page that made a revision."""
        with self._lock:
            return bool(load) and self._rooms[key].made == (revision, load)

    async def wait(self, key: str, seconds: float) -> None:
        """Rest until a draft changes, or for so many seconds."""
        event = asyncio.Event()
        with self._lock:
            self._loop = asyncio.get_running_loop()
            self._rooms[key].waiting.add(event)
        try:
            await asyncio.wait_for(event.wait(), seconds)
        except TimeoutError:
            pass
        finally:
            with self._lock:
                self._rooms[key].waiting.discard(event)

    def come(self, key: str, tab: str, name: str, selected: tuple[str, ...] | None = None) -> None:
        """Note that a tab is there, and what it has in hand if it says so."""
        with self._lock:
            present = self._rooms[key].present
            if tab not in present:
                taken = {each.colour for each in present.values()}
                colour = next((each for each in range(COLOURS) if each not in taken), len(present) % COLOURS)
                present[tab] = Present(tab, name, colour)
            present[tab].seen = time.monotonic()
            changed = selected is not None and present[tab].selected != selected
            if selected is not None:
                present[tab].selected = selected
        if changed:
            self.tell(key)

    def leave(self, key: str, tab: str) -> None:
        """Note that a tab was closed."""
        with self._lock:
            self._rooms[key].present.pop(tab, None)
        self.tell(key)

    def who(self, key: str) -> list[Present]:
        """List who is at a draft."""
        with self._lock:
            present = self._rooms[key].present
            for tab in [tab for tab, each in present.items() if time.monotonic() - each.seen > GONE_AFTER]:
                del present[tab]
            return sorted(present.values(), key=lambda each: each.tab)
