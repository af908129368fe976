"""Calls of a channel that are under way, and what came of those that are over."""

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any, Final

from engine.channels.outbox import Result

MOMENT: Final = 0.02
"""So long, in seconds, the first that is over waits for others: what they need of the database is done at once."""


class Flights:
    """Calls, each of which gives results; its length is how many there are whose results were not asked for yet."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[Sequence[Result]]] = set()
        self._landed: list[asyncio.Task[Sequence[Result]]] = []
        self._news = asyncio.Event()
        self._quiet = asyncio.Event()

    def __len__(self) -> int:
        return len(self._running) + len(self._landed)

    def begin(self, call: Coroutine[Any, Any, Sequence[Result]]) -> None:
        """Let a call run."""
        self._quiet.clear()
        task = asyncio.create_task(call)
        self._running.add(task)
        task.add_done_callback(self._land)

    async def some(self) -> list[Result]:
        """Wait until a call is over, and a moment for others; give the results of all that are.

        Errors: what one of them has raised; the results of the others are lost then.
        """
        await self._news.wait()
        if self._running:
            try:
                async with asyncio.timeout(MOMENT):
                    await self._quiet.wait()
            except TimeoutError:
                pass
        self._news.clear()
        landed, self._landed = self._landed, []
        return [result for call in landed for result in call.result()]

    async def all(self) -> None:
        """Wait until no call is under way."""
        if self._running:
            await self._quiet.wait()

    def _land(self, call: asyncio.Task[Sequence[Result]]) -> None:
        self._running.discard(call)
        self._landed.append(call)
        self._news.set()
        if not self._running:
            self._quiet.set()
