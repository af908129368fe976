import asyncio

import pytest

from engine.channels.base import MessageKey
from engine.channels.flights import Flights
from engine.channels.outbox import Claimed, Result


def result(number: int) -> Result:
    return Result(Claimed(MessageKey(0, number, 1, 1, 1), 1, "email", 0, 0, 1))


def test_calls_whose_results_nobody_has_asked_for_count_as_under_way() -> None:
    async def act() -> None:
        flights, gate = Flights(), asyncio.Event()

        async def call(number: int, *, waits: bool) -> list[Result]:
            if waits:
                await gate.wait()
            return [result(number)]

        flights.begin(call(1, waits=False))
        flights.begin(call(2, waits=True))
        assert await flights.some() == [result(1)]
        assert len(flights) == 1
        gate.set()
        await flights.all()
        assert len(flights) == 1
        assert await flights.some() == [result(2)]
        assert len(flights) == 0

    asyncio.run(act())


def test_what_a_call_raises_is_heard_by_whoever_waits() -> None:
    async def act() -> None:
        flights = Flights()

        async def call() -> list[Result]:
            raise OSError("gone")

        flights.begin(call())
        with pytest.raises(OSError, match="gone"):
            await flights.some()

    asyncio.run(act())
