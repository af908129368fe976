"""One clock, handed down. Nothing else in the engine reads the time."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Protocol

from engine.terms import Micros, from_micros, to_micros


class Clock(Protocol):
    """Tell the instant.

    ``exact`` says what a wave's *now* is: on an exact (virtual) clock each member's own due
    instant, so that skipping ahead changes no timing; on a real one the clock's instant.
    """

    @property
    def exact(self) -> bool:
        """Whether each step happens at its own due instant."""

    def now(self) -> datetime:
        """Give the present instant, aware, UTC."""

    def micros(self) -> Micros:
        """Give the present instant in microseconds."""


class RealClock:
    """The machine's clock."""

    exact = False

    def now(self) -> datetime:
        """Give the present instant, aware, UTC."""
        return datetime.now(UTC)

    def micros(self) -> Micros:
        """Give the present instant in microseconds."""
        return time.time_ns() // 1000


class SharedClock:
    """A clock that several machines share: it is told the instant once in a while and goes on by itself.

    Small corrections never turn it back, so that nothing happens before what it followed; it stands until it is right.
    """

    exact = False
    SMALL: Final = 60_000_000
    """Microseconds that are a correction; more is another time, which is followed."""

    def __init__(self, at: Micros) -> None:
        """Begin at an instant."""
        self._told = (at, time.monotonic_ns())
        self._last = at

    def set(self, at: Micros) -> None:
        """Be told the instant."""
        if at < self._last - self.SMALL:
            self._last = at
        self._told = (at, time.monotonic_ns())

    def now(self) -> datetime:
        """Give the present instant, aware, UTC."""
        return from_micros(self.micros())

    def micros(self) -> Micros:
        """Give the present instant in microseconds."""
        at, read = self._told
        self._last = max(self._last, at + (time.monotonic_ns() - read) // 1000)
        return self._last


@dataclass
class FixedClock:
    """A clock that stands until it is set: tests, ``tick --now`` and simulations."""

    at: Micros
    exact: bool = False

    @classmethod
    def of(cls, instant: datetime, *, exact: bool = False) -> "FixedClock":
        """Make a clock that stands at an instant."""
        return cls(to_micros(instant), exact)

    def now(self) -> datetime:
        """Give the present instant, aware, UTC."""
        return from_micros(self.at)

    def micros(self) -> Micros:
        """Give the present instant in microseconds."""
        return self.at


@dataclass
class FastClock:
    """A clock that runs ``speed`` times as fast as the machine's, from an origin: the demo."""

    origin: Micros
    started: Micros
    speed: float
    exact: bool = True

    @classmethod
    def starting_now(cls, speed: float, origin: datetime | None = None) -> "FastClock":
        """Start a fast clock at ``origin`` (the machine's present instant if none)."""
        started = RealClock().micros()
        return cls(to_micros(origin) if origin else started, started, speed)

    def now(self) -> datetime:
        """Give the present instant, aware, UTC."""
        return from_micros(self.micros())

    def micros(self) -> Micros:
        """Give the present instant in microseconds."""
        return self.origin + int((RealClock().micros() - self.started) * self.speed)
