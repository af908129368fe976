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
        self._running: set[asyncio.Task[None]] = set()
        self._landed: list[Sequence[Result]] = []
        self._news = asyncio.Event()
        self._quiet = asyncio.Event()

    def __len__(self) -> int:
        return len(self._running) + len(self._landed)

    def begin(self, call: Coroutine[Any, Any, Sequence[Result]]) -> None:
        """Let a call run."""
        self._quiet.clear()
        self._running.add(asyncio.create_task(self._land(call)))

    async def some(self) -> list[Result]:
        """Wait until a call is over, and a moment for others; give the results of all that are."""
        await self._news.wait()
        if self._running:
            try:
                async with asyncio.timeout(MOMENT):
                    await self._quiet.wait()
            except TimeoutError:
                pass
        self._news.clear()
        landed, self._landed = self._landed, []
        return [result for results in landed for result in results]

    async def all(self) -> None:
        """Wait until no call is under way."""
        if self._running:
            await self._quiet.wait()

    async def _land(self, call: Coroutine[Any, Any, Sequence[Result]]) -> None:
        task = asyncio.current_task()
        assert task is not None
        try:
            results = await call
            self._landed.append(results)
        finally:
            self._running.discard(task)
            self._news.set()
            if not self._running:
                self._quiet.set()
